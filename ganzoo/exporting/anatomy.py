"""What a `.tflite` file is made of: its operators, parameters and multiplications, and what runs them."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from ganzoo.backends.quiet import held_back_stderr
from ganzoo.errors import RunError
from ganzoo.exporting import gpu as gpu_delegate
from ganzoo.exporting import stopwatch
from ganzoo.lite.threads import all_threads

# Casts between number formats, which a quantised file has where parts of it stay in float.
_CASTS = ("QUANTIZE", "DEQUANTIZE", "CAST")


def describe(path: Path, *, gpu: bool = True) -> dict[str, Any]:
    """What the file at `path` is made of, of its first subgraph, as plain values:

        operators           a list of {name, version, count}
        custom_operators    names of those that need more than the runtime: TensorFlow's own ("Flex...") and custom ones
        float_operators     {name: count} computed in float though the file's convolutions are in int8; None when the
                            file computes in float anyway
        parameters          numbers in weights and biases, after folding, without scalars and shapes
        macs                multiply-accumulates of convolutions and matrix products, for one image
        input_shape         at which `macs` was counted; of a file of several inputs, that of the first
        input_shapes        of a file of several inputs, those of all in order
        xnnpack             operators, taken, share (0 to 1), and `left`, {name: count} of those that it does not take;
                            None when the file can't be run
        gpu                 what `gpu.check` finds; None when not asked for

    A transposed convolution counts each input pixel times its whole kernel, borders included.

    Raises:
        RunError: when the file is no TFLite model.
    """
    model = _read(path)
    graph, names = model.subgraphs[0], [_name(code) for code in model.operatorCodes]
    operators = [(names[operator.opcodeIndex], operator) for operator in graph.operators]
    custom = sorted({_name(code) for code in model.operatorCodes if code.customCode})
    shapes = _shapes(path, graph) if not custom else [_own_shape(tensor) for tensor in graph.tensors]
    versions = Counter((names[o.opcodeIndex], model.operatorCodes[o.opcodeIndex].version) for o in graph.operators)
    taken = [shapes[index] for index in graph.inputs]
    return {
        "operators": [{"name": n, "version": v, "count": count} for (n, v), count in sorted(versions.items())],
        "custom_operators": custom,
        "float_operators": _float_operators(operators, graph),
        "parameters": _parameters(model),
        "macs": sum(_macs(name, operator, shapes) for name, operator in operators),
        "input_shape": taken[0],
        **({"input_shapes": taken} if len(taken) > 1 else {}),
        "xnnpack": None if custom else _xnnpack(path),
        "gpu": gpu_delegate.check(path) if gpu else None,
    }


def _read(path: Path):
    from ai_edge_litert.tools import flatbuffer_utils

    try:
        if path.read_bytes()[4:8] != b"TFL3":
            raise ValueError("no TFLite identifier")
        model = flatbuffer_utils.read_model(str(path))
        if not model.subgraphs[0].operators:
            raise ValueError("no operators")
    except OSError:
        raise
    except Exception as error:  # The reader raises anything at a broken file.
        raise RunError(f"{path}: not a TFLite model, or a broken one ({error})") from error
    return model


def _name(code) -> str:
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    if code.customCode:
        return code.customCode.decode()
    # Codes up to 127 are in a field of their own, from before there were more.
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    return next(name for name, value in vars(BuiltinOperator).items() if value == number)


def _own_shape(tensor) -> list[int]:
    return [int(length) for length in (tensor.shape if tensor.shape is not None else [])]


def _shapes(path: Path, graph) -> list[list[int]]:
    """The shape of each tensor; of a file that takes any size, at `stopwatch.FREE_SIZE`."""
    if not any(-1 in _signature(graph.tensors[index]) for index in graph.inputs):
        return [_own_shape(tensor) for tensor in graph.tensors]
    interpreter = stopwatch.interpreter(str(path), all_threads(), delegated=False)
    stopwatch.run(interpreter, stopwatch.random_inputs(interpreter))  # Some shapes are known only then.
    details = {tensor["index"]: tensor["shape"].tolist() for tensor in interpreter.get_tensor_details()}
    return [details.get(index, _own_shape(tensor)) for index, tensor in enumerate(graph.tensors)]


def _signature(tensor) -> list[int]:
    return [] if tensor.shapeSignature is None else list(tensor.shapeSignature)


def _macs(name: str, operator, shapes: list[list[int]]) -> int:
    inputs = [shapes[index] if index >= 0 else [] for index in operator.inputs]
    output = math.prod(shapes[operator.outputs[0]])
    if name == "CONV_2D":
        return output * math.prod(inputs[1][1:])
    if name == "DEPTHWISE_CONV_2D":
        return output * math.prod(inputs[1][1:3])
    if name == "TRANSPOSE_CONV":
        batch, height, width, _ = inputs[2]
        return batch * height * width * math.prod(inputs[1])
    if name == "FULLY_CONNECTED":
        return output * inputs[1][1]
    if name == "BATCH_MATMUL":
        return output * inputs[0][-2 if operator.builtinOptions.adjX else -1]
    return 0


def _parameters(model) -> int:
    """Elements of the constants that are in float, or quantised; an integer without a scale is a shape or an axis."""
    counts = {}
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            constant = model.buffers[tensor.buffer].data is not None and _own_shape(tensor)
            if constant and (_is_float(tensor) or _scales(tensor)):
                counts[int(tensor.buffer)] = math.prod(_own_shape(tensor))
    return sum(counts.values())


def _is_float(tensor) -> bool:
    from ai_edge_litert.schema_py_generated import TensorType

    return tensor.type in (TensorType.FLOAT32, TensorType.FLOAT16, TensorType.BFLOAT16)


def _scales(tensor) -> bool:
    scale = tensor.quantization.scale if tensor.quantization else None
    return scale is not None and len(scale) > 0


def _float_operators(operators: list, graph) -> dict[str, int] | None:
    computed = [(name, graph.tensors[o.outputs[0]]) for name, o in operators if name not in _CASTS]
    convolutions = [tensor for name, tensor in computed if "CONV" in name or name == "FULLY_CONNECTED"]
    if not any(_scales(tensor) for tensor in convolutions):
        return None
    return dict(Counter(name for name, tensor in computed if _is_float(tensor)).most_common())


def _xnnpack(path: Path) -> dict[str, Any] | None:
    """What XNNPACK takes, asked by delegating: the delegate's nodes stand in the graph beside those they replace."""
    try:
        with held_back_stderr():
            interpreter = stopwatch.interpreter(str(path))
    except (ValueError, RuntimeError) as error:
        raise RunError(f"{path}: the runtime can't run it ({str(error).strip().splitlines()[0]})") from error
    return _delegated(interpreter._get_ops_details())


def _delegated(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    delegates = [node for node in nodes if node["op_name"] == "DELEGATE"]
    own = [node for node in nodes if node["op_name"] != "DELEGATE"]
    makers = {int(tensor): place for place, node in enumerate(own) for tensor in node["outputs"]}
    taken: set[int] = set()
    for delegate in delegates:
        borders = set(np.asarray(delegate["inputs"]).tolist())
        wanted = [int(tensor) for tensor in delegate["outputs"]]
        while wanted:
            place = makers.get(wanted.pop())
            if place is not None and place not in taken:
                taken.add(place)
                wanted += [int(tensor) for tensor in own[place]["inputs"] if int(tensor) not in borders]
    left = Counter(node["op_name"] for place, node in enumerate(own) if place not in taken)
    return {
        "operators": len(own),
        "taken": len(taken),
        "share": len(taken) / len(own),
        "left": dict(left.most_common()),
    }
