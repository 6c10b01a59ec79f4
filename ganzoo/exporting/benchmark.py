"""Times models: a file for its card, and one model in every way that runs it, side by side.

Threads of a runtime, and the most memory it has used, are matters of a whole process; so each way of running a model
gets a process of its own, and they take turns.
"""

import contextlib
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ganzoo.backends import backend
from ganzoo.backends.quiet import held_back_stderr, import_keras
from ganzoo.core.kinds import one_or_all
from ganzoo.errors import RunError
from ganzoo.exporting import anatomy
from ganzoo.exporting.anatomy import FREE_SIZE, random_values
from ganzoo.exporting.quantize import PLAIN, name_of
from ganzoo.lite import card
from ganzoo.lite.threads import all_threads

ROUNDS = 5
BASELINE = "Keras tf.function"
"""The way that the others are compared with."""


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
    from ganzoo.generators import generator, pretrained  # They would count as memory of the processes that run models.

    path = pretrained.find(model, network, direction).path
    if not generator.is_tflite(path):
        backend.check_tensorflow("benchmark")
    with tempfile.TemporaryDirectory() as folder:
        ways = _ways(path, Path(folder), say)
        return {"model": str(model), "rows": compare(ways, seconds=seconds, say=say)}


def compare(
    ways: Sequence[Way], *, seconds: float = 2.0, say: Callable[[str], None] = lambda _: None
) -> list[dict[str, Any]]:
    """Returns the rows of `benchmark` for these ways to run one model."""
    rows = {way.name: _row(way) for way in ways}
    run = [way for way in ways if way.unavailable is None]
    for threads in sorted({1, all_threads()}):
        say(f"timing on {threads} thread{'s' * (threads > 1)}")
        found = _timed([Stopwatch(way.kind, way.path, threads) for way in run], seconds)
        timings = {way.name: timing for way, (timing, _) in zip(run, found, strict=True)}
        for way, (timing, memory) in zip(run, found, strict=True):
            speedup = timings[BASELINE]["median_ms"] / timing["median_ms"] if BASELINE in timings else None
            rows[way.name]["timings"].append({**timing, "speedup": speedup})
            rows[way.name]["peak_memory_mib"] = memory
    return list(rows.values())


def _row(way: Way) -> dict[str, Any]:
    if way.unavailable is not None:
        return {"name": way.name, "unavailable": way.unavailable}
    return {"name": way.name, "bytes": card.size(way.path), "timings": [], "peak_memory_mib": None}


def latency(path: Path, *, seconds: float = 2.0, shape: Sequence[int] | None = None) -> dict[str, Any]:
    """Times a `.tflite` file on one thread and on all, in turns, without TensorFlow.

    Args:
        path: the file.
        seconds: for about how long it runs in all; at least five times on each number of threads.
        shape: of its input, when the file takes any size. Default: 64 by 64 pixels.

    Returns:
        one_thread         {threads, median_ms, spread_ms, runs}; the spread is between the quartiles
        all_threads        the same; on a single processor, equal to `one_thread`
        peak_memory_mib    of the process on all threads, Python and the runtime included; None where it isn't known

    Raises:
        RunError: when the file can't be run.
    """
    watches = [Stopwatch("tflite", path, threads, shape) for threads in sorted({1, all_threads()})]
    found = _timed(watches, seconds / len(watches))
    return {"one_thread": found[0][0], "all_threads": found[-1][0], "peak_memory_mib": found[-1][1]}


def _timed(watches: Sequence["Stopwatch"], seconds: float) -> list[tuple[dict[str, float], float | None]]:
    """Runs each for so long, in rounds, so that what else goes on in the machine meets all alike.

    Returns:
        The summary of each one's times with its number of threads, and its peak memory.
    """
    with contextlib.ExitStack() as stack:
        for watch in watches:
            stack.enter_context(watch)
        for watch in watches:
            watch.ready()
        times = [[] for _ in watches]
        for _ in range(ROUNDS):
            for watch, found in zip(watches, times, strict=True):
                found += watch.run(seconds / ROUNDS)
        return [
            ({"threads": watch.threads, **summary(found)}, watch.peak_memory)
            for watch, found in zip(watches, times, strict=True)
        ]


def summary(times: Sequence[float]) -> dict[str, float]:
    """Returns the median, the distance between the quartiles, and the number of times."""
    low, median, high = statistics.quantiles(times, n=4, method="inclusive") if len(times) > 1 else 3 * times
    return {"median_ms": median, "spread_ms": high - low, "runs": len(times)}


def _ways(path: Path, folder: Path, say: Callable[[str], None]) -> list[Way]:
    from ganzoo.generators import generator, programs

    if generator.is_tflite(path):
        return [Way(f"TFLite {path.name}", "tflite", path)]
    if generator.is_saved_model(path):
        programs.warn_of_stranger(path)
        return [Way("SavedModel", "savedmodel", path)]
    say("converting")
    return ways_of_keras(path, folder)


def ways_of_keras(path: Path, folder: Path) -> list[Way]:
    """Returns every way to run a generator that Keras opens; what it is converted to is written into `folder`."""
    import_keras()
    from ganzoo.exporting import convert, interface
    from ganzoo.generators import keras_network, pretrained

    found = pretrained.find(path)
    network = found.model
    free = any(None in tensor.shape[1:] for tensor in network.inputs if len(tensor.shape) == 4)
    signature = keras_network.signature_of(network, found.provenance)
    size = (FREE_SIZE, FREE_SIZE) if free else None
    model, values = interface.at_size(network, size, signature, found.names, found.config)
    # How long a file takes does not depend on what it was calibrated on.
    taken = random_values(((2, *tensor.shape[1:]), tensor.dtype) for tensor in values.inputs)
    examples = {tensor.name: value for tensor, value in zip(values.inputs, taken, strict=True)}
    with held_back_stderr():
        whole, *files = convert.convert(
            model,
            path.stem,
            folder,
            values,
            values,
            formats=("savedmodel", "tflite"),
            precisions=(*PLAIN, "int8"),
            examples=examples,
        )
    return [
        Way("Keras predict", "keras predict", path),
        Way(BASELINE, "keras function", path),
        Way("SavedModel", "savedmodel", whole.path),
        *(Way(f"TFLite {name_of(file.quantization)}", "tflite", file.path) for file in files),
        _as_onnx(model, folder / f"{path.stem}.onnx"),
    ]


def _as_onnx(network, path: Path) -> Way:
    if find_spec("onnxruntime") is None:
        return Way("ONNX Runtime", unavailable="onnxruntime is not installed")
    try:
        with held_back_stderr():
            network(one_or_all(_keras_values(network)))
            network.export(path, format="onnx", verbose=False)
    except Exception as error:  # Keras and what it uses for this raise anything.
        return Way("ONNX Runtime", unavailable=" ".join(str(error).split()) or type(error).__name__)
    return Way("ONNX Runtime", "onnx", path)


class Stopwatch:
    """A model in a process, which runs it when told and tells how long each run took.

    To be used in `with`, and first of all waited for by `ready`.

    Args:
        kind: one of `RUNNERS`.
        path: the model's file or folder.
        threads: how many the runtime may use.
        shape: of the inputs of a TFLite file that leave lengths free; None: `FREE_SIZE`.

    Attributes:
        peak_memory: the most memory that the process has held so far, in MiB; None where the system doesn't tell.
    """

    def __init__(self, kind: str, path: Path, threads: int, shape: Sequence[int] | None = None):
        self.path, self.threads, self.peak_memory = path, threads, None
        self._log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ganzoo.exporting.benchmark", json.dumps([kind, str(path), threads, shape])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )

    def __enter__(self) -> "Stopwatch":
        return self

    def __exit__(self, *_) -> None:
        self._process.kill()
        self._process.communicate()
        self._log.close()

    def ready(self) -> "Stopwatch":
        """Waits until the model has run once. Raises RunError when it can't be run."""
        self._answer()
        return self

    def run(self, seconds: float) -> list[float]:
        """Runs the model for at least so long, at least once. Returns the milliseconds of each run."""
        with contextlib.suppress(BrokenPipeError):  # It has ended, and there is no answer.
            self._process.stdin.write(f"{seconds}\n")
            self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> list[float]:
        line = self._process.stdout.readline()
        if line:
            times, self.peak_memory = json.loads(line)
            return times
        status = self._process.wait()
        self._log.seek(0)
        lines = [line.strip() for line in self._log if line.strip()]
        reason = lines[-1] if lines else f"ended with status {status}"
        raise RunError(f"{self.path}: can't be run ({reason})")


def _tflite(path: str, threads: int, shape: Sequence[int] | None) -> Callable[[], Any]:
    made = anatomy.interpreter(path, threads, shape=shape)
    values = anatomy.inputs_of(made)
    return lambda: anatomy.run(made, values)


def _limit_tensorflow(threads: int) -> None:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def _keras(path: str, threads: int):
    _limit_tensorflow(threads)
    from ganzoo.generators import pretrained

    return pretrained.load(Path(path))


def _keras_values(model) -> list:
    return random_values((tensor.shape, tensor.dtype) for tensor in model.inputs)


def _predict(path: str, threads: int, _) -> Callable[[], Any]:
    model = _keras(path, threads)
    values = one_or_all(_keras_values(model))
    return lambda: model.predict(values, verbose=0)


def _function(path: str, threads: int, _) -> Callable[[], Any]:
    import tensorflow as tf

    model = _keras(path, threads)
    values = [tf.constant(value) for value in _keras_values(model)]
    specs = [tf.TensorSpec(value.shape, value.dtype) for value in values]
    function = tf.function(lambda *x: model(one_or_all(list(x)), training=False), input_signature=specs)
    return lambda: tf.nest.map_structure(lambda made: made.numpy(), function(*values))


def _saved_model(path: str, threads: int, shape: Sequence[int] | None) -> Callable[[], Any]:
    import tensorflow as tf

    _limit_tensorflow(threads)
    loaded = tf.saved_model.load(path)  # It holds the variables, and must live as long as its functions.
    function = loaded.signatures["serving_default"]
    specs = function.structured_input_signature[1]
    taken = random_values((shape or spec.shape, spec.dtype.as_numpy_dtype) for spec in specs.values())
    values = {name: tf.constant(value) for name, value in zip(specs, taken, strict=True)}
    return lambda loaded=loaded: next(iter(function(**values).values())).numpy()


def _onnx(path: str, threads: int, _) -> Callable[[], Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    taken = random_values((one.shape, ONNX_DTYPES[one.type]) for one in session.get_inputs())
    values = {one.name: value for one, value in zip(session.get_inputs(), taken, strict=True)}
    return lambda: session.run(None, values)


ONNX_DTYPES = {"tensor(float)": "float32", "tensor(int32)": "int32", "tensor(int64)": "int64"}
"""The dtypes, by what ONNX Runtime calls them."""
RUNNERS = {
    "tflite": _tflite,
    "keras predict": _predict,
    "keras function": _function,
    "savedmodel": _saved_model,
    "onnx": _onnx,
}
"""Ways to run a model: each makes a function that runs it once and waits for the result."""


def _peak_memory() -> float | None:
    try:
        # Not getrusage: its figure is inherited from the process that started this one.
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    except (OSError, IndexError):
        pass
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def _time(once: Callable[[], Any], seconds: float) -> list[float]:
    times: list[float] = []
    while not times or sum(times) < 1000 * seconds:
        start = time.perf_counter()
        once()
        times.append(1000 * (time.perf_counter() - start))
    return times


def _serve(kind: str, path: str, threads: int, shape: Sequence[int] | None) -> None:
    # Runtimes print to the standard output what is no answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    once = RUNNERS[kind](path, threads, shape)
    once()
    print(json.dumps([[], _peak_memory()]), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps([_time(once, float(line)), _peak_memory()]), file=answers, flush=True)


if __name__ == "__main__":
    _serve(*json.loads(sys.argv[1]))
