"""Pictures to arrays: upright, RGB or luminance, on white where they are transparent; and what else a file holds."""

import dataclasses
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from .errors import RunError, reason

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".avif")

_ORIENTATION, _EXIF_IFD, _GPS_IFD = 0x0112, 0x8769, 0x8825
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
    """uint8 (height, width)."""
    exif: Image.Exif | None = None
    """Without the orientation, which has been applied."""
    profile: bytes | None = None
    """The ICC profile of the pixels' colours."""


def open_picture(path: Path, channels: int) -> Picture:
    """Reads a picture file of any mode. Raises UnreadableImage."""
    try:
        with warnings.catch_warnings():
            # Beyond twice the size at which it warns, Pillow refuses.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return picture(image, channels)
    except Exception as error:  # OSError, SyntaxError, ValueError, struct.error, …: all mean a broken file here
        raise UnreadableImage(f"{path}: can't be read as an image ({reason(error)})") from error


def picture(image: Image.Image, channels: int) -> Picture:
    """A picture of any mode Pillow has, as one of 3 channels (RGB) or 1 (luminance). 16 bits become 8."""
    image, exif = upright(image)
    alpha = np.asarray(image.convert("RGBA").getchannel("A")) if image.has_transparency_data else None
    profile = image.info.get("icc_profile")
    pixels = np.asarray(over_white(image).convert("RGB" if channels == 3 else "L"))
    space = b"RGB " if channels == 3 else b"GRAY"
    return Picture(
        pixels=pixels.reshape(*pixels.shape[:2], channels),
        alpha=alpha,
        exif=exif,
        # The profile of what was converted, from CMYK for example, would be wrong for what it has become.
        profile=profile if profile and profile[16:20] == space else None,
    )


def upright(image: Image.Image) -> tuple[Image.Image, Image.Exif | None]:
    """An image turned as its EXIF data say, and the rest of them. Where they are broken, it is taken as it lies."""
    # Now, so that what is raised later is not about the pixels.
    image.load()
    try:
        turned, exif = ImageOps.exif_transpose(image), _rest_of(image.getexif())
        exif.tobytes()
    except Exception:  # TypeError, struct.error, …: values that Pillow reads and can't write
        return image, None
    return turned, exif if len(exif) else None


def over_white(image: Image.Image) -> Image.Image:
    """An image of any mode as RGB, on white where it is transparent."""
    if image.mode.startswith("I"):  # 16 bits; a PGM of 16 bits is opened as I
        image = _grey(np.asarray(image) / 257)
    elif image.mode == "F":
        values = np.nan_to_num(np.asarray(image))
        image = _grey(values * 255 if values.max() <= 1 else values)
    elif image.mode == "LAB":
        from PIL import ImageCms

        profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        image = ImageCms.profileToProfile(image, *profiles, outputMode="RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


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


def _grey(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))
