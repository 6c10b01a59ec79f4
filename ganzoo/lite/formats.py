"""The formats that pictures are read and written in, with options that lose little."""

import functools
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from .errors import UsageError
from .folders import EXTENSIONS

WITH_ALPHA = ("PNG", "WEBP", "TIFF", "AVIF")
"""Formats that hold transparency. In other formats a picture stays on white."""
LARGEST_SIDE = {"JPEG": 65_500, "WEBP": 16_383, "AVIF": 65_535, "GIF": 65_535}
FINE = {
    # Pillow's defaults, quality 75 and halved colors, cost a twentieth of a decibel of what an enlarger gains.
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    "WEBP": {"quality": 95},
    "AVIF": {"quality": 95, "subsampling": "4:4:4"},
}


@functools.cache
def readable() -> tuple[str, ...]:
    """Returns the formats of `EXTENSIONS`; Pillow's other readers are never given a file."""
    kinds = Image.registered_extensions()
    return tuple(dict.fromkeys(kinds[suffix] for suffix in EXTENSIONS if kinds.get(suffix) in Image.OPEN))


def open_image(file: str | Path | BinaryIO) -> Image.Image:
    """Opens an image of a `readable` format, whatever its name says. Raises OSError for anything else."""
    # Opening a pipe would wait for its writer.
    if isinstance(file, str | Path) and Path(file).exists() and not Path(file).is_file():
        raise OSError("not a regular file")
    try:
        return Image.open(file, formats=readable())  # noqa: TID251
    except UnidentifiedImageError:
        raise UnidentifiedImageError(f"none of {', '.join(readable())}, by its content") from None


def format_of(path: Path) -> str | None:
    """Returns the format in which Pillow writes a file of this name, None if there is none."""
    kind = Image.registered_extensions().get(path.suffix.lower())
    return kind if kind in Image.SAVE else None


def check_size(path: Path, width: int, height: int) -> None:
    """Raises UsageError for a picture that is too large for the format of a path."""
    kind = format_of(path)
    limit = LARGEST_SIDE.get(kind)
    if limit and max(width, height) > limit:
        raise UsageError(
            f"{path}: {kind} has no room for {width}x{height}, only for {limit} pixels a side; give a name in .png"
        )


def save(
    picture: Image.Image,
    path: Path,
    kind: str | None = None,
    *,
    exif: bytes | None = None,
    profile: bytes | None = None,
    dpi: tuple[float, float] | None = None,
) -> None:
    """Writes a picture in a format, by default that of the path, else PNG; with EXIF, ICC profile and dpi if given."""
    kind = kind or format_of(path) or "PNG"
    options = {"exif": exif, "icc_profile": profile, "dpi": dpi}
    picture.save(path, format=kind, **FINE.get(kind, {}), **{name: value for name, value in options.items() if value})
