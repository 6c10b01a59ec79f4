"""Painting with a trained generator, be it of Keras, a SavedModel or TFLite: samples from latents, images of any size.

Imports no Keras until a model needs it: a TFLite file runs without.
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganzoo import backend, pretrained, programs, registry
from ganzoo.errors import RunError, UsageError
from ganzoo.lite import card, latents, network, painting, runner, tiling
from ganzoo.lite.errors import reason
from ganzoo.lite.network import Network
from ganzoo.quiet import import_tensorflow, is_installed

if TYPE_CHECKING:
    import keras

PROBE = 256
"""A size to try networks at that have none of their own."""
SIZES_KEPT = 4
"""A Keras model is compiled for each size that it meets; so many are kept."""


def open_network(
    model: "str | Path | keras.Model | Network", direction: str = "ab", threads: int | None = None
) -> Network:
    """A model of any kind, ready to run.

    Args:
        model: a Keras model, a pretrained name, a run directory, a `.keras` file, or a SavedModel directory or
            `.tflite` file that lies beside its `card.json`.
        direction: `ab` or `ba`: which generator of a model that has both.
        threads: how many a TFLite file runs on; None: as many as there are cores.

    Raises:
        UsageError: when there is no such model, or ganzoo can't run its kind.
        RunError: when its file or its card is broken.
    """
    if isinstance(model, Network):
        return model
    if not isinstance(model, str | Path):
        return _keras_network(model)
    path = pretrained.find_model(model, direction)
    if pretrained.is_tflite(path):
        return runner.open_tflite(path, threads)
    if pretrained.is_saved_model(path):
        return _saved_model_network(path)
    return _keras_network(pretrained.load(path))


def check_no_gan(model: "keras.Model") -> None:
    """Raises a UsageError for a whole GAN, where one of its generators is wanted."""
    if isinstance(getattr(model, "deployed_names", None), tuple):
        raise UsageError(f"{model.name}: a GAN; give one of its generators, as gan.{model.deployed_names[0]}")


def takes_latents(model: "keras.Model") -> bool:
    """True for a generator of (batch, latent_dim), False for one of (batch, height, width, channels).

    Raises:
        UsageError: when the model takes something else.
    """
    shapes = [tensor.shape for tensor in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) not in (2, 4):
        raise UsageError(f"{model.name}: takes {shapes}; ganzoo runs models of latents (N, D) or images (N, H, W, C)")
    return len(shapes[0]) == 2


def input_range(model: "keras.Model") -> tuple[float, float]:
    """The range of a model's input values: its architecture's, which the model's name begins with, else [-1, 1]."""
    name = registry.of_network(model.name)
    signatures = registry.config_class(name).deployed.values() if name else ()
    ranges = [field.range for signature in signatures for field in signature.takes.values() if field.kind == "image"]
    return ranges[0] if ranges else (-1.0, 1.0)


def sample(model, count: int, seed: int = 0, truncation: float = 1.0) -> np.ndarray:
    """Images from latents N(0, 1), uint8 (count, H, W, C). The first ones are the same whatever the count.

    Args:
        model: anything that `open_network` takes, of latents.
        count: how many.
        seed: of the latents.
        truncation: ψ in (0, 1]: how far from the average image, 1 being as in training. Less of it makes simpler
            images, that are more alike; below about 0.5 a DCGAN's fade, for it never saw latents so short.

    It scales the latents. StyleGAN (Karras et al. 2019, appendix B) pulls the output w of its mapping
    towards a moving average μ. In a DCGAN the first layer's output W z is what has one: that of its batch norm. As
    E[W z] = 0, μ + ψ (W z - μ) is ψ W z, but for the error of μ: in the trained recipe 0.02 of the standard deviation,
    and 39 dB between what both ways paint at ψ = 0.7. Scaling does the same for an exported file.

    Raises:
        UsageError: when the model takes images, or for a truncation that is not in (0, 1].
    """
    opened = open_network(model)
    return _all(painted(opened, latents.draw(seed, count, network.latent_length(opened)), truncation))


def sample_seeds(model, seeds: Sequence[int], truncation: float = 1.0) -> np.ndarray:
    """The first sample of each seed, uint8 (len(seeds), H, W, C). Arguments and errors as for `sample`."""
    opened = open_network(model)
    return _all(painted(opened, first_latents(opened, seeds), truncation))


def interpolate(model, count: int, seeds: Sequence[int], truncation: float = 1.0) -> np.ndarray:
    """Images on the way from the first sample of one seed to that of the next, uint8 (count, H, W, C).

    The way is the great circle, on which latents keep the length that the generator was trained with. Arguments and
    errors as for `sample`.

    Args:
        seeds: the stops, two or more. The images are spread evenly over the whole way, the first and the last at its
            ends; the stops between are met where count - 1 is a multiple of the number of legs.
    """
    opened = open_network(model)
    return _all(painted(opened, way(opened, count, seeds), truncation))


def first_latents(opened: Network, seeds: Sequence[int]) -> np.ndarray:
    """Of each seed the latent of its first sample, float32 (len(seeds), length)."""
    return np.concatenate([latents.draw(seed, 1, network.latent_length(opened)) for seed in seeds])


def way(opened: Network, count: int, seeds: Sequence[int]) -> np.ndarray:
    """The latents of `interpolate`, (count, length)."""
    if len(seeds) < 2:
        raise UsageError(f"a way needs two seeds or more, found {list(seeds)}")
    stops = first_latents(opened, seeds)
    return np.stack([_on_the_way(stops, place) for place in np.linspace(0.0, len(stops) - 1, count)])


def painted(opened: Network, points: np.ndarray, truncation: float = 1.0) -> Iterator[np.ndarray]:
    """Images of latents (N, length), uint8 (n, H, W, C) in batches, as they are painted. Errors as for `sample`."""
    if not 0 < truncation <= 1:
        raise UsageError(f"truncation: found {truncation}; give a number above 0, up to 1")
    return network.painted_latents(opened, (truncation * points).astype("float32"))


def _all(batches: Iterator[np.ndarray]) -> np.ndarray:
    return np.concatenate(list(batches))


def _on_the_way(stops: np.ndarray, place: float) -> np.ndarray:
    """The latent at a place from 0, the first stop, to len(stops) - 1, the last."""
    leg = min(int(place), len(stops) - 2)
    start, end, share = stops[leg], stops[leg + 1], place - leg
    cosine = start @ end / (np.linalg.norm(start) * np.linalg.norm(end))
    angle = math.acos(np.clip(cosine, -1.0, 1.0))
    if math.sin(angle) < 1e-6:  # No circle, or many.
        return (1 - share) * start + share * end
    return (math.sin((1 - share) * angle) * start + math.sin(share * angle) * end) / math.sin(angle)


def translate(
    model, image: np.ndarray, values: tuple[float, float] | None = None, *, tiles: bool = False
) -> np.ndarray:
    """An image of any size through a translating or enlarging generator.

    A network that works at any size is run at the image's, in tiles that overlap and blend where the image is large.
    One that was built for a size and sees a picture as a whole, as a U-Net down to one pixel does, is run at that size:
    elsewhere it paints nonsense. The image is resized to it and what it paints is resized back, so that fine detail is
    lost; where an image has no whole, as maps and textures, `tiles=True` runs it in tiles.

    Args:
        model: anything that `open_network` takes; images (N, H, W, C) to images (N, H * scale, W * scale, C').
        image: uint8 (H, W, C).
        values: the range of the values that a Keras model takes; by default that of its architecture.
        tiles: run a network of one size in tiles, instead of resizing the image.

    Returns:
        uint8 (H * scale, W * scale, C').
    """
    return translator(model, values, tiles=tiles)(image)


def translator(
    model, values: tuple[float, float] | None = None, *, tiles: bool = False
) -> Callable[[np.ndarray], np.ndarray]:
    """`translate` for many images: what it returns takes one after the other, the model being prepared once."""
    opened = _keras_network(model, values) if values else open_network(model)
    painting.input_channels(opened)
    return lambda image: np.concatenate(list(tiling.strips(opened, image, tiles=tiles)))


def _keras_network(model: "keras.Model", values: tuple[float, float] | None = None) -> Network:
    if takes_latents(model):
        length, gives = model.input_shape[-1], model.output_shape
        if len(gives) != 4:
            raise UsageError(f"{model.name}: makes {gives} of latents; ganzoo runs networks that make images")
        taken = card.Tensor("latents", "latents", (None, length), "float32")
        return Network(model.name, card.Interface("", (taken,), (_painted(gives),)), _call(model))
    any_size, scale, multiple = _of_any_size(model)
    return _image_network(any_size, scale, multiple, values)


def live(model: "keras.Model") -> Network:
    """A model that is being trained, ready to run at its own size: each time with the weights that it then has.

    Raises:
        UsageError: when it takes and makes what ganzoo can't run.
    """
    if takes_latents(model):
        return _keras_network(model)
    own = model.input_shape[1]
    size = own or PROBE
    return _image_network(model, (_output_size(model, size) or 0) // size, None if own else 1)


def _image_network(
    model: "keras.Model", scale: int, multiple: int | None, values: tuple[float, float] | None = None
) -> Network:
    low, high = values or input_range(model)
    std = 255.0 / (high - low)
    shape = (1, None, None, model.input_shape[-1]) if multiple else (1, *model.input_shape[1:])
    taken = card.Tensor("image", "image", shape, "float32", mean=-low * std, std=std, range=(low, high))
    interface = card.Interface(
        "",
        (taken,),
        (_painted((1, None, None, model.output_shape[-1])),),
        scale=scale,
        multiple=multiple,
        any_size="tiles" if multiple else "whole",
    )
    return Network(model.name, interface, _call(model))


def _painted(shape: tuple[int | None, ...]) -> card.Tensor:
    return card.Tensor("image", "image", shape, "float32", mean=127.5, std=127.5, range=(-1.0, 1.0))


def _call(model: "keras.Model") -> Callable[[np.ndarray], np.ndarray]:
    # `predict` compiles for a few sizes and then for any, which not all layers bear; and uncompiled, a model holds the
    # outputs of all its layers at once.
    @functools.lru_cache(maxsize=SIZES_KEPT)
    def compiled(shape: tuple[int, ...]):
        return backend.compiled(lambda batch: model(batch, training=False), model.variables, shape)

    return lambda batch: compiled(batch.shape)(batch)


def _saved_model_network(path: Path) -> Network:
    if not is_installed("tensorflow"):
        raise UsageError(f"{path}: a SavedModel, which needs TensorFlow: pip install tensorflow")
    interface = card.interface(card.read(path), path)
    programs.warn_of_stranger(path)
    tf = import_tensorflow()
    try:
        loaded = tf.saved_model.load(str(path))
        signature = loaded.signatures[interface.signature]
    except MemoryError:
        raise
    except Exception as error:  # TensorFlow raises anything from OSError to KeyError and DecodeError.
        raise RunError(f"{path}: can't be read as a SavedModel ({reason(error)})") from error

    def call(values: np.ndarray) -> np.ndarray:
        # Bound here, for a signature alone doesn't keep its variables.
        assert loaded is not None
        try:
            return signature(**{interface.input.name: tf.constant(values)})[interface.output.name].numpy()
        except (tf.errors.OpError, TypeError, ValueError, KeyError) as error:
            raise RunError(f"{path}: can't be run as its card says ({reason(error)})") from error

    return Network(str(path), interface, call)


def _of_any_size(model: "keras.Model") -> tuple["keras.Model", int, int | None]:
    """The model, rebuilt for other sizes if it can take them; its scale; what heights and widths are multiples of.

    The last is None for a model that takes its own size alone.
    """
    own = model.input_shape[1]
    size = own or PROBE
    scale = (_output_size(model, size) or 0) // size
    if not scale:
        raise UsageError(f"{model.name}: makes no pictures of {size}x{size} ones; ganzoo runs networks that do")
    free = _rebuilt(model)
    steps = [2**power for power in range(size.bit_length()) if own is None or 2**power < own]
    for step in steps if free else ():
        if _output_size(free, size + step) == (size + step) * scale:
            free.set_weights(model.get_weights())
            return free, scale, step
    if own is None:
        raise UsageError(f"{model.name}: takes no sizes near {size}; ganzoo runs networks that do")
    return model, scale, None


def _rebuilt(model: "keras.Model") -> "keras.Model | None":
    import keras

    from ganzoo import initial_weights

    try:
        with initial_weights.by_numpy():
            return keras.models.clone_model(model, input_tensors=keras.Input((None, None, model.input_shape[-1])))
    except ValueError:
        # Layers such as Flatten and Dense tie a network to a size.
        return None


def _output_size(model: "keras.Model", size: int) -> int | None:
    import keras

    try:
        return model.compute_output_spec(keras.KerasTensor((1, size, size, model.input_shape[-1]))).shape[1]
    except ValueError:
        # A skip connection meets another size.
        return None
