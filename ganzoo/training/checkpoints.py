"""Checkpoints: every variable that training changes, as NumPy arrays in one file, whole or not there at all."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ganzoo.errors import RunError

_NAME = re.compile(r"step_(\d{7,})\.npz")


def save(folder: Path, step: int, state: Mapping, keep: int) -> Path:
    """Writes `state` (variables by name) as `step_NNNNNNN.npz`, and removes all but the newest `keep`.

    It is written beside, flushed to the disk and renamed into place. The zip format carries a checksum of each array.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step_{step:07d}.npz"
    beside = path.with_suffix(".part")
    try:
        with open(beside, "wb") as file:
            np.savez(file, **{name: np.asarray(variable) for name, variable in state.items()})
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    for old in list_checkpoints(folder)[:-keep]:
        old.unlink()
    return path


def list_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first."""
    found = [path for path in folder.glob("step_*.npz") if _NAME.fullmatch(path.name)]
    return sorted(found, key=step_of)


def step_of(path: Path) -> int:
    """The number of steps that a checkpoint has behind it."""
    return int(_NAME.fullmatch(path.name)[1])


def restore_newest(folder: Path, state: Mapping) -> tuple[Path | None, list[Path]]:
    """Sets the variables of `state` from the newest whole checkpoint.

    Returns:
        Its path, or None where there is none, and the damaged ones that were passed over, now called `.damaged`.

    Raises:
        RunError: when a checkpoint is whole but its variables are not those of `state`, or when all are damaged.
    """
    damaged = []
    for path in reversed(list_checkpoints(folder)):
        try:
            with np.load(path) as arrays:
                values = {name: arrays[name] for name in arrays.files}
        except PermissionError:
            raise
        except Exception:  # a flipped bit makes the reader raise all sorts
            damaged.append(path)
            continue
        _assign(path, state, values)
        # Out of the way, so that they don't count among those to keep.
        return path, [bad.rename(bad.with_suffix(".damaged")) for bad in damaged]
    if damaged:
        raise RunError(
            f"{folder}: all {len(damaged)} checkpoints are damaged; put one back, or start anew with --fresh"
        )
    return None, []


def _assign(path: Path, state: Mapping, values: Mapping) -> None:
    missing, surplus = sorted(state.keys() - values.keys()), sorted(values.keys() - state.keys())
    if missing or surplus:
        raise RunError(
            f"{path}: is of another model: {len(missing)} variables are missing and {len(surplus)} are not known, "
            f"e.g. {(missing or surplus)[0]}; train with --fresh, or in another --run-dir"
        )
    for name, variable in state.items():
        if values[name].shape != tuple(variable.shape):
            raise RunError(
                f"{path}: {name} has shape {values[name].shape}, the model needs {tuple(variable.shape)}; train with "
                "--fresh, or in another --run-dir"
            )
    for name, variable in state.items():
        variable.assign(values[name])
