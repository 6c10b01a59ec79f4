"""The folder of a queue of trainings: what lies where, and what is noted of each run.

    FOLDER/
        environment/        a virtual environment with all that the package needs
        copies/COMMIT/      the package, as it was committed
        frozen.json         which of the copies new runs are trained by, and by which Python
        data/  runs/        the folders that commands and cards name so; every command runs in FOLDER
        records/RUN.json    of a run: its command, the commits that trained it, and how it ended
        logs/RUN.log        what its training said
        locks/

Used by training_queue.py, queue_status.py and make_pretrained.py. Imports no TensorFlow.
"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from ganzoo.errors import RunError
from ganzoo.files.atomic import replacing
from ganzoo.training import checkpoints, metrics_file
from ganzoo.training.run_directory import RunDirectory

TRIES = 30
"""Times, a second apart, that a run which trains is looked at for a moment in which it doesn't save."""


@dataclass(frozen=True)
class Folder:
    path: Path

    @property
    def environment(self) -> Path:
        return self.path / "environment"

    @property
    def copies(self) -> Path:
        return self.path / "copies"

    @property
    def frozen(self) -> Path:
        return self.path / "frozen.json"

    def copy(self, commit: str) -> Path:
        return self.copies / commit

    def run(self, name: str) -> Path:
        return self.path / "runs" / name

    def record(self, name: str) -> Path:
        return self.path / "records" / f"{name}.json"

    def log(self, name: str) -> Path:
        return self.path / "logs" / f"{name}.log"

    def lock(self, name: str) -> Path:
        return self.path / "locks" / name


def read(path: Path) -> dict:
    """Returns what is noted in a file; empty where there is none."""
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def write(path: Path, noted: Mapping) -> None:
    with replacing(path) as beside:
        beside.write_text(json.dumps(noted, indent=2, ensure_ascii=False) + "\n", "utf-8")


def commits_of(folder: Folder, runs: list[str]) -> str:
    """The commits that trained these runs, in order. Raises RunError where none is noted."""
    found = [commit for name in runs for commit in read(folder.record(name)).get("commits", [])]
    if not found:
        raise RunError(f"{folder.path}: nothing is noted of {' and '.join(runs)}; give --commit")
    return ", ".join(dict.fromkeys(found))


# Locks are held by whoever has the file open: a training has that of its run from the queue that began it, and so keeps
# it when the queue is killed. The system gives them back when the last of the two ends, however it ends.


def try_lock(path: Path) -> int | None:
    """Takes a lock, and returns its open file, which holds it; None where another process has it."""
    for _ in range(5):
        found = _lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if found is not None:
            os.ftruncate(found, 0)
            os.write(found, str(os.getpid()).encode())
            return found
        # It may be one that only looks.
        time.sleep(0.02)
    return None


def wait_for_lock(path: Path) -> int:
    return _lock(path, fcntl.LOCK_EX)


def is_owner_alive(path: Path) -> bool:
    """Whether the process that took a lock is still there, and not only one that has it from that."""
    try:
        os.kill(int(path.read_text("utf-8")), 0)
    except ProcessLookupError:
        return False
    except (ValueError, PermissionError):
        # It is just being taken, or is another user's.
        return True
    return True


def is_locked(path: Path) -> bool:
    """Whether another process has a lock."""
    if not path.exists():
        return False
    # Shared, so that two who look don't see each other.
    found = _lock(path, fcntl.LOCK_SH | fcntl.LOCK_NB)
    if found is not None:
        os.close(found)
    return found is None


def _lock(path: Path, how: int) -> int | None:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        os.close(file)
        return None
    return file


# How far a run is, by its directory.


def planned_steps(run: Path) -> int | None:
    """The step that a run was last told to stop at; None where it has not begun."""
    config = run / "config.yaml"
    return yaml.safe_load(config.read_text("utf-8"))["training"]["steps"] if config.is_file() else None


def steps_of(run: Path) -> int:
    """The steps that a run's generator has behind it: those of the newest checkpoint.

    Of a run that was brought without its checkpoints, those of the last line of its `metrics.jsonl`.
    """
    saved = checkpoints.list_checkpoints(run / "checkpoints")
    if saved:
        return checkpoints.step_of(saved[-1])
    return max((line["step"] for line in metrics_file.read(RunDirectory(run))), default=0)


def is_at_its_end(run: Path) -> bool:
    planned = planned_steps(run)
    return planned is not None and steps_of(run) >= planned


def is_done(folder: Folder, name: str) -> bool:
    """Whether a run is at the end that its command has; one without a record was brought here as it is."""
    record = read(folder.record(name))
    return is_at_its_end(folder.run(name)) and (not record or record.get("trained") == record.get("command"))


def copy_run(run: Path, target: Path) -> None:
    """Copies a run as it is at its newest checkpoint, though it may train on.

    The copy is a run directory without the arrays of its checkpoint, whose name alone is there, to tell its step.

    Raises:
        RunError: when the networks that are there are not those of a checkpoint.
    """
    for _ in range(TRIES):
        saved = checkpoints.list_checkpoints(run / "checkpoints")
        networks = sorted(run.glob("*.keras"))
        if not saved or not networks:
            raise RunError(f"{run}: nothing is saved there")
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        copies = [Path(shutil.copy2(path, target)) for path in networks]
        # Networks are written before their checkpoint, and both again some steps later.
        if all(path.stat().st_mtime_ns <= saved[-1].stat().st_mtime_ns for path in copies):
            break
        time.sleep(1)
    else:
        raise RunError(
            f"{run}: its networks are of a later step than its newest checkpoint; let the training go on once"
        )
    step = checkpoints.step_of(saved[-1])
    shutil.copy(run / "config.yaml", target)
    (target / "checkpoints").mkdir()
    (target / "checkpoints" / saved[-1].name).symlink_to(saved[-1].absolute())
    lines = [line for line in metrics_file.read(RunDirectory(run)) if line["step"] <= step]
    (target / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    (target / "samples").mkdir()
    for drawn_at, sample in RunDirectory(run).samples().items():
        if drawn_at <= step:
            shutil.copy(sample, target / "samples")
