"""From a trained generator to picture files: what `ganzoo generate` does. Imports no Keras until a model is used."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ganzoo import inference, pictures
from ganzoo.lite import jobs as lite_jobs
from ganzoo.lite.jobs import plan_images, plan_samples
from ganzoo.lite.tiling import Progress

__all__ = ["generate_images", "generate_samples", "plan_images", "plan_samples"]


def generate_samples(
    model, out: Path, *, count: int = 16, seed: int = 0, between: tuple[int, int] | None = None
) -> None:
    """Writes a grid of samples.

    Args:
        model: a generator of latents: anything that `inference.open_network` takes.
        out: the picture to write.
        count: how many samples.
        seed: of the latents.
        between: two seeds; the samples then lie on the way from the one's first sample to the other's.

    Raises:
        UsageError: when the model takes images.
    """
    network = inference.open_network(model)
    images = inference.interpolate(network, count, between) if between else inference.sample(network, count, seed)
    pictures.save(pictures.grid({"": images}), out)


def generate_images(
    model, jobs: Sequence[tuple[Path, Path]], say: Callable[[str], None] = print, *, tiles: bool = False
) -> None:
    """Translates or enlarges images of any size and mode. One that can't be read is named and skipped.

    Transparency, EXIF and the ICC profile are kept. On a terminal, a bar shows how far an image of many tiles is.

    Args:
        model: a generator of images: anything that `inference.open_network` takes.
        jobs: (image to read, picture to write), from `plan_images`.
        say: is told of each picture that was written and each image that was skipped.
        tiles: see `inference.translate`.

    Raises:
        UsageError: when the model takes latents.
        RunError: when no image can be read.
    """
    lite_jobs.paint_all(inference.open_network(model), jobs, tiles=tiles, say=say, progress_of=_bar)


@contextlib.contextmanager
def _bar(source: Path) -> Iterator[Progress | None]:
    """What a bar of an image's tiles is told of; None where there is no terminal to show it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("tiles"),
    ]
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(source.name, total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=total > 1)
