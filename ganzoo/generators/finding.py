"""Finds out by which directions the pictures of a network can be steered, and shows them: `ganzoo directions`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganzoo.backends.quiet import import_keras
from ganzoo.errors import UsageError, reason
from ganzoo.generators import inference, label_directions, pictures, pretrained
from ganzoo.generators.directions import (
    CODES,
    COUNT,
    FILE,
    Direction,
    check_styles,
    codes,
    digest,
    edited,
    place_of,
    principal,
    read,
    write,
)
from ganzoo.lite.network import Network

if TYPE_CHECKING:
    import keras

    from ganzoo.generators.generator import Generator

PICTURE = "directions.png"
"""What is written beside the file."""
AMOUNTS = (-3, -2, -1, 0, 1, 2, 3)
"""How far along each direction its pictures are."""


def directions(
    model: "str | Path | keras.Model | Generator",
    out: str | Path | None = None,
    *,
    data: str | None = None,
    count: int | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> list[Direction]:
    """Finds directions that steer what a model paints, or reads them. The command `ganzoo directions` is this.

    Those that lie beside the model are told, if they are of its weights and nothing else is asked for; else they are
    found anew: principal ones in seconds, those of labels in minutes.

    Args:
        model: a generator with styles: a pretrained name, a run directory, a `.keras` file or a Keras model.
        out: a folder for `directions.json` and `directions.png`, a row of pictures for each. None: beside the file of
            the model; nothing is written for a pretrained name or a model in memory.
        data: a source whose labels name directions, as `folder:PATH`. None: what the model was trained on.
        count: how many principal ones, by default 10.
        say: is told what was written, and why there are none of labels, a line at a time.

    Returns:
        Those of labels, then principal ones by how much codes differ along them.

    Raises:
        UsageError: for a model without styles, or a source that can't be opened.
        RunError: when a file can't be read or written.
    """
    if count is not None and count < 1:
        raise UsageError(f"--count: found {count}; give a whole number from 1 up")
    found = pretrained.find(model)
    check_styles(found)
    asked = not (data is None and count is None and out is None)
    if not asked and (there := read(found)):
        return there
    folder = Path(out).expanduser() if out is not None else _own_folder(found)
    if folder:
        _make(folder)
    sha256 = digest(found)
    import_keras()
    opened = found.network
    steered = [
        *label_directions.of_labels(found, data, say),
        *principal(codes(opened, CODES), COUNT if count is None else count),
    ]
    if folder:
        write(steered, sha256, folder / FILE)
        pictures.save(shown(opened, steered), folder / PICTURE)
        say(f"{folder / FILE}, and pictures of them: {folder / PICTURE}")
    else:
        say(f"{found.title}: nothing is written beside it; name a folder by --out")
    return steered


def _make(folder: Path) -> None:
    """Makes a folder. Raises UsageError where it can't be, before minutes of work."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {folder}: can't be made ({reason(error)}); name another folder") from None


def shown(opened: Network, there: Sequence[Direction]):
    """Returns one picture: a row for each direction, the first sample of seed 0 moved along it by `AMOUNTS`."""
    start = inference.styles_of(opened, inference.drawn(opened, 0, 1))
    rows = []
    for one in there:
        moved = [edited(opened, start, np.float32(amount) * one.vector) for amount in AMOUNTS]
        inputs = {name: np.concatenate([styles[name] for styles in moved]) for name in start}
        rows.append(np.concatenate(list(inference.made(opened, inputs))))
    return pictures.named_rows(np.stack(rows), [one.name for one in there])


def _own_folder(generator: "Generator") -> Path | None:
    """Where they are written unasked: beside a file of the user's own, and not into the package."""
    place = place_of(generator)
    return None if place is None or pretrained.is_name(generator.title) else place.parent
