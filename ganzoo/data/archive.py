"""Archives of images at an address, `url:ADDRESS#sha256=…`: fetched once, unpacked into the cache, read as folders."""

import re
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

from ganzoo.config import DataConfig
from ganzoo.data.folder import open_folders
from ganzoo.data.sources import Source
from ganzoo.downloads import cache_folder, fetch_file, fetch_unverified, file_sha256, is_local, short
from ganzoo.errors import RunError, UsageError


def open_source(data: DataConfig, task: str, split: str) -> Source:
    """The images of the archive.

    Raises:
        UsageError: for an address without a checksum, or an archive without images that serve the task.
        RunError: when the download fails, its checksum is another, or it can't be unpacked.
    """
    address, expected = _parse(data.source.partition(":")[2])
    folder = fetch_archive(address, expected)
    return open_folders([_only_folder(folder)], data, task, split, f"url:{address}")


def fetch_archive(address: str, sha256: str) -> Path:
    """The folder of the unpacked archive in the cache, downloaded and unpacked if it is not there yet.

    Raises:
        RunError: as `fetch_file`, or when the archive can't be unpacked or holds a path that leads out of it.
    """
    folder = cache_folder() / "archives" / sha256[:32]
    if folder.is_dir():
        return folder
    try:
        file = fetch_file(address, sha256)
    except UsageError as error:
        raise UsageError(f"data.source: {error}") from None
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="unpacking-", dir=folder.parent))
    try:
        _unpack(file, unfinished, address)
        if not folder.is_dir():  # another process may have been faster
            unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    if not is_local(address):
        file.unlink(missing_ok=True)
    return folder


def _parse(text: str) -> tuple[str, str]:
    """Address and checksum. Without a checksum the file is fetched to tell the user what it is."""
    address, _, fragment = text.partition("#")
    key, _, value = fragment.partition("=")
    if key == "sha256" and re.fullmatch("[0-9a-fA-F]{64}", value):
        return address, value.lower()
    if fragment:
        raise UsageError(
            f"data.source: found #{fragment} after {address}; allowed is #sha256= and 64 hexadecimal digits"
        )
    found = file_sha256(fetch_unverified(address))
    raise UsageError(
        f"data.source: url:{address} names no sha256; what is there now has #sha256={found}: add that if you trust it"
    )


def _unpack(file: Path, folder: Path, address: str):
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                for name in archive.namelist():
                    if not (folder / name).resolve().is_relative_to(folder.resolve()):
                        raise RunError(f"{address}: the archive holds {name!r}, outside its own folder; refused")
                archive.extractall(folder)
        elif tarfile.is_tarfile(file):
            with tarfile.open(file) as archive:
                archive.extractall(folder, filter="data")
        else:
            raise RunError(f"{address}: no archive; allowed are zip and tar (also compressed)")
    except tarfile.FilterError as error:
        raise RunError(
            f"{address}: the archive holds {error.tarinfo.name!r}, outside its own folder; refused"
        ) from None
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise RunError(f"{address}: can't be unpacked ({short(error)})") from None


def _only_folder(folder: Path) -> Path:
    """Archives often hold one folder that holds everything."""
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith((".", "__"))]
    return _only_folder(entries[0]) if len(entries) == 1 and entries[0].is_dir() else folder
