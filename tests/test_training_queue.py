"""The queue of trainings: real ones, that are killed, stopped and gone on with."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from ganzoo.errors import UsageError

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))

import frozen_copy
import queue_folder
import training_queue

ROOT = Path(__file__).parent.parent
# A step that no run comes to, however seldom it is looked at.
LAST, EVERY = 10_000_000, 25
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
        "tiny/short": {"recipe": "tiny", "run": "short", "overrides": ["training.steps=50"]},
    },
    "queue": [{"name": "tiny/no_such_data"}, "tiny/after_it", {"name": "tiny/good", "hours": 2}],
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A repository with what a training needs, and another plan."""
    root = tmp_path_factory.mktemp("checkout")
    for folder in ("ganzoo", "scripts", "zoo_configs"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "setup.cfg", root)
    (root / "zoo_configs/tiny.yaml").write_text(yaml.safe_dump(TINY))
    (root / "scripts/pretrained.yaml").write_text(yaml.safe_dump(PLAN))
    git("init", "--quiet", at=root)
    git("add", ".", at=root)
    git("commit", "--quiet", "--message", "All", at=root)
    return root


class Queues:
    """Queues of one folder."""

    def __init__(self, checkout: Path, folder: Path):
        self.script, self.folder = checkout / "scripts/training_queue.py", folder
        self.started = []

    def start(self, *words: str) -> subprocess.Popen:
        # At the lowest priority it would wait for the tests beside it.
        given = ["--folder", self.folder, "--environment", sys.executable, "--nice", "1"]
        command = [sys.executable, self.script, *words, *given]
        with open(self.folder.with_suffix(".log"), "ab") as output:
            self.started.append(subprocess.Popen(command, stderr=output, start_new_session=True))
        return self.started[-1]

    def status(self, *names: str) -> dict[str, dict]:
        command = [sys.executable, self.script, *names, "--folder", self.folder, "--status", "--json"]
        rows = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return {row["run"]: row for row in rows}

    def said(self) -> str:
        return self.folder.with_suffix(".log").read_text()

    def steps(self) -> int:
        """The step of the newest checkpoint of the good run."""
        return max((int(path.stem[5:]) for path in self.run.glob("checkpoints/step_*.npz")), default=-1)

    def wait_for_steps(self, more: int) -> None:
        wanted = self.steps() + more
        wait_until(lambda: self.steps() >= wanted)

    @property
    def run(self) -> Path:
        return self.folder / "runs/good"

    def log_of(self, run: str) -> str:
        path = self.folder / f"logs/{run}.log"
        return path.read_text() if path.exists() else ""

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
    deadline = time.monotonic() + 300
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def stopped(checkout, tmp_path_factory):
    """Two queues of the same: the one that trains is killed, the other takes over, and is stopped."""
    queues = Queues(checkout, tmp_path_factory.mktemp("disturbed") / "folder")
    try:
        first = queues.start()
        wait_until(lambda: queues.log_of("good"))
        second = queues.start()
        wait_until(lambda: "another queue trains good" in queues.said())
        with open(checkout / "ganzoo/cli.py", "a") as file:
            file.write("raise RuntimeError('changed since it was frozen')")
        queues.wait_for_steps(2 * EVERY)
        orphan = queues.training()
        first.kill()
        wait_until(lambda: queues.trainings() not in ([], [orphan]))
        queues.wait_for_steps(2 * EVERY)
        queues.while_training = queues.status()
        queues.niceness = niceness(queues.training())
        second.terminate()
        queues.exit_status = second.wait(300)
        queues.when_stopped = queues.status()
        yield queues
    finally:
        queues.end()


def test_what_fails_is_noted_and_takes_with_it_only_what_needs_it(stopped):
    found = stopped.while_training
    assert {run: row["state"] for run, row in found.items()} == {
        "no_such_data": "failed",
        "after_it": "waiting",
        "good": "running",
    }
    assert "no folder nowhere" in found["no_such_data"]["failed"]


def test_of_two_queues_one_at_a_time_trains_a_run_and_the_other_takes_over_where_a_killed_one_saved(stopped):
    starts = stopped.log_of("good").split("$ ganzoo train tiny")[1:]
    assert len(starts) == 2
    saved_at = starts[0].split("stopped and saved at step ")[1].split(";")[0]
    assert f"going on from step {saved_at} " in starts[1]


def niceness(process: int) -> dict[str, int]:
    """How a process gives way to others of its session, and its session to other sessions, where that is known."""
    found = {"process": os.getpriority(os.PRIO_PROCESS, process)}
    group = Path(f"/proc/{process}/autogroup")
    said = group.read_text() if group.exists() else ""
    return found | ({"session": int(said.split("nice")[1])} if said else {})


def test_a_training_gives_way_also_to_other_sessions(stopped):
    assert set(stopped.niceness.values()) == {min(os.nice(0) + 1, 19)}


def test_a_queue_that_is_stopped_says_so_and_where(stopped):
    assert stopped.exit_status == 130
    found = stopped.when_stopped["good"]
    assert found["state"] == "stopped"
    assert 0 < found["step"] < found["steps"] == LAST
    assert 0 < found["hours"] < found["budget"] == 2
    assert found["hours_left"] > 0


@pytest.mark.slow
def test_a_run_that_was_taken_over_stopped_and_killed_is_bitwise_one_that_was_left_alone(stopped, checkout, tmp_path):
    queue = stopped.start("tiny/good")
    stopped.wait_for_steps(2 * EVERY)
    os.kill(stopped.training(), signal.SIGKILL)
    stopped.wait_for_steps(2 * EVERY)
    queue.terminate()
    assert queue.wait(300) == 130
    assert stopped.log_of("good").count("$ ganzoo train tiny") == 4

    last = stopped.steps()
    recipe = checkout / "zoo_configs/tiny.yaml"
    ganzoo = Path(sys.executable).with_name("ganzoo")
    subprocess.run([ganzoo, "train", recipe, "--steps", str(last), "--run-dir", tmp_path / "alone"], check=True)
    found, wanted = arrays(stopped.run, last), arrays(tmp_path / "alone", last)
    assert found.keys() == wanted.keys()
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)


def arrays(run: Path, step: int) -> dict[str, np.ndarray]:
    with np.load(run / f"checkpoints/step_{step:07}.npz") as file:
        return {name: file[name] for name in file.files if name != "note"}


@pytest.mark.slow
def test_a_queue_whose_runs_are_at_their_ends_trains_nothing(checkout, tmp_path):
    queues = Queues(checkout, tmp_path / "folder")
    try:
        assert queues.start("tiny/short").wait(300) == 0
        assert queues.status("tiny/short")["short"]["state"] == "done"
        before = queues.log_of("short")
        assert queues.start("tiny/short").wait(300) == 0
        assert queues.log_of("short") == before
    finally:
        queues.end()


# What takes no training.


@pytest.fixture
def committed(tmp_path):
    """A checkout of two files, and how to commit."""
    root = tmp_path / "checkout"
    (root / "export/lite").mkdir(parents=True)
    (root / "ganzoo").mkdir()
    (root / "setup.cfg").write_text("[options]\npackage_dir =\n    # Elsewhere.\n    ganzoo.lite = export/lite\n")
    (root / "export/lite/__init__.py").write_text("")
    (root / "ganzoo/__init__.py").write_text("state = 1\n")
    git("init", "--quiet", at=root)
    git("add", ".", at=root)
    git("commit", "--quiet", "--message", "One", at=root)
    return root


def git(*words: str, at: Path) -> None:
    subprocess.run(["git", "-C", at, "-c", "user.name=test", "-c", "user.email=test@localhost", *words], check=True)


def state_in(copy: Path) -> str:
    command = [sys.executable, "-c", "import ganzoo.lite; print(ganzoo.state)"]
    return subprocess.check_output(command, env={"PYTHONPATH": str(copy)}, cwd=copy.parent, text=True).strip()


def test_a_copy_is_of_what_is_committed_and_stays_until_another_is_asked_for(committed, tmp_path):
    folder, said, python = queue_folder.Folder(tmp_path / "queue"), [], Path(sys.executable)
    first = frozen_copy.frozen(folder, committed, python, False, said.append)
    assert state_in(folder.copy(first["commit"])) == "1"
    (committed / "ganzoo/__init__.py").write_text("state = 2\n")
    assert frozen_copy.frozen(folder, committed, None, True, said.append) == first
    assert "changes that are not committed" in " ".join(said)
    git("commit", "--quiet", "--all", "--message", "Two", at=committed)
    assert frozen_copy.frozen(folder, committed, None, False, said.append) == first
    second = frozen_copy.frozen(folder, committed, None, True, said.append)
    assert [state_in(folder.copy(found["commit"])) for found in (first, second)] == ["1", "2"]


def test_a_python_without_the_package_is_refused(committed, tmp_path):
    (tmp_path / "python").touch()
    with pytest.raises(UsageError, match="no command ganzoo beside it"):
        frozen_copy.frozen(queue_folder.Folder(tmp_path / "queue"), committed, tmp_path / "python", False, print)


@pytest.fixture
def queue(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return training_queue.Queue(queue_folder.Folder(tmp_path), training_queue.plans.USUAL, "new")


TRAINING = training_queue.Training("dcgan/emoji", "dcgan_emoji")


def begin_run(folder: queue_folder.Folder, run: str, step: int, steps: int) -> None:
    """A run, as far as it is looked at."""
    (folder.run(run) / "checkpoints").mkdir(parents=True)
    (folder.run(run) / "config.yaml").write_text(f"training: {{steps: {steps}}}")
    (folder.run(run) / f"checkpoints/step_{step:07}.npz").touch()


def test_a_run_that_has_begun_goes_on_by_the_commit_and_the_command_of_its_beginning(queue):
    begun = {"generator": "dcgan/emoji", "command": "ganzoo train other", "commits": ["old"]}
    queue_folder.write(queue.folder.record(TRAINING.run), {**begun, "failed": "some"})
    assert queue.begin(TRAINING)["commits"] == ["new"]  # Nothing was trained before it failed.
    begin_run(queue.folder, TRAINING.run, 5, 10)
    queue_folder.write(queue.folder.record(TRAINING.run), {**begun, "failed": "some"})
    assert queue.begin(TRAINING) == begun
    lock = queue.take(TRAINING.run)
    with pytest.raises(UsageError, match="dcgan_emoji is being trained"):
        training_queue.take_along([TRAINING], queue.folder, "new", queue.places)
    os.close(lock)
    training_queue.take_along([TRAINING], queue.folder, "new", queue.places)
    along = queue.begin(TRAINING)
    assert (along["commits"], along["command"]) == (
        ["old", "new"],
        "ganzoo train dcgan_emoji --run-dir {runs}/dcgan_emoji",
    )
    assert queue_folder.commits_of(queue.folder, [TRAINING.run]) == "old, new"


def test_a_run_that_was_brought_here_has_a_commit_that_is_not_known(queue):
    begin_run(queue.folder, TRAINING.run, 5, 10)
    assert queue.begin(TRAINING)["commits"] == ["unknown", "new"]


def test_a_run_is_done_at_its_last_step_when_its_present_command_brought_it_there(queue):
    begin_run(queue.folder, "short", 5, 10)
    begin_run(queue.folder, "brought", 10, 10)
    begin_run(queue.folder, "longer", 10, 10)
    queue_folder.write(queue.folder.record("longer"), {"command": "20 steps", "trained": "10 steps"})
    done = [run for run in ("none", "short", "brought", "longer") if queue_folder.is_done(queue.folder, run)]
    assert done == ["brought"]


def test_what_a_killed_queue_left_behind_is_waited_for_and_a_living_queue_is_not(queue, monkeypatch):
    monkeypatch.setattr(training_queue, "LOOK_AGAIN", 0.01)
    path = queue.folder.lock("good")
    other = queue_folder.try_lock(path)
    assert queue.take("good") is None
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    path.write_text(str(gone.pid))
    threading.Timer(0.5, os.close, [other]).start()
    assert queue.take("good") is not None


def test_two_queues_do_not_share_a_core(tmp_path):
    code = """
import os, sys
from pathlib import Path
import training_queue
from ganzoo.errors import UsageError

folder, all_cores = training_queue.Folder(Path(sys.argv[1])), os.sched_getaffinity(0)
found = []
for _ in all_cores:
    training_queue.take_cores(folder, 1)
    found += os.sched_getaffinity(0)
    os.sched_setaffinity(0, all_cores)
assert sorted(found) == sorted(all_cores), found
try:
    training_queue.take_cores(folder, 1)
except UsageError:
    print("refused")
"""
    command = [sys.executable, "-c", code, tmp_path]
    found = subprocess.check_output(command, env={**os.environ, "PYTHONPATH": str(ROOT / "scripts")}, text=True)
    assert found.strip() == "refused"
