"""Draws samples, and writes them to picture files: all in one grid, or each to one of its own as soon as painted."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from . import formats, sheets
from .files import replacing
from .grid import grid
from .jobs import is_file
from .network import Network, class_numbers, draw
from .sheets import Sheet
from .tiling import Progress

COUNT = 16
"""Samples, where nobody says how many."""


def drawn(
    network: Network,
    seed: int,
    count: int | None = None,
    *,
    classes: Sequence[str] | None = None,
    table: Sequence[str] | None = None,
    texts: Sequence[str] | None = None,
) -> tuple[dict[str, np.ndarray], list[str], Sheet | None]:
    """Draws the samples of a seed.

    Args:
        network: makes samples.
        seed: seed of the latents.
        count: number of samples, or of rows of a sheet; None: 16, or what the sheet says.
        classes: see `sheets.asked`, as are the others.

    Returns:
        The inputs of the network for all samples, as `network.made` takes them; the samples' names; the sheet that
            they are on, if any.

    Raises:
        UsageError: as `sheets.asked` and `network.draw` do.
    """
    sheet, texts = sheets.of_network(network, classes=classes, table=table, texts=texts)
    if count is None:
        count = sheet.rows if sheet else COUNT
    labels = class_numbers(network, classes) if classes else None
    inputs, rows = draw(network, seed, count, labels=labels, texts=texts), names(seed, count)
    if sheet:
        inputs, rows = sheet.spread(inputs, network), sheet.names(rows)
    return inputs, rows, sheet


def names(seed: int, count: int) -> list[str]:
    """Names the samples of a seed; the names sort in their order."""
    digits = len(str(count - 1))
    return [f"seed_{seed}_{index:0{digits}d}" for index in range(count)]


def write(
    batches: Iterable[np.ndarray],
    out: Path,
    names: Sequence[str],
    progress: Progress | None = None,
    sheet: Sheet | None = None,
    columns: int | None = None,
) -> str:
    """Writes a grid to the picture `out`, or each sample to a PNG in the folder `out`.

    Args:
        batches: uint8 (n, H, W, C), as they are painted.
        out: see `jobs.is_file`.
        names: one for each sample, without suffix.
        progress: receives the count of samples.
        sheet: the places of the samples in the grid.
        columns: the number of columns of a grid that is no sheet; None: so many that it is about square.

    Returns:
        What was written, in words.
    """
    batches = told(batches, len(names), progress)
    if is_file(out):
        images = np.concatenate(list(batches))
        picture = sheet.picture(images) if sheet else grid(images, columns=columns)
        formats.check_size(out, *picture.size)
        with replacing(out) as beside:
            formats.save(picture, beside)
        return str(out)
    images = (image for batch in batches for image in batch)
    for name, image in zip(names, images, strict=True):
        with replacing(out / f"{name}.png") as beside:
            formats.save(Image.fromarray(image if image.shape[2] > 1 else image[..., 0]), beside)
    return written(out, names, ".png", "pictures")


def written(out: Path, names: Sequence[str], suffix: str, what: str) -> str:
    """Tells in words what was written into the folder `out`."""
    last = f" to {names[-1]}{suffix}, {len(names):,} {what}" if len(names) > 1 else ""
    return f"{out / names[0]}{suffix}{last}"


def told(batches: Iterable[np.ndarray], total: int, progress: Progress | None) -> Iterator[np.ndarray]:
    """Yields the batches as they come, and tells `progress` of (samples done, `total`)."""
    done = 0
    for batch in batches:
        yield batch
        done += len(batch)
        if progress:
            progress(done, total)
