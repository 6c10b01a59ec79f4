"""Reads image files into arrays: uint8, (height, width, channels), RGB or luminance."""

import contextlib
import io
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from ganzoo.errors import RunError, reason
from ganzoo.lite.formats import open_image
from ganzoo.lite.pixels import over_white, upright, upright_size


def read_image(file: str | Path | BinaryIO, channels: int = 3, name: str | None = None) -> np.ndarray:
    """Reads an image of any mode that Pillow reads, turned upright (EXIF), on white where it is transparent.

    Args:
        file: a path or an open binary file.
        channels: 3 for RGB, 1 for luminance.
        name: what to call the image in errors, by default its path.

    Returns:
        uint8, (height, width, channels). 16-bit values are scaled to 8 bits.

    Raises:
        RunError: when the file is missing, truncated or not an image; names the file.
    """
    with _errors_named(name or file), open_image(file) as image:
        image = over_white(upright(image)[0])
        pixels = np.asarray(image if channels == 3 else image.convert("L"))
    return pixels.reshape(*pixels.shape[:2], channels)


def image_size(file: str | Path | BinaryIO, name: str | None = None) -> tuple[int, int]:
    """Returns (width, height) of the upright image, from its header. Raises RunError that names the file."""
    with _errors_named(name or file), open_image(file) as image:
        return upright_size(image)


def luminance(pixels: np.ndarray) -> np.ndarray:
    """Converts uint8 (height, width, 3) to (height, width, 1), by ITU-R 601."""
    return np.asarray(Image.fromarray(pixels).convert("L"))[..., None]


def shorter_side_to(size: int, width: int, height: int) -> tuple[int, int]:
    """Returns the (width, height) that has the same proportions and `size` as its shorter side."""
    shorter = min(width, height)
    return round(width * size / shorter), round(height * size / shorter)


def center_crop(pixels: np.ndarray, size: int) -> np.ndarray:
    """Cuts the `size` x `size` square out of the middle."""
    top, left = (pixels.shape[0] - size) // 2, (pixels.shape[1] - size) // 2
    # A copy: a view would keep the whole image in memory.
    return pixels[top : top + size, left : left + size].copy()


@contextlib.contextmanager
def _errors_named(file):
    """Turns whatever a decoder raises into a RunError that names the file."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:  # OSError, SyntaxError, ValueError, struct.error, …: all mean a broken file here
        name = getattr(file, "name", "an image") if isinstance(file, io.IOBase) else file
        raise RunError(f"{name}: can't be read as an image ({reason(error)})") from error
