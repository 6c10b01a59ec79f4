"""An archive of images at an address: `url:ADDRESS#sha256=…`, fetched once and then read as a folder.

Downloads go on where they stopped, are checked against their SHA-256, and are unpacked into the cache folder:
$GANZOO_CACHE, or ganzoo in $XDG_CACHE_HOME or ~/.cache.
"""

import hashlib
import os
import re
import shutil
import tarfile
import tempfile
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

import requests

from ganzoo.config import DataConfig
from ganzoo.data.folder import open_folders
from ganzoo.data.sources import Source
from ganzoo.errors import RunError, UsageError

CHUNK = 1 << 14
"""So much may be lost when a connection breaks."""
TIMEOUT = 30
"""Seconds without a byte after which a connection counts as lost."""


def open_source(data: DataConfig, task: str, split: str) -> Source:
    """The images of the archive.

    Raises:
        UsageError: for an address without a checksum, or an archive without images that serve the task.
        RunError: when the download fails, its checksum is another, or it can't be unpacked.
    """
    address, expected = _parse(data.source.partition(":")[2])
    folder = fetch_archive(address, expected)
    return open_folders([_only_folder(folder)], data, task, split, f"url:{address}")


def cache_folder() -> Path:
    """Where downloads are kept."""
    if "GANZOO_CACHE" in os.environ:
        return Path(os.environ["GANZOO_CACHE"]).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ganzoo"


def fetch_archive(address: str, sha256: str) -> Path:
    """The folder of the unpacked archive in the cache, downloaded and unpacked if it is not there yet.

    Raises:
        RunError: as `fetch_file`, or when the archive can't be unpacked or holds a path that leads out of it.
    """
    folder = cache_folder() / "archives" / sha256[:32]
    if folder.is_dir():
        return folder
    file = fetch_file(address, sha256)
    unfinished = Path(tempfile.mkdtemp(prefix="unpacking-", dir=_made(folder.parent)))
    try:
        _unpack(file, unfinished, address)
        if not folder.is_dir():  # another process may have been faster
            unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    if _local_path(address) is None:
        file.unlink(missing_ok=True)
    return folder


def fetch_file(address: str, sha256: str) -> Path:
    """The file at an http:, https: or file: address, in the cache (file: where it lies).

    Raises:
        UsageError: for another kind of address.
        RunError: when the file can't be fetched or its checksum is another; a download is then removed.
    """
    local = _local_path(address)
    file = local or _download(address)
    found = file_sha256(file)
    if found != sha256:
        if local is None:
            file.unlink()
        removed = "" if local else ", the download was removed"
        raise RunError(
            f"{address}: its sha256 is {found}, expected {sha256}{removed}; check the address and the sha256"
        )
    return file


def file_sha256(file: Path) -> str:
    """Its SHA-256, 64 hexadecimal digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


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
    found = file_sha256(_local_path(address) or _download(address))
    raise UsageError(
        f"data.source: url:{address} names no sha256; what is there now has #sha256={found}: add that if you trust it"
    )


def _local_path(address: str) -> Path | None:
    """The path of a file: address, None for http: and https:."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme in ("http", "https"):
        return None
    if parts.scheme != "file":
        raise UsageError(f"data.source: found address {address!r}; allowed are https://…, http://… and file:///…")
    path = Path(urllib.request.url2pathname(parts.path))
    if not path.is_file():
        raise UsageError(f"data.source: no file {path}")
    return path


def _download(address: str) -> Path:
    """The file in the cache, whole but not verified. What an earlier, broken download left is gone on with."""
    name = Path(urllib.parse.urlsplit(address).path).name or "download"
    file = _made(cache_folder() / "downloads") / f"{hashlib.sha256(address.encode()).hexdigest()[:16]}-{name}"
    part = file.with_name(file.name + ".part")
    while not file.exists():
        have = _size(part)
        try:
            _download_rest(address, part)
            part.replace(file)
        except requests.HTTPError as error:
            answer = f"{error.response.status_code} {error.response.reason}"
            raise RunError(f"{address}: the server answered {answer}; check the address") from None
        except requests.RequestException as error:
            if _size(part) <= have:
                raise RunError(
                    f"{address}: download failed after {have:,} bytes ({_short(error)}); try again, it goes on there"
                ) from None
        except OSError as error:
            raise RunError(f"{address}: can't be kept in {file.parent} ({_short(error)})") from None
    return file


def _download_rest(address: str, part: Path):
    """Appends what is missing; starts over if the server does not know how to send a part."""
    have = _size(part)
    # "identity": Content-Encoding would change what the bytes of a range are.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(address, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == 416:  # nothing after `have`: it was whole already, or is of another file
            if response.headers.get("Content-Range", "").endswith(f"/{have}"):
                return
            part.unlink()
            return _download_rest(address, part)
        response.raise_for_status()
        resumed = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        with part.open("ab" if response.status_code == 206 and resumed else "wb") as out:
            for chunk in response.iter_content(CHUNK):
                out.write(chunk)


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
        raise RunError(f"{address}: can't be unpacked ({_short(error)})") from None


def _only_folder(folder: Path) -> Path:
    """Archives often hold one folder that holds everything."""
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith((".", "__"))]
    return _only_folder(entries[0]) if len(entries) == 1 and entries[0].is_dir() else folder


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _short(error: Exception) -> str:
    return str(error).split("\n")[0][:200]
