"""Perceptual path length: how fast pictures change on the way from one code to another (Karras et al. 2019, 4.1).

A point on a straight line between two codes is moved on by a small share of the line. The perceptual distance between
what is made of both, over the square of that share, is a length. The mean is of those that are left when the shortest
and the longest hundredth are left out, as NVIDIA's code has it.
"""

import math
from collections.abc import Callable

import numpy as np

STEP = 1e-4
"""The share of a line by which a point is moved."""
LEFT_OUT = 0.01
"""The share of lengths that is left out at each end."""


def path_lengths(
    paint: Callable[[np.ndarray], np.ndarray],
    distance: Callable[[np.ndarray, np.ndarray], np.ndarray],
    starts: np.ndarray,
    ends: np.ndarray,
    shares: np.ndarray,
) -> np.ndarray:
    """Returns how fast pictures change at a place of each line, float64 (N,).

    Args:
        paint: float32 (N, ...) codes to float pictures, that are not rounded: the step moves no value of 8 bits.
        distance: two batches of pictures to (N,), of squared differences.
        starts: codes, (N, ...).
        ends: as many.
        shares: the place on each line, from 0, its start, to 1, its end, (N,).
    """
    starts, ends = starts.astype(np.float64), ends.astype(np.float64)
    places = shares.reshape(-1, *[1] * (starts.ndim - 1))
    before, after = (paint((starts + place * (ends - starts)).astype("float32")) for place in (places, places + STEP))
    return np.asarray(distance(before, after), np.float64) / STEP**2


def trimmed_mean(lengths: np.ndarray) -> tuple[float, float | None]:
    """Returns the mean without the shortest and longest hundredth, and its standard error; None where that is unknown.

    The error is that of Tukey and McLaughlin 1963: what is left out counts as the outermost that is left.

    Args:
        lengths: (N,), N at least 1.
    """
    lengths = np.sort(lengths)
    out = math.floor(LEFT_OUT * len(lengths))
    left = lengths[out : len(lengths) - out]
    if len(left) < 2:
        return float(left.mean()), None
    deviation = np.clip(lengths, left[0], left[-1]).std(ddof=1)
    return float(left.mean()), float(deviation * math.sqrt(len(lengths)) / len(left))
