"""The run directory: what lies where, and whether a run may go on in it."""

import contextlib
import dataclasses
import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import filelock
import pydantic
import pydantic.dataclasses
import yaml

from ganzoo.backends.versions import versions
from ganzoo.config.parsing import parse_recipe, to_document
from ganzoo.config.recipe import SECTIONS, Recipe, place_of, resolved
from ganzoo.errors import RunError, UsageError, quoted, reason
from ganzoo.files.atomic import is_unfinished, remove_unfinished, replacing
from ganzoo.files.documents import read_yaml
from ganzoo.training.forms import FORM, Step, problem

IDENTITY_EXCEPTIONS = (
    "training.steps",
    "training.steps_per_execution",
    "training.rematerialize",
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
    held: tuple[int, int] | None = None
    """Which file, by device and number, is the lock that this process holds. Only `locked` sets it."""

    @property
    def lock(self) -> Path:
        return self.path / ".lock"

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

    @property
    def sample_folder(self) -> Path:
        return self.path / "samples"

    def sample(self, step: int) -> Path:
        return self.sample_folder / f"step_{step:07d}.png"

    def samples(self) -> dict[int, Path]:
        """The sample grids that are there, by step, in order."""
        found = {path: re.fullmatch(r"step_(\d+)", path.stem) for path in self.sample_folder.glob("step_*.png")}
        return dict(sorted((int(match[1]), path) for path, match in found.items() if match))

    def network(self, name: str) -> Path:
        return self.path / f"{name}.keras"

    @property
    def best_networks(self) -> Path:
        return self.checkpoints / "best"

    def best_network(self, name: str, step: int) -> Path:
        return self.best_networks / f"{name}_step_{step:07d}.keras"

    def remove_best_but(self, *steps: int) -> None:
        """Removes the best networks of all other steps."""
        for path in self.best_networks.glob("*_step_*.keras"):
            found = re.fullmatch(r".*_step_(\d+)", path.stem)
            if found and int(found[1]) not in steps:
                path.unlink()

    def check_held(self) -> None:
        """Raises RunError when the directory that `locked` gave was moved or removed since, or another is in its place.

        Whoever writes into a run that trains asks first: what is written would be half a run, and make no whole one.
        """
        if self.held is not None and self.held != _identity(self.lock):
            raise RunError(
                f"{self.path}: is no longer the run directory that this run holds: it was moved or removed; no more "
                "is written; put it back, and the same command goes on from its last checkpoint"
            )

    def remove_unfinished(self) -> None:
        """Removes what a killed process had been writing; what else is in the directory, as evaluations, is let be."""
        remove_unfinished([self.path, self.sample_folder, self.checkpoints, self.best_networks])


@pydantic.dataclasses.dataclass(frozen=True)
class _Data:
    """The record of the images that a run was last trained on."""

    place: str
    images: int
    digest: str


@pydantic.dataclasses.dataclass(frozen=True)
class _Records:
    """The records of a run besides its recipe. Values are only compared and printed."""

    run: dict[str, Any]
    versions: dict[str, Any]
    data: _Data | None
    """The record of the data in `run`; None where it says nothing of them."""
    names: dict[str, tuple[str, ...]]
    """The meanings of labels and tokens in `run`, by key."""


def read_config(directory: RunDirectory) -> dict:
    """The recipe's sections, as the `config.yaml` of a run holds them.

    Raises:
        UsageError: when the directory is no run.
    """
    try:
        document = _document(directory)
    except FileNotFoundError:
        raise UsageError(f"{directory.path}: no run directory (it has no config.yaml); give one that has") from None
    # A run of an earlier release has no evaluation.
    return {key: document.get(key, {}) for key in SECTIONS}


def read_records(directory: RunDirectory) -> _Records:
    """Returns how and where the run was started, and by which versions; empty where there is no run yet.

    Raises:
        UsageError: when its config.yaml says so in no form that is known.
    """
    try:
        document = _document(directory)
    except FileNotFoundError:
        document = {}
    run, versions = document.get("run", {}), document.get("versions", {})
    said = run if isinstance(run, Mapping) else {}
    try:
        return _Records(run, versions, said.get("data"), said.get("names") or {})
    except pydantic.ValidationError as error:
        raise _unreadable(directory, problem(error)) from None


def _document(directory: RunDirectory) -> dict:
    """Returns what config.yaml holds: the recipe's sections, and more. Raises FileNotFoundError where there is none."""
    path = directory.config
    try:
        # Whoever opened a pipe would wait for ever.
        document = read_yaml(path.read_text("utf-8")) if path.is_file() or not path.exists() else None
    except (FileNotFoundError, PermissionError):
        raise
    except (OSError, ValueError) as error:
        raise _unreadable(directory, reason(error)) from None
    sections = [key for key in SECTIONS if key != "evaluation"]
    if not isinstance(document, dict) or not set(sections) <= document.keys():
        raise _unreadable(directory, f"a run's holds {', '.join(sections)}")
    if not isinstance(document["architecture"], str):
        raise _unreadable(directory, "its architecture is no name")
    try:
        _Sections.model_validate(document)
    except pydantic.ValidationError as error:
        raise _unreadable(directory, problem(error)) from None
    return document


def _unreadable(directory: RunDirectory, why: str) -> UsageError:
    return UsageError(f"{directory.config}: can't be read as a run's configuration ({why}); restore it, or use --fresh")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def is_unused(directory: RunDirectory) -> bool:
    """Returns whether a directory is empty, but for what a run leaves that was killed before it wrote its config."""
    return all(path.name == ".lock" or is_unfinished(path.name) for path in directory.path.iterdir())


@contextlib.contextmanager
def locked(directory: RunDirectory) -> Iterator[RunDirectory]:
    """Locks the run directory, so that no other process trains there; makes it where it is missing; gives it as held.

    The system gives the lock back when the process ends, however it ends (on file systems that know such locks).

    Raises:
        UsageError: when another process has it.
        RunError: when there can be no lock, as where a link lies in its place.
    """
    _behind_links(directory).mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(directory.lock, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise UsageError(
            f"{directory.path}: another process is training there; wait for it, stop it, or give another --run-dir"
        ) from None
    except OSError as error:
        raise RunError(f"{directory.lock}: can't be locked ({error.strerror or error}); remove it") from None
    try:
        yield dataclasses.replace(directory, held=_identity(directory.lock))
    finally:
        lock.release()


def document_of(recipe: Recipe, steps: int) -> dict:
    """The recipe as plain values, as of a run of so many steps."""
    document = to_document(recipe)
    document["training"]["steps"] = steps
    return document


def write_config(directory: RunDirectory, recipe: Recipe, steps: int, record: Mapping) -> None:
    """Writes all that defines the run, how and where it was started (`record`), and the versions that ran it."""
    directory.check_held()
    document = document_of(recipe, steps)
    document["run"] = dict(record)
    document["versions"] = versions()
    with replacing(directory.config) as beside:
        beside.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")


def what_moved(directory: RunDirectory, record: Mapping) -> list[str]:
    """Returns in words what has changed since the run in the directory last ran, of what decides on its last bits."""
    records = read_records(directory)
    if not directory.config.exists():
        return []
    # Before there was a choice, runs did not say so.
    found = {"backend": "tensorflow", **records.run, **records.versions}
    if "machine" in found:
        # Once it told the cores, which are not what computes.
        found["machine"] = re.sub(r", \d+ cores\b", "", str(found["machine"]))
    wanted = {**record, **versions()}
    keys = ("backend", "replicas", "threads", "machine", *versions())
    other = [key for key in keys if key in found and key in wanted and found[key] != wanted[key]]
    return [f"{key} ({found[key]} then, {wanted[key]} now)" for key in other]


def check_same_run(directory: RunDirectory, recipe: Recipe, fingerprint: Callable[[], Mapping] = dict) -> None:
    """Refuses to go on with a run of another recipe. What a run of an earlier release doesn't state is the default.

    Paths are the same that lead to the same place, and so are images of the same names and sizes in another.

    Args:
        fingerprint: gives that of the recipe's images, as `Pipeline.fingerprint`; asked for only where it matters.

    Raises:
        UsageError: listing the keys that differ.
    """
    document = read_config(directory)
    recorded = read_records(directory).data
    found, wanted = {"architecture": document["architecture"]}, {"architecture": recipe.architecture}
    if found == wanted:
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
        there = recorded.place if recorded else place_of(found["data.source"])
        if there == place_of(wanted["data.source"]) or (recorded and recorded.digest == fingerprint().get("digest")):
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
    """Returns in words how the images differ from those that the run was last trained on; None: they don't.

    Args:
        data: their place and fingerprint.
    """
    found = read_records(directory).data
    if found is None or found.digest == data["digest"]:
        return None
    counts = f"{found.images:,} images then, {data['images']:,} now"
    if found.images == data["images"]:
        counts = f"{data['images']:,} images as then, but of other names or sizes"
    return (
        f"other data: {counts}. It goes on with these, and does not forget what it learned from the others; "
        "--fresh begins anew"
    )


def move_aside(directory: RunDirectory) -> Path:
    """Renames an existing run directory; nothing is deleted. Returns its new place.

    A link stays where it is, and a run that begins there lies where the link leads, as the one before did.
    """
    real = _behind_links(directory)
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    place = real.with_name(f"{real.name}.{stamp}")
    number = 1
    while os.path.lexists(place):
        number += 1
        place = real.with_name(f"{real.name}.{stamp}-{number}")
    return real.rename(place)


def _behind_links(directory: RunDirectory) -> Path:
    """The directory itself, also where it is yet to be made."""
    return Path(os.path.realpath(directory.path)) if directory.path.is_symlink() else directory.path


class _Training(pydantic.BaseModel):
    """The settings that are read before a recipe is made of the section: how long a run is, and when it writes."""

    model_config = FORM
    steps: Annotated[Step, pydantic.Field(ge=1)]
    log_every: Annotated[Step, pydantic.Field(ge=1)] = 1
    sample_every: Annotated[Step, pydantic.Field(ge=1)] = 1


class _Sections(pydantic.BaseModel):
    """The recipe in a run's `config.yaml`, as far as it is read before a recipe is made of it."""

    model_config = FORM
    model: dict[str, Any]
    data: dict[str, Any]
    training: _Training
    evaluation: dict[str, Any] = {}


def _flat(document: Mapping, prefix: str = "") -> dict:
    flat = {}
    for key, value in document.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
