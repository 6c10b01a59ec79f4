"""One model run in every way there is, side by side: Keras, SavedModel, TFLite, ONNX Runtime."""

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ganzoo.backends import backend
from ganzoo.backends.quiet import held_back_stderr, import_keras
from ganzoo.core.kinds import one_or_all
from ganzoo.exporting.latency import in_turns, summary
from ganzoo.exporting.precisions import PLAIN, name_of
from ganzoo.exporting.stopwatch import FREE_SIZE, Stopwatch, any_values, inputs_of
from ganzoo.generators import generator, pretrained, programs
from ganzoo.lite import card
from ganzoo.lite.threads import all_threads

TIMED = (*PLAIN, "int8")
"""The precisions that a Keras model is timed in, as TFLite."""

BASELINE = "Keras tf.function"
"""What the others are compared with."""


@dataclasses.dataclass(frozen=True)
class Way:
    """One way of running a model: its name in the table, and what `Stopwatch` is to run; or why it can't."""

    name: str
    kind: str = ""
    path: Path = Path()
    unavailable: str | None = None


def benchmark(
    model: str | Path,
    direction: str = "ab",
    *,
    network: str | None = None,
    seconds: float = 2.0,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Times a model on one thread and on all, each way in a process of its own, in turns.

    Args:
        model: a pretrained name, a run directory or a `.keras` file, which is run in Keras and, converted, in all
            other ways; a SavedModel directory or a `.tflite` file, which is run as it is. Random values go in: one
            image, of 64 by 64 pixels when the model takes any size.
        direction: which generator of a model that has two.
        network: the name of one of its deployed networks, in place of the direction.
        seconds: for about how long each way runs on each number of threads; five times at least.
        say: is told what is being done.

    Returns:
        model, and `rows`: each with name, bytes, `timings` and `peak_memory_mib` of its process on all
        threads; or name and `unavailable`, why. A timing: threads, median_ms, spread_ms (between the quartiles), runs,
        and `speedup`: how many times as fast as a Keras `tf.function`, None when that is not among the rows.

    Raises:
        UsageError: when there is no such model; for all but a `.tflite` file also where Keras runs on JAX.
        RunError: when it can't be run.
    """
    path = pretrained.find(model, network, direction).path
    if not generator.is_tflite(path):
        backend.check_tensorflow("benchmark")
    with tempfile.TemporaryDirectory() as folder:
        ways = _ways(path, Path(folder), say)
        return {"model": str(model), "rows": compare(ways, seconds=seconds, say=say)}


def compare(
    ways: list[Way], *, seconds: float = 2.0, say: Callable[[str], None] = lambda _: None
) -> list[dict[str, Any]]:
    """The rows of `benchmark` for these ways to run one model."""
    rows = {way.name: _row(way) for way in ways}
    for threads in sorted({1, all_threads()}):
        say(f"timing on {threads} thread{'s' * (threads > 1)}")
        timings = _timed([way for way in ways if way.unavailable is None], threads, seconds)
        baseline = timings.get(BASELINE, (None, None))[0]
        for name, (timing, memory) in timings.items():
            speedup = baseline["median_ms"] / timing["median_ms"] if baseline else None
            rows[name]["timings"].append({"threads": threads, **timing, "speedup": speedup})
            rows[name]["peak_memory_mib"] = memory
    return list(rows.values())


def _row(way: Way) -> dict[str, Any]:
    if way.unavailable is not None:
        return {"name": way.name, "unavailable": way.unavailable}
    return {"name": way.name, "bytes": card.size(way.path), "timings": [], "peak_memory_mib": None}


def _timed(ways: list[Way], threads: int, seconds: float) -> dict[str, tuple[dict[str, float], float | None]]:
    """By name: the summary of the times, and the peak memory."""
    with contextlib.ExitStack() as stack:
        watches = [stack.enter_context(Stopwatch(way.kind, way.path, threads)) for way in ways]
        times = in_turns([watch.ready() for watch in watches], seconds)
        memory = [watch.peak_memory() for watch in watches]
    return {way.name: (summary(found), most) for way, found, most in zip(ways, times, memory, strict=True)}


def _ways(path: Path, folder: Path, say: Callable[[str], None]) -> list[Way]:
    if generator.is_tflite(path):
        return [Way(f"TFLite {path.name}", "tflite", path)]
    if generator.is_saved_model(path):
        programs.warn_of_stranger(path)
        return [Way("SavedModel", "savedmodel", path)]
    say("converting")
    return ways_of_keras(path, folder)


def ways_of_keras(path: Path, folder: Path) -> list[Way]:
    """Every way to run the generator in a file that Keras opens; what it is converted to is written into `folder`."""
    import_keras()
    import numpy as np

    from ganzoo.exporting import conversion, interface
    from ganzoo.generators import keras_network

    found = pretrained.find(path)
    network = found.model
    free = any(None in tensor.shape[1:] for tensor in network.inputs if len(tensor.shape) == 4)
    signature = keras_network.signature_of(network, found.provenance)
    size = (FREE_SIZE, FREE_SIZE) if free else None
    model, values = interface.at_size(network, size, signature, found.names, found.config)
    # How long a file takes does not depend on what it was calibrated on.
    random = np.random.default_rng(0)
    examples = {tensor.name: any_values(random, (2, *tensor.shape[1:]), tensor.dtype) for tensor in values.inputs}
    with held_back_stderr():
        files = conversion.convert(model, path.stem, folder, values, values, quantize=TIMED, examples=examples)
    return [
        Way("Keras predict", "keras predict", path),
        Way(BASELINE, "keras function", path),
        *(
            Way("SavedModel", "savedmodel", file.path)
            if file.format == "savedmodel"
            else Way(f"TFLite {name_of(file.quantization)}", "tflite", file.path)
            for file in files
        ),
        _as_onnx(model, folder / f"{path.stem}.onnx"),
    ]


def _as_onnx(network, path: Path) -> Way:
    if find_spec("onnxruntime") is None:
        return Way("ONNX Runtime", unavailable="onnxruntime is not installed")
    try:
        with held_back_stderr():
            network(one_or_all(inputs_of(network)))
            network.export(path, format="onnx", verbose=False)
    except Exception as error:  # Keras and what it uses for this raise anything.
        return Way("ONNX Runtime", unavailable=" ".join(str(error).split()) or type(error).__name__)
    return Way("ONNX Runtime", "onnx", path)
