"""Says what an exported file takes and gives, for the size and the kind of values that were asked for."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from ganzoo.core import kinds
from ganzoo.data import fields
from ganzoo.errors import UsageError
from ganzoo.generators import inference, keras_network, provenance
from ganzoo.lite import card

SIGNATURE = "serving_default"
DEFAULT_SIZE = 128
"""Height and width for a network that has none of its own: large enough to be run in overlapping tiles."""
FREE = "free"


def at_size(
    model: keras.Model,
    size: tuple[int, int] | str | None,
    signature: fields.Signature | None = None,
    names: Mapping[str, Sequence[str]] | None = None,
    config: Any = None,
) -> tuple[keras.Model, card.Interface]:
    """Returns the model for pictures of a size, and its interface with values as the model has them.

    Args:
        model: a Keras model with inputs and outputs, as `signature` says.
        size: height and width; `free` for any, which only a network that was built so takes; None: the model's own.
        signature: what it takes and gives; None: latents or images, by the rank of its one input, to images.
        names: what the numbers of classes and words stand for, by the keys of the batch.
        config: of its architecture, that has the sizes which the signature names.

    Raises:
        UsageError: when the network does not take that size, or something else than the signature says.
    """
    signature = signature or keras_network.signature_of(model, provenance.of_model(model))
    _check_counts(model, signature)
    is_translation = (signature.kinds, signature.made) == (("image",), "image")
    if is_translation:
        found = dataclasses.replace(inference.open_network(model).interface, signature=SIGNATURE)
        resized = _resized(model, size, found)
    elif "image" in signature.kinds:
        found = card.Interface(SIGNATURE, (), (), multiple=1, any_size="whole")
        resized = _resized(model, size)
    else:
        _check_no_size(model, size, signature)
        resized, found = model, card.Interface(SIGNATURE, (), ())
    known = provenance.Known(names or {}, config)
    taken = keras_network.tensors(resized.inputs, signature.takes, known, batch=1)
    given = keras_network.tensors(resized.outputs, signature.gives, known, batch=1)
    if is_translation:
        # Where any size will do, Keras does not tell that of the output by that of the input.
        sides = (side and side * found.scale for side in taken[0].shape[1:3])
        given = (dataclasses.replace(given[0], shape=(1, *sides, model.output_shape[-1])),)
    if size != FREE:
        found = dataclasses.replace(found, multiple=None)
    return resized, dataclasses.replace(found, inputs=taken, outputs=given)


def with_uint8(interface: card.Interface) -> card.Interface:
    """Returns an interface with pictures in and out as uint8, from 0 to 255. Raises UsageError where it has none."""
    if all(tensor.kind != "image" for tensor in (*interface.inputs, *interface.outputs)):
        raise UsageError("io uint8: is of pictures, and the network neither takes nor gives any; leave it out")
    return dataclasses.replace(
        interface, inputs=tuple(map(_in_pixels, interface.inputs)), outputs=tuple(map(_in_pixels, interface.outputs))
    )


def _in_pixels(tensor: card.Tensor) -> card.Tensor:
    if tensor.kind != "image":
        return tensor
    return dataclasses.replace(tensor, dtype="uint8", mean=0.0, std=1.0, range=(0.0, 255.0))


def _check_counts(model: keras.Model, signature: fields.Signature) -> None:
    for what, tensors, wanted in (
        ("takes", model.inputs, signature.takes),
        ("gives", model.outputs, signature.gives),
    ):
        if len(tensors) != len(wanted):
            raise UsageError(
                f"{model.name}: {what} {len(tensors)} tensors, where its architecture declares {', '.join(wanted)}"
            )


def _check_no_size(model: keras.Model, size, signature: fields.Signature) -> None:
    if size is None:
        return
    if signature.made == "image":
        raise UsageError(f"size: {model.name} paints from latents at the one size that it was trained at; leave it out")
    raise UsageError(f"size: {model.name} takes and gives no pictures; leave it out")


def _resized(model: keras.Model, size, translation: card.Interface | None = None) -> keras.Model:
    """Returns a network that takes pictures, for a size; `translation` tells how one makes pictures of them."""
    own = next(tensor.shape[1:3] for tensor in model.inputs if len(tensor.shape) == 4)
    if size == FREE:
        if None not in own:
            raise UsageError(
                f"size: {model.name} was built for {own[0]}x{own[1]} and has no free size; give one such as "
                f"{own[0]}x{own[1]}: ganzoo runs it on pictures of any size"
            )
        return _for_any_size(model)
    height, width = size or (own[0] or DEFAULT_SIZE, own[1] or DEFAULT_SIZE)
    resized = model if (height, width) == own else _rebuilt(model, height, width)
    scale = translation.scale if translation else None
    if resized is not None and (scale is None or resized.output_shape[1:3] == (height * scale, width * scale)):
        return resized
    multiple = (translation.multiple or own[0]) if translation else 1
    if height % multiple == width % multiple == 0:
        found = f"takes {own[0]}x{own[1]} alone, found {height}x{width}"
        raise UsageError(f"size: {model.name} {found}; leave it out")
    near = [max(side // multiple, 1) * multiple for side in (height, width)]
    raise UsageError(
        f"size: {model.name} does not take {height}x{width}; heights and widths are multiples of {multiple}, "
        f"as {near[0]}x{near[1]}"
    )


def _rebuilt(model: keras.Model, height: int, width: int) -> keras.Model | None:
    """Returns the model with its weights for pictures of a size; None where it can't be."""
    inputs = [
        keras.Input(
            (height, width, tensor.shape[-1]) if len(tensor.shape) == 4 else tensor.shape[1:], dtype=tensor.dtype
        )
        for tensor in model.inputs
    ]
    try:
        rebuilt = keras.models.clone_model(model, input_tensors=kinds.one_or_all(inputs))
        rebuilt.set_weights(model.get_weights())
    except ValueError:
        # A skip connection meets another size, or a dense layer another length.
        return None
    return rebuilt


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
