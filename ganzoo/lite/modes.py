"""Converts pictures of every mode that Pillow reads to RGB of 8 bits and an alpha channel."""

import io

import numpy as np
from PIL import Image, ImageCms

SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I;16N")
MODES = (
    *["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB", "I", "F"],
    *SIXTEEN_BITS,
)
_KEYS = {"L;2": lambda key: key * 85, "L;4": lambda key: key * 17, "RGB;16B": lambda key: tuple(k >> 8 for k in key)}
"""Converts the transparent value of a PNG to that of Pillow's pixels, by the layout of the file."""
_LARGEST_OF_ONE = 2.0
"""Floats with a range up to 1 may exceed it a little."""


def prepare(image: Image.Image) -> Image.Image:
    """Loads an image that was just opened; puts what only its file tells into its mode and `info`."""
    layout = image.tile[0][3] if getattr(image, "tile", None) else None
    if isinstance(layout, str) and layout in _KEYS and "transparency" in image.info:
        image.info["transparency"] = _KEYS[layout](image.info["transparency"])
    image.load()
    if image.mode == "I" and image.format in ("PNG", "PPM"):
        info, exif = image.info, image.getexif()
        image = Image.fromarray(np.asarray(image).astype("uint16"))
        image.info = info | ({"exif": exif.tobytes()} if len(exif) else {})
    return image


def colors_and_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Returns an image as RGB, and its alpha as L, None if it has none.

    16 bits become 8. Integers of 32 bits count as 8 bits, or as 16 if one is above 255; floats count as values from 0
    to 1, or to 255 if one is above 2. An image that is not RGB is converted to sRGB by its ICC profile, if it has one.

    Raises:
        ValueError: for another mode, and for integers or floats that can't be a picture.
    """
    if image.mode not in MODES:
        raise ValueError(f"mode {image.mode}; allowed are {', '.join(MODES)}")
    profile = profile_of(image)
    if image.mode in ("I", "F", *SIXTEEN_BITS):
        image = _eight_bits(image)
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    if space(profile) == b"GRAY" and image.mode in ("1", "L", "LA"):
        return to_srgb(image.convert("L"), profile), alpha
    if space(profile) == b"CMYK" and image.mode == "CMYK":
        return to_srgb(image, profile), alpha
    if image.mode == "LAB":
        return to_srgb(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()), alpha
    return (image.convert("RGBA") if alpha else image).convert("RGB"), alpha


def profile_of(image: Image.Image) -> bytes | None:
    """Returns the ICC profile of an image, None if it has none."""
    return image.info.get("icc_profile")


def space(profile: bytes | None) -> bytes | None:
    """Returns the color space of a profile's pixels, as `b"RGB "`, `b"GRAY"` or `b"CMYK"`."""
    return profile[16:20] if profile else None


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Converts an image from the space of a profile to sRGB; ignores a broken profile."""
    try:
        # White becomes white: with a paper's own white pictures would be gray or yellow.
        return ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError):
        return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Returns L, or LA if one value stands for transparent."""
    values, key = np.asarray(image), image.info.get("transparency")
    gray = Image.fromarray(np.rint(_to_255(values, image.mode)).astype("uint8"))
    if key is not None:
        gray.putalpha(Image.fromarray(np.where(values == key, 0, 255).astype("uint8")))
    return gray


def _to_255(values: np.ndarray, mode: str) -> np.ndarray:
    if mode in SIXTEEN_BITS:
        return values / 257
    if mode == "F":
        values = np.where(np.isnan(values), 0, values)
        largest = values.max()
        if largest <= _LARGEST_OF_ONE:
            return np.clip(values, 0, 1) * 255
        allowed, found = 255, np.clip(values, 0, None)
    else:
        largest, found = values.max(), values
        allowed = 65_535
    if found.min() < 0 or largest > allowed:
        raise ValueError(f"mode {mode} with values from {values.min():g} to {largest:g}; allowed are 0 to {allowed}")
    return found / 257 if largest > 255 else found
