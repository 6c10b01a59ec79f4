"""The runner as on a device: in a process that has NumPy, Pillow and ai-edge-litert, and nothing else."""

import subprocess
import sys
from pathlib import Path

import ai_edge_litert
import numpy
import PIL
import pytest

import ganzoo.lite

LIBRARIES = (numpy, PIL, ai_edge_litert)


@pytest.fixture(scope="session")
def bare(tmp_path_factory):
    """A folder that holds the runner's package and what it needs, as links."""
    folder = tmp_path_factory.mktemp("bare")
    for library in LIBRARIES:
        home = Path(library.__file__).parent
        (folder / home.name).symlink_to(home)
        # Shared libraries lie beside NumPy and Pillow, under one name or another.
        for beside in home.parent.glob(f"{home.name}.libs"):
            (folder / beside.name).symlink_to(beside)
    for beside in Path(PIL.__file__).parent.parent.glob("pillow.libs"):
        if not (folder / beside.name).exists():
            (folder / beside.name).symlink_to(beside)
    (folder / "ganzoo_lite").symlink_to(Path(ganzoo.lite.__file__).parent)
    return folder


@pytest.fixture(scope="session")
def run_bare(bare):
    """Runs Python there, as in `run_bare("import ganzoo_lite", argument)`; returns the finished process."""

    def run(program, *arguments, cwd=None):
        # No site-packages, nothing of the environment.
        start = f"import sys; sys.path.insert(0, {str(bare)!r})\n{program}"
        command = [sys.executable, "-I", "-S", "-c", start, *map(str, arguments)]
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL)

    return run


@pytest.fixture
def lite(run_bare, tmp_path):
    """The command `ganzoo-lite`, in an empty folder."""
    return lambda *arguments: run_bare("from ganzoo_lite.cli import main; main()", *arguments, cwd=tmp_path)
