"""Shared by all tests: a quiet TensorFlow, a JAX that compiles quickly, and the command as a user runs it."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import warm

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if os.environ.get("KERAS_BACKEND") == "jax" and "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    # Compiling takes most of the time: none of it goes into faster programs, and what was compiled once is kept until
    # the tests end, for the other processes too.
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp()
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)


if os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow":
    import tensorflow

    # It takes longer than these few steps. The command, in processes of its own, does it.
    tensorflow.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


@pytest.fixture
def command() -> Path:
    """The installed command `ganzoo`."""
    return Path(sys.executable).with_name("ganzoo")


@pytest.fixture
def ganzoo(command, tmp_path):
    """Runs the command in an empty folder, as in `ganzoo("list", "--json")`; returns the finished process.

    What is given an environment or an output of its own is the installed command, else a fork: see `warm.py`.
    """

    # The command quietens TensorFlow by itself.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TF_CPP")}

    def run(*arguments, stdout=subprocess.PIPE, **environment):
        if not environment and stdout is subprocess.PIPE:
            return warm.run(arguments, tmp_path, inherited)
        return subprocess.run(
            [command, *map(str, arguments)],
            cwd=tmp_path,
            env={**inherited, **environment},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run


@pytest.fixture
def gan(built):
    """The GAN of the module's `built`, which ends in one and a copy of its state, as it was when it was made."""
    import small

    *_, gan, initial = built
    small.restore(gan, initial)
    return gan
