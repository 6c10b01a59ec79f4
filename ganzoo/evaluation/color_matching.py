"""Color matching: what there is to be had of a translation by colors alone, with nothing learnt of shapes.

Histogram specification (Gonzalez and Woods, "Digital Image Processing", section 3.3): each channel for itself goes by
the one rising map that gives its values, over all images of a domain, the histogram of the other domain.
"""

from collections.abc import Iterable

import numpy as np

LEVELS = 256
"""Levels of an 8-bit image."""


def histograms(images: Iterable[np.ndarray]) -> np.ndarray:
    """Returns how often each level is in each channel of all images: int64 (C, 256).

    Args:
        images: uint8 (H, W, C), one at least.
    """
    return sum(np.stack([np.bincount(channel, minlength=LEVELS) for channel in _channels(image)]) for image in images)


def color_map(start: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Returns for each level x of each channel the smallest y with F_goal(y) >= F_start(x), the shares up to a level.

    Args:
        start: histograms (C, 256) of the domain that images are of.
        goal: those of the domain that they go to.

    Returns:
        uint8 (C, 256), rising along each channel; where both histograms are the same, levels that occur stay.
    """
    maps = []
    for one, other in zip(start.cumsum(axis=1), goal.cumsum(axis=1), strict=True):
        # Of sums of whole numbers: sums of shares would be rounded, and equal ones differ.
        maps.append(np.searchsorted(other / other[-1], one / one[-1]))
    return np.stack(maps).astype("uint8")


def matched(image: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Returns an image mapped channel by channel: uint8 (H, W, C), as it was."""
    return np.stack([of_channel[image[..., place]] for place, of_channel in enumerate(maps)], axis=-1)


def _channels(image: np.ndarray) -> np.ndarray:
    return image.reshape(-1, image.shape[-1]).T
