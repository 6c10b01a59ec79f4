"""Feature networks, with weights drawn at random and saved as Keras saves VGG's."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import small
import tensorflow as tf

from ganzoo.core import perceptual
from ganzoo.errors import UsageError


@pytest.fixture(scope="module")
def vgg19(tmp_path_factory):
    """The network, and the path of its weights."""
    network = keras.applications.VGG19(include_top=False, weights=None, input_shape=(None, None, 3))
    path = tmp_path_factory.mktemp("vgg") / "vgg19.weights.h5"
    network.save_weights(path)
    return network, path


@pytest.fixture(scope="module")
def features(vgg19):
    return perceptual.load("vgg19", str(vgg19[1]))


def by_hand(network, images, layer="block5_conv4"):
    """Blue, green and red of 0 … 255 around their means; the last convolution after its ReLU; 1 / 12.75."""
    red, green, blue = (127.5 * (images[..., channel].astype("float64") + 1) for channel in range(3))
    inner = keras.Model(network.input, network.get_layer(layer).output)
    return np.asarray(inner(np.stack([blue - 103.939, green - 116.779, red - 123.68], axis=-1))) / 12.75


def test_a_layer_that_is_asked_for_is_the_one_that_is_given(vgg19):
    network, path = vgg19
    images = np.random.default_rng(1).uniform(-1, 1, (1, 32, 32, 3)).astype("float32")
    found = perceptual.load("vgg19", str(path), "block2_conv2")(images)
    assert found.shape == (1, 16, 16, 128)
    np.testing.assert_allclose(found, by_hand(network, images, "block2_conv2"), rtol=1e-4, atol=1e-5)


def test_features_are_those_of_block5_conv4_in_caffes_colours(vgg19, features):
    images = np.random.default_rng(0).uniform(-1, 1, (2, 32, 48, 3)).astype("float32")
    found, expected = np.asarray(features(images)), by_hand(vgg19[0], images)
    assert found.shape == (2, 2, 3, 512)
    assert found.min() == 0
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * expected.max())


def test_features_stay_as_they_are_while_images_get_a_gradient(features):
    assert features.trainable_variables == []
    images = tf.random.stateless_uniform((1, 32, 32, 3), (0, 0), -1, 1)
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = tf.reduce_mean(features(images))
    assert np.abs(tape.gradient(loss, images)).max() > 0


def test_content_loss_is_the_squared_error_of_features_and_trains_no_feature(vgg19):
    gan = small.create("srgan", content="vgg19", content_weights=str(vgg19[1]))
    batch = small.batch(gan)
    gan.prepare()
    copy = keras.models.clone_model(gan.generator)
    copy.set_weights(gan.generator.get_weights())
    fake = np.asarray(copy(batch["low"], training=True))
    logs = gan.train_step(batch)
    expected = np.mean((by_hand(vgg19[0], fake) - by_hand(vgg19[0], np.asarray(batch["high"]))) ** 2)
    assert float(logs["generator_content"]) == pytest.approx(expected, rel=1e-3)
    assert not any("block" in name and "conv4" in name for name in gan.state())


def test_a_feature_network_is_not_saved_with_the_gan(vgg19, tmp_path):
    gan = small.create("srgan", content="vgg19", content_weights=str(vgg19[1]))
    gan.prepare()
    gan.save(tmp_path / "gan.keras")
    # Its weights alone are 80 MB.
    assert (tmp_path / "gan.keras").stat().st_size < 5e6
    opened = keras.models.load_model(tmp_path / "gan.keras")
    with pytest.raises(UsageError, match=r"call prepare\(\) before fit\(\)"):
        opened.train_step(small.batch(gan))


@pytest.mark.parametrize("content", [b"", b"no weights, but some text that is longer than a header"])
@pytest.mark.parametrize(("kind", "suffix"), [("vgg19", ".h5"), ("vgg16", ".onnx"), ("vgg16", ".whl")])
def test_a_file_that_holds_no_weights_is_named(tmp_path, kind, suffix, content):
    if suffix == ".onnx":
        pytest.importorskip("onnx")
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(
        UsageError, match=f"model.content_weights: .*broken{suffix}.* holds no weights of {kind}"
    ) as error:
        perceptual.load(kind, str(path))
    assert "\n" not in str(error.value)


@pytest.mark.filterwarnings("ignore:Skipping nested container")
@pytest.mark.parametrize("suffix", [".weights.h5", ".h5"])
def test_weights_in_either_format_of_keras_are_read_and_those_of_another_network_refused(vgg19, tmp_path, suffix):
    # ".h5" is Keras 2's format, of the files that Keras itself fetches.
    vgg16 = keras.applications.VGG16(include_top=False, weights=None, input_shape=(None, None, 3))
    paths = {}
    for kind, network in (("vgg16", vgg16), ("vgg19", vgg19[0])):
        paths[kind] = tmp_path / f"{kind}{suffix}"
        (network.save_weights if suffix == ".weights.h5" else network.save)(paths[kind])
    images = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3)).astype("float32")
    expected = by_hand(vgg19[0], images)
    found = perceptual.load("vgg19", str(paths["vgg19"]))(images)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * expected.max())
    for kind, other in (("vgg16", "vgg19"), ("vgg19", "vgg16")):
        with pytest.raises(UsageError, match=f"holds no weights of {kind}"):
            perceptual.load(kind, str(paths[other]))


def test_without_network_a_line_says_what_to_do_and_nothing_is_written(tmp_path):
    """Real: in an empty cache, through a proxy where nobody listens."""
    script = """
import sys
from ganzoo.errors import UsageError
from ganzoo.training import train
try:
    train("srgan", "run", overrides=["model.content=vgg19"])
except UsageError as error:
    sys.exit(str(error))
"""
    proxy = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "HTTP_PROXY")}
    environment = {**os.environ, **proxy, "no_proxy": "", "NO_PROXY": "", "KERAS_HOME": str(tmp_path / "keras")}
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 1
    message = run.stderr.strip().splitlines()[-1]
    assert "model.content: the weights of vgg19 could not be fetched" in message
    assert "model.content=none" in message
    assert not (tmp_path / "run").exists()


def test_vgg16_is_read_from_the_convolutions_of_an_onnx_file(tmp_path):
    onnx = pytest.importorskip("onnx")
    network = keras.applications.VGG16(include_top=False, weights=None, input_shape=(None, None, 3))
    nodes, tensors = [], []
    for index, layer in enumerate(layer for layer in network.layers if "conv" in layer.name):
        kernel, bias = layer.get_weights()
        # ONNX has (out, in, height, width).
        tensors.append(onnx.numpy_helper.from_array(np.moveaxis(kernel, (3, 2), (0, 1)).copy(), f"k{index}"))
        tensors.append(onnx.numpy_helper.from_array(bias + index, f"b{index}"))
        nodes.append(onnx.helper.make_node("Conv", [f"x{index}", f"k{index}", f"b{index}"], [f"x{index + 1}"]))
    path = tmp_path / "vgg16.onnx"
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph(nodes, "vgg16", [], [], tensors)), path)
    for index, layer in enumerate(layer for layer in network.layers if "conv" in layer.name):
        layer.bias.assign(layer.bias + float(index))
    images = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3)).astype("float32")
    expected = by_hand(network, images, "block5_conv3")
    found = perceptual.load("vgg16", str(path))(images)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * expected.max())
