"""What Keras computes with, its backend: TensorFlow or JAX. It is chosen before Keras is imported, and for good."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.errors import UsageError, quoted

if TYPE_CHECKING:
    import keras
    import numpy as np

BACKENDS = ("tensorflow", "jax")


def name() -> str:
    """Keras's backend, `tensorflow` or `jax`, without importing Keras.

    Raises:
        UsageError: for one that ganzoo has no engine for.
    """
    if "keras" in sys.modules:
        found, where = sys.modules["keras"].config.backend(), "Keras"
    else:
        found, where = _chosen()
    if found not in BACKENDS:
        raise UsageError(
            f"{where}: backend {quoted(found)}; ganzoo runs on {' or '.join(BACKENDS)}: set the environment variable "
            f"KERAS_BACKEND={BACKENDS[0]} or KERAS_BACKEND={BACKENDS[1]}"
        )
    return found


def check_tensorflow(what: str) -> None:
    """Raises a UsageError where `what` is asked for under another backend."""
    if name() != "tensorflow":
        raise UsageError(
            f"{what} needs TensorFlow, and Keras runs on {name()}; give the same command with KERAS_BACKEND=tensorflow"
        )


def _chosen() -> tuple[str, str]:
    """The backend that Keras will take when it is imported, and where that is said."""
    if os.environ.get("KERAS_BACKEND"):
        return os.environ["KERAS_BACKEND"], "KERAS_BACKEND"
    home = Path.home() if os.access(Path.home(), os.W_OK) else Path("/tmp")
    file = Path(os.environ.get("KERAS_HOME", home / ".keras")).expanduser() / "keras.json"
    try:
        return json.loads(file.read_text("utf-8")).get("backend", BACKENDS[0]), str(file)
    except (OSError, ValueError):  # Keras passes over a file that it can't read.
        return BACKENDS[0], str(file)


def compiled(
    function: Callable, variables: "Sequence[keras.Variable]", shape: Sequence[int | None], dtype: str = "float32"
) -> "Callable[[np.ndarray], np.ndarray]":
    """A function of one batch, compiled by the backend. It takes an array and gives one of NumPy.

    Args:
        function: of a tensor; made of `keras.ops` and layers.
        variables: those that it reads, at each call as they then are. It changes none.
        shape: of the batch. Where it says None any length will do: TensorFlow traces the function once for all, and
            JAX compiles it for each that it meets.
        dtype: of the batch, which is converted to it.
    """
    return compiled_for(function, variables, [(shape, dtype)])


def compiled_for(
    function: Callable, variables: "Sequence[keras.Variable]", inputs: Sequence[tuple[Sequence[int | None], str]]
) -> "Callable[..., np.ndarray]":
    """As `compiled`, a function of several batches: `inputs` has the shape and the dtype of each."""
    return (_compiled_by_jax if name() == "jax" else _compiled_by_tensorflow)(function, variables, inputs)


def _compiled_by_tensorflow(function, variables, inputs):
    import tensorflow as tf

    signature = [tf.TensorSpec(shape, dtype) for shape, dtype in inputs]
    traced = tf.function(function, input_signature=signature, autograph=False)
    # Called as it is, it would warn where many are made.
    concrete = traced.get_concrete_function()

    def call(*batches):
        return concrete(*(tf.constant(batch, dtype) for batch, (_, dtype) in zip(batches, inputs, strict=True))).numpy()

    # A trace alone doesn't keep the variables that it reads.
    call.variables = variables
    return call


def _compiled_by_jax(function, variables, inputs):
    import jax
    import keras
    import numpy as np

    # Left where they are, their values would become constants of the program, and stay what they were.
    @jax.jit
    def stateless(values, *batches):
        with keras.StatelessScope(zip(variables, values, strict=True)):
            return function(*batches)

    def call(*batches):
        arrays = (np.asarray(batch, dtype) for batch, (_, dtype) in zip(batches, inputs, strict=True))
        return np.asarray(stateless([variable.value for variable in variables], *arrays))

    return call
