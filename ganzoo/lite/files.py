"""Files that are whole or not there: written beside their place, then renamed into it."""

import contextlib
import hashlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

LONGEST_NAME = 255
"""Bytes, on every system that is common."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path`, of the same suffix, to write to; at the end it takes the place of `path`.

    When the block raises, or the process is killed, what was at `path` stays. What was written is on the disk, not
    only in its cache, before it is renamed. The folder is made where it is missing. Several may write the same file at
    once: each has a name of its own, and the last one's stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = _beside(path)
    try:
        # It is nobody's yet: where something lies under the name, be it a link to another file, this fails.
        beside.touch(exist_ok=False)
        yield beside
        _flush(beside)
        beside.replace(path)
        _flush(path.parent)
    except OSError as error:
        # The user knows the one name and not the other.
        if error.filename == os.fspath(beside):
            error.filename = os.fspath(path)
        raise
    finally:
        beside.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    mark = f".part-{uuid.uuid4().hex}"
    beside = path.with_name(f".{path.stem}{mark}{path.suffix}")
    if len(os.fsencode(beside.name)) > LONGEST_NAME:
        beside = path.with_name(f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()}{mark}{path.suffix[-32:]}")
    return beside


def _flush(path: Path) -> None:
    # Windows can't open a folder.
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
