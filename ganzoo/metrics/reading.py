"""A reader tells classes from features: linear discriminant analysis. NumPy alone, and always the same."""

import dataclasses

import numpy as np

from ganzoo.errors import UsageError

SHRINKAGE = 0.01
"""The share of the covariance that is replaced by its mean diagonal, for features may be more than examples."""


@dataclasses.dataclass(frozen=True, eq=False)
class Reader:
    """Tells the class of features, (N, D)."""

    kernel: np.ndarray
    """(D, classes)."""
    bias: np.ndarray
    """(classes,)."""

    def read(self, features: np.ndarray) -> np.ndarray:
        """Returns the number of the class that each row is taken for, int (N,)."""
        return (features @ self.kernel + self.bias).argmax(axis=1)


def learn(features: np.ndarray, labels: np.ndarray, classes: int) -> Reader:
    """Returns a reader by which each example is of the class whose normal distribution it is most likely of.

    All have one covariance, and are as frequent (Hastie, Tibshirani and Friedman 2009, section 4.3).

    Args:
        features: float (N, D).
        labels: the class of each, whole numbers from 0, (N,).
        classes: how many there are; one without examples is never read.

    Raises:
        UsageError: when there is no example.
    """
    if not len(labels):
        raise UsageError("no examples to learn to read from; give at least one of each class")
    features = features.astype(np.float64)
    counts = np.bincount(labels, minlength=classes)
    means = np.stack(
        [features[labels == number].mean(axis=0) if counts[number] else 0 * features[0] for number in range(classes)]
    )
    apart = features - means[labels]
    covariance = apart.T @ apart / len(labels)
    usual = max(np.trace(covariance) / len(covariance), 1e-12)
    covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * usual * np.eye(len(covariance))
    kernel = np.linalg.solve(covariance, means.T)
    bias = -0.5 * np.sum(means.T * kernel, axis=0)
    return Reader(kernel, np.where(counts > 0, bias, -np.inf))
