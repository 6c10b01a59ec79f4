"""Opens archives at an address, `url:ADDRESS#sha256=…`: downloads them once, unpacks them, reads them as folders."""

import errno
import functools
import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from ganzoo.config.recipe import DataConfig
from ganzoo.data.folder import open_folders
from ganzoo.data.needs import Batch
from ganzoo.data.sources import Source
from ganzoo.errors import RunError, UsageError, quoted, reason
from ganzoo.files.downloads import cache_folder, fetch_file, fetch_unverified, file_sha256, is_local, locked

DEEPEST = 100
"""The deepest nesting of folders that is unpacked: systems limit the length of paths."""


def open_source(data: DataConfig, batch: Batch, split: str) -> Source:
    """Opens the images or clips in the archive that `data.source` names.

    Raises:
        UsageError: when the address has no checksum, or the archive holds no files that serve the batch.
        RunError: when the download fails, the checksum differs, or the archive can't be unpacked.
    """
    address, expected = _parse(data.source.partition(":")[2])
    folder = fetch_archive(address, expected)
    return open_folders([_only_folder(folder)], data, batch, split, f"url:{address}")


def fetch_archive(address: str, sha256: str) -> Path:
    """Returns the folder of the unpacked archive in the cache; downloads and unpacks it first if it is missing.

    Raises:
        RunError: as `fetch_file` does, and when the archive can't be unpacked or holds a path that leads out of it.
    """
    folder = cache_folder() / "archives" / sha256[:32]
    if folder.is_dir():
        return folder
    # If several processes come at once, one unpacks and the others then find the folder.
    with locked(folder):
        if not folder.is_dir():
            _fetch_into(folder, address, sha256)
    return folder


def _fetch_into(folder: Path, address: str, sha256: str) -> None:
    try:
        file = fetch_file(address, sha256)
    except UsageError as error:
        raise UsageError(f"data.source: {error}") from None
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="unpacking-", dir=folder.parent))
    try:
        _unpack(file, unfinished, address)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    if not is_local(address):
        file.unlink(missing_ok=True)


def _parse(text: str) -> tuple[str, str]:
    """Splits the text into address and checksum. Without a checksum, downloads the file to tell the user what it is."""
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


@dataclass(frozen=True)
class Member:
    """One entry of an archive."""

    name: str
    kind: str
    """`file`, `folder`, or the word for something that is never unpacked, such as `link`."""
    open: Callable[[], IO[bytes]]


def _unpack(file: Path, folder: Path, address: str):
    """Unpacks regular files and folders whose names stay within the folder; refuses everything else."""
    try:
        for member in _members(file):
            if member.kind not in ("file", "folder"):
                raise RunError(
                    f"{address}: the archive holds a {member.kind}, {quoted(member.name)}; allowed are files and "
                    "folders; refused"
                )
            target = folder / _inside(member.name, address)
            if member.kind == "folder":
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with member.open() as content, target.open("wb") as copy:
                shutil.copyfileobj(content, copy)
    except MemoryError:
        raise
    except Exception as error:  # a broken archive raises anything
        # A broken archive is not kept in the cache; one that only lacked disk space is.
        if not is_local(address) and getattr(error, "errno", None) not in (errno.ENOSPC, errno.EDQUOT):
            file.unlink(missing_ok=True)
        if isinstance(error, RunError):
            raise
        raise RunError(f"{address}: can't be unpacked ({reason(error)})") from None


def _members(file: Path) -> Iterator[Member]:
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                yield Member(entry.filename, _kind_in_zip(entry), functools.partial(archive.open, entry))
    elif tarfile.is_tarfile(file):
        with tarfile.open(file) as archive:
            for entry in archive:
                yield Member(entry.name, _kind_in_tar(entry), functools.partial(archive.extractfile, entry))
    else:
        raise ValueError("no archive; allowed are zip and tar, also compressed")


def _kind_in_zip(entry: zipfile.ZipInfo) -> str:
    if entry.is_dir():
        return "folder"
    return "link" if stat.S_ISLNK(entry.external_attr >> 16) else "file"


def _kind_in_tar(entry: tarfile.TarInfo) -> str:
    if entry.isdir():
        return "folder"
    if entry.issym() or entry.islnk():
        return "link"
    return "file" if entry.isreg() else "device"


def _inside(name: str, address: str) -> PurePosixPath:
    """Returns the name as a path within the folder. Raises RunError when it leads elsewhere."""
    # A Windows path knows both slashes: a name that leads elsewhere on one system is refused on all.
    path = PureWindowsPath(name)
    if path.anchor or ".." in path.parts:
        raise RunError(f"{address}: the archive holds {quoted(name)}, outside its own folder; refused")
    if len(path.parts) > DEEPEST:
        raise RunError(f"{address}: the archive holds {quoted(name)}, more than {DEEPEST} folders deep; refused")
    return PurePosixPath(name)


def _only_folder(folder: Path) -> Path:
    """Descends while the folder holds nothing but one other folder, as in many archives."""
    while True:
        entries = [entry for entry in folder.iterdir() if not entry.name.startswith((".", "__"))]
        if len(entries) != 1 or not entries[0].is_dir():
            return folder
        folder = entries[0]
