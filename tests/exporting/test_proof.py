"""How near is near enough: PSNR, floors, and the ranges of 8 bits."""

import numpy as np
import pytest

from ganzoo.errors import RunError
from ganzoo.exporting import calibration, proof
from ganzoo.lite import card


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
    assert proof.psnr(image + 0.1, image) == pytest.approx(26.0206, abs=1e-3)
    assert proof.psnr(image, image) == proof.EQUAL == 200.0


def test_the_mean_is_of_the_decibels_of_each_picture_and_the_worst_is_the_worst():
    inputs = np.zeros((2, 2, 2, 3), "uint8")
    expected = np.full((2, 2, 2, 3), -1.0, "float32")
    errors = iter([0.1, 0.001])
    quality = proof.measure("x.tflite", lambda batch: batch + next(errors), interface(), inputs, expected, floor=46.0)
    assert quality.psnr_mean == pytest.approx((26.0206 + 66.0206) / 2, abs=1e-3)
    assert quality.psnr_worst == pytest.approx(26.0206, abs=1e-3)
    assert quality.largest_difference == pytest.approx(0.1, abs=1e-6)
    assert quality.passed


@pytest.mark.parametrize(("allowed", "enough"), [(None, False), (45.0, False), (35.0, True)])
def test_below_the_floor_it_is_enough_only_where_that_was_allowed(allowed, enough):
    inputs, expected = np.zeros((1, 2, 2, 3), "uint8"), np.full((1, 2, 2, 3), -1.0, "float32")
    quality = proof.measure("x.tflite", lambda batch: batch + 0.02, interface(), inputs, expected, 45.0, allowed)
    assert quality.psnr_mean == pytest.approx(40.0, abs=1e-2)
    assert not quality.passed
    assert proof.is_enough(quality) == enough


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize(("painted", "wanted"), [(np.nan, 0.0), (0.0, np.nan), (np.inf, 0.0)])
def test_what_is_no_number_is_never_enough(painted, wanted, dtype):
    inputs, expected = np.zeros((1, 2, 2, 3), "uint8"), np.full((1, 2, 2, 3), wanted, "float32")
    with pytest.raises(RunError, match="x.tflite: .*no numbers"):
        proof.measure("x.tflite", lambda batch: batch + painted, interface(dtype), inputs, expected, 45.0, 0.0)


def test_rounding_to_8_bits_alone_never_falls_below_the_floor_of_8_bits():
    floor = proof.floor_of("none", interface("uint8"), {})
    # The worst that rounding can do: every value half way between two.
    expected = np.full((1, 2, 2, 3), 100.5 / 127.5 - 1.0, "float32")
    quality = proof.measure(
        "x.tflite", lambda batch: batch, interface("uint8"), np.full((1, 2, 2, 3), 100, "uint8"), expected, floor
    )
    assert quality.passed
    assert quality.psnr_mean == pytest.approx(54.15, abs=0.01)
    assert proof.floor_of("int8", interface("uint8"), {"int8": 40.0}) == 40.0


def test_the_floors_are_those_that_users_are_promised():
    floors = {name: proof.floor_of(name, interface(), {}) for name in proof.FLOORS}
    assert floors == {"none": 100, "float16": 75, "dynamic": 48, "int8": 45, "int16x8": 48}


def test_a_range_is_the_one_of_the_least_error():
    random = np.random.default_rng(0)
    uniform = random.uniform(-1, 1, 20_000)
    assert calibration.least_error(uniform, -1.0, 1.0) == (-1.0, 1.0)
    # The best step for 256 levels is 0.0308 deviations (Jayant and Noll 1984, table 4.2): values beyond 3.9 are cut.
    normal = random.normal(size=200_000)
    low, high = calibration.least_error(normal, normal.min(), normal.max())
    assert high - low == pytest.approx(255 * 0.0308, rel=0.02)
    # With heavier tails, of deviation 2^0.5, at 9.9 (Banner et al. 2019, section 3).
    laplace = random.laplace(size=200_000)
    low, high = calibration.least_error(laplace, laplace.min(), laplace.max())
    assert high - low == pytest.approx(2 * 9.9, rel=0.06)
    positive = np.maximum(normal, 0.0)
    assert calibration.least_error(positive, 0.0, positive.max())[0] == 0.0
