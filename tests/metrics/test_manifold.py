"""The four metrics of manifolds, against numbers worked out by hand, the package prdc and torch-fidelity."""

import tracemalloc

import numpy as np
import pytest

from ganzoo.errors import RunError, UsageError
from ganzoo.metrics.manifold import density_coverage, precision_recall
from scripts.metric_references import features


def column(*values):
    return np.array(values, float)[:, None]


REAL = column(0, 1, 2, 10, 13)
"""The balls of the nearest neighbor reach as far as 1, 1, 1, 3, 3."""
GENERATED = column(0.5, 7.5, -20, -21)
"""7, 7, 1, 1."""


def test_points_on_a_line_worked_by_hand():
    # 0.5 is near 0 and 1, 7.5 near 10, and the others near none; 0.5 and 7.5 reach far enough for all real ones.
    assert precision_recall(REAL, GENERATED, neighbors=1) == (1 / 2, 1)
    assert precision_recall(GENERATED, REAL, neighbors=1) == (1, 1 / 2)
    # Three balls of real points hold one generated point each; there are four generated and five real ones.
    assert density_coverage(REAL, GENERATED, neighbors=1) == (3 / 4, 3 / 5)


@pytest.mark.parametrize(
    ("neighbors", "precision", "recall", "density", "coverage"),
    [
        (1, 0.6346153846153846, 0.52, 1.1323076923076922, 0.56),
        (3, 0.8876923076923077, 0.7875, 1.1374358974358973, 0.9083333333333333),
        (5, 0.9569230769230769, 0.87, 1.142153846153846, 0.9791666666666666),
    ],
)
def test_they_agree_with_prdc(neighbors, precision, recall, density, coverage):
    # Printed by scripts/metric_references.py.
    generated, real = features()
    assert precision_recall(real, generated, neighbors) == pytest.approx((precision, recall), rel=1e-12)
    assert density_coverage(real, generated, neighbors) == pytest.approx((density, coverage), rel=1e-12)


def test_precision_and_recall_equal_those_of_torch_fidelity():
    # Printed by scripts/metric_references.py; single precision there.
    generated, real = features()
    expected = (0.8876923322677612, 0.7875000238418579)
    assert precision_recall(real, generated) == pytest.approx(expected, rel=1e-6)


def test_they_hold_far_from_zero():
    # In float32, or by squares of what was not centerd, distances of about 1 would be lost at 10^7.
    real, generated = (np.random.default_rng(seed).integers(-99, 99, (600, 6)) / 64 for seed in (1, 2))
    expected = precision_recall(real, generated), density_coverage(real, generated)
    assert (precision_recall(real + 1e7, generated + 1e7), density_coverage(real + 1e7, generated + 1e7)) == expected


def test_the_edge_of_a_ball_is_inside_for_precision_and_outside_for_density():
    real, generated = column(0, 1, 5, 6), column(2, 20)
    assert precision_recall(real, generated, neighbors=1).precision == 1 / 2
    assert density_coverage(real, generated, neighbors=1) == (0, 0)


def test_equal_sets_are_alike_in_all_four():
    real = np.random.default_rng(0).normal(size=(700, 50))
    shuffled = np.random.default_rng(1).permutation(real)
    assert precision_recall(real, shuffled) == (1, 1)
    assert density_coverage(real, shuffled) == (1, 1)


def test_copies_of_images_that_are_there_many_times_count():
    # Their balls have no extent, and rounding must neither give them any nor leave the copies outside.
    real = np.random.default_rng(0).normal(10, 1, (60, 50))
    assert precision_recall(np.repeat(real, 6, axis=0), np.tile(real, (6, 1))) == (1, 1)
    assert density_coverage(np.repeat(real, 6, axis=0), real) == (6 / 5, 1)
    assert density_coverage(np.repeat(real, 6, axis=0), real * 1.001) == (0, 0)


def test_memory_does_not_hold_all_distances():
    real, generated = np.random.default_rng(0).normal(size=(2, 3500, 3))
    tracemalloc.start()
    precision_recall(real, generated)
    density_coverage(real, generated)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3500 * 3500 * 8 / 2


@pytest.mark.parametrize("metric", [precision_recall, density_coverage])
def test_sets_that_can_not_be_compared_give_no_number(metric):
    with pytest.raises(UsageError, match="real images: 5 rows, where 6 or more"):
        metric(REAL, GENERATED, neighbors=5)
    with pytest.raises(UsageError, match="generated images: 0 rows"):
        metric(REAL, GENERATED[:0], neighbors=1)
    with pytest.raises(UsageError, match="lengths 1 and 2"):
        metric(REAL, np.ones((9, 2)), neighbors=1)
    with pytest.raises(UsageError, match="0 neighbors"):
        metric(REAL, GENERATED, neighbors=0)
    with pytest.raises(RunError, match="generated images: 4 of 4 rows .* not finite"):
        metric(REAL, GENERATED * np.inf, neighbors=1)


def test_recall_needs_as_many_generated_images_as_precision_needs_real_ones():
    with pytest.raises(UsageError, match="generated images: 4 rows, where 5 or more"):
        precision_recall(REAL, GENERATED, neighbors=4)
