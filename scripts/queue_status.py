"""How far the runs of a queue are, by what is in its folder; imports no TensorFlow."""

import shlex
from collections.abc import Mapping, Sequence

import click
import pretrained_card as cards
import queue_folder
from queue_folder import Folder
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ganzoo.errors import UsageError
from ganzoo.recipes import recipes
from ganzoo.training import doctor, metrics_file
from ganzoo.training.run_directory import RunDirectory

HEADS = ("generator", "run", "state", "step", "hours", "left", "last evaluation", "doctor")


def row(folder: Folder, generator: str, run: str, command: str, budget: float | None) -> dict:
    """Returns what there is to say of a run.

    Args:
        command: that would begin it.
        budget: hours, as pretrained.yaml has them; None: none are given.
    """
    directory = RunDirectory(folder.run(run))
    record, lines = queue_folder.read(folder.record(run)), metrics_file.read(directory)
    step = queue_folder.steps_of(directory.path)
    steps = queue_folder.planned_steps(directory.path) or steps_of(command)
    seconds = cards.trained_seconds([line["time"] for line in lines])
    evaluated = next((line for line in reversed(lines) if "evaluation" in line), None)
    state = state_of(folder, run, record)
    return {
        "generator": generator,
        "run": run,
        "state": state,
        "failed": record.get("failed") if state == "failed" else None,
        "commits": record.get("commits", []),
        "step": step,
        "steps": steps,
        "hours": round(seconds / 3600, 5),
        "budget": budget,
        "hours_left": round(seconds / step * (steps - step) / 3600, 3) if step and steps else None,
        "evaluation": {"step": evaluated["step"], **evaluated["evaluation"]} if evaluated else None,
        "findings": [finding["name"] for finding in doctor.examine(directory)["findings"]] if lines else [],
    }


def state_of(folder: Folder, run: str, record: Mapping) -> str:
    if queue_folder.is_locked(folder.lock(run)):
        return "running"
    if "failed" in record:
        return "failed"
    if queue_folder.is_done(folder, run):
        return "done"
    return "stopped" if queue_folder.planned_steps(folder.run(run)) is not None else "waiting"


def steps_of(command: str) -> int | None:
    """The last step of a run that has not begun; None where its recipe is not known here."""
    words = shlex.split(command)
    overrides = [value for word, value in zip(words, words[1:], strict=False) if word == "--set"]
    try:
        return recipes.load_recipe(words[2], overrides).training.steps
    except UsageError:
        return None


def show(rows: Sequence[Mapping]) -> None:
    """Prints a line for each run."""
    table = Table(*HEADS, box=None, padding=(0, 2, 0, 0))
    for one in rows:
        table.add_row(*map(Text, cells(one)))
    # Elsewhere than on a terminal lines are never cut.
    console = Console()
    console = console if console.is_terminal else Console(width=10_000)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def cells(one: Mapping) -> list[str]:
    evaluation = {**(one["evaluation"] or {})}
    at = evaluation.pop("step", None)
    values = ", ".join(
        f"{key} {'not finite' if value is None else f'{value:.4g}'}" for key, value in evaluation.items()
    )
    return [
        one["generator"],
        one["run"],
        f"failed: {one['failed']}" if one["state"] == "failed" else one["state"],
        f"{one['step']:,} of {one['steps']:,}" if one["steps"] else f"{one['step']:,}",
        f"{one['hours']:.2f}" + (f" of {one['budget']:g}" if one["budget"] else ""),
        "" if one["hours_left"] is None or one["state"] == "done" else f"{one['hours_left']:.1f} h",
        f"{', '.join(values)} (step {at:,})" if evaluation else "",
        ", ".join(one["findings"]) or ("nothing found" if one["step"] else ""),
    ]
