"""The Fréchet distance, against closed forms, scipy and torch-fidelity."""

import numpy as np
import pytest
import scipy.linalg

from ganzoo.errors import UsageError
from ganzoo.metrics.frechet import frechet_distance
from ganzoo.metrics.statistics import Statistics
from scripts.metric_references import features


def gaussian(mean, covariance, count=100):
    """The statistics of a set with that mean and that covariance."""
    return Statistics(count, np.asarray(mean, float), np.asarray(covariance, float) * (count - 1))


def rotation(length, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(length, length)))[0]


def skewed(count, length, seed):
    """Features whose variances span seven orders of magnitude."""
    random = np.random.default_rng(seed)
    mixing = rotation(length) * np.exp(-np.arange(length) / length * 8)[:, None]
    return np.square(random.normal(seed / 10, 1, (count, length))) @ mixing


def test_in_one_dimension_it_is_the_differences_of_means_and_deviations_squared():
    assert frechet_distance(gaussian([1], [[4]]), gaussian([-2], [[25]])) == pytest.approx(3**2 + 3**2, rel=1e-14)


def test_where_covariances_commute_deviations_are_compared_axis_by_axis():
    turned, random = rotation(40), np.random.default_rng(1)
    variances, others = random.uniform(0.1, 5, 40), random.uniform(0.1, 5, 40)
    first = gaussian(np.zeros(40), turned * variances @ turned.T)
    second = gaussian(np.full(40, 0.5), turned * others @ turned.T, count=17)
    expected = 40 * 0.5**2 + np.square(np.sqrt(variances) - np.sqrt(others)).sum()
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-12)
    assert frechet_distance(second, first) == pytest.approx(expected, rel=1e-12)


def test_where_they_do_not_commute_it_is_that_of_the_root_of_the_product():
    # The root of a 2 x 2 matrix has the trace sqrt(Tr + 2 sqrt(det)); here Tr 10 and det 3 * 4.
    first, second = gaussian([0, 0], [[2, 1], [1, 2]]), gaussian([0, 3], [[1, 0], [0, 4]])
    expected = 9 + 4 + 5 - 2 * np.sqrt(10 + 2 * np.sqrt(12))
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-14)


def test_it_agrees_with_the_square_root_of_scipy():
    first, second = (np.random.default_rng(seed).normal(size=(900, 60)) @ np.diag(np.arange(1, 61)) for seed in (1, 2))
    first, second = Statistics.of(first @ rotation(60, 1)), Statistics.of(second + 0.5)
    root = scipy.linalg.sqrtm(first.covariance @ second.covariance).real
    expected = np.square(first.mean - second.mean).sum() + np.trace(first.covariance + second.covariance - 2 * root)
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("count", "other_count"), [(2, 2), (30, 40), (30, 900), (128, 129)])
def test_fewer_images_than_features_cost_no_digits(count, other_count):
    # The roots of rounded zeros, of which there are a hundred, would cost all but six.
    first, second = skewed(count, 128, 1), skewed(other_count, 128, 2)
    centred = first - first.mean(axis=0), second - second.mean(axis=0)
    # With centred features X and Y, Tr (C1 C2)^½ is the sum of the singular values of X Yᵀ over the roots of N - 1.
    shared = np.linalg.svd(centred[0] @ centred[1].T, compute_uv=False).sum()
    expected = (
        np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
        + np.square(centred[0]).sum() / (count - 1)
        + np.square(centred[1]).sum() / (other_count - 1)
        - 2 * shared / np.sqrt((count - 1) * (other_count - 1))
    )
    assert frechet_distance(Statistics.of(first), Statistics.of(second)) == pytest.approx(expected, rel=1e-12)


def test_sets_that_vary_in_different_directions_share_nothing():
    first, second = gaussian(np.zeros(4), np.diag([1, 2, 0, 0])), gaussian(np.ones(4), np.diag([0, 0, 3, 4]))
    assert frechet_distance(first, second) == pytest.approx(4 + 3 + 7, rel=1e-14)


def test_sets_of_one_image_over_and_over_are_as_far_apart_as_the_images():
    first, second = Statistics.of(np.full((5, 3), 1.0)), Statistics.of(np.full((7, 3), 3.0))
    assert frechet_distance(first, second) == pytest.approx(12, rel=1e-14)
    assert frechet_distance(first, gaussian(np.ones(3), np.eye(3))) == pytest.approx(3, rel=1e-14)


@pytest.mark.parametrize("count", [20, 500])
def test_equal_sets_are_at_zero_and_never_below(count):
    statistics = Statistics.of(skewed(count, 128, 1))
    assert 0 <= frechet_distance(statistics, statistics) < 1e-12 * np.trace(statistics.covariance)


def test_it_equals_that_of_torch_fidelity():
    # Printed by scripts/metric_references.py.
    generated, real = (Statistics.of(some) for some in features())
    assert frechet_distance(generated, real) == pytest.approx(1.9207835842858856, rel=1e-9)


def test_sets_that_can_not_be_compared_give_no_number():
    with pytest.raises(UsageError, match="lengths 3 and 4"):
        frechet_distance(Statistics.of(np.eye(3)), Statistics.of(np.eye(4)))
    with pytest.raises(UsageError, match="features of 1 images"):
        frechet_distance(Statistics.of(np.eye(3)), Statistics.of(np.ones((1, 3))))
