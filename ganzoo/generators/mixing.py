"""Tables of mixed styles: coarse ones of one seed, fine ones of another (Karras et al. 2019, section 3.1)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganzoo.errors import UsageError
from ganzoo.generators import inference
from ganzoo.lite import samples
from ganzoo.lite.grid import BACKGROUND
from ganzoo.lite.jobs import is_file
from ganzoo.lite.network import Network
from ganzoo.lite.tiling import Progress

COARSE = 4
"""The number of styles that steer what is of 4 and of 8 pixels."""


def crossed(opened: Network, rows: Sequence[int], columns: Sequence[int]) -> inference.Inputs:
    """Returns the styles of a table, row by row, for `inference.made`.

    Each picture has the styles of its row's seed at 4 and 8 pixels, and those of its column's seed above.

    Raises:
        UsageError: when the network has no styles.
    """
    if not opened.parts:
        raise UsageError(f"{opened.name} {opened.described}, and has no styles to mix: leave --mix out")
    coarse, fine = (inference.styles_of(opened, inference.first_of(opened, seeds)) for seeds in (rows, columns))
    ((name, coarse),), ((_, fine),) = coarse.items(), fine.items()
    coarse, fine = np.repeat(coarse, len(columns), axis=0), np.tile(fine, (len(rows), 1, 1))
    layer = np.arange(coarse.shape[1])[None, :, None]
    return {name: np.where(layer < COARSE, coarse, fine)}


def write(
    opened: Network,
    out: Path,
    rows: Sequence[int],
    columns: Sequence[int],
    truncation: float = 1.0,
    progress: Progress | None = None,
) -> str:
    """Writes a table, the rows' own pictures at its left and the columns' above; or its pictures into a folder.

    Returns:
        What was written, in words.

    Raises:
        UsageError: as `crossed`.
    """
    names = [f"mix_{row}_{column}" for row in rows for column in columns]
    batches = inference.made(opened, crossed(opened, rows, columns), truncation)
    if not is_file(out):
        return samples.write(batches, out, names, progress)
    mixed = np.concatenate(list(samples.told(batches, len(names), progress)))
    left, above = (inference.sample_seeds(opened, seeds, truncation) for seeds in (rows, columns))
    lines = np.concatenate([left[:, None], mixed.reshape(len(rows), len(columns), *mixed.shape[1:])], axis=1)
    corner = np.full_like(left[:1], BACKGROUND)
    table = np.concatenate([corner, above, lines.reshape(-1, *mixed.shape[1:])])
    return samples.write([table], out, [""] * len(table), columns=len(columns) + 1)
