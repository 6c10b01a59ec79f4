"""Files from an address: fetched once into the cache, gone on with where a download broke off, checked by SHA-256.

The cache is $GANZOO_CACHE, or ganzoo in $XDG_CACHE_HOME or ~/.cache.
"""

import contextlib
import hashlib
import os
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from ganzoo.errors import RunError, UsageError

CHUNK = 1 << 14
"""So much may be lost when a connection breaks."""
TIMEOUT = 30
"""Seconds without a byte after which a connection counts as lost."""


def cache_folder() -> Path:
    """Where downloads are kept."""
    if "GANZOO_CACHE" in os.environ:
        return Path(os.environ["GANZOO_CACHE"]).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ganzoo"


def fetch_file(address: str, sha256: str) -> Path:
    """The file at an http:, https: or file: address, in the cache (file: where it lies).

    A download shows on standard error how far it is; where that is no terminal, one line says what is fetched.

    Raises:
        UsageError: for another kind of address.
        RunError: when the file can't be fetched or its checksum is another; a download is then removed.
    """
    file = fetch_unverified(address)
    found = file_sha256(file)
    if found != sha256:
        downloaded = not is_local(address)
        if downloaded:
            file.unlink()
        removed = ", the download was removed" if downloaded else ""
        raise RunError(
            f"{address}: its sha256 is {found}, expected {sha256}{removed}; check the address and the sha256"
        )
    return file


def fetch_unverified(address: str) -> Path:
    """The same, whatever its checksum: to tell the user what that is."""
    return _local_path(address) if is_local(address) else _download(address)


def is_local(address: str) -> bool:
    """Whether an address is of a file on this machine, which is read where it lies and is not ganzoo's to remove.

    Raises:
        UsageError: for an address that is of no kind which is fetched.
    """
    try:
        scheme = urllib.parse.urlsplit(address).scheme
    except ValueError:  # As of http://[
        scheme = ""
    if scheme not in ("http", "https", "file"):
        raise UsageError(f"found address {address!r}; allowed are https://…, http://… and file:///…")
    return scheme == "file"


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Within it, no other process is in such a block for the same file of the cache."""
    import filelock

    locks = cache_folder() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(locks / f"{hashlib.sha256(str(file).encode()).hexdigest()[:16]}.lock"):
        yield


def file_sha256(file: Path) -> str:
    """Its SHA-256, 64 hexadecimal digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def short(error: Exception) -> str:
    """An error of another library in at most a line."""
    return str(error).split("\n")[0][:200]


def _local_path(address: str) -> Path:
    path = Path(urllib.request.url2pathname(urllib.parse.urlsplit(address).path))
    if not path.is_file():
        raise UsageError(f"{address}: no file {path}; give the address of one that is there")
    return path


def _download(address: str) -> Path:
    """The file in the cache, whole but not verified. What an earlier, broken download left is gone on with."""
    import requests  # Takes a tenth of a second, and the commands import this module to look into the cache.

    name = Path(urllib.parse.urlsplit(address).path).name or "download"
    file = cache_folder() / "downloads" / f"{hashlib.sha256(address.encode()).hexdigest()[:16]}-{name}"
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.name + ".part")
    # Of several processes one downloads, and the others find the file.
    with locked(file), _Shown(name, address) as shown:
        while not file.exists():
            have = _size(part)
            try:
                _download_rest(address, part, shown)
                part.replace(file)
            except requests.HTTPError as error:
                answer = f"{error.response.status_code} {error.response.reason}"
                raise RunError(f"{address}: the server answered {answer}; check the address") from None
            except requests.RequestException as error:
                if _size(part) <= have:
                    raise RunError(
                        f"{address}: download failed after {have:,} bytes ({short(error)}); try again, it goes on there"
                    ) from None
            except OSError as error:
                raise RunError(f"{address}: can't be kept in {file.parent} ({short(error)})") from None
    return file


def _download_rest(address: str, part: Path, shown: "_Shown"):
    """Appends what is missing; starts over if the server does not know how to send a part."""
    import requests

    have = _size(part)
    # "identity": Content-Encoding would change what the bytes of a range are.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(address, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == 416:  # nothing after `have`: it was whole already, or is of another file
            if response.headers.get("Content-Range", "").endswith(f"/{have}"):
                return
            part.unlink()
            return _download_rest(address, part, shown)
        response.raise_for_status()
        resumed = response.status_code == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if resumed else 0
        length = response.headers.get("Content-Length", "")
        shown.begin(have, have + int(length) if length.isdecimal() else None)
        with part.open("ab" if resumed else "wb") as out:
            for chunk in response.iter_content(CHUNK):
                out.write(chunk)
                shown.advance(len(chunk))


class _Shown:
    """What is shown of a download on standard error: a bar on a terminal, elsewhere a line when it begins."""

    def __init__(self, name: str, address: str):
        self.name, self.address = name, address
        self.begun, self.bar = False, None

    def __enter__(self) -> "_Shown":
        return self

    def __exit__(self, *_) -> None:
        if self.bar:
            self.bar.stop()

    def begin(self, have: int, total: int | None) -> None:
        """Called again each time that a broken connection is gone on with."""
        if self.bar:
            self.bar.update(self.task, completed=have, total=total)
        elif not self.begun:
            self.begun = True
            if sys.stderr.isatty():
                self._show_bar(have, total)
            else:
                self._print_line(have, total)

    def advance(self, count: int) -> None:
        if self.bar:
            self.bar.advance(self.task, count)

    def _show_bar(self, have: int, total: int | None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
        self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self.task = self.bar.add_task(f"fetching {self.name}", completed=have, total=total)
        self.bar.start()

    def _print_line(self, have: int, total: int | None) -> None:
        size = "of unknown size" if total is None else f"{total / 1e6:,.1f} MB"
        rest = f", from {have / 1e6:,.1f} MB on" if have else ""
        # Whoever reads it may be gone; the download goes on.
        with contextlib.suppress(OSError):
            print(f"fetching {self.address} ({size}{rest})", file=sys.stderr, flush=True)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
