"""The run directory: what lies where, and whether a run may go on in it."""

import contextlib
import dataclasses
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

import filelock
import yaml

from ganzoo.config import SECTIONS, Recipe, parse_recipe, place_of, resolved, to_document, without_auto
from ganzoo.errors import UsageError, quoted
from ganzoo.files import replacing
from ganzoo.versions import versions

IDENTITY_EXCEPTIONS = (
    "training.steps",
    "training.steps_per_execution",
    "training.rematerialise",
    "training.sample_count",
    "training.sample_every",
    "training.log_every",
    "training.checkpoint_every",
    "training.checkpoint_minutes",
    "training.keep_checkpoints",
    "training.best_metric",
    "training.best_is",
    "training.rollback",
    "training.rollback_learning_rate",
    "data.cache_gib",
)
"""Keys that may differ when a run goes on, as may all of `evaluation`: they change how long it runs, what it writes,
and what becomes of one that diverges, not what it learns."""


@dataclasses.dataclass(frozen=True)
class RunDirectory:
    """The places in a run directory."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.yaml"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    def sample(self, step: int) -> Path:
        return self.path / "samples" / f"step_{step:07d}.png"

    def samples(self) -> dict[int, Path]:
        """The sample grids that are there, by step, in order."""
        found = {path: re.fullmatch(r"step_(\d+)", path.stem) for path in self.path.glob("samples/step_*.png")}
        return dict(sorted((int(match[1]), path) for path, match in found.items() if match))

    def network(self, name: str) -> Path:
        return self.path / f"{name}.keras"

    def best_network(self, name: str, step: int) -> Path:
        return self.checkpoints / "best" / f"{name}_step_{step:07d}.keras"

    def remove_best_but(self, *steps: int) -> None:
        """Removes the best networks of all other steps."""
        for path in self.checkpoints.glob("best/*_step_*.keras"):
            found = re.fullmatch(r".*_step_(\d+)", path.stem)
            if found and int(found[1]) not in steps:
                path.unlink()


def read_config(directory: RunDirectory) -> dict:
    """The recipe's sections, as the `config.yaml` of a run holds them.

    Raises:
        UsageError: when the directory is no run.
    """
    try:
        document = yaml.safe_load(directory.config.read_text("utf-8"))
        # A run of an earlier release has no evaluation.
        return {key: document.get(key, {}) if key == "evaluation" else document[key] for key in SECTIONS}
    except FileNotFoundError:
        raise UsageError(f"{directory.path}: no run directory (it has no config.yaml); give one that has") from None
    except (yaml.YAMLError, KeyError, TypeError, OSError, UnicodeDecodeError):
        raise UsageError(
            f"{directory.config}: can't be read as a run's configuration; restore it, or use --fresh"
        ) from None


def is_unused(directory: RunDirectory) -> bool:
    """Whether a directory is empty, but for what a run leaves that was killed before it wrote its configuration."""
    return {path.name for path in directory.path.iterdir()} <= {".lock", ".config.part.yaml"}


@contextlib.contextmanager
def locked(directory: RunDirectory) -> Iterator[None]:
    """Within it, no other process trains in the run directory, which is made where it is missing.

    The system gives the lock back when the process ends, however it ends (on file systems that know such locks).

    Raises:
        UsageError: when another process has it.
    """
    directory.path.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(directory.path / ".lock", timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise UsageError(
            f"{directory.path}: another process is training there; wait for it, stop it, or give another --run-dir"
        ) from None
    try:
        yield
    finally:
        lock.release()


def write_config(directory: RunDirectory, recipe: Recipe, steps: int, record: Mapping) -> None:
    """Writes all that defines the run, how and where it was started (`record`), and the versions that ran it."""
    document = to_document(recipe)
    document["training"]["steps"] = steps
    document["run"] = dict(record)
    document["versions"] = versions()
    with replacing(directory.config) as beside:
        beside.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")


def what_moved(directory: RunDirectory, record: Mapping) -> list[str]:
    """In words, what is other now than when the run in the directory last ran, of what decides on its last bits."""
    try:
        document = yaml.safe_load(directory.config.read_text("utf-8"))
    except FileNotFoundError:
        return []
    # Before there was a choice, runs did not say so.
    found = {"backend": "tensorflow", **document.get("run", {}), **document.get("versions", {})}
    wanted = {**record, **versions()}
    keys = ("backend", "replicas", "machine", *versions())
    other = [key for key in keys if key in found and key in wanted and found[key] != wanted[key]]
    return [f"{key} ({found[key]} then, {wanted[key]} now)" for key in other]


def as_recorded(directory: RunDirectory, recipe: Recipe) -> Recipe:
    """The recipe, with what the run in the directory was trained with wherever it says `auto`.

    Raises:
        UsageError: when its config.yaml can't be understood.
    """
    document = read_config(directory)
    if document["architecture"] != recipe.architecture:
        return recipe
    found = to_document(parse_recipe(document, type(recipe.model), str(directory.config)))
    settled = {name: without_auto(getattr(recipe, name), found[name]) for name in ("model", "training")}
    return dataclasses.replace(recipe, **settled)


def check_same_run(directory: RunDirectory, recipe: Recipe, fingerprint: Callable[[], Mapping] = dict) -> None:
    """Refuses to go on with a run of another recipe. What a run of an earlier release doesn't state is the default.

    Paths are the same that lead to the same place, and so are images of the same names and sizes in another.

    Args:
        fingerprint: gives that of the recipe's images, as `Pipeline.fingerprint`; asked for only where it matters.

    Raises:
        UsageError: listing the keys that differ.
    """
    document = read_config(directory)
    recorded = _recorded_data(directory)
    if document["architecture"] == recipe.architecture:
        document = to_document(parse_recipe(document, type(recipe.model), str(directory.config)))
    found, wanted = _flat(document), _flat(to_document(recipe))
    differing = [
        key
        for key in sorted(found.keys() | wanted.keys())
        if found.get(key) != wanted.get(key) and key not in IDENTITY_EXCEPTIONS and not key.startswith("evaluation.")
    ]
    teachers = [flat.get("model.teacher") for flat in (found, wanted)]
    if all(teachers) and resolved(teachers[0]) == resolved(teachers[1]):
        differing = [key for key in differing if key != "model.teacher"]
    if "data.source" in differing:
        there = recorded.get("place", place_of(found["data.source"]))
        if there == place_of(wanted["data.source"]) or (recorded and recorded["digest"] == fingerprint().get("digest")):
            differing.remove("data.source")
    if differing:
        listed = "; ".join(
            f"{key} ({quoted(found.get(key))} there, {quoted(wanted.get(key))} now)" for key in differing
        )
        raise UsageError(
            f"{directory.path}: holds a run of another recipe: {listed}; use another --run-dir, where "
            f"--init {directory.path} starts from what this run learned, or --fresh to move this run aside"
        )


def what_changed(directory: RunDirectory, data: Mapping) -> str | None:
    """In words, how the images differ from those that the run in the directory was last trained on; None: not.

    Args:
        data: their place and fingerprint.
    """
    found = _recorded_data(directory)
    if not found or found["digest"] == data["digest"]:
        return None
    counts = f"{found['images']:,} images then, {data['images']:,} now"
    if found["images"] == data["images"]:
        counts = f"{data['images']:,} images as then, but of other names or sizes"
    return (
        f"other data: {counts}. It goes on with these, and does not forget what it learned from the others; "
        "--fresh begins anew"
    )


def _recorded_data(directory: RunDirectory) -> dict:
    """Place and fingerprint of the images that a run was last trained on; {} where it doesn't say."""
    try:
        document = yaml.safe_load(directory.config.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return document.get("run", {}).get("data", {})


def move_aside(directory: RunDirectory) -> Path:
    """Renames an existing run directory; nothing is deleted. Returns its new place."""
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    place = directory.path.with_name(f"{directory.path.name}.{stamp}")
    number = 1
    while place.exists():
        number += 1
        place = directory.path.with_name(f"{directory.path.name}.{stamp}-{number}")
    return directory.path.rename(place)


def keep_metrics_until(directory: RunDirectory, step: int, rollbacks: int, last: Mapping | None = None) -> None:
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
        for line in read_metrics(directory)
        if (line["rollback"]["number"] <= rollbacks if "rollback" in line else line["step"] <= step)
    ]
    if last is not None and last not in kept:
        kept.append(last)
    with replacing(directory.metrics) as beside:
        beside.write_text("".join(f"{json.dumps(line)}\n" for line in kept), "utf-8")


def read_metrics(directory: RunDirectory) -> list[dict]:
    """The lines of `metrics.jsonl` in order; one that was cut off is left out, and there may be none."""
    lines = []
    try:
        texts = directory.metrics.read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    for text in texts:
        try:
            line = json.loads(text)
            line["step"]
        except (json.JSONDecodeError, KeyError, TypeError):
            continue
        lines.append(line)
    return lines


def append_rollback(directory: RunDirectory, step: int, rollback: Mapping) -> dict:
    """Notes in `metrics.jsonl` that the run went back to `step`: which time it was, from which step, and why.

    Returns:
        The line.
    """
    line = {"step": step, "time": round(time.time(), 3), "rollback": dict(rollback)}
    append_metrics(directory, line)
    return line


def append_metrics(directory: RunDirectory, line: Mapping) -> None:
    """Adds a line to `metrics.jsonl`: strict JSON, so no value may be NaN or infinite."""
    with open(directory.metrics, "a", encoding="utf-8") as file:
        file.write(json.dumps(line, allow_nan=False) + "\n")


def _flat(document: Mapping, prefix: str = "") -> dict:
    flat = {}
    for key, value in document.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
