"""The run directory: what lies where, and whether a run may go on in it."""

import dataclasses
import importlib.metadata
import json
import platform
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import yaml

from ganzoo.config import Recipe, to_document
from ganzoo.errors import UsageError

IDENTITY_EXCEPTIONS = (
    "training.steps",
    "training.sample_count",
    "training.sample_every",
    "training.log_every",
    "training.checkpoint_every",
    "training.keep_checkpoints",
    "data.cache_gib",
)
"""Keys that may differ when a run goes on: they change how long it runs and what it writes, not what it learns."""


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
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    def sample(self, step: int) -> Path:
        return self.path / "samples" / f"step_{step:07d}.png"

    def network(self, name: str) -> Path:
        return self.path / f"{name}.keras"


def read_config(directory: RunDirectory) -> dict:
    """The recipe's sections, as the `config.yaml` of a run holds them.

    Raises:
        UsageError: when the directory is no run.
    """
    try:
        document = yaml.safe_load(directory.config.read_text("utf-8"))
        return {key: document[key] for key in ("architecture", "model", "data", "training")}
    except FileNotFoundError:
        raise UsageError(f"{directory.path}: no run directory (it has no config.yaml); give one that has") from None
    except (yaml.YAMLError, KeyError, TypeError, OSError, UnicodeDecodeError):
        raise UsageError(
            f"{directory.config}: can't be read as a run's configuration; restore it, or use --fresh"
        ) from None


def write_config(directory: RunDirectory, recipe: Recipe, steps: int, record: Mapping) -> None:
    """Writes all that defines the run, how it was started (`record`), and the versions that ran it."""
    directory.path.mkdir(parents=True, exist_ok=True)
    document = to_document(recipe)
    document["training"]["steps"] = steps
    document["run"] = dict(record)
    document["versions"] = {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in ("keras-ganzoo", "tensorflow", "keras", "numpy")},
    }
    beside = directory.config.with_suffix(".part")
    beside.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    beside.replace(directory.config)


def check_same_run(directory: RunDirectory, recipe: Recipe) -> None:
    """Refuses to go on with a run of another recipe.

    Raises:
        UsageError: listing the keys that differ.
    """
    found, wanted = _flat(read_config(directory)), _flat(to_document(recipe))
    differing = [
        f"{key} ({found.get(key)!r} there, {wanted.get(key)!r} now)"
        for key in sorted(found.keys() | wanted.keys())
        if found.get(key) != wanted.get(key) and key not in IDENTITY_EXCEPTIONS
    ]
    if differing:
        raise UsageError(
            f"{directory.path}: holds a run of another recipe: {'; '.join(differing)}; use another --run-dir, or "
            "--fresh to move that run aside"
        )


def move_aside(directory: RunDirectory) -> Path | None:
    """Renames an existing run directory; nothing is deleted. Returns its new place, None where there was nothing."""
    if not directory.path.exists():
        return None
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    place = directory.path.with_name(f"{directory.path.name}.{stamp}")
    number = 1
    while place.exists():
        number += 1
        place = directory.path.with_name(f"{directory.path.name}.{stamp}-{number}")
    return directory.path.rename(place)


def keep_metrics_until(directory: RunDirectory, step: int) -> None:
    """Drops the lines of steps that will be run again, and a last line that was cut off."""
    if not directory.metrics.exists():
        return
    kept = []
    for line in directory.metrics.read_text("utf-8").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line)
        except (json.JSONDecodeError, KeyError):
            continue
    beside = directory.metrics.with_suffix(".part")
    beside.write_text("".join(f"{line}\n" for line in kept), "utf-8")
    beside.replace(directory.metrics)


def _flat(document: Mapping, prefix: str = "") -> dict:
    flat = {}
    for key, value in document.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
