"""Files of network weights: in the cache folder, fetched from their public address where they are missing."""

import dataclasses
from pathlib import Path

from ganzoo.errors import RunError, UsageError
from ganzoo.files.downloads import cache_folder, fetch_file, file_sha256


@dataclasses.dataclass(frozen=True)
class WeightsFile:
    """A published file of weights."""

    name: str
    """Its name in the cache folder."""
    address: str
    """https: or http:."""
    sha256: str
    license: str
    """The licence of the weights, as their publisher states it."""


def find(file: WeightsFile) -> Path:
    """Returns the path of the file, verified: `networks/NAME` in the cache folder, downloaded if it is not there yet.

    Raises:
        UsageError: when it is there with another checksum, or neither there nor to be fetched; says what to put where.
    """
    path = _place(file)
    if not path.is_file():
        _fetch(file, path)
    found = file_sha256(path)
    if found != file.sha256:
        raise UsageError(
            f"{path}: its sha256 is {found}, expected {file.sha256}; remove it, or put there what is at {file.address}"
        )
    return path


def on_disk(file: WeightsFile) -> Path | None:
    """Returns the path of the file, if it is there and whole; nothing is fetched."""
    path = _place(file)
    return path if path.is_file() and file_sha256(path) == file.sha256 else None


def _place(file: WeightsFile) -> Path:
    return cache_folder() / "networks" / file.name


def _fetch(file: WeightsFile, path: Path) -> None:
    try:
        downloaded = fetch_file(file.address, file.sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        downloaded.replace(path)
    except (RunError, OSError) as error:
        # Another process may have been faster, and have moved the download away.
        if not path.is_file():
            raise UsageError(f"{error}; or put the file at {path} yourself") from None
