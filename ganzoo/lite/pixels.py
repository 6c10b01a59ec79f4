"""Pictures to arrays: upright, RGB or luminance, on white where they are transparent; and what else a file holds."""

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
    """A file that is missing, truncated or no image."""


@dataclasses.dataclass(frozen=True)
class Picture:
    """What is painted over and what is kept of a picture."""

    pixels: np.ndarray
    """uint8 (height, width, 3 or 1), over white."""
    alpha: np.ndarray | None = None
    """uint8 (height, width), None for a picture that hides nothing."""
    exif: Image.Exif | None = None
    """Without the orientation, which has been applied."""
    profile: bytes | None = None
    """The ICC profile of the pixels' colors."""
    dpi: tuple[float, float] | None = None
    """Pixels an inch, across and down."""
    frames: int = 1
    """How many pictures the file holds, of which this is the first."""


def open_picture(path: Path, takes: int, gives: int) -> Picture:
    """Reads a picture file of any mode. Arguments as for `picture`. Raises UnreadableImage."""
    with _opened(path) as image:
        return picture(image, takes, gives)


def allow_large() -> None:
    """From now on images may be of any size, in this whole process: for commands."""
    Image.MAX_IMAGE_PIXELS = None


def check_opens(path: Path) -> None:
    """Raises UnreadableImage for a file whose beginning is no image's."""
    with _opened(path):
        pass


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with warnings.catch_warnings():
            # Beyond twice the size at which it warns, Pillow refuses.
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
    """A picture of any mode Pillow has. 16 bits become 8.

    Args:
        image: as it was opened.
        takes: channels of what it becomes, 3 (RGB) or 1 (luminance).
        gives: channels of what will be painted of it. The profile is kept where all are RGB; elsewhere the colours
            are converted to sRGB.

    Raises:
        ValueError: for a mode that is no picture's, and where the file is broken; OSError and others, too.
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
    """An image turned as its EXIF data say, and the rest of them. Where they are broken, it is taken as it lies."""
    # Loaded now, so that what is raised later is not about the pixels.
    image = modes.prepare(image)
    try:
        turned, exif = ImageOps.exif_transpose(image), _rest_of(image.getexif())
        exif.tobytes()
    except Exception:  # TypeError, struct.error, …: values that Pillow reads and can't write
        return image, None
    return turned, exif if len(exif) else None


def upright_size(image: Image.Image) -> tuple[int, int]:
    """(width, height) that `upright` will give, of an image that was just opened; its pixels are not decoded."""
    # For a PNG, Pillow would decode the whole image in search of EXIF.
    if image.format == "PNG" and not {"exif", "xmp", "XML:com.adobe.xmp"} & image.info.keys() | _after_pixels(image.fp):
        return image.size
    # A TIFF tells the size of what it loads as, which is upright.
    size = (image.tag_v2[_WIDTH_AS_IT_LIES], image.tag_v2[_HEIGHT_AS_IT_LIES]) if image.format == "TIFF" else image.size
    try:
        return size[::-1] if image.getexif().get(_ORIENTATION, 1) in range(5, 9) else size
    except Exception:  # as in `upright`
        return size


def _after_pixels(file: BinaryIO) -> set[str]:
    """`{"exif"}` when a PNG has it, or XMP, after its pixels."""
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
    """An image of any mode as RGB, on white where it is transparent. Raises ValueError for a mode that is refused."""
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
    """The EXIF data of what was painted of a picture; where they tell its size, they tell the new one."""
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
