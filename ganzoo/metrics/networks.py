"""Feature networks: what turns images into the features that distributions are compared by."""

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganzoo.backends import backend
from ganzoo.data.images import luminance
from ganzoo.errors import RunError, UsageError, nearest, quoted, reason
from ganzoo.lite.tiling import resize

if TYPE_CHECKING:
    import keras

NAMES = ("efficientnet-lite0", "inception")
RESERVED = (*NAMES, "efflite0")
BATCH = 32
"""Images that are run at a time. On a CPU, 8 and 64 are slower."""


@dataclasses.dataclass(frozen=True)
class FeatureNetwork:
    """A network, and all that must be the same for two numbers that come from it to be comparable."""

    name: str
    frechet_name: str
    """The name of the Fréchet distance of its features: `FID` for `inception` alone."""
    kernel_name: str
    length: int
    """The number of features of an image."""
    sha256: str
    """The digest of its weights."""
    preparation: str
    """A description, for people, of how an image is prepared for the network."""
    prepare: Callable[[np.ndarray], np.ndarray]
    """Prepares an image: uint8 (H, W, 3 or 1) -> what the network takes. May be called from several threads."""
    run: Callable[[np.ndarray], np.ndarray]
    """Prepared images (N, …) -> float32 (N, length)."""

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """The features of images, uint8 (N, H, W, 3 or 1), N at least 1: float32 (N, length)."""
        pieces = (images[first : first + BATCH] for first in range(0, len(images), BATCH))
        return np.concatenate([self.run(np.stack([self.prepare(image) for image in piece])) for piece in pieces])


def open_feature_network(network: "str | Path | keras.Model") -> FeatureNetwork:
    """Returns a feature network, ready to run.

    Args:
        network: `inception`, whose distances are the FID and KID of the literature; `efficientnet-lite0`, which needs
            no internet; a Keras model or a `.keras` file of one, which takes images in [-1, 1] and whose output is
            averaged over space. A model of a fixed size gets the images resized to it.

    Raises:
        UsageError: for another name, a model that doesn't take images, or weights that are not there; says what to
            install or where to put a file.
        RunError: when a file can't be read.
    """
    from ganzoo.core import initial_weights

    # The weights are read; those that a network begins with had better be drawn quickly.
    with initial_weights.by_numpy():
        if network == "inception":
            return _inception()
        if network == "efficientnet-lite0":
            return _efficientnet_lite()
        return _of_keras(_loaded(network) if isinstance(network, str | Path) else network)


def _inception() -> FeatureNetwork:
    from ganzoo.metrics import inception

    return FeatureNetwork(
        name="inception",
        frechet_name="FID",
        kernel_name="KID",
        length=inception.LENGTH,
        sha256=inception.WEIGHTS.sha256,
        preparation=f"TensorFlow 1's bilinear to {inception.SIZE}x{inception.SIZE}, not antialiased, as torch-fidelity",
        prepare=lambda image: inception.resized(_of_channels(image, 3)),
        run=_compiled(inception.load(), "float32"),
    )


def _efficientnet_lite() -> FeatureNetwork:
    from ganzoo.metrics import efficientnet_lite

    size = efficientnet_lite.SIZE
    return FeatureNetwork(
        name="efficientnet-lite0",
        frechet_name="FD-EffLite0",
        kernel_name="KD-EffLite0",
        length=efficientnet_lite.LENGTH,
        sha256=efficientnet_lite.SHA256,
        preparation=f"Pillow's antialiased bicubic to {size}x{size}, rounded to 8 bits",
        prepare=lambda image: resize(_of_channels(image, 3), size, size),
        run=_compiled(efficientnet_lite.load(), "uint8"),
    )


def _of_keras(model: "keras.Model") -> FeatureNetwork:
    height, width, channels = _image_shape(model)
    if model.name.lower() in RESERVED:
        raise UsageError(
            f"feature network {quoted(model.name)}: its distances would be called as others are; rename it"
        )
    whole = None in (height, width)

    def prepare(image):
        image = _of_channels(image, channels)
        return image if whole else resize(image, width, height)

    sizing = "at their own size" if whole else f"Pillow's antialiased bicubic to {width}x{height}, rounded to 8 bits"
    return FeatureNetwork(
        name=model.name,
        frechet_name=f"FD-{model.name}",
        kernel_name=f"KD-{model.name}",
        length=model.output_shape[-1],
        sha256=_fingerprint(model),
        preparation=f"{sizing}, then to [-1, 1]",
        prepare=prepare,
        run=_compiled(model, "uint8", scale=1 / 127.5, offset=-1.0),
    )


def check_name(network: str | Path) -> None:
    """Raises a UsageError for what is neither a name of a feature network nor a `.keras` file. Imports no Keras."""
    if network in NAMES:
        return
    if Path(network).suffix != ".keras":
        raise UsageError(
            f"feature network {quoted(str(network))}{nearest(str(network), NAMES)}, or a .keras file of your own"
        )
    if not Path(network).expanduser().is_file():
        raise UsageError(f"feature network: no file {network}")


def _loaded(path: str | Path) -> "keras.Model":
    check_name(path)
    import keras

    try:
        return keras.models.load_model(Path(path).expanduser(), compile=False)
    except MemoryError:
        raise
    except Exception as error:  # Keras raises anything from KeyError to BadZipFile at a broken file.
        raise RunError(f"{path}: can't be read as a Keras model ({reason(error)})") from error


def _image_shape(model: "keras.Model") -> tuple[int | None, int | None, int]:
    """Height, width and channels of what a model takes, once it is sure that it can serve."""
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs:
        raise UsageError(
            f"feature network {quoted(model)}: allowed are {', '.join(NAMES)} and Keras models with set inputs"
        )
    found = [tuple(tensor.shape) for tensor in (*inputs, *outputs)]
    if len(found) != 2 or len(found[0]) != 4 or found[0][3] not in (1, 3) or len(found[1]) < 2 or not found[1][-1]:
        raise UsageError(
            f"feature network {model.name}: takes {found[: len(inputs)]} and gives {found[len(inputs) :]}; it must "
            "take one image (batch, height, width, 3 or 1) and give one output of known length"
        )
    return found[0][1:]


def _fingerprint(model: "keras.Model") -> str:
    """SHA-256 of its layers and weights: two outputs of one backbone are two networks."""
    digest = hashlib.sha256(model.to_json().encode())
    for weights in model.get_weights():
        digest.update(np.ascontiguousarray(weights))
    return digest.hexdigest()


def _of_channels(image: np.ndarray, channels: int) -> np.ndarray:
    if image.shape[2] == channels:
        return image
    return image.repeat(3, axis=2) if channels == 3 else luminance(image)


def _compiled(model: "keras.Model", numbers: str, scale: float = 1.0, offset: float = 0.0) -> Callable:
    """Runs a model on batches of `numbers`, of any length."""
    from keras import ops

    def features(batch):
        outputs = ops.cast(model(ops.cast(batch, "float32") * scale + offset, training=False), "float32")
        return ops.mean(outputs, axis=tuple(range(1, len(outputs.shape) - 1)))

    return backend.compiled.call_of(features, model.variables, [((None, *model.input_shape[1:]), numbers)])
