"""The mean and covariance of features, gathered piece by piece: memory does not grow with the number of images."""

import dataclasses
import functools

import numpy as np

from ganzoo.errors import RunError, UsageError


@dataclasses.dataclass(frozen=True, eq=False)
class Statistics:
    """Count, mean and scatter of features of length D. Pieces are added with `plus`, in any order.

    statistics = Statistics.empty(length)
    for batch in batches:
        statistics = statistics.plus(Statistics.of(network(batch)))
    """

    count: int
    """The number of rows of features, N."""
    mean: np.ndarray
    """(D,) float64; zeros where there are none."""
    scatter: np.ndarray
    """(D, D) float64: the sum of the outer products of the deviations from the mean."""

    @classmethod
    def empty(cls, length: int) -> "Statistics":
        """Returns the statistics of no features, of length D."""
        return cls(0, np.zeros(length), np.zeros((length, length)))

    @classmethod
    def of(cls, features: np.ndarray) -> "Statistics":
        """Returns the statistics of features (N, D) of any real dtype; N may be 0.

        Raises:
            UsageError: when they have another shape.
            RunError: when they hold values that are not finite.
        """
        features = as_features(features, "features")
        if not len(features):
            return cls.empty(features.shape[1])
        mean = features.mean(axis=0)
        deviations = features - mean
        return cls(len(features), mean, deviations.T @ deviations)

    def plus(self, other: "Statistics") -> "Statistics":
        """Adds another set's (Chan, Golub and LeVeque 1983): exact whatever the mean, unlike E[x²] - E[x]².

        Raises:
            UsageError: when their features have different lengths.
        """
        check_lengths(len(self.mean), len(other.mean))
        count = self.count + other.count
        if not count:
            return self
        apart = other.mean - self.mean
        mean = self.mean + apart * (other.count / count)
        scatter = self.scatter + other.scatter
        scatter += np.outer(apart * (self.count * other.count / count), apart)
        return Statistics(count, mean, scatter)

    @property
    def covariance(self) -> np.ndarray:
        """(D, D) float64, unbiased: the scatter over N - 1.

        Raises:
            UsageError: when there are fewer than two rows of features.
        """
        if self.count < 2:
            raise UsageError(f"features of {self.count} images: a covariance takes 2 or more; give more images")
        return self.scatter / (self.count - 1)

    @functools.cached_property
    def factor(self) -> np.ndarray:
        """F (D, R), float64 of full column rank R, with F Fᵀ the covariance. Raises as `covariance`."""
        values, vectors = np.linalg.eigh(self.covariance)
        # What is below is rounding of 0, whose root would be no rounding any more.
        kept = values > len(values) * np.finfo(np.float64).eps * values[-1]
        return vectors[:, kept] * np.sqrt(values[kept])


def as_features(features: np.ndarray, name: str, least: int = 0) -> np.ndarray:
    """Features (N, D) as float64, or an error.

    Args:
        name: what errors call them.
        least: the smallest N that will do.

    Raises:
        UsageError: when they have another shape, or there are too few.
        RunError: when they hold values that are not finite.
    """
    features = np.asarray(features, np.float64)
    if features.ndim != 2 or not features.shape[1]:
        raise UsageError(f"{name}: an array of shape {features.shape}; it must be (N, D), a row for each image")
    if len(features) < least:
        raise UsageError(f"{name}: {len(features)} rows, where {least} or more are needed; give more images")
    broken = np.count_nonzero(~np.isfinite(features).all(axis=1))
    if broken:
        raise RunError(
            f"{name}: {broken} of {len(features)} rows hold values that are not finite; check the images, which may be "
            "no numbers themselves, and the feature network"
        )
    return features


def check_lengths(first: int, second: int) -> None:
    """Raises a UsageError when two sets of features have different lengths."""
    if first != second:
        raise UsageError(
            f"features of lengths {first} and {second} can't be compared; take both from the same feature network"
        )
