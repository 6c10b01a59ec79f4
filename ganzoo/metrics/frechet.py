"""The Fréchet distance between two sets of features, as Gaussians (Dowson and Landau 1982; Heusel et al. 2017)."""

import numpy as np

from ganzoo.metrics.statistics import Statistics, check_lengths


def frechet_distance(first: Statistics, second: Statistics) -> float:
    """Returns |m1 - m2|² + Tr(C1 + C2 - 2 (C1 C2)^½): in squared units of the features, 0 for equal statistics.

    On features of the 2015 Inception network this is the FID. With N images it is too large by a term that falls as
    1 / N, so that only distances at the same N compare.

    The trace of the root is the sum of the singular values of C1^½ C2^½ (its nuclear norm), found from symmetric
    eigendecompositions: it holds for singular covariances too, as those of fewer images than features are, where the
    root of the product itself is lost in rounding.

    Raises:
        UsageError: when the features have different lengths, or a set holds fewer than two.
    """
    check_lengths(len(first.mean), len(second.mean))
    means = np.square(first.mean - second.mean).sum()
    total = np.trace(first.covariance) + np.trace(second.covariance)
    shared = np.linalg.svd(first.factor.T @ second.factor, compute_uv=False).sum()
    # Rounding may leave equal statistics a hair below 0.
    return max(0.0, float(means + total - 2 * shared))
