"""The distribution metrics of features of which all is known."""

import dataclasses

import numpy as np
import pytest

from ganzoo.evaluation import distribution
from ganzoo.evaluation.results import Column, Result
from ganzoo.metrics import Features, Statistics, kernel_distance
from ganzoo.metrics.networks import FeatureNetwork

NETWORK = FeatureNetwork("four", "FD-four", "KD-four", 4, "0" * 64, "as they are", None, None)
COLUMN = Column("samples", "real ones")


def features(values) -> Features:
    values = np.asarray(values, "float32")
    halves = tuple(Statistics.of(values[parity::2]) for parity in (0, 1))
    return Features(halves[0].plus(halves[1]), halves, values)


def cloud(count: int, seed: int, shift: float = 0.0, length: int = 4) -> Features:
    return features(np.random.default_rng(seed).normal(shift, 1, (count, length)))


def compared(real, made, network=NETWORK) -> dict:
    found = list(distribution.compare(network, real, made, COLUMN))
    return {one.key if isinstance(one, Result) else one.metric: one for one in found}


def test_samples_of_one_of_two_kinds_are_precise_and_do_not_cover():
    one, other = (np.random.default_rng(seed).normal(50 * seed, 1, (200, 4)) for seed in (1, 2))
    found = compared(features(np.concatenate([one, other])), features(np.random.default_rng(3).permutation(one)))
    assert found["precision"].value == 1 and found["recall"].value == 0.5
    assert found["density"].value == pytest.approx(1, abs=0.1) and found["coverage"].value == 0.5
    assert (found["recall"].images, found["recall"].real_images) == (200, 400)


def test_errors_of_the_kernel_distance_are_those_of_the_images_and_of_the_subsets():
    real, made = cloud(60, 1), cloud(50, 2, 0.5)
    expected = kernel_distance(real.kept, made.kept, size=25)
    found = compared(real, made)["kd_four"]
    assert (found.value, found.standard_error) == (expected.value, expected.sampling_error)
    assert found.subset_error == expected.deviation / 10 < found.standard_error


def test_an_fid_of_fewer_images_than_features_is_not_given():
    fid = dataclasses.replace(NETWORK, name="inception", frechet_name="FID", kernel_name="KID", length=64)
    found = compared(cloud(100, 1, length=64), cloud(63, 2, length=64), fid)
    assert "fid" not in found and "63 images are fewer than the 64 features" in found["FID"].reason
    assert found["kid"].images == 63
    assert "fid" in compared(cloud(100, 1, length=64), cloud(64, 2, length=64), fid)


def judged(real, made, usual=None, network=NETWORK):
    return distribution.with_bias(compared(real, made, network)["fd_four"], network, real, made, usual)


def test_other_real_images_tell_the_bias():
    real, made, usual = cloud(30, 1), cloud(30, 2, 1.0), cloud(30, 3)
    found = judged(real, made, usual)
    assert found.bias == compared(real, usual)["fd_four"].value > 0
    assert "30 other real images, which should be at 0, are at" in found.warning


def test_without_other_real_images_the_halves_of_these_tell_it_where_images_are_few():
    network = dataclasses.replace(NETWORK, length=40)
    real, made = cloud(30, 1, length=40), cloud(30, 2, 20.0, length=40)
    found = judged(real, made, network=network)
    # The distance is 16,000, so that the bias is no twentieth of it; but it is not known well enough to be silent.
    assert found.value > 20 * found.bias > 0 and "half of the real ones" in found.warning


def test_with_many_images_the_bias_is_what_halving_them_adds():
    network = dataclasses.replace(NETWORK, length=40)
    far = judged(cloud(700, 1, length=40), cloud(700, 2, 1.0, length=40), network=network)
    assert 0 < far.bias < far.value / 20 and far.warning is None
    # Of one distribution, it is all of the distance.
    near = judged(cloud(700, 1, length=40), cloud(700, 2, length=40), network=network)
    assert near.bias == pytest.approx(near.value, rel=0.2) and "by its fall from half as many" in near.warning


def test_equal_sets_are_at_nothing_without_a_warning_of_rounding():
    same = cloud(400, 1)
    found = judged(same, same, same)
    assert found.value == pytest.approx(0, abs=1e-6) and found.warning is None


def test_few_images_are_warned_of_also_where_nothing_tells_how_biased_they_are():
    network = dataclasses.replace(NETWORK, length=40)
    for real, made in ((3, 3), (200, 20)):
        found = judged(cloud(real, 1, length=40), cloud(made, 2, length=40), network=network)
        assert found.bias is None and "few for 40 features. Compare it" in found.warning


def test_far_fewer_real_images_than_were_made_are_no_measure_of_bias():
    network = dataclasses.replace(NETWORK, length=40)
    found = judged(cloud(30, 1, length=40), cloud(100, 2, length=40), cloud(20, 3, length=40), network)
    assert found.bias != compared(cloud(30, 1, length=40), cloud(20, 3, length=40), network)["fd_four"].value
    assert "half of the real ones" in found.warning
