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
    if (signature.kinds, signature.made) == (("image",), "image"):
        resized, found = _translating(model, size)
    elif "image" in signature.kinds:
        resized, found = _looking(model, size), card.Interface(SIGNATURE, (), (), any_size="whole")
        if size == FREE:
            found = dataclasses.replace(found, multiple=1)
    else:
        _check_no_size(model, size, signature)
        resized, found = model, card.Interface(SIGNATURE, (), ())
    known = provenance.Known(names or {}, config)
    taken = keras_network.tensors(resized.inputs, signature.takes, known, batch=1)
    given = keras_network.tensors(resized.outputs, signature.gives, known, batch=1)
    if found.outputs:
        # Where any size will do, Keras does not tell that of the output by that of the input.
        given = (dataclasses.replace(given[0], shape=found.output.shape),)
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


def _translating(model: keras.Model, size) -> tuple[keras.Model, card.Interface]:
    """Returns a network of images to images, for a size, and an interface that lacks only what its tensors are."""
    found = dataclasses.replace(inference.open_network(model).interface, signature=SIGNATURE)
    own = model.input_shape[1:3]
    if size == FREE:
        if None not in own:
            raise _no_free_size(model, own)
        resized, sides = _for_any_size(model), (None, None)
    else:
        sides = _sides(size, own)
        resized = model if sides == own else _rebuilt(model, *sides)
        wanted = tuple(side * found.scale for side in sides)
        if resized is None or resized.output_shape[1:3] != wanted:
            raise _another_size(model, sides, found.multiple or own[0])
        found = dataclasses.replace(found, multiple=None)
    shape = (1, *(side and side * found.scale for side in sides), model.output_shape[-1])
    return resized, dataclasses.replace(found, outputs=(dataclasses.replace(found.output, shape=shape),))


def _looking(model: keras.Model, size) -> keras.Model:
    """Returns a network that takes an image and gives something else, for a size."""
    own = _own_size(model)
    if size == FREE:
        if None not in own:
            raise _no_free_size(model, own)
        return model
    sides = _sides(size, own)
    resized = model if sides == own else _rebuilt(model, *sides)
    if resized is None:
        raise _another_size(model, sides, None)
    return resized


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


def _own_size(model: keras.Model) -> tuple[int | None, int | None]:
    return next(tensor.shape[1:3] for tensor in model.inputs if len(tensor.shape) == 4)


def _sides(size: tuple[int, int] | None, own: Sequence[int | None]) -> tuple[int, int]:
    return size or (own[0] or DEFAULT_SIZE, own[1] or DEFAULT_SIZE)


def _no_free_size(model: keras.Model, own: Sequence[int]) -> UsageError:
    return UsageError(
        f"size: {model.name} was built for {own[0]}x{own[1]} and has no free size; give one such as "
        f"{own[0]}x{own[1]}: ganzoo runs it on pictures of any size"
    )


def _another_size(model: keras.Model, sides: tuple[int, int], multiple: int | None) -> UsageError:
    own = _own_size(model)
    if multiple is None or sides[0] % multiple == sides[1] % multiple == 0:
        found = f"takes {own[0]}x{own[1]} alone, found {sides[0]}x{sides[1]}"
        return UsageError(f"size: {model.name} {found}; leave it out")
    near = [max(side // multiple, 1) * multiple for side in sides]
    return UsageError(
        f"size: {model.name} does not take {sides[0]}x{sides[1]}; heights and widths are multiples of {multiple}, "
        f"as {near[0]}x{near[1]}"
    )


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
