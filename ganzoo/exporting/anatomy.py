"""Describes what a `.tflite` file is made of, and which of its operators XNNPACK and the GPU delegate take.

The GPU delegate is asked by running it, if need be on a GPU in software. LiteRT brings its WebGPU delegate along, which
wants a Vulkan driver; where none is set, SwiftShader serves, which comes with Chromium. That happens in a process of
its own, because the delegate may crash.
"""

import ctypes
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganzoo.backends.quiet import held_back_stderr
from ganzoo.errors import RunError
from ganzoo.exporting import litert_private
from ganzoo.lite.threads import all_threads

FREE_SIZE = 64
"""The height and width at which a model that takes any is run, unless told otherwise."""
CASTS = ("QUANTIZE", "DEQUANTIZE", "CAST")
"""Operators that a quantized file has where parts of it stay in float."""
BROWSERS = ("/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome", "/usr/lib64/chromium-browser")
"""Where a browser keeps SwiftShader."""


def describe(path: Path, *, gpu: bool = True) -> dict[str, Any]:
    """Describes the first subgraph of a file as plain values.

    Returns:
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
        gpu                 what `check_gpu` finds; None when not asked for

    A transposed convolution counts each input pixel times its whole kernel, borders included.

    Raises:
        RunError: when the file is no TFLite model.
    """
    model = _read(path)
    graph, codes = model.subgraphs[0], [(litert_private.operator_name(one), one.version) for one in model.operatorCodes]
    operators = [(codes[operator.opcodeIndex][0], operator) for operator in graph.operators]
    custom = sorted({name for (name, _), code in zip(codes, model.operatorCodes, strict=True) if code.customCode})
    shapes = [_shape(tensor) for tensor in graph.tensors] if custom else _shapes(path, graph)
    versions = Counter(codes[operator.opcodeIndex] for operator in graph.operators)
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
        "gpu": check_gpu(path) if gpu else None,
    }


def _read(path: Path):
    try:
        if path.read_bytes()[4:8] != b"TFL3":
            raise ValueError("no TFLite identifier")
        model = litert_private.read(path)
        if not model.subgraphs[0].operators:
            raise ValueError("no operators")
    except OSError:
        raise
    except Exception as error:  # The reader raises anything at a broken file.
        raise RunError(f"{path}: not a TFLite model, or a broken one ({error})") from error
    return model


def _shape(tensor) -> list[int]:
    return [int(length) for length in tensor.shape or ()]


def _shapes(path: Path, graph) -> list[list[int]]:
    """Returns the shape of each tensor; in a file that takes any size, at `FREE_SIZE`."""
    known = {}
    if any(-1 in (graph.tensors[index].shapeSignature or ()) for index in graph.inputs):
        made = interpreter(path, all_threads(), delegated=False)
        run(made, inputs_of(made))  # Some shapes are known only then.
        known = {tensor["index"]: tensor["shape"].tolist() for tensor in made.get_tensor_details()}
    return [known.get(index, _shape(tensor)) for index, tensor in enumerate(graph.tensors)]


def _macs(name: str, operator, shapes: list[list[int]]) -> int:
    inputs = [shapes[index] if index >= 0 else [] for index in operator.inputs]
    output = math.prod(shapes[operator.outputs[0]])
    if name == "CONV_2D":
        return output * math.prod(inputs[1][1:])
    if name == "DEPTHWISE_CONV_2D":
        return output * math.prod(inputs[1][1:3])
    if name == "TRANSPOSE_CONV":
        return math.prod(inputs[2][:3]) * math.prod(inputs[1])
    if name == "FULLY_CONNECTED":
        return output * inputs[1][1]
    if name == "BATCH_MATMUL":
        return output * inputs[0][-2 if operator.builtinOptions.adjX else -1]
    return 0


def _parameters(model) -> int:
    """Counts the constants in float or quantized; an integer without a scale is a shape or an axis."""
    counts = {
        int(tensor.buffer): math.prod(_shape(tensor))
        for graph in model.subgraphs
        for tensor in graph.tensors
        if model.buffers[tensor.buffer].data is not None
        and _shape(tensor)
        and (_is_float(tensor) or _is_scaled(tensor))
    }
    return sum(counts.values())


def _is_float(tensor) -> bool:
    kinds = litert_private.schema().TensorType
    return tensor.type in (kinds.FLOAT32, kinds.FLOAT16, kinds.BFLOAT16)


def _is_scaled(tensor) -> bool:
    scale = tensor.quantization.scale if tensor.quantization else None
    return scale is not None and len(scale) > 0


def _float_operators(operators: list, graph) -> dict[str, int] | None:
    computed = [(name, graph.tensors[o.outputs[0]]) for name, o in operators if name not in CASTS]
    if not any(_is_scaled(tensor) for name, tensor in computed if "CONV" in name or name == "FULLY_CONNECTED"):
        return None
    return dict(Counter(name for name, tensor in computed if _is_float(tensor)).most_common())


def _xnnpack(path: Path) -> dict[str, Any]:
    """Counts what XNNPACK takes: what lies between the borders of the delegate's nodes in the graph."""
    try:
        with held_back_stderr():
            nodes = litert_private.nodes(interpreter(path))
    except (ValueError, RuntimeError) as error:
        raise RunError(f"{path}: the runtime can't run it ({str(error).strip().splitlines()[0]})") from error
    own = [node for node in nodes if node["op_name"] != "DELEGATE"]
    makers = {int(tensor): place for place, node in enumerate(own) for tensor in node["outputs"]}
    taken: set[int] = set()
    for delegate in (node for node in nodes if node["op_name"] == "DELEGATE"):
        wanted = list(delegate["outputs"])
        while wanted:
            place = makers.get(int(wanted.pop()))
            if place is not None and place not in taken:
                taken.add(place)
                wanted += set(own[place]["inputs"]) - set(delegate["inputs"])
    left = Counter(node["op_name"] for place, node in enumerate(own) if place not in taken)
    return {
        "operators": len(own),
        "taken": len(taken),
        "share": len(taken) / len(own),
        "left": dict(left.most_common()),
    }


def interpreter(path: Path, threads: int = 1, *, delegated: bool = True, shape: Sequence[int] | None = None):
    """Returns an interpreter of a file, ready to run; lengths that the file leaves free are those of `shape`."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.AUTO if delegated else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    made = Interpreter(str(path), num_threads=threads, experimental_op_resolver_type=resolver)
    for tensor in made.get_input_details():
        lengths = tensor["shape_signature"].tolist()
        if -1 in lengths:
            made.resize_tensor_input(tensor["index"], shape or _filled(lengths))
    made.allocate_tensors()
    return made


def _filled(lengths: Iterable) -> list[int]:
    """Returns a shape with what is no length filled in: a batch of one, else `FREE_SIZE`."""
    return [
        length if isinstance(length, int) and length >= 0 else (FREE_SIZE if axis else 1)
        for axis, length in enumerate(lengths)
    ]


def random_values(tensors: Iterable[tuple[Iterable, Any]]) -> list[np.ndarray]:
    """Returns values to run a model on, for inputs of these shapes and dtypes.

    Floats are from a standard normal distribution, and integers of 8 bits any. Larger integers are numbers of classes
    and words, of which few exist: class 0, and word 1, for 0 is no word, and a text of nothing else has no mean.
    """
    random, values = np.random.default_rng(0), []
    for lengths, dtype in tensors:
        shape, kind = _filled(lengths), np.dtype(dtype)
        if kind.kind == "f":
            values.append(random.normal(size=shape).astype(kind))
        elif kind.itemsize > 1:
            values.append(np.full(shape, int(len(shape) > 1), kind))
        else:
            limits = np.iinfo(kind)
            values.append(random.integers(limits.min, limits.max, shape, kind, endpoint=True))
    return values


def inputs_of(made) -> dict[int, np.ndarray]:
    """Returns values for each input of an interpreter, by the tensor's index."""
    details = made.get_input_details()
    values = random_values((tensor["shape"].tolist(), tensor["dtype"]) for tensor in details)
    return {tensor["index"]: value for tensor, value in zip(details, values, strict=True)}


def run(made, values: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
    """Returns what an interpreter gives for these inputs, by the tensor's index."""
    for index, value in values.items():
        made.set_tensor(index, value)
    made.invoke()
    return {tensor["index"]: made.get_tensor(tensor["index"]) for tensor in made.get_output_details()}


def check_gpu(path: Path, time_limit: float = 30.0) -> dict[str, Any]:
    """Runs a file on the GPU delegate.

    Returns:
        checked               whether it could be asked; if not, `reason` says why, and there is nothing more
        adapter               the GPU's name
        operators, taken      how many there are, and how many the delegate takes; `share` is the part, 0 to 1
        refused               {operator: why}
        largest_difference    between its output and the CPU's for the same random input; None when `time_limit`, in
                              seconds, was over before: software takes its time
        agrees                whether the root mean square of the difference is below 1% of the output's range
    """
    driver = _in_browser("vk_swiftshader_icd.json")
    is_chosen = not {"VK_ICD_FILENAMES", "VK_DRIVER_FILES"}.isdisjoint(os.environ)
    driven = {"VK_ICD_FILENAMES": str(driver)} if driver and not is_chosen else {}
    with tempfile.TemporaryFile("w+") as log, tempfile.TemporaryFile("w+") as answers:
        try:
            status = subprocess.run(
                [sys.executable, "-P", "-m", "ganzoo.exporting.anatomy", str(path)],
                stdin=subprocess.DEVNULL,
                stdout=answers,
                stderr=log,
                env={**os.environ, **driven},
                start_new_session=True,
                timeout=time_limit,
            ).returncode
        except subprocess.TimeoutExpired:
            status = None
        log.seek(0)
        answers.seek(0)
        lines = [json.loads(line) for line in answers if line.startswith("{") and line.endswith("}\n")]
        return _verdict(log.read(), {key: value for line in lines for key, value in line.items()}, status, time_limit)


def _in_browser(name: str) -> Path | None:
    return next((Path(folder, name) for folder in BROWSERS if Path(folder, name).is_file()), None)


def _verdict(log: str, answer: dict[str, Any], status: int | None, time_limit: float) -> dict[str, Any]:
    adapter = re.search(r"Selected adapter: ([^,\n]+)", log)
    if status is None and "operators" not in answer:
        return _not_checked(f"the GPU delegate did not answer within {time_limit:g} s")
    if adapter is None and "No adapters found" in log:
        return _not_checked("no GPU, nor one in software: no Vulkan driver was found")
    if "only supports static-sized tensors" in log:
        return _not_checked("the GPU delegate takes files of a fixed size, and this one's is free")
    if adapter is None or "operators" not in answer or status not in (None, 0):
        said = [line.strip("└ ") for line in log.splitlines() if line.strip() and not line.startswith("INFO")]
        return _not_checked(f"the GPU delegate ended with status {status}: {(said or ['it said nothing'])[-1]}")
    refused = _refused(log)
    taken, operators = _taken(log, answer["operators"], refused)
    if taken is None:
        return _not_checked("the GPU delegate did not say what it takes")
    return {
        "checked": True,
        "adapter": adapter[1],
        "operators": operators,
        "taken": taken,
        "share": taken / operators,
        "refused": refused,
        "largest_difference": answer.get("largest_difference"),
        "agrees": answer.get("agrees"),
    }


def _not_checked(reason: str) -> dict[str, Any]:
    return {"checked": False, "reason": reason}


def _taken(log: str, operators: int, refused: dict[str, str]) -> tuple[int | None, int]:
    """Returns how many operators the delegate takes, None where it does not tell; and of how many."""
    counts = re.search(r"(\d+) operations will run on the GPU, and the remaining (\d+)", log)
    if counts:
        return int(counts[1]), int(counts[1]) + int(counts[2])
    if "No operations will run on the GPU" in log:
        return 0, operators
    # Of a graph that it takes as a whole it says only that it begins.
    return (operators if "API from graph" in log and not refused else None), operators


def _refused(log: str) -> dict[str, str]:
    """Returns the lines below the heading, `OPERATOR: why` each."""
    block = re.search(r"operations are not supported by GPU delegate:\n((?:[A-Z0-9_ ]+:.*\n)+)", log)
    lines = block[1].splitlines() if block else []
    return {name: why.strip() for name, _, why in (line.partition(":") for line in lines)}


def _ask_gpu(path: str) -> None:
    """Prints, in the process of its own, how many operators there are once compiled, then how the outputs differ."""
    loader = _in_browser("libvulkan.so.1")
    try:
        ctypes.CDLL("libvulkan.so.1", ctypes.RTLD_GLOBAL)
    except OSError:
        if loader:  # Once loaded, it is found under its name.
            ctypes.CDLL(str(loader), ctypes.RTLD_GLOBAL)
    from ai_edge_litert.compiled_model import CompiledModel
    from ai_edge_litert.hardware_accelerator import HardwareAccelerator

    on_cpu = interpreter(Path(path), all_threads())
    values = inputs_of(on_cpu)
    model = CompiledModel.from_file(path, HardwareAccelerator.GPU | HardwareAccelerator.CPU)
    signature = model.get_signature_by_index(0)["key"]
    inputs = model.get_input_tensor_details(signature).values()
    for place, tensor in enumerate(inputs):
        if list(tensor["shape"]) != list(values[tensor["index"]].shape):
            model.resize_input_tensor(place, values[tensor["index"]].shape)
    count = sum(node["op_name"] != "DELEGATE" for node in litert_private.nodes(on_cpu))
    print(json.dumps({"operators": count}), flush=True)

    expected = run(on_cpu, values)
    sources, sinks = model.create_input_buffers(0), model.create_output_buffers(0)
    for tensor, source in zip(inputs, sources, strict=True):
        source.write(values[tensor["index"]])
    model.run_by_index(0, sources, sinks)
    largest, agrees = [], []
    for tensor, sink in zip(model.get_output_tensor_details(signature).values(), sinks, strict=True):
        wanted = expected[tensor["index"]].ravel()
        error = sink.read(wanted.size, wanted.dtype).astype("float64").ravel() - wanted
        largest.append(float(np.abs(error).max()))
        agrees.append(bool(np.sqrt(np.mean(error**2)) <= 0.01 * np.ptp(wanted.astype("float64"))))
    found = {"largest_difference": max(largest) if math.isfinite(max(largest)) else None, "agrees": all(agrees)}
    print(json.dumps(found), flush=True)
    # What the delegate does when it is taken down is no part of the question.
    os._exit(0)


if __name__ == "__main__":
    _ask_gpu(sys.argv[1])
