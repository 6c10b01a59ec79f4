"""What an exported file takes and gives: of its Keras model, the size and the kind of values that were asked for."""

import dataclasses
from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from ganzoo import inference
from ganzoo.errors import UsageError
from ganzoo.lite import card

if TYPE_CHECKING:
    from ganzoo.lite.network import Network

SIGNATURE = "serving_default"
DEFAULT_SIZE = 128
"""Height and width for a network that has none of its own: large enough to be run in overlapping tiles."""
FREE = "free"


def at_size(model: keras.Model, size: tuple[int, int] | str | None) -> tuple[keras.Model, card.Interface]:
    """The model for pictures of a size, and its interface with float values.

    Args:
        model: a generator of latents (N, D), or of images (N, H, W, C).
        size: height and width; `free` for any, which only a network that was built so takes; None: the model's own.

    Raises:
        UsageError: when the network does not take that size, or is no generator.
    """
    network = inference.open_network(model)
    found = dataclasses.replace(network.interface, signature=SIGNATURE)
    if network.takes_latents:
        if size is not None:
            raise UsageError(
                f"size: {model.name} paints from latents at the one size that it was trained at; leave it out"
            )
        taken = dataclasses.replace(found.input, shape=(1, *found.input.shape[1:]))
        given = dataclasses.replace(found.output, shape=(1, *model.output_shape[1:]))
        return model, dataclasses.replace(found, inputs=(taken,), outputs=(given,))
    own = model.input_shape[1:3]
    if size == FREE:
        if None not in own:
            raise UsageError(
                f"size: {model.name} was built for {own[0]}x{own[1]} and has no free size; give one such as "
                f"{own[0]}x{own[1]}: ganzoo runs it on pictures of any size"
            )
        return _for_any_size(model), _with_shapes(found, model, None, None)
    height, width = size or (own[0] or DEFAULT_SIZE, own[1] or DEFAULT_SIZE)
    fixed = model if (height, width) == own else _rebuilt(model, network, height, width)
    return fixed, _with_shapes(dataclasses.replace(found, multiple=None), fixed, height, width)


def with_uint8(interface: card.Interface) -> card.Interface:
    """The same with pictures in and out as uint8, from 0 to 255. Latents stay floats."""
    pixels = {"dtype": "uint8", "mean": 0.0, "std": 1.0, "range": (0.0, 255.0)}
    taken = interface.input
    if taken.kind == "image":
        taken = dataclasses.replace(taken, **pixels)
    given = dataclasses.replace(interface.output, **pixels)
    return dataclasses.replace(interface, inputs=(taken,), outputs=(given,))


def _with_shapes(found: card.Interface, model: keras.Model, height: int | None, width: int | None) -> card.Interface:
    sides = [side and side * found.scale for side in (height, width)]
    taken = dataclasses.replace(found.input, shape=(1, height, width, model.input_shape[-1]))
    given = dataclasses.replace(found.output, shape=(1, *sides, model.output_shape[-1]))
    return dataclasses.replace(found, inputs=(taken,), outputs=(given,))


class _UpSampling2D(keras.layers.UpSampling2D):
    """Keras's own compares the size in Python (3.15), and so can't be traced for a size that is not known yet."""

    def call(self, inputs):
        return tf.image.resize(inputs, tf.shape(inputs)[1:3] * self.size, self.interpolation)


def _for_any_size(model: keras.Model) -> keras.Model:
    def replaced(layer):
        resizes = isinstance(layer, keras.layers.UpSampling2D) and layer.interpolation != "nearest"
        return (_UpSampling2D if resizes else type(layer)).from_config(layer.get_config())

    rebuilt = keras.models.clone_model(model, clone_function=replaced)
    rebuilt.set_weights(model.get_weights())
    return rebuilt


def _rebuilt(model: keras.Model, network: "Network", height: int, width: int) -> keras.Model:
    """The model with its weights, for pictures of height x width. Raises UsageError when it can't be."""
    try:
        rebuilt = keras.models.clone_model(model, input_tensors=keras.Input((height, width, model.input_shape[-1])))
    except ValueError:
        # A skip connection meets another size, or a dense layer another length.
        rebuilt = None
    scale = network.interface.scale
    if rebuilt is None or rebuilt.output_shape[1:3] != (height * scale, width * scale):
        own = model.input_shape[1]
        multiple = network.interface.multiple or own
        if height % multiple == width % multiple == 0:
            raise UsageError(f"size: {model.name} takes {own}x{own} alone, found {height}x{width}; leave it out")
        nearest = [max(side // multiple, 1) * multiple for side in (height, width)]
        raise UsageError(
            f"size: {model.name} does not take {height}x{width}; heights and widths are multiples of {multiple}, "
            f"as {nearest[0]}x{nearest[1]}"
        )
    rebuilt.set_weights(model.get_weights())
    return rebuilt
