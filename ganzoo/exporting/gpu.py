"""What the GPU delegate takes of a `.tflite` file, asked for real: it is run, if need be on a GPU in software.

The runtime brings its WebGPU delegate along. It wants a Vulkan driver; where none is set, SwiftShader serves, which
comes with Chromium. All that happens in a process of its own, because the delegate may crash.
"""

import ctypes
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

BROWSERS = ("/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome", "/usr/lib64/chromium-browser")
"""Where a browser keeps SwiftShader."""


def check(path: Path, time_limit: float = 30.0) -> dict[str, Any]:
    """What the GPU delegate makes of the file at `path`:

    checked               whether it could be asked; if not, `reason` says why, and there is nothing more
    adapter               the GPU's name
    operators, taken      how many there are, and how many the delegate takes; `share` is the part, 0 to 1
    refused               {operator: why}
    largest_difference    between its output and the CPU's for the same random input; None when `time_limit`, in
                          seconds, was over before: software takes its time
    agrees                whether the root mean square of the difference is below 1% of the output's range
    """
    with tempfile.TemporaryFile("w+") as log, tempfile.TemporaryFile("w+") as answers:
        command = [sys.executable, "-P", "-m", "ganzoo.exporting.gpu", str(path)]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=answers, stderr=log, env=_environment(), start_new_session=True
        )
        try:
            status = process.wait(time_limit)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            process.kill()
            process.wait()
        log.seek(0)
        answers.seek(0)
        return _verdict(log.read(), _last_answer(answers.read()), status, time_limit)


def _environment() -> dict[str, str]:
    chosen = {"VK_ICD_FILENAMES", "VK_DRIVER_FILES"} & os.environ.keys()
    driver = _in_browser("vk_swiftshader_icd.json")
    return {**os.environ, "VK_ICD_FILENAMES": str(driver)} if driver and not chosen else dict(os.environ)


def _in_browser(name: str) -> Path | None:
    return next((Path(folder, name) for folder in BROWSERS if Path(folder, name).is_file()), None)


def _last_answer(text: str) -> dict[str, Any]:
    answers = [json.loads(line) for line in text.splitlines() if line.startswith("{") and line.endswith("}")]
    return {key: value for answer in answers for key, value in answer.items()}


def _verdict(log: str, answer: dict[str, Any], status: int | None, time_limit: float) -> dict[str, Any]:
    adapter = re.search(r"Selected adapter: ([^,\n]+)", log)
    if status is None and "operators" not in answer:
        return {"checked": False, "reason": f"the GPU delegate did not answer within {time_limit:g} s"}
    if adapter is None and "No adapters found" in log:
        return {"checked": False, "reason": "no GPU, nor one in software: no Vulkan driver was found"}
    if "only supports static-sized tensors" in log:
        return {"checked": False, "reason": "the GPU delegate takes files of a fixed size, and this one's is free"}
    if adapter is None or "operators" not in answer or status not in (None, 0):
        return {"checked": False, "reason": f"the GPU delegate ended with status {status}: {_last_error(log)}"}
    taken, operators = _taken(log, answer["operators"])
    if taken is None:
        return {"checked": False, "reason": "the GPU delegate did not say what it takes"}
    return {
        "checked": True,
        "adapter": adapter[1],
        "operators": operators,
        "taken": taken,
        "share": taken / operators,
        "refused": _refused(log),
        "largest_difference": answer.get("largest_difference"),
        "agrees": answer.get("agrees"),
    }


def _taken(log: str, operators: int) -> tuple[int | None, int]:
    """How many operators the delegate takes, None where it does not tell; and of how many."""
    counts = re.search(r"(\d+) operations will run on the GPU, and the remaining (\d+)", log)
    if counts:
        return int(counts[1]), int(counts[1]) + int(counts[2])
    if "No operations will run on the GPU" in log:
        return 0, operators
    # Of a graph that it takes as a whole it says only that it begins.
    return (operators if "API from graph" in log and not _refused(log) else None), operators


def _refused(log: str) -> dict[str, str]:
    """The lines below the heading, `OPERATOR: why` each."""
    block = re.search(r"operations are not supported by GPU delegate:\n((?:[A-Z0-9_ ]+:.*\n)+)", log)
    lines = block[1].splitlines() if block else []
    return {name: why.strip() for name, _, why in (line.partition(":") for line in lines)}


def _last_error(log: str) -> str:
    lines = [line.strip("└ ") for line in log.splitlines() if line.strip() and not line.startswith("INFO")]
    return (lines or ["it said nothing"])[-1]


def _ask(path: str) -> None:
    """In the process of its own: prints how many operators there are once compiled, then how the outputs differ."""
    loader = _in_browser("libvulkan.so.1")
    try:
        ctypes.CDLL("libvulkan.so.1", ctypes.RTLD_GLOBAL)
    except OSError:
        if loader:  # Once loaded, it is found under its name.
            ctypes.CDLL(str(loader), ctypes.RTLD_GLOBAL)
    import numpy as np
    from ai_edge_litert.compiled_model import CompiledModel
    from ai_edge_litert.hardware_accelerator import HardwareAccelerator

    from ganzoo.exporting import stopwatch
    from ganzoo.lite.threads import all_threads

    interpreter = stopwatch.interpreter(path, all_threads())
    values = stopwatch.random_inputs(interpreter)
    model = CompiledModel.from_file(path, HardwareAccelerator.GPU | HardwareAccelerator.CPU)
    signature = model.get_signature_by_index(0)["key"]
    inputs = model.get_input_tensor_details(signature).values()
    for place, tensor in enumerate(inputs):
        if list(tensor["shape"]) != list(values[tensor["index"]].shape):
            model.resize_input_tensor(place, values[tensor["index"]].shape)
    operators = [node for node in interpreter._get_ops_details() if node["op_name"] != "DELEGATE"]
    print(json.dumps({"operators": len(operators)}), flush=True)

    expected = stopwatch.run(interpreter, values)
    sources, sinks = model.create_input_buffers(0), model.create_output_buffers(0)
    for tensor, source in zip(inputs, sources, strict=True):
        source.write(values[tensor["index"]])
    model.run_by_index(0, sources, sinks)
    details = model.get_output_tensor_details(signature).values()
    errors, squares, spans = [], [], []
    for tensor, sink in zip(details, sinks, strict=True):
        want = expected[tensor["index"]].astype("float64").ravel()
        error = sink.read(want.size, expected[tensor["index"]].dtype).astype("float64").ravel() - want
        errors.append(np.abs(error).max())
        squares.append(np.sqrt(np.mean(error**2)))
        spans.append(np.ptp(want))
    agrees = all(square <= 0.01 * span for square, span in zip(squares, spans, strict=True))
    largest = float(max(errors))
    print(json.dumps({"largest_difference": largest if math.isfinite(largest) else None, "agrees": agrees}), flush=True)
    # What the delegate does when it is taken down is no part of the question.
    os._exit(0)


if __name__ == "__main__":
    _ask(sys.argv[1])
