"""Reads pictures into arrays: upright, RGB or luminance, on white where transparent; and what else a file holds."""

import contextlib
import dataclasses
import os
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from . import modes
from .errors import RunError, reason
from .formats import open_image

_ORIENTATION, _WIDTH_AS_IT_LIES, _HEIGHT_AS_IT_LIES = 0x0112, 256, 257
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_WIDTH, _HEIGHT = 0xA002, 0xA003
_LAYOUT = {*range(254, 260), 262, 266, 273, *range(277, 280), 284, 317, *range(320, 326), 330, *range(338, 348)}
_LAYOUT |= {*range(512, 533), 700, 34675}
"""Tags that say how a TIFF's own pixels lie; Pillow gives them with the others."""


class UnreadableImage(RunError):
    """A file is missing, truncated or not an image."""


@dataclasses.dataclass(frozen=True)
class Picture:
    """The pixels that a network sees, and what else is kept of a picture."""

    pixels: np.ndarray
    """uint8 (height, width, 3 or 1), over white."""
    alpha: np.ndarray | None = None
    """uint8 (height, width); None for a picture without transparency."""
    exif: Image.Exif | None = None
    """Without the orientation, which has been applied."""
    profile: bytes | None = None
    """The ICC profile of the pixels' colors."""
    dpi: tuple[float, float] | None = None
    """Pixels per inch, across and down."""
    frames: int = 1
    """The number of pictures in the file, of which this is the first."""


def open_picture(path: Path, takes: int, gives: int) -> Picture:
    """Reads a picture file of any mode. Arguments are those of `picture`. Raises UnreadableImage."""
    with _opened(path) as image:
        return picture(image, takes, gives)


def allow_large() -> None:
    """Allows images of any size from now on, in the whole process: for commands."""
    Image.MAX_IMAGE_PIXELS = None


def check_opens(path: Path) -> None:
    """Raises UnreadableImage for a file that does not begin as an image."""
    with _opened(path):
        pass


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with warnings.catch_warnings():
            # Pillow warns at one size, and refuses at twice that size.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with open_image(path) as image:
                yield image
    except Image.DecompressionBombError:
        raise UnreadableImage(
            f"{path}: has more than {2 * Image.MAX_IMAGE_PIXELS:,} pixels, which a file made to fill the memory may "
            "claim to have; --large takes it"
        ) from None
    except Exception as error:  # OSError, SyntaxError, ValueError, struct.error, …: all mean a broken file here
        raise UnreadableImage(f"{path}: can't be read as an image ({reason(error)})") from error


def picture(image: Image.Image, takes: int, gives: int) -> Picture:
    """Converts a picture of any mode that Pillow has. 16 bits become 8.

    Args:
        image: as it was opened.
        takes: channels of the result, 3 (RGB) or 1 (luminance).
        gives: channels of what will be painted. The profile is kept if both are RGB; else colors are converted to sRGB.

    Raises:
        ValueError: for a mode that can't be a picture. A broken file raises OSError and others, too.
    """
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)  # MPO: previews of one photo
    image, exif = upright(image)
    colors, alpha = modes.colors_and_alpha(image)
    profile = modes.profile_of(image)
    profile = profile if modes.space(profile) == b"RGB " else None
    if profile and (takes, gives) != (3, 3):
        colors, profile = modes.to_srgb(colors, profile), None
    pixels = np.asarray(_on_white(colors, alpha).convert("RGB" if takes == 3 else "L"))
    hides = alpha is not None and alpha.getextrema()[0] < 255
    return Picture(
        pixels=pixels.reshape(*pixels.shape[:2], takes),
        alpha=np.asarray(alpha) if hides else None,
        exif=exif,
        profile=profile,
        dpi=_dpi(image),
        frames=frames,
    )


def upright(image: Image.Image) -> tuple[Image.Image, Image.Exif | None]:
    """Returns the image turned as its EXIF data say, and the rest of these. Broken EXIF data are ignored."""
    # Loaded first, so that errors below can only be about EXIF.
    image = modes.prepare(image)
    try:
        turned, exif = ImageOps.exif_transpose(image), _rest_of(image.getexif())
        exif.tobytes()
    except Exception:  # TypeError, struct.error, …: values that Pillow reads and can't write
        return image, None
    return turned, exif if len(exif) else None


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Returns the (width, height) that `upright` will give, for an image that was just opened; decodes no pixels."""
    # Pillow would decode a whole PNG in search of EXIF.
    if image.format == "PNG" and not {"exif", "xmp", "XML:com.adobe.xmp"} & image.info.keys() | _after_pixels(image.fp):
        return image.size
    # A TIFF tells the size of what it loads as, which is upright.
    size = (image.tag_v2[_WIDTH_AS_IT_LIES], image.tag_v2[_HEIGHT_AS_IT_LIES]) if image.format == "TIFF" else image.size
    try:
        return size[::-1] if image.getexif().get(_ORIENTATION, 1) in range(5, 9) else size
    except Exception:  # as in `upright`
        return size


def _after_pixels(file: BinaryIO) -> set[str]:
    """Returns `{"exif"}` if a PNG has EXIF or XMP after its pixels."""
    place, found = file.tell(), set()
    file.seek(8)
    pixels = False
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        pixels = pixels or kind == b"IDAT"
        if pixels and kind in (b"eXIf", b"iTXt"):
            found = {"exif"}
        file.seek(length + 4, os.SEEK_CUR)
    file.seek(place)
    return found


def over_white(image: Image.Image) -> Image.Image:
    """Converts an image of any mode to RGB, on white where it is transparent. Raises ValueError for an unknown mode."""
    return _on_white(*modes.colors_and_alpha(image))


def _on_white(colors: Image.Image, alpha: Image.Image | None) -> Image.Image:
    if alpha is None:
        return colors
    clear = colors.copy()
    clear.putalpha(alpha)
    return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    try:
        across, down = (float(number) for number in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if 0 < across < 1e6 and 0 < down < 1e6 else None


def exif_of(kept: Picture, width: int, height: int) -> bytes | None:
    """Returns the EXIF data for what was painted of a picture, with the new size where they tell it."""
    if kept.exif is None:
        return None
    details = kept.exif.get(_EXIF_IFD, {})
    for tag, length in ((_WIDTH, width), (_HEIGHT, height)):
        if tag in details:
            details[tag] = length
    return kept.exif.tobytes()


def _rest_of(exif: Image.Exif) -> Image.Exif:
    kept = Image.Exif()
    kept.endian = exif.endian
    left_out = {*_LAYOUT, _ORIENTATION, _EXIF_IFD, _GPS_IFD}
    kept.update({tag: value for tag, value in exif.items() if tag not in left_out})
    for part in (_EXIF_IFD, _GPS_IFD):
        if values := exif.get_ifd(part):
            kept[part] = dict(values)
    return kept
