"""Commands in processes that have TensorFlow imported already: each is forked off one that imported it for all.

They are processes as any other, with a folder, an environment, output and an exit status of their own. Only what a
process imports, and when, they don't show.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tensorflow", "keras", "ganzoo.cli", "ganzoo.training", "ganzoo.exporting.export"])


class Started:
    """A command that runs; as a `subprocess.Popen` as far as it goes. What it prints goes to two files, or to one."""

    def __init__(self, arguments, folder: Path, environment: Mapping[str, str], out: Path, err: Path):
        words = ["ganzoo", *map(str, arguments)]
        self.process = FORKS.Process(target=_main, args=(words, str(folder), dict(environment), [str(out), str(err)]))
        self.process.start()

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self.process.join(timeout)
        assert self.process.exitcode is not None, f"still running after {timeout} s"
        return self.process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        self.process.kill()


def run(arguments, folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess:
    """Runs the command `ganzoo` with these arguments, in a folder; returns the finished process, its output as text."""
    with tempfile.TemporaryDirectory() as outputs:
        files = [Path(outputs, name) for name in ("out", "err")]
        status = Started(arguments, folder, environment, *files).wait()
        out, err = (file.read_text("utf-8") for file in files)
    return subprocess.CompletedProcess(["ganzoo", *map(str, arguments)], status, out, err)


def _main(words: list[str], folder: str, environment: dict, outputs: list[str]) -> None:
    for number, output in enumerate(outputs, start=1):
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    places = environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [place for place in places if place and place not in sys.path]
    sys.argv = words
    from ganzoo.cli import main

    main()
