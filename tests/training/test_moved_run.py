"""A run directory that is moved or removed while a process trains in it."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from ganzoo.training import run_directory
from ganzoo.training.run_directory import RunDirectory

SETTINGS = (
    "model.image_size=32",
    "model.base_filters=2",
    "model.latent_dim=4",
    "model.augmentation=[]",
    "training.batch_size=2",
    "training.sample_count=4",
    "training.log_every=1",
)
MOVED = "is no longer the run directory that this run holds: it was moved or removed"


def finish(process: subprocess.Popen) -> tuple[int, str]:
    try:
        _, said = process.communicate(timeout=120)
    finally:
        process.kill()
    return process.returncode, said


def train(command: Path, directory: Path, steps: int, *more: str) -> subprocess.Popen:
    settings = [word for setting in (*SETTINGS, *more) for word in ("--set", setting)]
    arguments = [command, "train", "dcgan_emoji", "--run-dir", directory, "--steps", str(steps), *settings]
    return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def wait_for(path: Path, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
def test_a_run_ends_where_its_directory_was_moved_or_removed_and_writes_nothing_in_its_place(command, tmp_path):
    saves = {"moved": "training.checkpoint_every=1", "removed": "training.checkpoint_every=1", "replaced": SETTINGS[0]}
    runs = {name: train(command, tmp_path / name, 6000, setting) for name, setting in saves.items()}
    for name, process in runs.items():
        wait_for(tmp_path / name / "metrics.jsonl", process)
    (tmp_path / "moved").rename(tmp_path / "elsewhere")
    # In one go, as the process goes on making files in it.
    (tmp_path / "removed").rename(tmp_path / "trash")
    shutil.rmtree(tmp_path / "trash", ignore_errors=True)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "precious").touch()
    (tmp_path / "replaced").rename(tmp_path / "old")
    (tmp_path / "new").rename(tmp_path / "replaced")
    for name, process in runs.items():
        status, said = finish(process)
        assert status == 1, said
        (line,) = [line for line in said.splitlines() if line.startswith("Error: ")]
        assert MOVED in line
        assert line.startswith(f"Error: {tmp_path / name}: ")
        assert "Traceback" not in said and "done at" not in said
    assert not (tmp_path / "moved").exists() and not (tmp_path / "removed").exists()
    assert [path.name for path in (tmp_path / "replaced").iterdir()] == ["precious"]
    # What was moved is a whole run, wherever it now lies.
    last = max(int(path.stem[5:]) for path in (tmp_path / "elsewhere" / "checkpoints").glob("step_*.npz"))
    status, said = finish(train(command, tmp_path / "elsewhere", last + 1))
    assert status == 0, said
    assert f"going on from step {last:,}" in said


@pytest.mark.parametrize("made_anew", [False, True])
def test_a_lock_file_that_was_removed_is_not_the_one_that_is_held(tmp_path, made_anew):
    with run_directory.locked(RunDirectory(tmp_path)) as directory:
        directory.check_held()
        directory.lock.unlink()
        if made_anew:
            directory.lock.touch()
        with pytest.raises(run_directory.RunError, match=MOVED):
            directory.check_held()
