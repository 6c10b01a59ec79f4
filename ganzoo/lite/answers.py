"""Answers of classifiers and encoders, as text and as JSON; and the names of classes."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import card
from .errors import UsageError, near_miss, quoted
from .files import replacing

if TYPE_CHECKING:
    from .network import Network

BEST = 3
"""The number of classes in a line of text."""
SHOWN = 20
"""The number of names that an error lists."""


def softmax(logits: np.ndarray) -> np.ndarray:
    """Converts logits (..., count) to probabilities, float64, along the last axis."""
    powers = np.exp(logits.astype("float64") - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def names_of(tensor: card.Tensor) -> tuple[str, ...]:
    """Returns the class names of an output; their numbers, if it has no names."""
    return tensor.names or tuple(map(str, range(tensor.shape[-1])))


def document(values: np.ndarray, network: "Network") -> dict[str, Any]:
    """Makes one answer for JSON: `classes`, probabilities by name, the most likely first; or `code`, a list of numbers.

    Args:
        values: the logits or the code, (count,).
        network: the network that gave them.

    Raises:
        ModelError: when the values are not finite.
    """
    tensor = network.interface.output
    if not np.isfinite(values).all():
        what = "logits" if tensor.kind == "classes" else f"a {tensor.kind}"
        raise card.ModelError(
            f"{network.name}: gives {what} of values that are not finite; export or train the model again"
        )
    if tensor.kind != "classes":
        return {tensor.kind: [float(value) for value in values.reshape(-1)]}
    names, shares = names_of(tensor), softmax(values)
    return {"classes": {names[number]: float(shares[number]) for number in np.argsort(-shares, kind="stable")}}


def words(found: dict[str, Any]) -> str:
    """Writes an answer in a line: the three most likely classes in percent, or a code as JSON."""
    if "classes" not in found:
        return json.dumps(next(value for value in found.values() if isinstance(value, list)))
    return ", ".join(f"{name} {100 * share:.1f} %" for name, share in list(found["classes"].items())[:BEST])


def write(answers: Sequence[dict[str, Any]], out: Path) -> None:
    """Writes a list of answers to a JSON file."""
    with replacing(out) as beside:
        beside.write_text(as_json(answers) + "\n", "utf-8")


def as_json(answers: Sequence[dict[str, Any]]) -> str:
    return json.dumps(answers, indent=2, ensure_ascii=False)


def numbers(wanted: Iterable[str], names: Sequence[str], what: str = "--class") -> list[int]:
    """Returns the numbers of the named classes.

    Args:
        wanted: names; one text may hold several, with commas between, unless it is itself a name.
        names: the names of all classes, in order. If empty, classes are given by their numbers, which can't be checked.
        what: what to call the names in errors.

    Raises:
        UsageError: for an unknown name, with the nearest one and a list of all.
    """
    if not names:
        return [_number(part.strip(), what) for text in wanted for part in text.split(",")]
    known = {name: number for number, name in enumerate(names)}
    parts = [part.strip() for text in wanted for part in ([text] if text in known else text.split(","))]
    for part in parts:
        if part not in known:
            raise UsageError(f"{what} {quoted(part)} is unknown{_nearest(part, names)}")
    return [known[part] for part in parts]


def _number(part: str, what: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", part):
        raise UsageError(f"{what} {quoted(part)} is unknown: classes have no names here; give numbers, from 0")
    return int(part)


def _nearest(name: str, names: Sequence[str]) -> str:
    return f"{near_miss(name, names)} (there are {listed(names)})"


def listed(names: Iterable[str]) -> str:
    """Lists names for an error, the first of many; characters that follow one another as `A to Z`."""
    spans: list[list[str]] = []
    for name in names:
        if spans and len(name) == len(spans[-1][-1]) == 1 and ord(name) == ord(spans[-1][-1]) + 1:
            spans[-1][1:] = [name]
        else:
            spans.append([name])
    more = f" and {len(spans) - SHOWN} more" if len(spans) > SHOWN else ""
    return f"{', '.join(map(' to '.join, spans[:SHOWN]))}{more}"
