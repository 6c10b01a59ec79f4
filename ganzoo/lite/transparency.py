"""Transparency: the network sees a picture on white, and the result is cut out again.

An enlarger gives back the picture that it was given, so its transparency is kept. A network of scale 1 paints another
picture, also where its drawing was transparent: there transparency is kept only if asked.
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageFilter

from . import tiling
from .network import Network
from .pixels import Picture

NEAR = 5
"""Side, in input pixels, of the square whose lowest and highest alpha bound the enlarged alpha."""


def is_kept(network: Network, picture: Picture, keep_alpha: bool) -> bool:
    """Tells whether the painted picture gets an alpha channel."""
    return picture.alpha is not None and (keep_alpha or network.interface.scale > 1)


def with_alpha(
    network: Network, strips: Iterator[np.ndarray], picture: Picture, *, tiles: bool
) -> Iterator[np.ndarray]:
    """Adds the alpha of a picture to what was painted of it on white, as the last channel.

    Args:
        network: the network that painted it.
        strips: uint8 (n, W * scale, c), from `tiling.strips`.
        picture: has alpha.
        tiles: as for `tiling.strips`.

    Yields:
        uint8 (n, W * scale, c + 1).
    """
    if network.interface.scale > 1:
        return _enlarged(network, strips, picture, tiles)
    return _cut_out(strips, picture.alpha)


def _cut_out(strips: Iterator[np.ndarray], alpha: np.ndarray) -> Iterator[np.ndarray]:
    top = 0
    for strip in strips:
        share = alpha[top : top + len(strip), :, None]
        yield _with(share, strip.astype("float32") - (255 - share.astype("float32")), strip)
        top += len(strip)


def _enlarged(network: Network, strips: Iterator[np.ndarray], picture: Picture, tiles: bool) -> Iterator[np.ndarray]:
    """Computes alpha from the difference between the picture painted on white and on black: its edges are the colors'.

    A network that isn't linear paints edges against white and against black differently; the mean is taken.
    """
    alpha, scale = picture.alpha, network.interface.scale
    on_black = np.clip(picture.pixels + alpha[..., None].astype("int16") - 255, 0, 255).astype("uint8")
    # Pixels among only opaque or only clear ones stay so, whatever the network makes of white and black.
    lowest, highest = (
        np.asarray(Image.fromarray(alpha).filter(kind(NEAR))) for kind in (ImageFilter.MinFilter, ImageFilter.MaxFilter)
    )
    top = 0
    for strip, dark in zip(strips, tiling.strips(network, on_black, tiles=tiles), strict=True):
        rows = np.arange(top, top + len(strip)) // scale
        low, high = (limit[rows].repeat(scale, axis=1) for limit in (lowest, highest))
        bright, dark = strip.astype("float32"), dark.astype("float32")
        share = np.clip(np.rint(255 - (bright - dark).mean(axis=2)), low, high).astype("uint8")[..., None]
        yield _with(share, (bright - (255 - share.astype("float32")) + dark) / 2, strip)
        top += len(strip)


def _with(alpha: np.ndarray, shown: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """Returns the colors that look like `shown` on black, with alpha; where all is clear, those of `clear`."""
    colors = np.rint(np.clip(shown * (255 / np.maximum(alpha, 1).astype("float32")), 0, 255)).astype("uint8")
    return np.concatenate([np.where(alpha == 0, clear, colors), alpha], axis=2)
