"""Writes files that are complete or not there: first beside their place, then renamed into it."""

import contextlib
import hashlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

LONGEST_NAME = 255
"""The most bytes in a name on every common system."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a path beside `path`, with the same suffix, to write to; on exit it takes the place of `path`.

    If the block raises, or the process is killed, the old file stays. The new one is flushed to the disk before it is
    renamed. A missing folder is made. Several writers may write the same file at once: each has a name of its own, and
    the last to finish wins.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = _beside(path)
    try:
        # Fails if the name is taken, even by a link to another file.
        beside.touch(exist_ok=False)
        yield beside
        _flush(beside)
        beside.replace(path)
        _flush(path.parent)
    except OSError as error:
        # The user knows only the final name.
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
