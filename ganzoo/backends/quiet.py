"""Keeps off the terminal what Keras's backends say to their own developers."""

import contextlib
import os
import sys
import tempfile
from importlib.util import find_spec

from ganzoo.backends import backend
from ganzoo.errors import UsageError


def import_keras() -> None:
    """Imports Keras and its backend without the lines that C code prints meanwhile, which no setting turns off.

    They are printed after all when the import fails.

    Raises:
        UsageError: for a backend that ganzoo has no room for, or that is not installed.
    """
    name = backend.name()
    if "keras" in sys.modules:
        return
    if not is_installed(name):
        raise UsageError(f"Keras's backend is {name}, which is not installed: pip install {backend.packages.INSTALL}")
    _hush()
    with held_back_stderr():
        import keras  # noqa: F401


def import_tensorflow():
    """Returns the module `tensorflow`, imported as quietly.

    Where Keras runs on JAX it is kept off the accelerators, whose memory it would take.

    Raises:
        ImportError: where it is not installed.
    """
    _hush()
    with held_back_stderr() if is_installed("tensorflow") else contextlib.nullcontext():
        import tensorflow as tf
    if backend.name() != "tensorflow":
        # Too late where it was used before.
        with contextlib.suppress(RuntimeError):
            for kind in ("GPU", "TPU"):
                tf.config.set_visible_devices([], kind)
    return tf


def is_installed(package: str) -> bool:
    """Returns whether a package can be found; it is not imported."""
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # Something stands in its way.
        return False


def _hush() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextlib.contextmanager
def held_back_stderr():
    """Drops what C code prints to standard error meanwhile, or prints it after all when this is left by an error."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(terminal, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)
