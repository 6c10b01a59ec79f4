"""Every reach into parts of LiteRT that its documentation does not name, as seen in ai-edge-litert 2.3.0.

`tests/exporting/test_litert_private.py` fails with the name of what moved.

- `tools.flatbuffer_utils` and `schema_py_generated` read and write the tables of a `.tflite` file. The public way is to
  compile TensorFlow's `schema.fbs`, which makes the same 20,000 lines once more.
- `Interpreter._get_ops_details` lists the nodes of a loaded graph, a delegate's among them. No public call does;
  `CompiledModel.is_fully_accelerated` says only whether all operators were taken.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np


def schema():
    """Returns the module of the tables and enumerations that a `.tflite` file consists of."""
    from ai_edge_litert import schema_py_generated

    return schema_py_generated


def read(path: Path):
    """Reads a `.tflite` file as a `ModelT`, whose tables can be changed. A broken file raises anything."""
    from ai_edge_litert.tools import flatbuffer_utils

    return flatbuffer_utils.read_model_from_bytearray(path.read_bytes())


def write(model, path: Path) -> None:
    """Writes a `ModelT` as a `.tflite` file."""
    from ai_edge_litert.tools import flatbuffer_utils

    for buffer in model.buffers:
        if buffer.data is not None:  # The writer is slow with anything but arrays.
            buffer.data = np.frombuffer(buffer.data, "uint8")
    flatbuffer_utils.write_model(model, str(path))


def operator_name(code) -> str:
    """Returns the name of an `OperatorCodeT`, as `CONV_2D`; for a custom operator its own."""
    # Codes up to 127 are in a field of their own, from before there were more.
    return code.customCode.decode() if code.customCode else _names()[max(code.builtinCode, code.deprecatedBuiltinCode)]


@cache
def _names() -> dict[int, str]:
    return {number: name for name, number in vars(schema().BuiltinOperator).items() if isinstance(number, int)}


def nodes(interpreter) -> list[dict[str, Any]]:
    """Returns the nodes of an interpreter's graph, each with `op_name`, and the indices of its `inputs` and `outputs`.

    Operators that a delegate took stay in the list beside the delegate's node, whose name is `DELEGATE`.
    """
    return interpreter._get_ops_details()
