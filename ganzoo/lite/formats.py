"""The formats in which pictures are read and written, and what each is told so that little is lost."""

import functools
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from .folders import EXTENSIONS

WITH_ALPHA = ("PNG", "WEBP", "TIFF", "AVIF")
"""Formats that hold transparency; in others a picture stays as it was painted, on white."""
LARGEST_SIDE = {"JPEG": 65_535, "WEBP": 16_383, "AVIF": 65_535, "GIF": 65_535}
FINE = {
    # Pillow's own 75 and halved colours cost a twentieth of a decibel of what an enlarger gains.
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    "WEBP": {"quality": 95},
    "AVIF": {"quality": 95, "subsampling": "4:4:4"},
}


@functools.cache
def readable() -> tuple[str, ...]:
    """The formats of the images that are looked for in folders: no other of Pillow's readers is given a file."""
    kinds = Image.registered_extensions()
    return tuple(dict.fromkeys(kinds[suffix] for suffix in EXTENSIONS if kinds.get(suffix) in Image.OPEN))


def open_image(file: str | Path | BinaryIO) -> Image.Image:
    """An image of a format that is `readable`, whatever its name says. Raises OSError for anything else."""
    # A pipe would be waited for.
    if isinstance(file, str | Path) and Path(file).exists() and not Path(file).is_file():
        raise OSError("not a regular file")
    try:
        return Image.open(file, formats=readable())  # noqa: TID251
    except UnidentifiedImageError:
        raise UnidentifiedImageError(f"none of {', '.join(readable())}, by its content") from None


def format_of(path: Path) -> str | None:
    """The format in which Pillow writes a file of this name, None if there is none."""
    kind = Image.registered_extensions().get(path.suffix.lower())
    return kind if kind in Image.SAVE else None


def save(
    picture: Image.Image,
    path: Path,
    kind: str | None = None,
    *,
    exif: bytes | None = None,
    profile: bytes | None = None,
    dpi: tuple[float, float] | None = None,
) -> None:
    """Writes a picture in a format, by default that of the path, PNG when it says none. EXIF, profile, dpi go along."""
    kind = kind or format_of(path) or "PNG"
    options = {"exif": exif, "icc_profile": profile, "dpi": dpi}
    picture.save(path, format=kind, **FINE.get(kind, {}), **{name: value for name, value in options.items() if value})
