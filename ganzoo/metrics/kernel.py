"""The kernel distance between two sets of features (Bińkowski et al. 2018, "Demystifying MMD GANs")."""

import dataclasses
import math

import numpy as np

from ganzoo.errors import UsageError
from ganzoo.metrics.statistics import as_features, check_lengths


@dataclasses.dataclass(frozen=True)
class Kernel:
    """A kernel distance, and how sure it is."""

    value: float
    """The mean over the subsets; unbiased, and so somewhat below 0 at times for sets that are alike."""
    deviation: float
    """The standard deviation over the subsets (divided by their number, as torch-fidelity does)."""
    standard_error: float
    """The error of the mean that the draw of the subsets makes: the deviation over the root of their number. NaN
    where every subset is the whole of both sets, and they can't differ."""
    sampling_error: float
    """The error that other images of the same kind would make: the standard error by the delete-d jackknife
    (Shao and Wu 1989), with that of the draw. Where subsets overlap much, it is several times the other. NaN where a
    subset is all of the smaller set."""
    size: int
    """The number of rows of each set in a subset."""


def kernel_distance(
    first: np.ndarray, second: np.ndarray, subsets: int = 100, size: int = 1000, seed: int = 2020
) -> Kernel:
    """Returns the mean over subsets of the unbiased MMD² (Gretton et al. 2012, equation 3), kernel (x·y / D + 1)³.

    On features of the 2015 Inception network this is the KID. Unlike the Fréchet distance it is unbiased: what it is
    expected to be does not depend on the number of images. Subsets are drawn as torch-fidelity draws them, so that the
    same features give the same number; that computes in float32 where features are, this in float64 always.

    Args:
        first: features (N, D).
        second: features (M, D).
        subsets: how many are drawn, each without replacement.
        size: rows of each set in a subset; where a set has fewer, as many as the smaller set has.
        seed: of the draws.

    Raises:
        UsageError: when there are fewer than two rows, their lengths differ, or `subsets` or `size` are too small.
        RunError: when features are not finite.
    """
    if subsets < 1 or size < 2:
        raise UsageError(f"{subsets} subsets of {size}: there must be 1 or more, of 2 or more")
    first, second = (as_features(some, f"{name} features", 2) for some, name in ((first, "first"), (second, "second")))
    check_lengths(first.shape[1], second.shape[1])
    size = min(size, len(first), len(second))
    if size == len(first) == len(second):
        return Kernel(_unbiased_mmd2(first, second), 0.0, math.nan, math.nan, size)
    random = np.random.RandomState(seed)
    values = np.array([_unbiased_mmd2(*_draw(random, size, first, second)) for _ in range(subsets)])
    deviation = float(values.std())
    left_out = min(len(first), len(second)) - size
    sampling_error = deviation * math.sqrt(1 / subsets + size / left_out) if left_out else math.nan
    return Kernel(float(values.mean()), deviation, deviation / math.sqrt(subsets), sampling_error, size)


def _draw(random, size, *sets):
    """Returns so many rows of each set, the first set's drawn first."""
    return [some[random.choice(len(some), size, replace=False)] for some in sets]


def _unbiased_mmd2(first, second):
    """The mean kernel of two different rows of one set, for both sets, less twice that of rows of different sets."""
    within = sum(_mean_of_pairs(_cubic(some, some)) for some in (first, second))
    return float(within - 2 * _cubic(first, second).mean())


def _mean_of_pairs(kernel):
    """The mean of a square matrix off its diagonal."""
    return (kernel.sum() - np.trace(kernel)) / (len(kernel) * (len(kernel) - 1))


def _cubic(first, second):
    """(x·y / D + 1)³ of every two rows."""
    base = first @ (second.T / first.shape[1])
    base += 1
    # Many times as fast as a power.
    return base * base * base
