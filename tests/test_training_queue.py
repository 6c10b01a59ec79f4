"""The queue of trainings: real ones, that are killed, stopped and gone on with."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

ROOT = Path(__file__).parent.parent
LAST, EVERY = 600, 25
TINY = {
    "architecture": "dcgan",
    "model": {"image_size": 32, "base_filters": 2, "latent_dim": 4},
    "data": {"source": "embedded:emoji"},
    "training": {
        "steps": LAST,
        "batch_size": 2,
        "log_every": EVERY,
        "sample_every": LAST,
        "sample_count": 1,
        "checkpoint_every": EVERY,
        # What a doctor says of networks this small is no reason to go back.
        "rollback": 0,
    },
}
PLAN = {
    "things": {},
    "generators": {
        "tiny/no_such_data": {"recipe": "tiny", "run": "no_such_data", "overrides": ["data.source=folder:nowhere"]},
        "tiny/after_it": {"recipe": "tiny", "run": "after_it", "after": ["tiny/no_such_data"]},
        "tiny/good": {"recipe": "tiny", "run": "good"},
    },
    "queue": [{"name": "tiny/no_such_data"}, "tiny/after_it", {"name": "tiny/good", "hours": 2}],
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A repository with what a training needs, and another plan."""
    root = tmp_path_factory.mktemp("checkout")
    for folder in ("ganzoo", "scripts", "zoo_configs", "export/lite/ganzoo_lite"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "setup.cfg", root)
    (root / "zoo_configs/tiny.yaml").write_text(yaml.safe_dump(TINY))
    (root / "scripts/pretrained.yaml").write_text(yaml.safe_dump(PLAN))
    git = ["git", "-C", str(root), "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "All"]):
        subprocess.run([*git, *words], check=True)
    return root


class Queues:
    """Queues of one folder."""

    def __init__(self, checkout: Path, folder: Path):
        self.script, self.folder = checkout / "scripts/training_queue.py", folder
        self.started = []

    def start(self, *words: str) -> subprocess.Popen:
        # At the lowest priority it would wait for the tests beside it.
        given = ["--folder", self.folder, "--environment", sys.executable, "--nice", "0"]
        command = [sys.executable, self.script, *words, *given]
        with open(self.folder.with_suffix(".log"), "ab") as output:
            self.started.append(subprocess.Popen(command, stderr=output, start_new_session=True))
        return self.started[-1]

    def status(self) -> dict[str, dict]:
        command = [sys.executable, self.script, "--folder", self.folder, "--status", "--json"]
        rows = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return {row["run"]: row for row in rows}

    def said(self) -> str:
        return self.folder.with_suffix(".log").read_text()

    def steps(self) -> int:
        """Of the newest checkpoint of the good run."""
        return max((int(path.stem[5:]) for path in self.run.glob("checkpoints/step_*.npz")), default=-1)

    def wait_for_steps(self, more: int) -> None:
        wanted = self.steps() + more
        wait_until(lambda: self.steps() >= wanted)

    @property
    def run(self) -> Path:
        return self.folder / "runs/good"

    def log(self) -> str:
        return (self.folder / "logs/good.log").read_text()

    def training(self) -> int:
        """The process that trains."""
        (found,) = self.trainings()
        return found

    def trainings(self) -> list[int]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words, where = (process / "cmdline").read_bytes().split(b"\0"), (process / "cwd").readlink()
            except OSError:
                continue
            if where == self.folder and b"train" in words:
                found.append(int(process.name))
        return found

    def end(self) -> None:
        for process in self.started:
            process.kill()
            process.wait()
        wait_until(lambda: not self.trainings())


def wait_until(happened) -> None:
    deadline = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def undisturbed(checkout, tmp_path_factory):
    """A queue that was left alone; its exit status."""
    queues = Queues(checkout, tmp_path_factory.mktemp("undisturbed") / "folder")
    try:
        queues.status_of_all = queues.start().wait(300)
        yield queues
    finally:
        queues.end()


def arrays(run: Path) -> dict[str, np.ndarray]:
    with np.load(run / f"checkpoints/step_{LAST:07}.npz") as file:
        return {name: file[name] for name in file.files if name != "note"}


def test_what_fails_is_noted_and_takes_with_it_only_what_needs_it(undisturbed):
    assert undisturbed.status_of_all == 1
    found = undisturbed.status()
    assert {run: row["state"] for run, row in found.items()} == {
        "no_such_data": "failed",
        "after_it": "waiting",
        "good": "done",
    }
    assert "nowhere" in found["no_such_data"]["failed"]
    assert (found["good"]["step"], found["good"]["steps"]) == (LAST, LAST)
