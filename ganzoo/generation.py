"""From a trained generator to picture files: what `ganzoo generate` does. Imports no Keras until a model is used."""

import contextlib
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from ganzoo import inference, pictures
from ganzoo.errors import UsageError
from ganzoo.lite import jobs as lite_jobs
from ganzoo.lite.jobs import plan_images, plan_samples
from ganzoo.lite.tiling import Progress

__all__ = ["check_options", "generate_images", "generate_samples", "plan_images", "plan_samples"]

COUNT = 16
"""Samples in a grid."""
FRAMES = 60
"""Of an animation, between two seeds, there and back: 3 seconds."""
EXCLUDED = {"--seeds": ("--count", "--seed", "--interpolate"), "--interpolate": ("--seed",)}
"""What an option leaves nothing to say."""


def check_options(options: Collection[str], out: Path, *, of_images: bool) -> None:
    """Raises UsageError for options that exclude one another, or don't go with what is painted.

    Args:
        options: the names of those options for samples that were given, such as `--seeds`.
        out: where the picture goes.
        of_images: images are painted, and not samples.
    """
    if of_images and options:
        raise UsageError(f"{', '.join(options)}: for samples of latents; leave it out where images are painted")
    for option, excluded in EXCLUDED.items():
        found = [other for other in excluded if other in options]
        if option in options and found:
            raise UsageError(f"{option}: says which seeds are painted, so that {' and '.join(found)} must be left out")
    if _moves(out) and not of_images and "--interpolate" not in options:
        raise UsageError(f"--out {out}: an animation, which --interpolate A,B makes; give that, or a name in .png")


def generate_samples(
    model,
    out: Path,
    *,
    count: int | None = None,
    seed: int = 0,
    seeds: Sequence[int] = (),
    interpolate: Sequence[int] = (),
    truncation: float = 1.0,
) -> None:
    """Writes a grid of samples; or, of a way between seeds, an animation where `out` ends in .gif or .apng.

    Args:
        model: a generator of latents: anything that `inference.open_network` takes.
        out: the picture to write.
        count: how many samples, by default 16; of an animation, how many frames, by default 60 for each two seeds.
        seed: of the latents.
        seeds: the first sample of each is painted, the seed written under it; `count` and `seed` say nothing then.
        interpolate: two seeds or more; the samples then lie on the way from the first sample of one to that of the
            next. An animation goes there and back.
        truncation: see `inference.sample`.

    Raises:
        UsageError: when the model takes images, or as `inference.sample` and `inference.interpolate` do.
    """
    network = inference.open_network(model)
    if interpolate and _moves(out):
        frames = _there_and_back(network, count or FRAMES * (len(interpolate) - 1), interpolate, truncation)
        pictures.save_animation(frames, out)
        return
    if interpolate:
        images = inference.interpolate(network, count or COUNT, interpolate, truncation)
    elif seeds:
        images = pictures.captioned(inference.sample_seeds(network, seeds, truncation), [str(seed) for seed in seeds])
    else:
        images = inference.sample(network, count or COUNT, seed, truncation)
    pictures.save(pictures.grid({"": images}), out)


def _moves(out: Path) -> bool:
    return out.suffix.lower() in pictures.ANIMATIONS


def _there_and_back(network, count: int, seeds: Sequence[int], truncation: float) -> np.ndarray:
    """Images of a loop: where it begins again, it goes on at the same pace. Either end is painted once."""
    there = inference.interpolate(network, count // 2 + 1, seeds, truncation)
    back = inference.interpolate(network, count - len(there) + 2, seeds[::-1], truncation)
    return np.concatenate([there, back[1:-1]])


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
