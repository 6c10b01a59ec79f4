"""A network that is being trained, ready to be measured: each time with the weights that it then has."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from ganzoo import backend
from ganzoo.data.fields import Field, Signature
from ganzoo.lite import card
from ganzoo.lite.network import Network

if TYPE_CHECKING:
    import keras

SIZES_KEPT = 4
"""A network is compiled for each shape that it meets; so many are kept."""


def live(model: "keras.Model", signature: Signature, config) -> Network:
    """A deployed network of any signature, at its own size.

    Args:
        model: takes and gives what the signature says, in that order.
        config: the architecture's, which says how large that is.
    """
    inputs, outputs = (
        tuple(_tensor(key, field, config) for key, field in fields.items())
        for fields in (signature.takes, signature.gives)
    )
    call = _call(model, [tensor.name for tensor in inputs])
    if (*signature.kinds, signature.made) != ("image", "image"):
        return Network(model.name, card.Interface("", inputs, outputs), call)
    # A picture at a time, and any one where the network has no size of its own.
    height, width = model.input_shape[1:3]
    scale = outputs[0].shape[1] // inputs[0].shape[1]
    taken = dataclasses.replace(inputs[0], shape=(1, height, width, model.input_shape[-1]))
    sizes = {"multiple": None, "any_size": "whole"} if height else {"multiple": 1, "any_size": "tiles"}
    interface = card.Interface("", (taken,), outputs, scale=scale, **sizes)
    return Network(model.name, interface, call)


def _tensor(name: str, field: Field, config) -> card.Tensor:
    shape, limits = (None, *field.shape(config)), getattr(field, "range", None)
    tensor = card.Tensor(name, field.kind, shape, field.dtype, range=limits)
    if field.kind != "image":
        return tensor
    low, high = limits
    std = 255.0 / (high - low)
    return dataclasses.replace(tensor, mean=-low * std, std=std)


def _call(model: "keras.Model", names: list[str]) -> Callable[[np.ndarray | Mapping[str, np.ndarray]], np.ndarray]:
    # Uncompiled, a model holds the outputs of all its layers at once.
    @functools.lru_cache(maxsize=SIZES_KEPT)
    def compiled(shape: tuple[int, ...], dtype: str):
        return backend.compiled(lambda batch: model(batch, training=False), model.variables, shape, dtype)

    def call(values: np.ndarray | Mapping[str, np.ndarray]) -> np.ndarray:
        if isinstance(values, Mapping):
            return np.asarray(model([values[name] for name in names], training=False))
        return compiled(values.shape, str(values.dtype))(values)

    return call
