"""What becomes of transparency: a network sees a picture on white, and what it paints of it is cut out again.

An enlarger gives back the picture that it was given, so that its transparency is part of it. A network of scale 1
paints another picture, also where its drawing was clear: there transparency is kept only if asked.
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageFilter

from . import tiling
from .network import Network
from .pixels import Picture

NEAR = 5
"""Side of the square of pixels, in the input, beyond whose alpha an enlarged one never goes."""


def is_kept(network: Network, picture: Picture, keep_alpha: bool) -> bool:
    """Whether what is painted of the picture has an alpha channel."""
    return picture.alpha is not None and (keep_alpha or network.interface.scale > 1)


def with_alpha(
    network: Network, strips: Iterator[np.ndarray], alpha: np.ndarray, *, tiles: bool
) -> Iterator[np.ndarray]:
    """What was painted of a picture on white, with its alpha as a last channel.

    Args:
        network: that painted it.
        strips: uint8 (n, W * scale, c), as `tiling.strips` gives them.
        alpha: uint8 (H, W), of the picture.
        tiles: as for `tiling.strips`.

    Yields:
        uint8 (n, W * scale, c + 1).
    """
    if network.interface.scale == 1:
        top = 0
        for strip in strips:
            yield np.concatenate([strip, alpha[top : top + len(strip), :, None]], axis=2)
            top += len(strip)
        return
    for strip, enlarged in zip(strips, _enlarged(network, alpha, tiles), strict=True):
        yield np.concatenate([_without_white(strip, enlarged), enlarged], axis=2)


def _without_white(painted: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The colours that on white look as painted: painted = alpha * colour + (1 - alpha) * 255."""
    share = np.maximum(alpha, 1) / np.float32(255)
    colours = np.rint(np.clip((painted - (1 - share) * 255) / share, 0, 255)).astype("uint8")
    return np.where(alpha == 0, np.uint8(255), colours)


def _enlarged(network: Network, alpha: np.ndarray, tiles: bool) -> Iterator[np.ndarray]:
    """Alpha through the network, as a grey picture: edges then lie where those of the colours do."""
    channels = network.interface.input.shape[-1]
    image = np.broadcast_to(alpha[..., None], (*alpha.shape, channels))
    # What is opaque or clear all around stays so, whatever the network makes of white and black.
    lowest, highest = (
        np.asarray(Image.fromarray(alpha).filter(kind(NEAR))) for kind in (ImageFilter.MinFilter, ImageFilter.MaxFilter)
    )
    top, scale = 0, network.interface.scale
    for strip in tiling.strips(network, image, tiles=tiles):
        rows = np.arange(top, top + len(strip)) // scale
        low, high = (limit[rows].repeat(scale, axis=1) for limit in (lowest, highest))
        grey = np.rint(strip.mean(axis=2)).astype("uint8")
        yield np.clip(grey, low, high)[..., None]
        top += len(strip)
