"""The network of the Fréchet Inception Distance: Inception-v3 as TensorFlow published it on 5 December 2015.

Inception-v3 (Szegedy et al. 2016), in the variant whose weights Heusel et al. 2017 measured with: average pools don't
count the padding, and the last block pools by the maximum. Features, resizing included, equal those of torch-fidelity's
`inception-v3-compat`, layer "2048", of whose file of weights the tensors are.
"""

import keras
import numpy as np
from keras import layers

from ganzoo.metrics.folding import folded
from ganzoo.metrics.torch_file import read_tensors
from ganzoo.metrics.weights import WeightsFile, find

SIZE = 299
LENGTH = 2048
EPSILON = 1e-3
WEIGHTS = WeightsFile(
    name="weights-inception-2015-12-05-6726825d.pth",
    address="https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
    "weights-inception-2015-12-05-6726825d.pth",
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    license="Apache-2.0",
)


def load() -> keras.Model:
    """(N, 299, 299, 3), values 0 to 255 -> (N, 2048): the features before the classifier, averaged over space.

    Raises:
        UsageError: when the file of the weights is neither in the cache folder nor to be fetched.
        RunError: when it can't be read.
    """
    tensors = read_tensors(find(WEIGHTS))
    model = build()
    set_weights(model, tensors)
    return model


def set_weights(model: keras.Model, tensors: dict[str, np.ndarray]) -> None:
    """Gives the network of `build` its weights, by their names in the file."""
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            layer.set_weights(folded(tensors, f"{layer.name}.conv", f"{layer.name}.bn", EPSILON))


def resized(image: np.ndarray) -> np.ndarray:
    """Resizes bilinearly as TensorFlow 1: corners aligned at the top left only, and no antialiasing.

    Args:
        image: uint8 (height, width, 3).

    Returns:
        float32 (299, 299, 3), 0 to 255, not rounded.
    """
    # In this order, across and then down, the rounding is torch-fidelity's too.
    return _interpolated(_interpolated(image.astype(np.float32), axis=1), axis=0)


def build() -> keras.Model:
    """The network with random weights; batch norms are folded into the convolutions before them."""
    image = keras.Input((SIZE, SIZE, 3), name="image")
    x = layers.Rescaling(1 / 128, offset=-1.0)(image)
    x = _convolution(x, 32, 3, "Conv2d_1a_3x3", stride=2, padding="valid")
    x = _convolution(x, 32, 3, "Conv2d_2a_3x3", padding="valid")
    x = _convolution(x, 64, 3, "Conv2d_2b_3x3")
    x = layers.MaxPooling2D(3, 2)(x)
    x = _convolution(x, 80, 1, "Conv2d_3b_1x1")
    x = _convolution(x, 192, 3, "Conv2d_4a_3x3", padding="valid")
    x = layers.MaxPooling2D(3, 2)(x)
    x = _block_a(x, 32, "Mixed_5b")
    x = _block_a(x, 64, "Mixed_5c")
    x = _block_a(x, 64, "Mixed_5d")
    x = _block_b(x, "Mixed_6a")
    x = _block_c(x, 128, "Mixed_6b")
    x = _block_c(x, 160, "Mixed_6c")
    x = _block_c(x, 160, "Mixed_6d")
    x = _block_c(x, 192, "Mixed_6e")
    x = _block_d(x, "Mixed_7a")
    x = _block_e(x, layers.AveragePooling2D, "Mixed_7b")
    x = _block_e(x, layers.MaxPooling2D, "Mixed_7c")
    x = layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(image, x, trainable=False, name="inception")


def _block_a(x, pooled: int, name: str):
    """35x35: 1x1, 5x5 and two 3x3."""
    one = _convolution(x, 64, 1, f"{name}.branch1x1")
    five = _convolution(x, 48, 1, f"{name}.branch5x5_1")
    five = _convolution(five, 64, 5, f"{name}.branch5x5_2")
    three = _convolution(x, 64, 1, f"{name}.branch3x3dbl_1")
    three = _convolution(three, 96, 3, f"{name}.branch3x3dbl_2")
    three = _convolution(three, 96, 3, f"{name}.branch3x3dbl_3")
    return layers.Concatenate()([one, five, three, _pool(x, layers.AveragePooling2D, pooled, name)])


def _block_b(x, name: str):
    """35x35 to 17x17."""
    three = _convolution(x, 384, 3, f"{name}.branch3x3", stride=2, padding="valid")
    double = _convolution(x, 64, 1, f"{name}.branch3x3dbl_1")
    double = _convolution(double, 96, 3, f"{name}.branch3x3dbl_2")
    double = _convolution(double, 96, 3, f"{name}.branch3x3dbl_3", stride=2, padding="valid")
    return layers.Concatenate()([three, double, layers.MaxPooling2D(3, 2)(x)])


def _block_c(x, filters: int, name: str):
    """17x17: 7x7 as 1x7 and 7x1."""
    one = _convolution(x, 192, 1, f"{name}.branch1x1")
    seven = _convolution(x, filters, 1, f"{name}.branch7x7_1")
    seven = _convolution(seven, filters, (1, 7), f"{name}.branch7x7_2")
    seven = _convolution(seven, 192, (7, 1), f"{name}.branch7x7_3")
    double = _convolution(x, filters, 1, f"{name}.branch7x7dbl_1")
    double = _convolution(double, filters, (7, 1), f"{name}.branch7x7dbl_2")
    double = _convolution(double, filters, (1, 7), f"{name}.branch7x7dbl_3")
    double = _convolution(double, filters, (7, 1), f"{name}.branch7x7dbl_4")
    double = _convolution(double, 192, (1, 7), f"{name}.branch7x7dbl_5")
    return layers.Concatenate()([one, seven, double, _pool(x, layers.AveragePooling2D, 192, name)])


def _block_d(x, name: str):
    """17x17 to 8x8."""
    three = _convolution(x, 192, 1, f"{name}.branch3x3_1")
    three = _convolution(three, 320, 3, f"{name}.branch3x3_2", stride=2, padding="valid")
    seven = _convolution(x, 192, 1, f"{name}.branch7x7x3_1")
    seven = _convolution(seven, 192, (1, 7), f"{name}.branch7x7x3_2")
    seven = _convolution(seven, 192, (7, 1), f"{name}.branch7x7x3_3")
    seven = _convolution(seven, 192, 3, f"{name}.branch7x7x3_4", stride=2, padding="valid")
    return layers.Concatenate()([three, seven, layers.MaxPooling2D(3, 2)(x)])


def _block_e(x, pooling: type, name: str):
    """8x8: 3x3 as 1x3 beside 3x1."""
    one = _convolution(x, 320, 1, f"{name}.branch1x1")
    three = _convolution(x, 384, 1, f"{name}.branch3x3_1")
    three_a = _convolution(three, 384, (1, 3), f"{name}.branch3x3_2a")
    three_b = _convolution(three, 384, (3, 1), f"{name}.branch3x3_2b")
    double = _convolution(x, 448, 1, f"{name}.branch3x3dbl_1")
    double = _convolution(double, 384, 3, f"{name}.branch3x3dbl_2")
    double_a = _convolution(double, 384, (1, 3), f"{name}.branch3x3dbl_3a")
    double_b = _convolution(double, 384, (3, 1), f"{name}.branch3x3dbl_3b")
    return layers.Concatenate()([one, three_a, three_b, double_a, double_b, _pool(x, pooling, 192, name)])


def _pool(x, pooling: type, filters: int, name: str):
    return _convolution(pooling(3, 1, padding="same")(x), filters, 1, f"{name}.branch_pool")


def _convolution(x, filters: int, kernel, name: str, stride: int = 1, padding: str = "same"):
    return layers.ReLU()(layers.Conv2D(filters, kernel, stride, padding=padding, name=name)(x))


def _interpolated(values: np.ndarray, axis: int) -> np.ndarray:
    length = values.shape[axis]
    places = np.arange(SIZE, dtype=np.float32) * np.float32(length / SIZE)
    low = places.astype(int)
    high = np.minimum(low + 1, length - 1)
    share = np.expand_dims(places - low.astype(np.float32), tuple({0, 1, 2} - {axis}))
    below, above = values.take(low, axis), values.take(high, axis)
    return below + (above - below) * share
