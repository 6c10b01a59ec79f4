"""What a stock Keras model takes, of which no architecture says so: by the shapes of its inputs. Imports no Keras."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

WORKED_ON = frozenset({"image", "clip"})
"""Kinds that a network changes or looks at; it makes something of the others."""


def one_or_all(values: list):
    """What a Keras model of these inputs is called with: the one alone, or the list."""
    return values if len(values) > 1 else values[0]


def guessed(shapes: Sequence[Sequence[int | None]]) -> tuple[str, ...]:
    """The kinds of inputs of these shapes: latents (N, D) or an image (N, H, W, C); nothing where they don't tell."""
    known = {2: ("latents",), 4: ("image",)}
    return known.get(len(shapes[0]), ()) if len(shapes) == 1 else ()


def within(path: Path) -> tuple[str, ...]:
    """The kinds of what the model in a `.keras` file takes; nothing where the file doesn't tell."""
    return guessed(shapes_in(config_within(path)))


def shapes_in(model: Mapping) -> list[list[int | None]]:
    """The shapes of what a model takes, in order, by what `config_within` has of it; none where that doesn't tell."""
    try:
        found = {layer["name"]: layer["config"] for layer in model["layers"] if layer["class_name"] == "InputLayer"}
        if len(found) > 1:
            found = {name: found[name] for name, *_ in model["input_layers"]}
        return [list(config["batch_shape"]) for config in found.values()]
    except (LookupError, TypeError, ValueError):
        return []


def config_within(path: Path) -> dict:
    """What a `.keras` file says of how its model is built, unchecked; nothing where it can't be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = json.loads(archive.read("config.json"))["config"]
    except (OSError, zipfile.BadZipFile, ValueError, LookupError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
