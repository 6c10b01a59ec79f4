"""How near is near enough: PSNR, floors, and the ranges of 8 bits."""

import numpy as np
import pytest

from ganzoo.errors import RunError
from ganzoo.exporting import calibrate, proof
from ganzoo.lite import card
from ganzoo.lite.network import Network


def interface(dtype="float32"):
    pixels = (
        {"dtype": "uint8", "mean": 0.0, "std": 1.0}
        if dtype == "uint8"
        else {"dtype": "float32", "mean": 127.5, "std": 127.5}
    )
    tensor = card.Tensor("image", "image", (1, 2, 2, 3), **pixels)
    return card.Interface("serving_default", (tensor,), (tensor,))


def test_psnr_has_a_peak_of_2_and_a_finite_value_for_equal_pictures():
    image = np.zeros((4, 4, 3), "float32")
    # 10 log10(2^2 / 0.1^2)
    assert proof.decibels("psnr", image + 0.1, image) == pytest.approx(26.0206, abs=1e-3)
    assert proof.decibels("psnr", image, image) == proof.EQUAL == 200.0


def network(run, dtype="float32"):
    return Network("x.tflite", interface(dtype), run)


def measure(run, inputs, expected, *, floors=None, allowed=None, dtype="float32"):
    return proof.measure(network(run, dtype), {"image": inputs}, expected, "none", floors or {}, allowed)


def test_the_mean_is_of_the_decibels_of_each_picture_and_the_worst_is_the_worst():
    inputs = np.zeros((2, 2, 2, 3), "uint8")
    expected = np.full((2, 2, 2, 3), -1.0, "float32")
    errors = iter([0.1, 0.001])
    quality = measure(lambda batch: batch + next(errors), inputs, expected, floors={"none": 46.0})
    assert quality.mean == pytest.approx((26.0206 + 66.0206) / 2, abs=1e-3)
    assert quality.worst == pytest.approx(26.0206, abs=1e-3)
    assert quality.largest_difference == pytest.approx(0.1, abs=1e-6)
    assert quality.passed
    # What cards of pictures have always had.
    document = quality.document()
    assert document.pop("metric") == "psnr"
    assert document == {
        "examples": 2,
        "psnr_mean": 46.02,
        "psnr_worst": 26.02,
        "largest_difference": pytest.approx(0.1, abs=1e-6),
        "floor": 46.0,
        "passed": True,
        "allowed_below": None,
    }


@pytest.mark.parametrize(("allowed", "enough"), [(None, False), (45.0, False), (35.0, True)])
def test_below_the_floor_it_is_enough_only_where_that_was_allowed(allowed, enough):
    inputs, expected = np.zeros((1, 2, 2, 3), "uint8"), np.full((1, 2, 2, 3), -1.0, "float32")
    quality = measure(lambda batch: batch + 0.02, inputs, expected, floors={"none": 45.0}, allowed=allowed)
    assert quality.mean == pytest.approx(40.0, abs=1e-2)
    assert not quality.passed
    assert quality.is_enough == enough


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize(("painted", "wanted"), [(np.nan, 0.0), (0.0, np.nan), (np.inf, 0.0)])
def test_what_is_no_number_is_never_enough(painted, wanted, dtype):
    inputs, expected = np.zeros((1, 2, 2, 3), "uint8"), np.full((1, 2, 2, 3), wanted, "float32")
    with pytest.raises(RunError, match="x.tflite: .*no numbers"):
        measure(lambda batch: batch + painted, inputs, expected, allowed=0.0, dtype=dtype)


def test_rounding_to_8_bits_alone_never_falls_below_the_floor_of_8_bits():
    # The worst that rounding can do: every value half way between two.
    expected = np.full((1, 2, 2, 3), 100.5 / 127.5 - 1.0, "float32")
    quality = measure(lambda batch: batch, np.full((1, 2, 2, 3), 100, "uint8"), expected, dtype="uint8")
    assert quality.passed
    assert quality.mean == pytest.approx(54.15, abs=0.01)
    assert proof.floor_of("int8", interface("uint8"), {"int8": 40.0}) == 40.0


def test_the_floors_are_those_that_users_are_promised():
    floors = {name: proof.floor_of(name, interface(), {}) for name in proof.FLOORS}
    assert floors == {"none": 100, "float16": 75, "dynamic": 48, "int8": 45, "int16x8": 48}
    signals = {name: proof.floor_of(name, of_classes(), {}) for name in proof.FLOORS}
    assert signals == {"none": 80, "float16": 55, "dynamic": 25, "int8": 20, "int16x8": 25}


def of_classes():
    taken = card.Tensor("latents", "latents", (1, 3), "float32")
    return card.Interface("serving_default", (taken,), (card.Tensor("classes", "classes", (1, 3), "float32"),))


def answers(found, wanted, precision="dynamic", allowed=None):
    """The quality of a classifier that gives its inputs back."""
    file = Network("x.tflite", of_classes(), lambda batch: batch)
    found, wanted = (np.asarray(values, "float32") for values in (found, wanted))
    return proof.measure(file, {"latents": found}, wanted, precision, {}, allowed)


def test_a_signal_is_measured_by_its_own_power_and_silence_by_nothing():
    # 10 log10((3^2 + 4^2) / (0.3^2 + 0.4^2))
    assert proof.decibels("snr", np.array([3.3, 4.4]), np.array([3.0, 4.0])) == pytest.approx(20.0)
    assert proof.decibels("snr", np.ones(3), np.ones(3)) == proof.EQUAL
    assert proof.decibels("snr", np.zeros(3), np.zeros(3)) == proof.EQUAL
    assert proof.decibels("snr", np.ones(3), np.zeros(3)) == -proof.EQUAL


def test_a_classifier_that_finds_other_classes_fails_however_near_its_logits_are():
    wanted = np.array([[1.0, 0.999, 0.0]] * 50)
    found = wanted.copy()
    found[0, :2] = 0.999, 1.0
    quality = answers(found, wanted)
    assert (quality.mean > 50, quality.agreement, quality.passed) == (True, 0.98, True)
    assert not answers(found, wanted, "float16").passed
    found[1, :2] = 0.999, 1.0
    quality = answers(found, wanted)
    assert (quality.agreement, quality.passed) == (0.96, False)
    assert quality.described() == "96.0% of equal answers where 98% are its floor"
    assert quality.document()["agreement"] == 0.96 and quality.document()["snr_mean"] > 50
    assert quality.largest_difference == pytest.approx(0.001, abs=1e-6)
    assert answers(found, wanted, allowed=20.0).is_enough


def test_logits_that_are_far_off_fail_though_every_class_is_right():
    quality = answers([[2.0, 0.0, 0.0]], [[1.0, 0.0, 0.0]])
    assert (quality.agreement, quality.passed) == (1.0, False)
    assert quality.described() == "0.0 dB where 25 are its floor"


def test_a_range_is_the_one_of_the_least_error():
    random = np.random.default_rng(0)
    uniform = random.uniform(-1, 1, 20_000)
    assert calibrate.least_error(uniform, -1.0, 1.0) == (-1.0, 1.0)
    # The best step for 256 levels is 0.0308 deviations (Jayant and Noll 1984, table 4.2): values beyond 3.9 are cut.
    normal = random.normal(size=200_000)
    low, high = calibrate.least_error(normal, normal.min(), normal.max())
    assert high - low == pytest.approx(255 * 0.0308, rel=0.02)
    # With heavier tails, of deviation 2^0.5, at 9.9 (Banner et al. 2019, section 3).
    laplace = random.laplace(size=200_000)
    low, high = calibrate.least_error(laplace, laplace.min(), laplace.max())
    assert high - low == pytest.approx(2 * 9.9, rel=0.06)
    positive = np.maximum(normal, 0.0)
    assert calibrate.least_error(positive, 0.0, positive.max())[0] == 0.0
