"""Sheets of samples: a table of classes, or texts whose letters are classes, in which a row shares its latents."""

import dataclasses
import re
import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from . import answers
from .errors import UsageError, quoted
from .grid import BACKGROUND, grid
from .network import Network

ALL = "all"
"""Stands for all classes, in a table."""
ROWS = 8
"""Rows of a table."""
LONGEST_NAME = 40
"""The most characters of a class in the name of a file."""


@dataclasses.dataclass(frozen=True)
class Sheet:
    """The classes that the latents of each row are painted as, side by side."""

    places: tuple[tuple[int, str] | None, ...]
    """The number and the name of the class at each place of a row; None: an empty place."""
    columns: int
    """The number of places in a line; a row of several texts has a line for each."""
    rows: int
    """The number of rows, where nobody says how many."""

    def spread(self, inputs: Mapping[str, np.ndarray], network: Network) -> dict[str, np.ndarray]:
        """Returns the inputs of a network for all samples, row by row, of the inputs for one of each row."""
        labels = [place[0] for place in self.places if place]
        rows = len(next(iter(inputs.values())))
        told = network.interface.taken("label")
        spread = {name: np.repeat(values, len(labels), axis=0) for name, values in inputs.items()}
        return {**spread, told.name: np.tile(labels, rows).astype(told.dtype)}

    def names(self, rows: Sequence[str]) -> list[str]:
        """Names the samples by row, place and class. The place tells `A` from `a` where names of files do not."""
        digits = len(str(len(self.places) - 1))
        named = [f"{index:0{digits}d}_{_of_file(place[1])}" for index, place in enumerate(self.places) if place]
        return [f"{row}_{name}".rstrip("_") for row in rows for name in named]

    def picture(self, images: np.ndarray) -> Image.Image:
        """Puts images, uint8 (N, H, W, C) row by row, in their places."""
        return grid(self.placed(images), columns=self.columns)

    def placed(self, samples: np.ndarray) -> np.ndarray:
        """Returns samples, (N, ...) row by row, with white pictures or silent clips at the empty places."""
        filled = [place is not None for place in self.places]
        rows = samples.reshape(-1, sum(filled), *samples.shape[1:])
        empty = BACKGROUND if samples.dtype == "uint8" else 0
        sheet = np.full((len(rows), len(filled), *samples.shape[1:]), empty, samples.dtype)
        sheet[:, filled] = rows
        return sheet.reshape(-1, *samples.shape[1:])


def of_network(network: Network, **options) -> tuple[Sheet | None, Sequence[str] | None]:
    """The same as `asked`, of a network."""
    return asked(f"{network.name} {network.described}", network.interface.takes, **options)


def asked(
    what: str,
    takes: Mapping[str, Sequence[str]],
    *,
    classes: Sequence[str] | None = None,
    table: Sequence[str] | None = None,
    texts: Sequence[str] | None = None,
) -> tuple[Sheet | None, Sequence[str] | None]:
    """Returns the sheet that is asked for, None if none is; and the texts, None if the sheet spells them.

    Texts are spelled by a network that takes a class and no text, and whose classes are single characters.

    Args:
        what: the network and what it takes, as errors begin.
        takes: the kinds of what it takes, each with the names of its numbers.
        classes: the names of classes that samples take in turns, on no sheet.
        table: the names of the columns' classes, or `all` alone.
        texts: the texts.

    Raises:
        UsageError: for a class or a character that is not there, or for options that exclude each other.
    """
    names = takes.get("label", ())
    spells = bool(texts and names) and "tokens" not in takes and all(len(name) == 1 for name in names)
    if table and "label" not in takes:
        raise UsageError(f"{what}: leave --classes out")
    if table and classes:
        raise UsageError("--classes: says which classes are painted, so that --class must be left out")
    if spells and (table or classes):
        option = "--classes" if table else "--class"
        raise UsageError(f"--text: its letters say which classes are painted, so that {option} must be left out")
    if spells:
        return _of_texts(texts, names), None
    return (_of_classes(table, names) if table else None), texts


def _of_classes(wanted: Sequence[str], names: Sequence[str]) -> Sheet:
    everything = list(wanted) == [ALL]
    if everything and not names:
        raise UsageError("--classes all: classes have no names here; give the numbers of those to paint, from 0")
    numbers = range(len(names)) if everything else answers.numbers(wanted, names, "--classes")
    places = tuple((number, names[number] if names else str(number)) for number in numbers)
    return Sheet(places, len(places), ROWS)


def _of_texts(texts: Sequence[str], names: Sequence[str]) -> Sheet:
    numbers = {name: number for number, name in enumerate(names)}
    lines = [[_place(sign, numbers) for sign in unicodedata.normalize("NFC", text)] for text in texts]
    if not any(place for line in lines for place in line):
        raise UsageError(f"--text: found no letter in {quoted(texts[0])}; there are {answers.listed(names)}")
    columns = max(map(len, lines))
    return Sheet(tuple(place for line in lines for place in line + [None] * (columns - len(line))), columns, 1)


def _place(sign: str, numbers: Mapping[str, int]) -> tuple[int, str] | None:
    # The letter under an accent, where no class has that: names have some.
    letter = unicodedata.normalize("NFD", sign)[0]
    for form in (sign, sign.upper(), sign.lower(), letter, letter.upper(), letter.lower()):
        if form in numbers:
            return numbers[form], form
    if not sign.isspace():
        raise UsageError(f"--text: {quoted(sign)} is no class; there are {answers.listed(numbers)}")
    return None


def _of_file(name: str) -> str:
    """Writes a class so that it can stand in the name of a file anywhere."""
    return re.sub(r"[^\w-]+", "_", name).strip("_")[:LONGEST_NAME]
