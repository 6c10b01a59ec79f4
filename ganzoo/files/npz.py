"""Files of arrays, `.npz`. What one holds is known from its headers, before memory is taken for an array."""

import contextlib
import errno
import math
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from ganzoo.errors import reason

_BEGIN = b"PK\x03\x04"
_NUMBERS = "biuf"
"""Kinds of what arrays may hold: nothing that is pickled."""
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class Damaged(Exception):
    """A file that does not hold what was written, or no such file at all."""


def shapes(path: Path, *names: str) -> dict[str, tuple[int, ...]]:
    """Returns the shape of each array by name, or of those of these names alone; arrays are not read.

    Raises:
        Damaged: when it is no file of arrays of numbers, packs them, or says another size than an array has.
        OSError: when the disk fails, or rights are missing.
    """
    # Whoever opened a pipe would wait for ever.
    if path.exists() and not path.is_file():
        raise Damaged("no file, but a folder or the like")
    with _as_damage(), path.open("rb") as file:
        # A disk that fails does so here, and is not taken for damage.
        if file.read(len(_BEGIN)) != _BEGIN:
            raise Damaged("no file of arrays")
        with zipfile.ZipFile(file) as archive:
            # NumPy does not pack unless it is asked to, and ganzoo does not ask: none takes more memory than disk.
            if sum(member.file_size for member in archive.infolist()) > path.stat().st_size:
                raise Damaged("its arrays are larger than the file")
            return {name: _shape(archive, member) for name, member in _members(archive, names).items()}


def read(path: Path, *names: str) -> dict[str, np.ndarray]:
    """Returns the arrays themselves, in the shapes that `shapes` tells; call it first. Raises as it does."""
    with _as_damage(), zipfile.ZipFile(path) as archive:
        return {name: _array(archive, member) for name, member in _members(archive, names).items()}


def _members(archive: zipfile.ZipFile, names: Collection[str]) -> dict[str, zipfile.ZipInfo]:
    found = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
    return {name: member for name, member in found.items() if name in names or not names}


def _shape(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[int, ...]:
    with archive.open(member) as file:
        shape, _, dtype = _HEADERS[np.lib.format.read_magic(file)](file)
        if dtype.kind not in _NUMBERS:
            raise Damaged(f"{member.filename} holds {dtype}, no numbers")
        if file.tell() + math.prod(shape) * dtype.itemsize != member.file_size:
            raise Damaged(f"{member.filename} is not of the size that its header says")
    return shape


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


@contextlib.contextmanager
def _as_damage() -> Iterator[None]:
    """Turns whatever a reader raises at a broken file into Damaged; a lack of memory is no damage."""
    try:
        yield
    except (Damaged, MemoryError):
        raise
    except OSError as error:
        # The reader fails so at a place that a damaged file names; any other is a failure of the disk, or of rights.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise Damaged(reason(error)) from error
    except Exception as error:  # From BadZipFile and zlib.error to SyntaxError.
        raise Damaged(reason(error)) from error
