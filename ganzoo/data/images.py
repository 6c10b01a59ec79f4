"""Image files to arrays: uint8, (height, width, channels), RGB or luminance."""

import contextlib
import io
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageCms, ImageOps

from ganzoo.errors import RunError

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".avif")

ORIENTATION = 0x0112
"""EXIF tag; from 5 on, height and width change places."""


def read_image(file: str | Path | BinaryIO, channels: int = 3, name: str | None = None) -> np.ndarray:
    """An image of any mode Pillow reads, upright (EXIF) and on white where it is transparent.

    Args:
        file: a path or an open binary file.
        channels: 3 for RGB, 1 for luminance.
        name: what to call the image in errors, by default its path.

    Returns:
        uint8, (height, width, channels). 16-bit values are scaled to 8 bits.

    Raises:
        RunError: names the file that is missing, truncated or no image.
    """
    with _errors_named(name or file), Image.open(file) as image:
        image = _to_rgb(ImageOps.exif_transpose(image))
        pixels = np.asarray(image if channels == 3 else image.convert("L"))
    return pixels.reshape(*pixels.shape[:2], channels)


def image_size(file: str | Path | BinaryIO, name: str | None = None) -> tuple[int, int]:
    """(width, height) of the upright image, from its header. Raises RunError that names the file."""
    with _errors_named(name or file), Image.open(file) as image:
        # For a PNG without EXIF up front, Pillow would decode the whole image in search of it.
        has_exif = image.format != "PNG" or "exif" in image.info
        turned = has_exif and image.getexif().get(ORIENTATION, 1) >= 5
        return image.size[::-1] if turned else image.size


def luminance(pixels: np.ndarray) -> np.ndarray:
    """uint8 (height, width, 3) to (height, width, 1), by ITU-R 601."""
    return np.asarray(Image.fromarray(pixels).convert("L"))[..., None]


def resize(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """Antialiased bicubic; uint8 (h, w, 1 or 3) in, uint8 (height, width, 1 or 3) out."""
    if pixels.shape[:2] == (height, width):
        return pixels
    image = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[..., 0])
    resized = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
    return resized.reshape(height, width, pixels.shape[2])


def shorter_side_to(size: int, width: int, height: int) -> tuple[int, int]:
    """The (width, height) of the same shape whose shorter side is `size`."""
    shorter = min(width, height)
    return round(width * size / shorter), round(height * size / shorter)


def centre_crop(pixels: np.ndarray, size: int) -> np.ndarray:
    """The `size` x `size` square in the middle."""
    top, left = (pixels.shape[0] - size) // 2, (pixels.shape[1] - size) // 2
    # A copy: a view would keep the whole image in memory.
    return pixels[top : top + size, left : left + size].copy()


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits; a PGM of 16 bits is opened as I
        image = _grey(np.asarray(image) / 257)
    elif image.mode == "F":
        values = np.nan_to_num(np.asarray(image))
        image = _grey(values * 255 if values.max() <= 1 else values)
    elif image.mode == "LAB":
        profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        image = ImageCms.profileToProfile(image, *profiles, outputMode="RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _grey(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


@contextlib.contextmanager
def _errors_named(file):
    """Turns whatever a decoder raises into a RunError that names the file."""
    try:
        yield
    except Exception as error:  # OSError, SyntaxError, ValueError, struct.error, …: all mean a broken file here
        name = getattr(file, "name", "an image") if isinstance(file, io.IOBase) else file
        reason = "no such file" if isinstance(error, FileNotFoundError) else str(error).split("\n")[0]
        raise RunError(f"{name}: can't be read as an image ({reason})") from error
