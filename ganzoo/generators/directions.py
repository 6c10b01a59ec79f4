"""Directions in the space of styles that steer what is painted: `ganzoo directions`, and `ganzoo generate --edit`.

Principal ones are those along which codes w differ most (Härkönen et al. 2020, "GANSpace", section 2.1). Where the data
is labeled there is one for each attribute: see `label_directions`. They lie in a file beside the network.
"""

import dataclasses
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganzoo.errors import RunError, UsageError, nearest, quoted, reason
from ganzoo.files.atomic import replacing
from ganzoo.files.downloads import file_sha256
from ganzoo.generators import inference
from ganzoo.lite.network import Network

if TYPE_CHECKING:
    from ganzoo.generators.generator import Generator

FILE = "directions.json"
FORMAT = 1
CODES = 10_000
"""Codes that principal directions are of, and standard deviations."""
COUNT = 10
DIGITS = 6


@dataclasses.dataclass(frozen=True, eq=False)
class Direction:
    """A direction in the space of w."""

    name: str
    kind: str
    """`principal` or `label`."""
    vector: np.ndarray
    """float32 (length,): added once, it moves a code by the standard deviation that codes have along it."""
    share: float | None = None
    """Of a principal one: its share of the variance of codes."""
    shown: tuple[float, float, float] | None = None
    """Of a label: the share of samples that show it, as a reader says, at -2, at 0 and at +2 of it."""

    def document(self) -> dict[str, Any]:
        """Returns all but the vector, for JSON."""
        found = {"name": self.name, "kind": self.kind, "share": self.share, "shown": self.shown}
        return {key: value for key, value in found.items() if value is not None}


def check_styles(generator: "Generator") -> None:
    """Raises UsageError for a network that has no styles, as far as files tell, or is no Keras model any more."""
    generator.check_keras()
    if generator.signature is None or not generator.signature.parts:
        raise UsageError(f"{generator.title}: has no styles that can be steered: give a StyleGAN2")


def codes(opened: Network, count: int, seed: int = 0) -> np.ndarray:
    """Returns the codes of samples less their mean, float32 (count, length)."""
    return inference.codes_of(opened, inference.drawn(opened, seed, count))


def principal(found: np.ndarray, count: int) -> list[Direction]:
    """Returns the directions along which codes (N, length) differ most; the largest entry of each is above 0."""
    variances, axes = np.linalg.eigh(np.cov(found, rowvar=False, dtype=np.float64))
    order = np.argsort(variances)[::-1][:count]
    directions = []
    for number, place in enumerate(order, 1):
        axis = axes[:, place]
        axis = axis * np.sign(axis[np.abs(axis).argmax()])
        share = float(variances[place] / variances.sum())
        directions.append(Direction(f"pc{number}", "principal", scaled(axis, found), share=share))
    return directions


def scaled(axis: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Returns a direction, as long as the standard deviation of codes (N, length) along it."""
    unit = axis / np.linalg.norm(axis)
    return (unit * np.std(found @ unit)).astype("float32")


def known(generator: "Generator") -> list[Direction]:
    """Returns the directions of a network: those beside it or, where there are none, principal ones.

    Raises:
        UsageError: when the network has no styles.
        RunError: when the file beside it is broken, or of other weights.
    """
    check_styles(generator)
    there = read(generator)
    if there is None and (place := place_of(generator)) and place.is_file():
        raise RunError(
            f"{place}: is not of the weights that {generator.title} has; find the directions of these with: "
            f"ganzoo directions {generator.title}"
        )
    return there or principal(codes(generator.network, CODES), COUNT)


def step(there: Sequence[Direction], wanted: Mapping[str, float]) -> np.ndarray:
    """Returns what is added to w, float32 (length,), for so much of each direction by name.

    Raises:
        UsageError: for a name that is not among them, or an amount that is no number.
    """
    by_name = {one.name: one for one in there}
    for name, amount in wanted.items():
        if name not in by_name:
            raise UsageError(f"--edit: no direction {quoted(name)}{nearest(name, by_name)}")
        if not np.isfinite(amount):
            raise UsageError(f"--edit: found {name}={amount}; give a number, as in {name}=+2")
    return sum(np.float32(amount) * by_name[name].vector for name, amount in wanted.items())


def edited(opened: Network, inputs: inference.Inputs, added: np.ndarray, truncation: float = 1.0) -> inference.Inputs:
    """Returns styles, truncated, with something added to the code of each layer: the input of `inference.made`."""
    ((name, styles),) = inference.as_styles(opened, inputs).items()
    return {name: truncation * styles + added}


def place_of(generator: "Generator") -> Path | None:
    """Where the directions of a network lie; None for one in memory."""
    return generator.path.parent / FILE if generator.path else None


def read(generator: "Generator") -> list[Direction] | None:
    """Returns the directions that lie beside a network; None where there are none, or they are of other weights."""
    place = place_of(generator)
    if place is None or not place.is_file():
        return None
    try:
        document = json.loads(place.read_text("utf-8"))
        if document["format"] != FORMAT:
            raise ValueError(f"format {document['format']}, and {FORMAT} is known")
        there = [
            Direction(
                str(entry["name"]),
                str(entry["kind"]),
                np.array(entry["vector"], "float32").reshape(int(document["length"])),
                entry.get("share"),
                tuple(entry["shown"]) if "shown" in entry else None,
            )
            for entry in document["directions"]
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{place}: can't be read ({reason(error)}); remove it, and find them anew") from None
    return there if document.get("sha256") == digest(generator) else None


def copy(generator: "Generator", folder: Path) -> None:
    """Copies the directions of a network with styles into a folder; if it has none, those that are there go."""
    if read(generator):
        with replacing(folder / FILE) as beside:
            shutil.copyfile(place_of(generator), beside)
    elif generator.signature and generator.signature.parts:
        (folder / FILE).unlink(missing_ok=True)


def digest(generator: "Generator") -> str | None:
    """Returns the SHA-256 of the file of a network, None for one in memory."""
    return file_sha256(generator.path) if generator.path else None


def write(there: Sequence[Direction], sha256: str | None, path: Path) -> None:
    """Writes directions to a file, whole or not at all.

    Args:
        sha256: of the network's file as it was before it was opened: a run that trains replaces it.
    """
    entries = [
        {**one.document(), "vector": [float(f"{value:.{DIGITS}g}") for value in one.vector.tolist()]} for one in there
    ]
    document = {
        "format": FORMAT,
        "sha256": sha256,
        "length": len(there[0].vector) if there else 0,
        "directions": entries,
    }
    with replacing(path) as beside:
        beside.write_text(json.dumps(document), "utf-8")
