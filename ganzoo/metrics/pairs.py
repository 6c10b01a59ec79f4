"""How near an image is to the one it should be: PSNR, SSIM and MS-SSIM, and the luminance that super-resolution uses.

Papers on super-resolution compare the luminance of the two images, without `scale` pixels along each edge:

    psnr(*(crop_border(luma(image), scale) for image in (first, second)))
"""

import math
from collections.abc import Callable

import numpy as np

from ganzoo.errors import UsageError

PEAK = 255.0
"""The width of the range of 8-bit images, and by custom also of their luminance."""
EQUAL = 200.0
"""The PSNR of equal images in dB, whose true one is infinite, which JSON can't hold.

The same as in the proof of exports. Images of 8 bits that differ don't come near: with one value in a thousand million
off by one it is 138 dB.
"""
WINDOW, SIGMA = 11, 1.5
"""The side in pixels of SSIM's Gaussian window, and its standard deviation."""
C1, C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
"""Keep SSIM's two quotients finite where images are black or flat."""
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""The exponents of MS-SSIM's five scales, from the images' own size to a sixteenth of it."""
BT601 = (65.481, 128.553, 24.966)
"""The amounts that full red, green and blue add to the luminance of black, which is 16."""


def psnr(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns the peak signal-to-noise ratio in dB; the error is taken over all pixels and channels of an image.

    Args:
        first: uint8 (H, W, C) or (N, H, W, C), or what `luma` makes of such.
        second: of the same shape and dtype.

    Returns:
        float64 (N,), or one number for one image; `EQUAL` where there is no difference.

    Raises:
        UsageError: when shapes or dtypes differ, or are none of these.
    """
    return _each(_psnr, first, second, smallest=1)


def ssim(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns structural similarity, 1 for equal images: the mean of its map over places and channels.

    Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity": Gaussian window of
    11x11 with sigma 1.5, K1 0.01, K2 0.03, where the window is wholly inside; each channel for itself, and no
    downscaling before.

    Args, returns and raises as `psnr`; images have 11 pixels a side at least.
    """
    return _each(_ssim, first, second, smallest=WINDOW)


def ms_ssim(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns structural similarity at five scales, 1 for equal images.

    Wang et al. 2003, "Multiscale structural similarity for image quality assessment": contrast and structure at the
    images' size and at four halvings of it, luminance at the last, with the paper's exponents. Images are halved by
    the mean of 2x2 pixels; of an odd length the last counts twice. Each channel for itself, then their mean. A scale
    whose mean is negative, which has no real power, counts as 0.

    Args, returns and raises as `psnr`; images have 176 pixels a side at least, 11 at the last scale.
    """
    return _each(_ms_ssim, first, second, smallest=WINDOW * 2 ** (len(SCALES) - 1))


def luma(images: np.ndarray) -> np.ndarray:
    """Returns the Y of ITU-R BT.601, as MATLAB's `rgb2ycbcr`, but not rounded.

    Args:
        images: uint8 (…, H, W, 3), RGB.

    Returns:
        float64 (…, H, W, 1), from 16 (black) to 235 (white).

    Raises:
        UsageError: for another dtype or number of channels.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim < 3 or images.shape[-1] != 3:
        raise UsageError(f"luma: found {_described(images)}; allowed are uint8 RGB images (…, height, width, 3)")
    return 16.0 + (images @ np.array(BT601) / 255.0)[..., None]


def crop_border(images: np.ndarray, pixels: int) -> np.ndarray:
    """Images (…, H, W, C) without so many pixels along each edge: (…, H - 2 * pixels, W - 2 * pixels, C).

    Raises:
        UsageError: when nothing would be left, or for a negative number.
    """
    height, width = images.shape[-3:-1]
    if not 0 <= 2 * pixels < min(height, width):
        raise UsageError(f"border: can't cut {pixels} pixels from each edge of images of {width}x{height}")
    return images[..., pixels : height - pixels, pixels : width - pixels, :]


def _each(measure: Callable, first: np.ndarray, second: np.ndarray, smallest: int) -> np.ndarray:
    """The measure of each pair of images, one at a time, so that memory doesn't grow with their number."""
    first, second = np.asarray(first), np.asarray(second)
    name = measure.__name__.strip("_")
    for images in (first, second):
        _check(name, images)
    if first.shape != second.shape or first.dtype != second.dtype:
        raise UsageError(
            f"{name}: the images differ in shape or kind: {_described(first)} and {_described(second)}; "
            "compare images of one size"
        )
    height, width = first.shape[-3:-1]
    if min(height, width) < smallest:
        raise UsageError(
            f"{name}: images of {width}x{height} are too small; it needs {smallest} pixels a side at least"
        )
    if first.ndim == 3:
        return np.float64(_as_floats(measure, first, second))
    return np.array([_as_floats(measure, *pair) for pair in zip(first, second, strict=True)], dtype="float64")


def _check(name: str, images: np.ndarray) -> None:
    # Only luminance is float64: no other range would be noticed.
    known = images.dtype == np.uint8 or (
        images.dtype == np.float64 and (images > 15.999).all() and (images < 235.001).all()
    )
    if not known or images.ndim not in (3, 4) or 0 in images.shape[-3:]:
        raise UsageError(
            f"{name}: found {_described(images)}; allowed are uint8 images (height, width, channels) or "
            "(number, height, width, channels), and float64 as `luma` gives it, from 16 to 235"
        )


def _described(images: np.ndarray) -> str:
    between = f" from {images.min():g} to {images.max():g}" if images.dtype.kind == "f" and images.size else ""
    return f"{images.dtype} {images.shape}{between}"


def _as_floats(measure: Callable, first: np.ndarray, second: np.ndarray) -> float:
    return measure(first.astype("float64"), second.astype("float64"))


def _psnr(first: np.ndarray, second: np.ndarray) -> float:
    error = np.mean((first - second) ** 2)
    return min(EQUAL, 10 * math.log10(PEAK**2 / error)) if error else EQUAL


def _ssim(first: np.ndarray, second: np.ndarray) -> float:
    light, structure = _similarity(first, second)
    return np.mean(light * structure)


def _ms_ssim(first: np.ndarray, second: np.ndarray) -> float:
    product = 1.0
    for scale, exponent in enumerate(SCALES):
        light, structure = _similarity(first, second)
        last = scale == len(SCALES) - 1
        mean = np.mean(light * structure if last else structure, axis=(0, 1))
        product = product * np.maximum(mean, 0.0) ** exponent
        first, second = _halved(first), _halved(second)
    return np.mean(product)


def _similarity(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns maps (H - 10, W - 10, C) of two images: the luminance term, and contrast times structure."""
    mean, other = _windowed(first), _windowed(second)
    variances = _windowed(first**2) - mean**2 + _windowed(second**2) - other**2
    covariance = _windowed(first * second) - mean * other
    light = (2 * mean * other + C1) / (mean**2 + other**2 + C1)
    return light, (2 * covariance + C2) / (variances + C2)


def _windowed(image: np.ndarray) -> np.ndarray:
    """The Gaussian mean around each place of (H, W, C) whose window is wholly inside: (H - 10, W - 10, C)."""
    height, width = (length - WINDOW + 1 for length in image.shape[:2])
    weights = np.exp(-((np.arange(WINDOW) - WINDOW // 2) ** 2) / (2 * SIGMA**2))
    weights /= weights.sum()
    rows = sum(weight * image[place : place + height] for place, weight in enumerate(weights))
    return sum(weight * rows[:, place : place + width] for place, weight in enumerate(weights))


def _halved(image: np.ndarray) -> np.ndarray:
    """The mean of each 2x2 pixels; of an odd length the last counts twice."""
    height, width, channels = image.shape
    even = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2, channels).mean(axis=(1, 3))
