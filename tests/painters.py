"""Shared by tests of exporting: small generators that paint something, and what is in the files made of them."""

import json

import keras
import numpy as np
import small
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils

VARIANCES = {"biggan": 1.0}
"""About what goes into the norms of a new network, of architectures whose kernels are not as small as DCGAN's."""


def painter(name: str, network: str | None = None, **changes) -> keras.Model:
    """A small generator whose pictures fill their range: untrained ones paint grey, and grey hides every error."""
    released = small.create(name, **changes).released()
    model = released[network or next(iter(released))]
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # Of no batch that comes: in training mode it would give something else.
            layer.moving_mean.assign(np.full(layer.moving_mean.shape, 0.01))
            layer.moving_variance.assign(np.full(layer.moving_variance.shape, VARIANCES.get(name, 0.003)))
    convolutions = [layer for layer in model.layers if "Conv2D" in type(layer).__name__]
    # One of an equalized rate, whose layers are in networks within it, fills its range from the beginning.
    if convolutions:
        before = keras.Model(model.input, convolutions[-1].output)(small.inputs(model))
        convolutions[-1].kernel.assign(convolutions[-1].kernel * (0.7 / np.std(before)))
    return model


def operators(path) -> set[str]:
    """The names of a TFLite file's operators; of a custom one its own name."""
    model = flatbuffer_utils.read_model(str(path))
    names = {number: name for name, number in vars(schema.BuiltinOperator).items()}
    return {code.customCode.decode() if code.customCode else names[code.builtinCode] for code in model.operatorCodes}


def metadata(path) -> dict:
    """Returns what a TFLite file itself says of what it takes and gives."""
    model = flatbuffer_utils.read_model(str(path))
    (entry,) = (entry for entry in model.metadata if entry.name == b"ganzoo")
    return json.loads(bytes(model.buffers[entry.buffer].data))


def run(path, batch: np.ndarray) -> np.ndarray:
    """Returns what a TFLite file of one signature makes of a batch."""
    signature = Interpreter(str(path)).get_signature_runner()
    (name,) = signature.get_input_details()
    (output,) = signature(**{name: batch}).values()
    return output
