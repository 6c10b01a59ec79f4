"""The file `metrics.jsonl` of a run: a line for each step that is logged, and for each time that the run went back."""

import json
import time
from collections.abc import Mapping
from typing import Annotated, Any

import pydantic

from ganzoo.errors import UsageError
from ganzoo.files.atomic import replacing
from ganzoo.training.forms import FORM, Step, problem
from ganzoo.training.run_directory import RunDirectory


class _Rollback(pydantic.BaseModel):
    """The record that a run makes when it goes back."""

    model_config = FORM
    number: Step
    from_: Annotated[Step, pydantic.Field(alias="from")]
    reason: str


class _Line(pydantic.BaseModel):
    """A line of `metrics.jsonl`; what else it has are numbers, or null for those that are not finite."""

    model_config = FORM
    __pydantic_extra__: dict[str, float | None]
    step: Step
    time: float = 0.0
    images_per_second: float = 0.0
    nonfinite: Step = 0
    rollback: _Rollback = None
    health: dict[str, float | None] = {}
    evaluation: dict[str, float | None] = {}
    findings: list[dict[str, Any]] = []


_LINE = pydantic.TypeAdapter(_Line)


def keep_until(directory: RunDirectory, step: int, rollbacks: int, last: Mapping | None = None) -> None:
    """Drops the lines of steps and rollbacks that will happen again, and a last line that was cut off.

    Args:
        step: the last whose lines are kept.
        rollbacks: how often the run has gone back at that step.
        last: the last line that there was at that step; it is put back where it is lost.
    """
    if not directory.metrics.exists() and last is None:
        return
    kept = [
        line
        for line in read(directory)
        if (line["rollback"]["number"] <= rollbacks if "rollback" in line else line["step"] <= step)
    ]
    if last is not None and last not in kept:
        kept.append(last)
    directory.check_held()
    with replacing(directory.metrics) as beside:
        beside.write_text("".join(f"{json.dumps(line)}\n" for line in kept), "utf-8")


def read(directory: RunDirectory) -> list[dict]:
    """The lines of `metrics.jsonl` in order; one that was cut off is left out, and there may be none.

    Raises:
        UsageError: when a line is whole, but none that a run writes.
    """
    lines, path = [], directory.metrics
    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: no file; move it away")
    try:
        texts = path.read_text("utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        return []
    for number, text in enumerate(texts, 1):
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            continue
        try:
            _LINE.validate_python(line)
        except pydantic.ValidationError as error:
            raise UsageError(f"{path}: line {number}: {problem(error)}; put it right, or remove the line") from None
        lines.append(line)
    return lines


def append_rollback(directory: RunDirectory, step: int, rollback: Mapping) -> dict:
    """Notes in `metrics.jsonl` that the run went back to `step`: which time it was, from which step, and why.

    Returns:
        The line.
    """
    line = {"step": step, "time": round(time.time(), 3), "rollback": dict(rollback)}
    append(directory, line)
    return line


def append(directory: RunDirectory, line: Mapping) -> None:
    """Adds a line to `metrics.jsonl`: strict JSON, so no value may be NaN or infinite."""
    directory.check_held()
    with open(directory.metrics, "a", encoding="utf-8") as file:
        file.write(json.dumps(line, allow_nan=False) + "\n")
