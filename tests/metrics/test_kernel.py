"""The kernel distance, against numbers worked out by hand and torch-fidelity."""

import numpy as np
import pytest

from ganzoo.errors import RunError, UsageError
from ganzoo.metrics.kernel import kernel_distance
from scripts.metric_references import features


def clouds(*counts, length=8, shift=0.3):
    return [
        np.random.default_rng(seed).normal(shift * seed, 1, (count, length)) for seed, count in enumerate(counts, 1)
    ]


def test_three_points_worked_by_hand():
    # (xy + 1)³. Pairs of 0, 1, 2: 1, 1, 27, mean 29/3. Of 0, 1, -1: 1, 1, 0, mean 2/3. The nine across: 3 + 9 + 27.
    distance = kernel_distance([[0], [1], [2]], [[0], [1], [-1]])
    assert distance.value == pytest.approx(29 / 3 + 2 / 3 - 2 * 13 / 3, rel=1e-14)
    assert distance.size == 3


def test_the_mean_and_both_deviations_are_over_the_subsets():
    first, second = clouds(50, 70)
    random, values = np.random.RandomState(5), []
    for _ in range(7):
        x, y = (some[random.choice(len(some), 20, replace=False)] for some in (first, second))
        pairs = [(i, j) for i in range(20) for j in range(20)]
        within = [[(np.dot(s[i], s[j]) / 8 + 1) ** 3 for i, j in pairs if i != j] for s in (x, y)]
        across = [(np.dot(x[i], y[j]) / 8 + 1) ** 3 for i, j in pairs]
        values.append(np.mean(within[0]) + np.mean(within[1]) - 2 * np.mean(across))
    distance = kernel_distance(first, second, subsets=7, size=20, seed=5)
    assert distance.value == pytest.approx(np.mean(values), rel=1e-12)
    assert distance.deviation == pytest.approx(np.std(values), rel=1e-12)
    assert distance.standard_error == pytest.approx(np.std(values) / 7**0.5, rel=1e-12)


def test_it_equals_that_of_torch_fidelity():
    # Printed by scripts/metric_references.py.
    distance = kernel_distance(*features(), subsets=10)
    assert distance.value == pytest.approx(2.0984811869030935, rel=1e-9)
    assert distance.deviation == pytest.approx(0.3307864362360396, rel=1e-9)
    assert distance.size == 1000


def test_by_default_subsets_are_drawn_as_torch_fidelity_does_by_default():
    first, second = clouds(30, 50)
    as_there = kernel_distance(first, second, subsets=100, size=1000, seed=2020)
    assert kernel_distance(first, second).value == as_there.value


def test_sets_of_one_kind_are_at_zero_on_average_however_small():
    # A biased estimate counts the diagonals: a tenth of each mean, 11.5 there and 1.75 elsewhere, so 1.95 too much.
    random = np.random.default_rng(0)
    values = [kernel_distance(*random.normal(size=(2, 10, 4))).value for _ in range(500)]
    assert abs(np.mean(values)) < 3 * np.std(values) / 500**0.5 < 0.2


def test_the_sampling_error_is_how_much_the_distance_differs_with_other_images():
    # The error of the draw alone is six times too small here.
    random, found = np.random.default_rng(0), []
    for _ in range(100):
        first, second = random.normal(size=(60, 4)), random.normal(0.5, 1, (60, 4))
        found.append(kernel_distance(first, second, subsets=30, size=30))
    assert np.mean([one.sampling_error for one in found]) == pytest.approx(
        np.std([one.value for one in found]), rel=0.25
    )


def test_the_draw_is_a_function_of_the_seed():
    first, second = clouds(50, 60)
    one, same, other = (kernel_distance(first, second, size=20, seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert one.value != other.value


def test_single_precision_features_are_compared_in_double():
    first, second = (some.astype("float32") for some in clouds(40, 50, shift=3))
    exact = kernel_distance(first.astype(float), second.astype(float), size=20)
    assert kernel_distance(first, second, size=20).value == pytest.approx(exact.value, rel=1e-12)


def test_subsets_are_as_small_as_the_smaller_set():
    assert kernel_distance(*clouds(30, 50)).size == 30
    assert kernel_distance(*clouds(50, 30)).size == 30


def test_where_every_subset_is_the_whole_no_certainty_is_claimed():
    distance = kernel_distance(*clouds(30, 30))
    assert distance.deviation == 0
    assert np.isnan(distance.standard_error)
    assert np.isnan(distance.sampling_error)
    assert np.isnan(kernel_distance(*clouds(30, 50)).sampling_error)


def test_sets_that_can_not_be_compared_give_no_number():
    first, second = clouds(30, 30)
    with pytest.raises(UsageError, match="first features: 1 rows, where 2"):
        kernel_distance(first[:1], second)
    with pytest.raises(UsageError, match="lengths 8 and 7"):
        kernel_distance(first, second[:, :7])
    with pytest.raises(RunError, match="second features: 30 of 30 rows .* not finite"):
        kernel_distance(first, second * np.nan)
    for subsets, size in ((0, 10), (10, 1)):
        with pytest.raises(UsageError, match=f"{subsets} subsets of {size}"):
            kernel_distance(first, second, subsets, size)
