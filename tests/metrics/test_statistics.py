"""Means and covariances, against numbers worked out by hand and those of small integers."""

import numpy as np
import pytest

from ganzoo.errors import RunError, UsageError
from ganzoo.metrics.statistics import Statistics


def in_pieces(features, *ends):
    statistics = Statistics.empty(features.shape[1])
    for piece in np.split(features, ends):
        statistics = statistics.plus(Statistics.of(piece))
    return statistics


def test_the_covariance_is_unbiased():
    # Mean (1, 1); deviations (-1, -1), (1, -1), (0, 2).
    statistics = Statistics.of(np.array([[0, 0], [2, 0], [1, 3]], "uint8"))
    assert statistics.count == 3
    np.testing.assert_allclose(statistics.mean, [1, 1])
    np.testing.assert_allclose(statistics.scatter, [[2, 0], [0, 6]], atol=1e-15)
    np.testing.assert_allclose(statistics.covariance, [[1, 0], [0, 3]], atol=1e-15)


@pytest.mark.parametrize("ends", [(), (100,), (1, 2, 400), (0, 250, 250, 500)])
def test_pieces_come_to_the_same_as_all_at_once_far_from_zero(ends):
    # E[x²] - E[x]² would be off by more than 1 here: 10^16 has no digits left after the point.
    small = np.random.default_rng(0).integers(-5, 6, (500, 7)).astype(float)
    statistics = in_pieces(small + 1e8, *ends)
    assert statistics.count == 500
    np.testing.assert_allclose(statistics.mean, small.mean(axis=0) + 1e8, rtol=1e-15)
    np.testing.assert_allclose(statistics.covariance, np.cov(small, rowvar=False), rtol=1e-6, atol=1e-6)


def test_pieces_that_differ_from_each_other_are_more_than_the_sum_of_their_scatter():
    features = np.concatenate([np.random.default_rng(seed).normal(seed, 1, (50, 3)) for seed in range(4)])
    statistics = in_pieces(features, 50, 100, 150)
    np.testing.assert_allclose(statistics.covariance, np.cov(features, rowvar=False), rtol=1e-12)


def test_single_precision_features_are_summed_in_double():
    # The mean of float32 would be off by about 0.001 at 10,000, and the variance of 10^-6 lost.
    features = np.full((3000, 2), 10_000, "float32")
    features[::2] += np.float32(0.001953125)
    statistics = Statistics.of(features)
    np.testing.assert_allclose(statistics.mean, 10_000 + 0.001953125 / 2, rtol=1e-15)
    np.testing.assert_allclose(statistics.covariance, 0.001953125**2 / 4 * 3000 / 2999, rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_features_that_are_no_numbers_give_none(bad):
    features = np.zeros((5, 3))
    features[1, 2] = bad
    with pytest.raises(RunError, match="1 of 5 rows .* not finite"):
        Statistics.of(features)


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4), (3, 0)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(UsageError, match="must be .N, D."):
        Statistics.of(np.zeros(shape))


def test_different_lengths_are_not_added():
    with pytest.raises(UsageError, match="lengths 3 and 4 .* same feature network"):
        Statistics.empty(3).plus(Statistics.empty(4))


@pytest.mark.parametrize("count", [0, 1])
def test_there_is_no_covariance_of_fewer_than_two(count):
    with pytest.raises(UsageError, match=f"{count} images: .*2 or more"):
        _ = Statistics.of(np.zeros((count, 3))).covariance
