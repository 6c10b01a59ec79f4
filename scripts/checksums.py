"""Checksums of what is fetched, for the scripts that build data sets."""

import hashlib
from pathlib import Path

import click


def check(path: Path, sha256: str) -> None:
    """Stops where the file's checksum differs.

    Raises:
        click.ClickException: with the file, its checksum and the expected one.
    """
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise click.ClickException(f"{path}: sha256 {found}, expected {sha256}; remove the file to fetch it again")
