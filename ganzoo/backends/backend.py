"""The backend that Keras computes with: TensorFlow or JAX. It is chosen before Keras is imported, and for good.

Each has a room, `ganzoo/backends/tensorflow/` and `ganzoo/backends/jax/`, of files with the same names. Those of the
active one are here by these names: `backend.trainer` is `ganzoo/backends/jax/trainer.py` under JAX. They are imported
when they are first asked for, as most import Keras.
"""

import importlib
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ganzoo.errors import UsageError, quoted

if TYPE_CHECKING:
    from ganzoo.backends import interface

    # For editors and type checkers, to which a class is none whose base is only found while running.
    from ganzoo.backends.tensorflow import adam, trainer  # noqa: F401

BACKENDS = ("tensorflow", "jax")
PARTS = ("adam", "compiled", "devices", "dtypes", "errors", "feeding", "packages", "trainer")

compiled: "interface.Compiled"
devices: "interface.Devices"
dtypes: "interface.Dtypes"
errors: "interface.Errors"
feeding: "interface.Feeding"
packages: "interface.Packages"


def __getattr__(part: str) -> ModuleType:
    if part not in PARTS:
        raise AttributeError(f"module {__name__!r} has no attribute {part!r}")
    globals()[part] = found = importlib.import_module(f"ganzoo.backends.{name()}.{part}")
    return found


def name() -> str:
    """Returns Keras's backend, `tensorflow` or `jax`, without importing Keras.

    Raises:
        UsageError: for one that ganzoo has no room for.
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
    """Returns the backend that Keras will take when it is imported, and where that is said."""
    if os.environ.get("KERAS_BACKEND"):
        return os.environ["KERAS_BACKEND"], "KERAS_BACKEND"
    home = Path.home() if os.access(Path.home(), os.W_OK) else Path("/tmp")
    file = Path(os.environ.get("KERAS_HOME", home / ".keras")).expanduser() / "keras.json"
    try:
        return json.loads(file.read_text("utf-8")).get("backend", BACKENDS[0]), str(file)
    except (OSError, ValueError):  # Keras passes over a file that it can't read.
        return BACKENDS[0], str(file)
