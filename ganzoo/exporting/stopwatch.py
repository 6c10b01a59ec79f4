"""A model in a process of its own, which runs it when told and tells how long each run took.

Threads of a runtime, and the most memory it has used, are matters of a whole process; so each way of running a model
gets one, and they can take turns.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ganzoo.core.kinds import one_or_all
from ganzoo.errors import RunError

FREE_SIZE = 64
"""The height and width at which a model that takes any is run, unless told otherwise."""


class Stopwatch:
    """A model in its process; to be used in `with`, and first of all waited for by `ready`.

    Args:
        kind: `tflite`, or one of `KINDS`.
        path: the model's file or folder.
        threads: how many the runtime may use.
        shape: of the inputs of a TFLite file that leave lengths free; None: FREE_SIZE.
    """

    def __init__(self, kind: str, path: Path, threads: int, shape: tuple[int, ...] | None = None):
        self.path = path
        self._folder = tempfile.TemporaryDirectory()
        self._log = Path(self._folder.name, "log")
        job = json.dumps({"kind": kind, "path": str(path), "threads": threads, "shape": shape})
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "ganzoo.exporting.stopwatch", job],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            )

    def __enter__(self) -> "Stopwatch":
        return self

    def __exit__(self, *_) -> None:
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()

    def ready(self) -> "Stopwatch":
        """Waits until the model has run once. Raises RunError when it can't be run."""
        self._answer()
        return self

    def run(self, seconds: float) -> list[float]:
        """Runs the model for at least so long, at least once; milliseconds of each run."""
        return self._ask(seconds)["milliseconds"]

    def peak_memory(self) -> float | None:
        """The most memory that the process has held so far, in MiB; None where the system doesn't tell."""
        return self._ask(0)["peak_memory_mib"]

    def _ask(self, seconds: float) -> dict[str, Any]:
        with contextlib.suppress(BrokenPipeError):  # It has ended, and there is no answer.
            self._process.stdin.write(f"{seconds}\n")
            self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        self._process.wait()
        lines = [line for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        reason = lines[-1].strip() if lines else f"ended with status {self._process.returncode}"
        raise RunError(f"{self.path}: can't be run ({reason})")


def interpreter(path: str, threads: int = 1, *, delegated: bool = True, shape: tuple[int, ...] | None = None):
    """A TFLite interpreter, ready to run; lengths that the file leaves free are those of `shape`, or FREE_SIZE."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.AUTO if delegated else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    made = Interpreter(path, num_threads=threads, experimental_op_resolver_type=resolver)
    for tensor in made.get_input_details():
        lengths = tensor["shape_signature"].tolist()
        if -1 in lengths:
            made.resize_tensor_input(tensor["index"], shape or _filled(lengths))
    made.allocate_tensors()
    return made


def _filled(lengths: Sequence[int | None]) -> list[int]:
    """A shape whose free lengths, -1 or None, are filled in: a batch of one, FREE_SIZE else."""
    return [(FREE_SIZE if axis else 1) if n in (-1, None) else n for axis, n in enumerate(lengths)]


def random_inputs(made) -> dict[int, Any]:
    """Values for each input of an interpreter, by the tensor's index: as `any_values` gives them."""
    import numpy as np

    random = np.random.default_rng(0)
    return {
        tensor["index"]: any_values(random, tensor["shape"], tensor["dtype"]) for tensor in made.get_input_details()
    }


def any_values(random, shape, dtype):
    """Normal ones, or any integers of 8 bits. Larger integers are numbers of classes and words, of which few exist."""
    import numpy as np

    kind = np.dtype(dtype)
    if kind.kind == "f":
        return random.normal(size=shape).astype(kind)
    if kind.itemsize > 1:
        # 0 is no word, of which texts of nothing else have no mean.
        return np.full(shape, 1 if len(shape) > 1 else 0, kind)
    limits = np.iinfo(kind)
    return random.integers(limits.min, limits.max, shape, kind, endpoint=True)


def run(made, values: dict[int, Any]) -> dict[int, Any]:
    """What an interpreter gives for these inputs, by the tensor's index."""
    for index, value in values.items():
        made.set_tensor(index, value)
    made.invoke()
    return {tensor["index"]: made.get_tensor(tensor["index"]) for tensor in made.get_output_details()}


def _tflite(path: str, threads: int, shape: tuple[int, ...] | None) -> Callable[[], Any]:
    made = interpreter(path, threads, shape=shape)
    values = random_inputs(made)
    return lambda: run(made, values)


def _limit_tensorflow(threads: int) -> None:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def _keras(path: str, threads: int):
    _limit_tensorflow(threads)
    from ganzoo.generators import pretrained

    return pretrained.load(Path(path))


def inputs_of(model) -> list:
    """Values for each input of a Keras model, in order."""
    import numpy as np

    random = np.random.default_rng(0)
    return [any_values(random, _filled(tensor.shape), tensor.dtype) for tensor in model.inputs]


def _predict(path: str, threads: int, shape: tuple[int, ...] | None) -> Callable[[], Any]:
    model = _keras(path, threads)
    values = inputs_of(model)
    return lambda: model.predict(one_or_all(values), verbose=0)


def _function(path: str, threads: int, shape: tuple[int, ...] | None) -> Callable[[], Any]:
    import tensorflow as tf

    model = _keras(path, threads)
    values = [tf.constant(value) for value in inputs_of(model)]
    specs = [tf.TensorSpec(value.shape, value.dtype) for value in values]
    function = tf.function(lambda *x: model(one_or_all(list(x)), training=False), input_signature=specs)
    return lambda: tf.nest.map_structure(lambda made: made.numpy(), function(*values))


def _saved_model(path: str, threads: int, shape: tuple[int, ...] | None) -> Callable[[], Any]:
    import numpy as np
    import tensorflow as tf

    _limit_tensorflow(threads)
    loaded = tf.saved_model.load(path)  # It holds the variables, and must live as long as its functions.
    function = loaded.signatures["serving_default"]
    random = np.random.default_rng(0)
    values = {
        name: tf.constant(any_values(random, shape or _filled(spec.shape), spec.dtype.as_numpy_dtype))
        for name, spec in function.structured_input_signature[1].items()
    }
    return lambda loaded=loaded: next(iter(function(**values).values())).numpy()


def _onnx(path: str, threads: int, shape: tuple[int, ...] | None) -> Callable[[], Any]:
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    values = {
        one.name: any_values(random, _filled([n if isinstance(n, int) else None for n in one.shape]), ONNX[one.type])
        for one in session.get_inputs()
    }
    return lambda: session.run(None, values)


ONNX = {"tensor(float)": "float32", "tensor(int32)": "int32", "tensor(int64)": "int64"}
"""What ONNX Runtime calls the dtypes."""
KINDS = {
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
    while seconds and (not times or sum(times) < 1000 * seconds):
        start = time.perf_counter()
        once()
        times.append(1000 * (time.perf_counter() - start))
    return times


def _serve(kind: str, path: str, threads: int, shape: list[int] | None) -> None:
    # Runtimes print to the standard output what is no answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    once = KINDS[kind](path, threads, tuple(shape) if shape else None)
    once()
    print(json.dumps({}), file=answers, flush=True)
    for line in sys.stdin:
        times = _time(once, float(line))
        print(json.dumps({"milliseconds": times, "peak_memory_mib": _peak_memory()}), file=answers, flush=True)


if __name__ == "__main__":
    _serve(**json.loads(sys.argv[1]))
