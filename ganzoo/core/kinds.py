"""Guesses what a stock Keras model takes from the shapes of its inputs. Imports no Keras."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

WORKED_ON = frozenset({"image", "clip"})
"""Kinds of inputs that a network changes or looks at; from other kinds it makes something new."""


def one_or_all(values: list):
    """Returns what to call a Keras model with: the only input alone, or the list."""
    return values if len(values) > 1 else values[0]


def guessed(shapes: Sequence[Sequence[int | None]]) -> tuple[str, ...]:
    """Guesses kinds by shapes: latents (N, D) or an image (N, H, W, C). Returns nothing for other shapes."""
    known = {2: ("latents",), 4: ("image",)}
    return known.get(len(shapes[0]), ()) if len(shapes) == 1 else ()


def within(path: Path) -> tuple[str, ...]:
    """Guesses the kinds of the inputs of the model in a `.keras` file. Returns nothing if the file doesn't tell."""
    return guessed(shapes_in(config_within(path)))


def shapes_in(model: Mapping) -> list[list[int | None]]:
    """Returns the shapes of a model's inputs, in order, from its `config_within`; none if that doesn't tell."""
    try:
        found = {layer["name"]: layer["config"] for layer in model["layers"] if layer["class_name"] == "InputLayer"}
        if len(found) > 1:
            found = {name: found[name] for name, *_ in model["input_layers"]}
        return [list(config["batch_shape"]) for config in found.values()]
    except (LookupError, TypeError, ValueError):
        return []


def config_within(path: Path) -> dict:
    """Returns the config of the model in a `.keras` file, unchecked; nothing if it can't be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = json.loads(archive.read("config.json"))["config"]
    except (OSError, zipfile.BadZipFile, ValueError, LookupError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
