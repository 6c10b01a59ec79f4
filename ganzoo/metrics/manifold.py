"""Do generated images lie where real ones do, and everywhere there? Measured by balls around nearest neighbors.

The ball of an image reaches as far as its k-th nearest neighbor in its own set, itself left out. Distances are
Euclidean, between features. All is computed in float64 and in blocks of rows: 10,000 images take little memory.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ganzoo.errors import UsageError
from ganzoo.metrics.statistics import as_features, check_lengths

ROWS = 250
"""The number of rows that are compared with all others at a time."""
ROUNDING = 1e-12
"""Squared distances below this share of the squared lengths are those of equal features."""
TIE = 1e-9
"""Squared distances nearer to each other than this share are equal."""


class PrecisionRecall(NamedTuple):
    precision: float
    """The share of generated images that lie within the ball of a real one: are they like real images?"""
    recall: float
    """The share of real images that lie within the ball of a generated one: is there something like each of them?"""


class DensityCoverage(NamedTuple):
    density: float
    """The number of balls of real images in which a generated one lies, over k: 1 for like sets; may be above."""
    coverage: float
    """The share of real images whose ball holds a generated one."""


def precision_recall(real: np.ndarray, generated: np.ndarray, neighbors: int = 3) -> PrecisionRecall:
    """Returns improved precision and recall (Kynkäänniemi et al. 2019, equations 1 and 2); both in [0, 1].

    What lies on the edge of a ball is in it. Numbers compare only at the same sizes of both sets.

    Args:
        real: features (N, D).
        generated: features (M, D).
        neighbors: k.

    Raises:
        UsageError: when a set has no more rows than `neighbors`, or their lengths differ.
        RunError: when features are not finite.
    """
    real, generated = _prepare(real, generated, neighbors, neighbors + 1)
    real_radii, generated_radii = _radii(real, neighbors), _radii(generated, neighbors)
    precise, recalled = np.zeros(len(generated), bool), []
    for rows, squares in _squares_of_blocks(real, generated):
        precise |= (squares <= real_radii[rows, None] * (1 + TIE)).any(axis=0)
        recalled.append((squares <= generated_radii * (1 + TIE)).any(axis=1))
    return PrecisionRecall(float(precise.mean()), float(np.concatenate(recalled).mean()))


def density_coverage(real: np.ndarray, generated: np.ndarray, neighbors: int = 5) -> DensityCoverage:
    """Density and coverage (Naeem et al. 2020, equations 3 and 4): precision that an outlier can't raise, and recall
    that is measured around real images alone.

    What lies on the edge of a ball is outside, as in the authors' `prdc`, but for copies of the image in its center:
    without them, an image that is k times in the real set could not be covered.

    Args:
        real: features (N, D).
        generated: features (M, D).
        neighbors: k.

    Raises:
        UsageError: when `real` has no more rows than `neighbors`, `generated` has none, or their lengths differ.
        RunError: when features are not finite.
    """
    real, generated = _prepare(real, generated, neighbors, 1)
    radii = _radii(real, neighbors)
    held = np.concatenate(
        [
            ((squares < radii[rows, None] * (1 - TIE)) | (squares == 0)).sum(axis=1)
            for rows, squares in _squares_of_blocks(real, generated)
        ]
    )
    return DensityCoverage(float(held.sum() / (neighbors * len(generated))), float((held > 0).mean()))


def squared_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns (A, B) squared distances between rows of float64 (A, D) and (B, D); exactly 0 for equal rows."""
    lengths = _squared_lengths(first)[:, None] + _squared_lengths(second)
    squares = lengths - (2 * first) @ second.T
    squares[squares < ROUNDING * lengths] = 0
    return squares


def _squared_lengths(rows):
    # Unlike the sum of squares, it makes no copy of the rows.
    return np.einsum("ij,ij->i", rows, rows)


def _prepare(real, generated, neighbors, least_generated):
    """Both sets, checked, and moved to where rounding is least."""
    if neighbors < 1:
        raise UsageError(f"{neighbors} neighbors: there must be 1 or more")
    real = as_features(real, "features of real images", neighbors + 1)
    generated = as_features(generated, "features of generated images", least_generated)
    check_lengths(real.shape[1], generated.shape[1])
    middle = real.mean(axis=0)
    return real - middle, generated - middle


def _squares_of_blocks(first, second) -> Iterator[tuple[slice, np.ndarray]]:
    """(rows of the first set, their squared distances to all of the second), block by block."""
    for start in range(0, len(first), ROWS):
        rows = slice(start, start + ROWS)
        yield rows, squared_distances(first[rows], second)


def _radii(features, neighbors):
    """(N,) squared distances to the k-th nearest neighbor; an image's distance to itself, 0, is the first of all."""
    radii = np.empty(len(features))
    for rows, squares in _squares_of_blocks(features, features):
        radii[rows] = np.partition(squares, neighbors, axis=1)[:, neighbors]
    return radii
