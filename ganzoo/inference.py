"""Painting with a trained generator: samples from latents, and images of any size through a translating network."""

import dataclasses
import math
from collections.abc import Callable, Iterable

import keras
import numpy as np

from ganzoo import registry, seeding
from ganzoo.data.images import resize
from ganzoo.errors import UsageError
from ganzoo.pictures import to_uint8

TILE = 1024
"""Side, in pixels of the output, of the largest square that is run whole."""
PROBE = 256
"""A size to try networks at that have none of their own."""
SMALLEST = 32
"""Smaller images are padded to this, so that a network's own reflection padding has something to mirror."""
SAMPLES_AT_ONCE = 16


def takes_latents(model: keras.Model) -> bool:
    """True for a generator of (batch, latent_dim), False for one of (batch, height, width, channels).

    Raises:
        UsageError: when the model takes something else.
    """
    shapes = [tensor.shape for tensor in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) not in (2, 4):
        raise UsageError(f"{model.name}: takes {shapes}; ganzoo runs models of latents (N, D) or images (N, H, W, C)")
    return len(shapes[0]) == 2


def input_range(model: keras.Model) -> tuple[float, float]:
    """The range of a model's input values: its architecture's, which the model's name begins with, else [-1, 1]."""
    for name in registry.names():
        if model.name.startswith(f"{name}_"):
            return registry.get(name).input_range
    return (-1.0, 1.0)


def sample(model: keras.Model, count: int, seed: int = 0) -> np.ndarray:
    """Images from latents N(0, 1), uint8 (count, H, W, C). The first ones are the same whatever the count."""
    return _paint(model, _latents(model, count, seed))


def interpolate(model: keras.Model, count: int, seeds: tuple[int, int]) -> np.ndarray:
    """Images on the way from the first sample of one seed to that of another, uint8 (count, H, W, C).

    The way is the great circle, on which latents keep the length that the generator was trained with.
    """
    start, end = (_latents(model, 1, seed)[0] for seed in seeds)
    cosine = start @ end / (np.linalg.norm(start) * np.linalg.norm(end))
    angle = math.acos(np.clip(cosine, -1.0, 1.0))
    share = np.linspace(0.0, 1.0, count)[:, None]
    if angle < 1e-6:
        return _paint(model, np.repeat(start[None], count, axis=0))
    latents = (np.sin((1 - share) * angle) * start + np.sin(share * angle) * end) / math.sin(angle)
    return _paint(model, latents.astype("float32"))


def translate(model: keras.Model, image: np.ndarray, values: tuple[float, float] | None = None) -> np.ndarray:
    """An image of any size through a translating or enlarging generator.

    A network that works at any size is run at the image's, in tiles where the image is large. One that was built for
    a size and sees a picture as a whole, as a U-Net down to one pixel does, is run at that size: elsewhere it paints
    nonsense. The image is resized to it and what it paints is resized back, so that fine detail is lost.

    Args:
        model: images (N, H, W, C) to images (N, H * scale, W * scale, C') in [-1, 1].
        image: uint8 (H, W, C).
        values: the range of the values that the model takes; by default that of its architecture.

    Returns:
        uint8 (H * scale, W * scale, C').
    """
    return translator(model, values)(image)


def translator(model: keras.Model, values: tuple[float, float] | None = None) -> Callable[[np.ndarray], np.ndarray]:
    """`translate` for many images: what it returns takes one after the other, the model being prepared once."""
    network = _of_any_size(model)
    low, high = values or input_range(model)

    def run(pixels: np.ndarray) -> np.ndarray:
        scaled = low + (high - low) * pixels[None].astype("float32") / 255.0
        return to_uint8(network.model.predict_on_batch(scaled))[0]

    return lambda image: (_run_tiled if network.multiple else _run_resized)(run, image, network)


@dataclasses.dataclass(frozen=True)
class _Network:
    model: keras.Model
    scale: int
    multiple: int | None
    """The model takes any height and width that is a multiple of this; None: its own alone."""


def _of_any_size(model: keras.Model) -> _Network:
    """The model, rebuilt for other sizes if it can take them."""
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
            return _Network(free, scale, multiple=step)
    if own is None:
        raise UsageError(f"{model.name}: takes no sizes near {size}; ganzoo runs networks that do")
    return _Network(model, scale, multiple=None)


def _rebuilt(model: keras.Model) -> keras.Model | None:
    try:
        free = keras.models.clone_model(model, input_tensors=keras.Input((None, None, model.input_shape[-1])))
    except ValueError:
        # Layers such as Flatten and Dense tie a network to a size.
        return None
    # XLA would compile anew for every size.
    free.jit_compile = False
    return free


def _output_size(network: keras.Model, size: int) -> int | None:
    try:
        return network.compute_output_spec(keras.KerasTensor((1, size, size, network.input_shape[-1]))).shape[1]
    except ValueError:
        # A skip connection meets another size.
        return None


def _run_resized(run, image: np.ndarray, network: _Network) -> np.ndarray:
    height, width = image.shape[:2]
    own_height, own_width = network.model.input_shape[1:3]
    painted = run(resize(image, own_width, own_height))
    return resize(painted, width * network.scale, height * network.scale)


def _run_tiled(run, image: np.ndarray, network: _Network) -> np.ndarray:
    """Whole if it is small, else in overlapping tiles, of a size that bounds the memory."""
    scale, multiple = network.scale, network.multiple
    padded = _pad(image, multiple)
    height, width = padded.shape[:2]
    side = max(TILE // scale // multiple, 2) * multiple
    step = side - _round_up(side // 4, multiple)
    if height * width <= side * side:
        side = max(height, width)

    def strip(top):
        tiles = ((left, run(padded[top : top + side, left : left + side])) for left in _starts(width, side, step))
        return _join((left * scale, tile.swapaxes(0, 1)) for left, tile in tiles).swapaxes(0, 1)

    painted = _join((top * scale, strip(top)) for top in _starts(height, side, step))
    return painted[: image.shape[0] * scale, : image.shape[1] * scale]


def _pad(image: np.ndarray, multiple: int) -> np.ndarray:
    """Mirrored at the bottom and at the right up to a size that the network takes."""
    missing = [_round_up(max(side, SMALLEST), multiple) - side for side in image.shape[:2]]
    return np.pad(image, [(0, missing[0]), (0, missing[1]), (0, 0)], mode="reflect")


def _starts(length: int, side: int, step: int) -> list[int]:
    last = max(length - side, 0)
    return [*range(0, last, step), last]


def _join(pieces: Iterable[tuple[int, np.ndarray]]) -> np.ndarray:
    """Joins (start, pixels) along the first axis, in order of start; where two overlap, one fades into the other."""
    joined = None
    for start, piece in pieces:
        if joined is None:
            joined = piece
            continue
        overlap = len(joined) - start
        # The outer quarters are left out, since a network sees less there: it pads where the tile ends.
        share = np.clip((np.arange(overlap) + 0.5 - overlap / 4) / (overlap / 2), 0.0, 1.0)[:, None, None]
        faded = (1 - share) * joined[start:] + share * piece[:overlap]
        joined = np.concatenate([joined[:start], np.rint(faded).astype("uint8"), piece[overlap:]])
    return joined


def _round_up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple


def _latents(model: keras.Model, count: int, seed: int) -> np.ndarray:
    return seeding.generator(seed, "latents").standard_normal((count, model.input_shape[-1]), dtype="float32")


def _paint(model: keras.Model, latents: np.ndarray) -> np.ndarray:
    return to_uint8(model.predict(latents, batch_size=SAMPLES_AT_ONCE, verbose=0))
