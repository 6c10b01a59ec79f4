"""What a stock Keras model takes, of which no architecture says so: by the shapes of its inputs. Imports no Keras."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

WORKED_ON = frozenset({"image", "clip"})
"""Kinds that a network changes or looks at; it makes something of the others."""


def guessed(shapes: Sequence[Sequence[int | None]]) -> tuple[str, ...]:
    """The kinds of inputs of these shapes: latents (N, D) or an image (N, H, W, C); nothing where they don't tell."""
    known = {2: ("latents",), 4: ("image",)}
    return known.get(len(shapes[0]), ()) if len(shapes) == 1 else ()


def within(path: Path) -> tuple[str, ...]:
    """The kinds of what the model in a `.keras` file takes; nothing where the file doesn't tell."""
    try:
        with zipfile.ZipFile(path) as archive:
            layers = json.loads(archive.read("config.json"))["config"]["layers"]
        return guessed([layer["config"]["batch_shape"] for layer in layers if layer["class_name"] == "InputLayer"])
    except (OSError, zipfile.BadZipFile, ValueError, LookupError, TypeError, RecursionError):
        return ()
