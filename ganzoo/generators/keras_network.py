"""Keras models as networks that are ready to run: what goes in and out by their signatures, pictures at any size."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ganzoo.backends import backend
from ganzoo.core import kinds
from ganzoo.data.fields import Field, Image, Latents, Signature
from ganzoo.errors import UsageError
from ganzoo.generators import provenance
from ganzoo.generators.provenance import Known, Provenance
from ganzoo.lite import card
from ganzoo.lite.network import Network

if TYPE_CHECKING:
    import keras

USUAL_RATE = 16_000
"""Values a second of clips whose config has none."""
PROBE = 256
"""A size to try networks at that have none of their own."""
SIZES_KEPT = 4
"""A model is compiled for each size that it meets; so many are kept."""


def of_model(model: "keras.Model", found: Provenance | None, values: tuple[float, float] | None = None) -> Network:
    """Returns a Keras model, ready to run; one that turns pictures into pictures at any size, where it can.

    Args:
        model: a functional one.
        found: what is known of it.
        values: the range of the picture's values, in place of its signature's.

    Raises:
        UsageError: when it takes or makes what ganzoo can't run.
    """
    signature = signature_of(model, found)
    if not _is_translation(signature):
        return _in_parts(model, signature, found or Known())
    any_size, scale, multiple = _of_any_size(model)
    return _image_network(any_size, scale, multiple, values or _picture(signature).range)


def live(model: "keras.Model", signature: Signature, config) -> Network:
    """Returns a model in training, ready to run at its own size: each time with the weights that it then has.

    Args:
        signature: what it takes and gives, in that order.
        config: the architecture's.
    """
    if not _is_translation(signature):
        return _in_parts(model, signature, Known(config=config))
    own = model.input_shape[1]
    size = own or PROBE
    scale = (_output_size(model, size) or 0) // size
    return _image_network(model, scale, None if own else 1, _picture(signature).range)


def _in_parts(model: "keras.Model", signature: Signature, known: Provenance | Known) -> Network:
    """Returns a model that runs at its own size, with the parts that its signature has."""
    parts = [(model.get_layer(name), part) for name, part in signature.parts.items()]
    made = tuple(_network(part, _interface(part, taken, known)) for part, taken in parts)
    return dataclasses.replace(_network(model, _interface(model, signature, known)), parts=made)


def signature_of(model: "keras.Model", found: Provenance | None) -> Signature:
    """Returns what a model takes and gives, as its architecture declares or, for a stock one, as its tensors look.

    Raises:
        UsageError: for a stock one that takes neither latents alone nor pictures alone.
    """
    if found and _fits(model, found.signature):
        return found.signature
    shapes = [tensor.shape for tensor in model.inputs]
    guessed = kinds.guessed(shapes)
    if not guessed:
        raise UsageError(f"{model.name}: takes {shapes}; ganzoo runs models of latents (N, D) or images (N, H, W, C)")
    if guessed == ("latents",) and len(model.output_shape) != 4:
        raise UsageError(f"{model.name}: makes {model.output_shape} of latents; ganzoo runs networks that make images")
    picture = Image(_picture(found.signature).range) if found else Image()
    return Signature({guessed[0]: Latents() if guessed == ("latents",) else picture}, {"image": Image()})


def input_range(model: "keras.Model") -> tuple[float, float]:
    """The range of the values of the picture that a model takes: its architecture's, else [-1, 1]."""
    found = provenance.of_model(model)
    return (_picture(found.signature) if found else Image()).range


def _picture(signature: Signature) -> Image:
    """The first picture that a network takes."""
    return next((field for field in signature.takes.values() if field.kind == "image"), Image())


def _is_translation(signature: Signature) -> bool:
    return signature.kinds == ("image",) and signature.made == "image"


def _fits(model: "keras.Model", signature: Signature) -> bool:
    """Returns whether a model has the tensors that a signature has; another network of its architecture may not."""
    return all(
        [len(tensor.shape) for tensor in tensors] == [card.RANKS.get(field.kind, 2) for field in fields.values()]
        for tensors, fields in ((model.inputs, signature.takes), (model.outputs, signature.gives))
    )


def _interface(model: "keras.Model", signature: Signature, known: Provenance | Known) -> card.Interface:
    """Returns the interface of a network that runs at its own size, on any number of examples at a time."""
    taken = tensors(model.inputs, signature.takes, known)
    free = any(None in tensor.shape[1:] for tensor in taken)
    given = tensors(model.outputs, signature.gives, known)
    return card.Interface("", taken, given, multiple=1 if free else None, any_size="whole")


def tensors(
    found: Sequence, declared: Mapping[str, Field], known: Provenance | Known, batch: int | None = None
) -> tuple[card.Tensor, ...]:
    """Returns a model's inputs or outputs as a card has them, named by kind, or as in Keras where two are of one.

    Args:
        found: the tensors of the model.
        declared: what they are, in that order.
        known: says what numbers stand for, and has the config.
        batch: how many examples it takes at a time; None: any number.
    """
    kinds_found = [field.kind for field in declared.values()]
    return tuple(
        _tensor(
            field.kind if kinds_found.count(field.kind) == 1 else tensor.name,
            (key, field),
            (batch, *tensor.shape[1:]),
            known,
        )
        for tensor, (key, field) in zip(found, declared.items(), strict=True)
    )


def _tensor(name: str, declared: tuple[str, Field], shape: tuple, known: Provenance | Known) -> card.Tensor:
    key, field = declared
    if field.kind == "image":
        return _image(name, shape, field.range)
    tensor = card.Tensor(name, field.kind, shape, field.dtype)
    if field.kind == "clip":
        rate = getattr(known.config, field.rate, USUAL_RATE)
        return dataclasses.replace(tensor, range=field.range, rate=rate)
    if field.kind in card.NAMED:
        return dataclasses.replace(tensor, names=provenance.names_of(known, key, field))
    return tensor


def _image(name: str, shape: Sequence[int | None], values: tuple[float, float]) -> card.Tensor:
    low, high = values
    std = 255.0 / (high - low)
    return card.Tensor(name, "image", tuple(shape), "float32", mean=-low * std, std=std, range=(low, high))


def _image_network(model: "keras.Model", scale: int, multiple: int | None, values: tuple[float, float]) -> Network:
    shape = (1, None, None, model.input_shape[-1]) if multiple else (1, *model.input_shape[1:])
    interface = card.Interface(
        "",
        (_image("image", shape, values),),
        (_image("image", (1, None, None, model.output_shape[-1]), (-1.0, 1.0)),),
        scale=scale,
        multiple=multiple,
        any_size="tiles" if multiple else "whole",
    )
    return _network(model, interface)


def _network(model: "keras.Model", interface: card.Interface) -> Network:
    def run(*tensors):
        return model(kinds.one_or_all(list(tensors)), training=False)

    # `predict` compiles for a few sizes and then for any, which not all layers bear; and uncompiled, a model holds the
    # outputs of all its layers at once.
    @functools.lru_cache(maxsize=SIZES_KEPT)
    def compiled(*shapes: tuple[int, ...]):
        dtypes = (tensor.dtype for tensor in interface.inputs)
        return backend.compiled.call_of(run, model.variables, list(zip(shapes, dtypes, strict=True)))

    def call(values):
        arrays = [values[tensor.name] for tensor in interface.inputs] if isinstance(values, Mapping) else [values]
        return compiled(*(array.shape for array in arrays))(*arrays)

    return Network(model.name, interface, call)


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

    from ganzoo.core import initial_weights

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
