"""TFLite files: converted from a SavedModel with built-in operators alone, and with their interface inside."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import tensorflow as tf

from ganzoo.errors import RunError
from ganzoo.lite import card
from ganzoo.lite.errors import reason

METADATA = "ganzoo"
"""The metadata buffer of a file that says in JSON what its card says of its inputs and outputs."""


def convert(saved_model: Path, signature: str) -> bytes:
    """A float32 TFLite file, of built-in operators alone.

    Raises:
        RunError: when the model needs an operator that TFLite does not have built in.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model), signature_keys=[signature])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    try:
        return converter.convert()
    except Exception as error:  # The converter raises an error of its own, of no public class.
        lacking = sorted(set(re.findall(r"'tf\.(\w+)' op is neither", str(error))))
        why = f"it needs {', '.join(lacking)}, which TFLite does not have built in" if lacking else reason(error)
        raise RunError(f"{saved_model.name}: can't be converted to TFLite: {why}") from error


def annotate(path: Path, interface: card.Interface, quantization: str) -> None:
    """Puts the interface into the file, under `METADATA`: an app that lost the card can read it there.

    A free size is stated for inputs and outputs as well.
    """
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(path.read_bytes()))
    graph, (signature,) = model.subgraphs[0], model.signatureDefs
    for tensors, found in ((interface.inputs, signature.inputs), (interface.outputs, signature.outputs)):
        places = {entry.name.decode(): entry.tensorIndex for entry in found}
        for tensor in tensors:
            if None in tensor.shape:  # litert-quantizer forgets it, of tensors that it puts its own beside.
                graph.tensors[places[tensor.name]].shapeSignature = [side or -1 for side in tensor.shape]
    document = {"card_version": card.VERSION, "quantization": quantization, **dataclasses.asdict(interface)}
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(json.dumps(document).encode(), "uint8")
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = METADATA, len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]
    for other in model.buffers:
        if other.data is not None:  # The writer is slow with anything but arrays.
            other.data = np.frombuffer(other.data, "uint8")
    flatbuffer_utils.write_model(model, str(path))
