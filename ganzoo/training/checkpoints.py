"""Checkpoints: every variable that training changes, as NumPy arrays in one file, whole or not there at all.

Beside the arrays a file holds a note: the step, a SHA-256 of all arrays, how good the run then was, if that is asked
for, and the last line of its metrics, which a machine that fails may lose.
"""

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pydantic
import pydantic.dataclasses

from ganzoo.errors import RunError
from ganzoo.files import npz
from ganzoo.files.atomic import replacing

_NAME = re.compile(r"step_(\d{7,})\.npz")
_NOTE = "note"
_LONGEST_NOTE = 1 << 20
"""Bytes. It holds a line of metrics."""


class LostState(Exception):
    """A state that holds NaN or infinity, which is not saved: nothing could go on from it."""

    def __init__(self, names: list[str], count: int):
        super().__init__(f"{len(names)} of {count} variables hold NaN or infinity, e.g. {names[0]}")


@pydantic.dataclasses.dataclass(frozen=True)
class _Note:
    """The note that a checkpoint holds about itself."""

    step: int
    sha256: str
    score: tuple[str, float] | None = None
    line: dict | None = None


def save(
    folder: Path,
    step: int,
    arrays: Mapping[str, np.ndarray],
    score: tuple[str, float] | None = None,
    line: Mapping | None = None,
) -> Path:
    """Writes the arrays that `finite_arrays` gave as `step_NNNNNNN.npz`.

    Args:
        score: by what the run is judged, and how good it is at this step, less being better; kept in the note.
        line: the last of `metrics.jsonl`; kept there, too.
    """
    note = dataclasses.asdict(_Note(step, _digest(arrays), score, line))
    path = folder / f"step_{step:07d}.npz"
    with replacing(path) as beside:
        np.savez(beside, **{_NOTE: np.frombuffer(json.dumps(note).encode(), np.uint8)}, **arrays)
    return path


def finite_arrays(state: Mapping) -> dict[str, np.ndarray]:
    """The values of a state by name. Raises LostState when one holds NaN or infinity."""
    arrays = {name: np.asarray(variable) for name, variable in state.items()}
    if names := [name for name, array in arrays.items() if not _is_finite(array)]:
        raise LostState(names, len(arrays))
    return arrays


def prune(folder: Path, keep: int, every: int, quality: str | None, healthy: int) -> None:
    """Removes all but the newest checkpoint, the newest `keep` of those at multiples of `every` steps, and the best.

    Those at multiples are what a run can go back to: where they lie does not depend on when it was interrupted. Of
    them the newest up to the step `healthy` is kept, too, and all that come after it.
    """
    found = list_checkpoints(folder)
    possible = scheduled(found, every)
    after_healthy = sum(step_of(path) > healthy for path in possible)
    kept = {*found[-1:], *possible[-max(keep, after_healthy + 1) :], *filter(None, [best(folder, quality)])}
    for path in set(found) - kept:
        path.unlink()


def remove_after(folder: Path, step: int) -> None:
    """Removes the checkpoints of later steps, the last first: what is left is at any moment the start of a run."""
    for path in reversed(list_checkpoints(folder)):
        if step_of(path) > step:
            path.unlink()


def best(folder: Path, quality: str | None) -> Path | None:
    """The checkpoint of the lowest score by `quality`, the earliest of several; None where none has such a score."""
    scores = _scores(folder, quality)
    return min(scores, key=scores.get) if scores else None


def is_best(folder: Path, quality: str | None, score: float | None) -> bool:
    """Returns whether a checkpoint of this score would be the best."""
    return score is not None and score < min(_scores(folder, quality).values(), default=math.inf)


def list_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first."""
    found = [path for path in folder.glob("step_*.npz") if _NAME.fullmatch(path.name)]
    return sorted(found, key=step_of)


def scheduled(paths: Iterable[Path], every: int) -> list[Path]:
    """Returns the checkpoints that lie at multiples of `every` steps."""
    return [path for path in paths if step_of(path) % every == 0]


def step_of(path: Path) -> int:
    """The number of steps that a checkpoint has behind it."""
    return int(_NAME.fullmatch(path.name)[1])


def restore_newest(paths: Iterable[Path], state: Mapping) -> tuple[Path | None, list[Path]]:
    """Sets the variables of `state` from the last whole one of these checkpoints, oldest first.

    Returns:
        Its path, or None where there is none, and the damaged ones that were passed over, now called `.damaged`.

    Raises:
        RunError: when a checkpoint is whole but its variables are not those of `state`, or when all are damaged.
    """
    damaged = []
    for path in reversed(list(paths)):
        try:
            values = _read(path)
        except npz.Damaged:
            damaged.append(path)
            continue
        _assign(path, state, values)
        # Out of the way, so that they don't count among those to keep.
        return path, [bad.rename(bad.with_suffix(".damaged")) for bad in damaged]
    if damaged:
        raise RunError(
            f"{damaged[0].parent}: all {len(damaged)} checkpoints are damaged; put one back, or start anew with --fresh"
        )
    return None, []


def _read(path: Path) -> dict[str, np.ndarray]:
    _check_note(npz.shapes(path))
    arrays = npz.read(path)
    if _parse(arrays.pop(_NOTE)).sha256 != _digest(arrays):
        raise npz.Damaged("an array has another checksum")
    return arrays


def _scores(folder: Path, quality: str | None) -> dict[Path, float]:
    scores = {path: _score(path) for path in list_checkpoints(folder)}
    return {path: score[1] for path, score in scores.items() if score is not None and score[0] == quality}


def _score(path: Path) -> tuple[str, float] | None:
    note = _note(path)
    return note and note.score


def last_line(path: Path) -> dict | None:
    """The last line of metrics that a run had when it saved this checkpoint; None where it had none, or doesn't say."""
    note = _note(path)
    return note and note.line


def _note(path: Path) -> _Note | None:
    """The note of a checkpoint; None of one that is damaged: it is named when a run wants to go on from it."""
    try:
        _check_note(npz.shapes(path, _NOTE))
        return _parse(npz.read(path, _NOTE)[_NOTE])
    except npz.Damaged:
        return None


def _check_note(shapes: Mapping[str, tuple[int, ...]]) -> None:
    if _NOTE not in shapes or math.prod(shapes[_NOTE]) > _LONGEST_NOTE:
        raise npz.Damaged("it has no note, or one that is none")


def _parse(note: np.ndarray) -> _Note:
    try:
        return pydantic.TypeAdapter(_Note).validate_json(note.tobytes())
    except pydantic.ValidationError as error:
        raise npz.Damaged("its note is none") from error


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        if array.size:
            digest.update(memoryview(np.ascontiguousarray(array)).cast("B"))
    return digest.hexdigest()


def _is_finite(array: np.ndarray) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def _assign(path: Path, state: Mapping, values: Mapping) -> None:
    missing, surplus = sorted(state.keys() - values.keys()), sorted(values.keys() - state.keys())
    if missing or surplus:
        raise RunError(
            f"{path}: is of other networks than this version of ganzoo makes of the recipe (CHANGELOG.md says what "
            f"changed): {len(missing)} variables are missing and {len(surplus)} are not known, e.g. "
            f"{(missing or surplus)[0]}; train with --fresh, or in another --run-dir"
        )
    for name, variable in state.items():
        if values[name].shape != tuple(variable.shape):
            raise RunError(
                f"{path}: {name} has shape {values[name].shape}, the model needs {tuple(variable.shape)}; train with "
                "--fresh, or in another --run-dir"
            )
    for name, variable in state.items():
        variable.assign(values[name])
