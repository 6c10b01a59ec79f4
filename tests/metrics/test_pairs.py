"""PSNR, SSIM and MS-SSIM against numbers by hand, scikit-image, TensorFlow, and the literature on super-resolution."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2ycbcr
from skimage.metrics import structural_similarity

from ganzoo.data.images import read_image
from ganzoo.errors import UsageError
from ganzoo.metrics.pairs import EQUAL, crop_border, luma, ms_ssim, psnr, ssim

BENCHMARKS = Path(os.environ.get("GANZOO_TEST_DATA", Path(__file__).parents[3] / "shared" / "data")) / "sr_test_x4"
"""Set5 and Set14, which are no part of the repository."""


def pair(height, width, channels=3, noise=20, seed=0):
    """A smooth image and the same with noise."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (8, 8, 3), "uint8")).resize((width, height), Image.BICUBIC)
    clean = np.asarray(coarse)[..., :channels]
    noisy = np.clip(clean + random.normal(0, noise, clean.shape), 0, 255)
    return clean, noisy.astype("uint8")


def reference_ssim(first, second, **options):
    return structural_similarity(
        first,
        second,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=-1,
        **options,
    )


def test_psnr_is_that_of_the_mean_error_over_pixels_and_channels():
    black = np.zeros((2, 4, 5, 3), "uint8")
    other = black.copy()
    other[0] += 5
    other[1, ..., 0] += 60  # one channel of three: the mean squared error is 1,200
    expected = [20 * math.log10(255 / 5), 10 * math.log10(255**2 / 1200)]
    np.testing.assert_allclose(psnr(black, other), expected, rtol=1e-12)


def test_equal_images_have_a_psnr_that_json_holds_and_different_ones_never_reach_it():
    black = np.zeros((1500, 1500, 3), "uint8")
    other = black.copy()
    other[7, 7, 0] = 1
    assert json.loads(json.dumps(float(psnr(black, black)), allow_nan=False)) == EQUAL
    assert psnr(black, other) == pytest.approx(10 * math.log10(255**2 * black.size))
    assert psnr(black, other) < EQUAL - 80


@pytest.mark.parametrize("shape", [(11, 11, 3), (17, 40, 1), (64, 33, 3)])
def test_ssim_is_that_of_scikit_image(shape):
    first, second = pair(*shape)
    assert ssim(first, second) == pytest.approx(reference_ssim(first, second), abs=1e-9)
    assert ssim(first, first) == pytest.approx(1, abs=1e-12)


def test_ssim_of_luminance_is_that_of_scikit_image():
    first, second = (luma(image) for image in pair(40, 50))
    assert ssim(first, second) == pytest.approx(reference_ssim(first, second), abs=1e-9)


def halved(image):
    """By Pillow; odd lengths get their last row or column once more."""
    height, width = image.shape[:2]
    even = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="symmetric").astype("float32")
    planes = [np.asarray(Image.fromarray(plane).reduce(2)) for plane in np.moveaxis(even, -1, 0)]
    return np.stack(planes, axis=-1).astype("float64")


@pytest.mark.parametrize("size", [(176, 176), (201, 187)])
def test_ms_ssim_is_five_scales_of_scikit_image(size):
    first, second = pair(*size, noise=60)
    found = ms_ssim(first, second)
    products = np.ones(3)
    for scale, exponent in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        # A huge K1 makes the luminance term 1, and leaves contrast and structure.
        options = {} if scale == 4 else {"K1": 1e6}
        for channel in range(3):
            products[channel] *= reference_ssim(first[..., [channel]], second[..., [channel]], **options) ** exponent
        first, second = halved(first), halved(second)
    assert found == pytest.approx(products.mean(), abs=1e-9)


@pytest.mark.parametrize("size", [(176, 176), (201, 187)])
def test_ms_ssim_is_that_of_tensorflow(size):
    import tensorflow as tf

    first, second = pair(*size, noise=60)
    assert ms_ssim(first, second) == pytest.approx(float(tf.image.ssim_multiscale(first, second, 255)), abs=1e-5)


def test_ms_ssim_of_opposites_is_zero_and_no_nan():
    image = np.random.default_rng(0).integers(0, 256, (176, 180, 1), "uint8")
    assert ms_ssim(image, 255 - image) == 0


@pytest.mark.parametrize("measure", [psnr, ssim, ms_ssim])
def test_a_batch_is_measured_image_by_image(measure):
    pairs = [pair(176, 178, noise=noise, seed=noise) for noise in (5, 20, 60)]
    found = measure(*(np.stack(images) for images in zip(*pairs, strict=True)))
    assert found.dtype == np.float64
    assert found.tolist() == [measure(*images) for images in pairs]
    assert found[0] > found[1] > found[2]


def test_luminance_is_that_of_matlab_and_not_rounded():
    colours = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]]], "uint8")
    np.testing.assert_allclose(luma(colours)[0, :, 0], [16, 235, 81.481, 144.553, 40.966], atol=1e-9)
    images = np.random.default_rng(0).integers(0, 256, (2, 9, 7, 3), "uint8")
    np.testing.assert_allclose(luma(images)[..., 0], rgb2ycbcr(images)[..., 0], atol=1e-9)


def test_the_border_is_cut_from_all_four_edges():
    image = np.arange(2 * 7 * 9).reshape(2, 7, 9, 1).astype("uint8")
    np.testing.assert_array_equal(crop_border(image, 2), image[:, 2:5, 2:7])
    np.testing.assert_array_equal(crop_border(image, 0), image)
    for pixels in (-1, 4):
        with pytest.raises(UsageError, match=f"can't cut {pixels} pixels from each edge of images of 9x7"):
            crop_border(image, pixels)


IMAGE = np.full((16, 16, 3), 100, "uint8")


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (IMAGE, IMAGE[:, 1:], r"differ in shape or kind: uint8 \(16, 16, 3\) and uint8 \(16, 15, 3\)"),
        (IMAGE, np.stack([IMAGE] * 2), r"differ in shape or kind: uint8 \(16, 16, 3\) and uint8 \(2, 16, 16, 3\)"),
        (IMAGE, IMAGE.astype("float64"), r"differ in shape or kind: .* and float64 \(16, 16, 3\) from 100 to 100"),
        (IMAGE / 255, IMAGE / 255, r"found float64 \(16, 16, 3\) from 0.39\d+ to 0.39\d+; allowed are uint8 images"),
        (IMAGE / 127.5 - 1, IMAGE, "found float64 .*; allowed are uint8 images"),
        (IMAGE * np.nan, IMAGE, "found float64 .* from nan to nan; allowed are uint8 images"),
        (IMAGE.astype("float32"), IMAGE, "found float32"),
        (IMAGE[..., 0], IMAGE[..., 0], r"found uint8 \(16, 16\); allowed"),
        (IMAGE[:10], IMAGE[:10], "ssim: images of 16x10 are too small; it needs 11 pixels a side at least"),
    ],
)
def test_images_that_cannot_be_compared_give_no_number(first, second, message):
    with pytest.raises(UsageError, match=message):
        ssim(first, second)


def test_images_too_small_for_five_scales_are_refused():
    with pytest.raises(UsageError, match="ms_ssim: images of 176x175 are too small; it needs 176 pixels"):
        ms_ssim(*pair(175, 176))


@pytest.mark.parametrize("images", [IMAGE[..., :1], IMAGE.astype("float32")])
def test_luminance_of_what_is_not_rgb_is_refused(images):
    with pytest.raises(UsageError, match="luma: found .*; allowed are uint8 RGB"):
        luma(images)


def on_luminance(path, measure):
    """Returns a measure of the image shrunk to a quarter and enlarged again by Pillow's bicubic, as papers compare."""
    high = read_image(path)
    height, width = high.shape[:2]
    low = Image.fromarray(high).resize((width // 4, height // 4), Image.BICUBIC)
    enlarged = np.asarray(low.resize((width, height), Image.BICUBIC))
    return measure(*(crop_border(luma(image), 4) for image in (high, enlarged)))


# Published for MATLAB's bicubic x4, luminance rounded: Set5 28.42 dB and 0.8104, Set14 26.00 dB and 0.7027.
@pytest.mark.parametrize(
    ("name", "count", "decibels", "similarity"), [("Set5", 5, 28.43, 0.811), ("Set14", 14, 26.09, 0.705)]
)
def test_bicubic_is_as_good_as_the_literature_says(name, count, decibels, similarity):
    paths = sorted((BENCHMARKS / name).glob("*_HR.png"))
    if not paths:
        pytest.skip(f"{name} is not at {BENCHMARKS}; set GANZOO_TEST_DATA to the folder that holds sr_test_x4")
    assert len(paths) == count
    assert np.mean([on_luminance(path, psnr) for path in paths]) == pytest.approx(decibels, abs=0.01)
    assert np.mean([on_luminance(path, ssim) for path in paths]) == pytest.approx(similarity, abs=0.001)
