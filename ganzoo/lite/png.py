"""Writes PNG files row by row, which Pillow can't.

Format: https://www.w3.org/TR/png-3/
"""

import struct
import zlib
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np

COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""The color types by the number of channels: luminance, luminance with alpha, RGB, RGB with alpha."""
ROWS = 64
"""The number of rows filtered at a time."""
LEVEL = 4
"""The level of compression: higher ones make files little smaller and take much longer."""


def write(
    file: BinaryIO,
    strips: Iterable[np.ndarray],
    width: int,
    height: int,
    channels: int,
    *,
    exif: bytes | None = None,
    profile: bytes | None = None,
    dpi: tuple[float, float] | None = None,
) -> None:
    """Writes a picture of 8 bits as its rows come.

    Args:
        file: the file to write to.
        strips: uint8 (n, width, channels), `height` rows in all.
        width: width of the picture.
        height: height of the picture.
        channels: 1 to 4.
        exif: EXIF data.
        profile: an ICC profile.
        dpi: pixels per inch, across and down.
    """
    file.write(b"\x89PNG\r\n\x1a\n")
    _chunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, 8, COLOR_TYPES[channels], 0, 0, 0))
    if profile:
        _chunk(file, b"iCCP", b"ICC profile\0\0" + zlib.compress(profile))
    if dpi:
        _chunk(file, b"pHYs", struct.pack(">IIB", *(round(number / 0.0254) for number in dpi), 1))
    if exif:
        _chunk(file, b"eXIf", exif.removeprefix(b"Exif\0\0"))
    packer = zlib.compressobj(LEVEL)
    above = np.zeros((1, width, channels), "uint8")
    for strip in strips:
        for first in range(0, len(strip), ROWS):
            rows = strip[first : first + ROWS]
            _chunk(file, b"IDAT", packer.compress(_filtered(rows, above)))
            above = rows[-1:].copy()
    _chunk(file, b"IDAT", packer.flush())
    _chunk(file, b"IEND", b"")


def _filtered(rows: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Filters each row: differences from the left or the upper neighbor, whichever are smaller, after their number."""
    left = np.pad(rows[:, :-1], ((0, 0), (1, 0), (0, 0)))
    up = np.concatenate([above, rows[:-1]])
    kinds = {1: rows - left, 2: rows - up}
    sizes = [np.abs(differences.view("int8")).sum(axis=(1, 2), dtype="int64") for differences in kinds.values()]
    chosen = np.argmin(sizes, axis=0)
    differences = np.where(chosen[:, None, None] == 0, kinds[1], kinds[2]).reshape(len(rows), -1)
    return np.concatenate([(chosen + 1).astype("uint8")[:, None], differences], axis=1)


def _chunk(file: BinaryIO, kind: bytes, data: bytes) -> None:
    if kind == b"IDAT" and not data:
        return
    file.write(struct.pack(">I", len(data)) + kind + data)
    file.write(struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))))
