"""Files from an address: fetched once into the cache, gone on with where a download broke off, checked by SHA-256.

A server is not trusted: what it sends has to come in time, and is no longer than it or the manifest said.

The cache is $GANZOO_CACHE, or ganzoo in $XDG_CACHE_HOME or ~/.cache.
"""

import contextlib
import hashlib
import os
import queue
import shutil
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.errors import RunError, UsageError, printable, quoted, reason

if TYPE_CHECKING:
    import requests

CHUNK = 1 << 14
"""The bytes that may be lost when a connection breaks, and that have to come within `PATIENCE`."""
PATIENCE = 60.0
"""Seconds after which a server that sent less than a chunk, its headers included, is given up."""
MOST_UNSTATED = 16 << 30
"""Bytes that are taken where neither the server nor the manifest says how many there are."""


def cache_folder() -> Path:
    """Returns the folder where downloads are kept."""
    if "GANZOO_CACHE" in os.environ:
        return Path(os.environ["GANZOO_CACHE"]).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ganzoo"


def fetch_file(address: str, sha256: str, length: int | None = None) -> Path:
    """Returns the file at an http:, https: or file: address, in the cache (file: where it lies).

    A download shows on standard error how far it is; where that is no terminal, one line says what is fetched.

    Args:
        address: where it is.
        sha256: what it has to be, 64 hexadecimal digits.
        length: of how many bytes it is; None: of as many as the server says.

    Raises:
        UsageError: for another kind of address.
        RunError: when the file can't be fetched in time, or its length or checksum is another; what was downloaded and
            is of no use is then removed.
    """
    file = fetch_unverified(address, length)
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


def fetch_unverified(address: str, length: int | None = None) -> Path:
    """Returns the same, whatever its checksum: to tell the user what that is."""
    return _local_path(address) if is_local(address) else _download(address, length)


def is_local(address: str) -> bool:
    """Returns whether an address is of a file on this machine, which is read where it lies and never removed.

    Raises:
        UsageError: for an address that is of no kind which is fetched.
    """
    try:
        scheme = urllib.parse.urlsplit(address).scheme
    except ValueError:  # As of http://[
        scheme = ""
    if scheme not in ("http", "https", "file"):
        raise UsageError(f"found address {quoted(address)}; allowed are https://…, http://… and file:///…")
    return scheme == "file"


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Keeps other processes out of such a block for the same file of the cache. One that waits says so."""
    import filelock

    locks = cache_folder() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(locks / f"{hashlib.sha256(str(file).encode()).hexdigest()[:16]}.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        _say(f"waiting for another process that fetches {file.name}; it holds {lock.lock_file}")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def file_sha256(file: Path) -> str:
    """Its SHA-256, 64 hexadecimal digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _local_path(address: str) -> Path:
    path = Path(urllib.request.url2pathname(urllib.parse.urlsplit(address).path))
    if not path.is_file():
        raise UsageError(f"{address}: no file {path}; give the address of one that is there")
    return path


def _download(address: str, length: int | None) -> Path:
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
                _download_rest(address, part, length, shown)
                part.replace(file)
            except requests.HTTPError as error:
                answer = f"{error.response.status_code} {error.response.reason}"
                raise RunError(f"{address}: the server answered {answer}; check the address") from None
            except (requests.RequestException, ValueError) as error:  # ValueError: of an address that can't be
                # What goes on a few bytes at a time would go on for ever.
                if _size(part) < have + CHUNK:
                    raise RunError(
                        f"{address}: download failed after {have:,} bytes ({reason(error)}); try again, it goes on "
                        "there"
                    ) from None
            except TimeoutError:
                raise RunError(
                    f"{address}: given up after {_size(part):,} bytes, since fewer than {CHUNK:,} came in "
                    f"{PATIENCE:g} s; try again, it goes on there"
                ) from None
            except OSError as error:
                raise RunError(f"{address}: can't be kept in {file.parent} ({reason(error)})") from None
    return file


def _download_rest(address: str, part: Path, length: int | None, shown: "_Shown"):
    """Appends what is missing; starts over if the server does not know how to send a part."""
    have = _size(part)
    # Closed at once when left, so that no thread goes on with it.
    with contextlib.closing(_in_time(_answer(address, have), PATIENCE, CHUNK)) as received:
        response = next(received)
        if have and response.status_code == 416:  # nothing after `have`: it was whole already, or is of another file
            if response.headers.get("Content-Range", "").endswith(f"/{have}"):
                return
            part.unlink()
            return _download_rest(address, part, length, shown)
        response.raise_for_status()
        resumed = response.status_code == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if resumed else 0
        stated = response.headers.get("Content-Length", "")
        total = have + int(stated) if stated.isdecimal() else None
        _check_length(address, part, have, total, length)
        shown.begin(have, total)
        most = next((known for known in (length, total) if known is not None), MOST_UNSTATED)
        with part.open("ab" if resumed else "wb") as out:
            for chunk in received:
                have += len(chunk)
                if have > most:
                    break
                out.write(chunk)
                shown.advance(len(chunk))
    if have > most:
        part.unlink()
        raise RunError(
            f"{address}: the server sends more than {most:,} bytes, which is all that was stated or is taken unstated; "
            "what came was removed; check the address"
        )


def _check_length(address: str, part: Path, have: int, total: int | None, length: int | None) -> None:
    """Raises RunError when the server states another length than it has to be, or there is no room for it."""
    if total is None:
        return
    if length not in (None, total):
        part.unlink(missing_ok=True)
        raise RunError(f"{address}: the server states {total:,} bytes, expected {length:,}; check the address")
    free = shutil.disk_usage(part.parent).free
    if total - have > free:
        raise RunError(
            f"{address}: the server states {total:,} bytes, and {part.parent} has room for {free:,}; make room, or set "
            "GANZOO_CACHE to a folder that has it"
        )


def _answer(address: str, have: int) -> "Iterator[requests.Response | bytes]":
    """The response to a request for all that comes after `have` bytes, then its body in parts."""
    import requests

    # "identity": Content-Encoding would change what the bytes of a range are.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(address, headers=headers, stream=True, timeout=PATIENCE) as response:
        yield response
        yield from response.iter_content(CHUNK)


def _in_time(items: Iterator, seconds: float, least: int) -> Iterator:
    """Yields the same items, got by its own thread. Raises TimeoutError when `least` bytes don't come in `seconds`.

    A timeout of the connection is no such bound: it begins anew at each byte.
    """
    got, left = queue.Queue(1), threading.Event()

    def get():
        try:
            for item in items:
                got.put((item, None))
                if left.is_set():
                    return
            got.put((None, StopIteration()))
        except Exception as error:
            got.put((None, error))

    threading.Thread(target=get, daemon=True).start()
    deadline, count = time.monotonic() + seconds, 0
    try:
        while True:
            item, error = got.get(timeout=max(0, deadline - time.monotonic()))
            if isinstance(error, StopIteration):
                return
            if error:
                raise error
            yield item
            count += len(item) if isinstance(item, bytes) else 0
            if count >= least:
                deadline, count = time.monotonic() + seconds, 0
    except queue.Empty:
        raise TimeoutError from None
    finally:
        left.set()
        with contextlib.suppress(queue.Empty):
            got.get_nowait()


class _Shown:
    """Shows a download on standard error: as a bar on a terminal, elsewhere as a line when it begins."""

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
        self.task = self.bar.add_task(f"fetching {printable(self.name)}", completed=have, total=total)
        self.bar.start()

    def _print_line(self, have: int, total: int | None) -> None:
        size = "of unknown size" if total is None else f"{total / 1e6:,.1f} MB"
        rest = f", from {have / 1e6:,.1f} MB on" if have else ""
        _say(f"fetching {self.address} ({size}{rest})")


def _say(line: str) -> None:
    # Whoever reads it may be gone; the download goes on.
    with contextlib.suppress(OSError):
        print(printable(line), file=sys.stderr, flush=True)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
