"""What all tests share: a quiet TensorFlow, and the command as a user runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture
def command() -> Path:
    """The installed command `ganzoo`."""
    return Path(sys.executable).with_name("ganzoo")


@pytest.fixture
def ganzoo(command, tmp_path):
    """Runs the command in an empty folder, as in `ganzoo("list", "--json")`; returns the finished process."""

    # The command quietens TensorFlow by itself.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TF_CPP")}

    def run(*arguments, stdout=subprocess.PIPE, **environment):
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
