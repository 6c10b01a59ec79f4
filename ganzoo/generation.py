"""From a trained generator to picture files: what `ganzoo generate` does. Imports no Keras until a model is used."""

import contextlib
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from ganzoo import inference, pictures
from ganzoo.errors import UsageError
from ganzoo.generator import Generator
from ganzoo.lite import jobs as lite_jobs
from ganzoo.lite import latents, samples
from ganzoo.lite.jobs import is_file, plan_images
from ganzoo.lite.network import latent_length
from ganzoo.lite.tiling import Progress

__all__ = ["check_model", "check_options", "generate_images", "generate_samples", "plan_images"]

COUNT = 16
"""Samples in a grid."""
FRAMES = 60
"""Of an animation, between two seeds, there and back: 3 seconds."""
EXCLUDED = {"--seeds": ("--count", "--seed", "--interpolate"), "--interpolate": ("--seed",)}
"""What an option leaves nothing to say."""


def check_options(options: Collection[str], out: Path, *, of_images: bool) -> None:
    """Raises UsageError for options that exclude one another, or don't go with what is painted, and for a wrong `out`.

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
    if not of_images:
        is_file(out)
    if _moves(out) and not of_images and "--interpolate" not in options:
        raise UsageError(f"--out {out}: an animation, which --interpolate A,B makes; give that, or a name in .png")


def check_model(generator: Generator, *, of_images: bool) -> None:
    """Raises UsageError when a model takes latents and was given images, or the other way round, as far as files tell.

    They are read without Keras, which takes seconds to load.
    """
    takes_a_picture = generator.takes_a_picture
    if takes_a_picture is False and of_images:
        raise UsageError(f"{generator.path}: paints from latents and takes no images: leave them out")
    if takes_a_picture and not of_images:
        raise UsageError(f"{generator.path}: translates images and was given none: name images, or a folder of them")


def generate_samples(
    model,
    out: Path,
    *,
    count: int | None = None,
    seed: int = 0,
    seeds: Sequence[int] = (),
    interpolate: Sequence[int] = (),
    truncation: float = 1.0,
) -> str:
    """Writes a grid of samples; or, of a way between seeds, an animation where `out` ends in .gif or .apng.

    On a terminal, a bar shows how far it is.

    Args:
        model: a generator of latents: anything that `inference.open_network` takes.
        out: the picture to write; or a folder, into which each sample, or frame, is written as a PNG of its own.
        count: how many samples, by default 16; of an animation, how many frames, by default 60 for each two seeds.
        seed: of the latents.
        seeds: the first sample of each is painted, the seed written under it in a grid; `count` and `seed` say nothing
            then.
        interpolate: two seeds or more; the samples then lie on the way from the first sample of one to that of the
            next. An animation goes there and back.
        truncation: see `inference.sample`.

    Returns:
        What was written, in words.

    Raises:
        UsageError: when the model takes images, or as `inference.sample` and `inference.interpolate` do.
    """
    network = inference.open_network(model)
    if interpolate and _moves(out):
        points = _there_and_back(network, count or FRAMES * (len(interpolate) - 1), interpolate)
        names = [""] * len(points)
    elif interpolate:
        points = inference.way(network, count or COUNT, interpolate)
        names = [f"{'_'.join(map(str, interpolate))}_{index:0{len(str(len(points)))}d}" for index in range(len(points))]
    elif seeds:
        points, names = inference.first_latents(network, seeds), [f"seed_{number}" for number in seeds]
    else:
        count = count or COUNT
        points, names = latents.draw(seed, count, latent_length(network)), samples.names(seed, count)
    batches = inference.painted(network, points, truncation)
    with _bar(out, "samples") as progress:
        if interpolate and _moves(out):
            frames = np.concatenate(list(samples.told(batches, len(points), progress)))
            pictures.save_animation(frames, out)
            return str(out)
        if seeds and is_file(out):
            images = np.concatenate(list(samples.told(batches, len(points), progress)))
            batches, progress = [pictures.captioned(images, [str(number) for number in seeds])], None
        return samples.write(batches, out, names, progress)


def _moves(out: Path) -> bool:
    return out.suffix.lower() in pictures.ANIMATIONS and not out.is_dir()


def _there_and_back(network, count: int, seeds: Sequence[int]) -> np.ndarray:
    """Latents of a loop: where it begins again, it goes on at the same pace. Either end is there once."""
    there = inference.way(network, count // 2 + 1, seeds)
    back = inference.way(network, count - len(there) + 2, seeds[::-1])
    return np.concatenate([there, back[1:-1]])


def generate_images(
    model,
    jobs: Sequence[tuple[Path, Path]],
    say: Callable[[str], None] = print,
    *,
    tiles: bool = False,
    keep_alpha: bool = False,
) -> None:
    """Translates or enlarges images of any size and mode. One that can't be read, or written, is named and skipped.

    EXIF, dpi and the ICC profile are kept, and of enlarged images transparency. On a terminal, a bar shows how far an
    image of many tiles is.

    Args:
        model: a generator of images: anything that `inference.open_network` takes.
        jobs: (image to read, picture to write), from `plan_images`.
        say: is told of each picture that was written and each image that was skipped.
        tiles: see `inference.translate`.
        keep_alpha: cut a picture out again where its image was transparent, also if it is not enlarged.

    Raises:
        UsageError: when the model takes latents.
        RunError: when no image can be read, or a picture can't be written; the others were painted.
    """
    opened = inference.open_network(model)
    lite_jobs.paint_all(opened, jobs, tiles=tiles, keep_alpha=keep_alpha, say=say, progress_of=_bar)


@contextlib.contextmanager
def _bar(path: Path, unit: str = "tiles") -> Iterator[Progress | None]:
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
        TextColumn(unit),
    ]
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(path.name, total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=total > 1)
