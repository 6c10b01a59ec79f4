"""Many images to many pictures: planned before anything is painted, so that nothing is lost or overwritten."""

import contextlib
import difflib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from .errors import RunError, UsageError
from .network import Network
from .painting import format_of, input_channels, paint_file
from .pixels import EXTENSIONS, UnreadableImage
from .tiling import Progress


def plan_images(inputs: Sequence[Path], out: Path) -> list[tuple[Path, Path]]:
    """Which picture is written of which image: one image to the file `out`, or many into the folder `out`.

    A folder among the inputs stands for the images in it and below, whose pictures are laid out as they are. `out` is
    a file when its suffix is a picture's.

    Raises:
        UsageError: for an input that is not there, a folder without images, many images and one file, or a picture
            that would overwrite another or its own input.
    """
    images = [pair for path in inputs for pair in _find(path)]
    if format_of(out) and not out.is_dir():
        if len(images) > 1:
            raise UsageError(f"--out {out}: a file, for {len(images)} images; give a folder")
        jobs = [(images[0][0], out)]
    else:
        jobs = [(image, out / place.with_suffix(".png")) for image, place in images]
    _check_targets(jobs)
    return jobs


def plan_samples(out: Path) -> Path:
    """Where the grid goes. Raises UsageError when `out` is no name of a picture."""
    if out.is_dir() or not format_of(out):
        instead = out.with_suffix(".png") if out.suffix and not out.is_dir() else out / "samples.png"
        raise UsageError(f"--out {out}: not the name of a picture; give one such as {instead}")
    return out


def no_progress(_source: Path) -> AbstractContextManager[None]:
    return contextlib.nullcontext()


def paint_all(
    network: Network,
    jobs: Sequence[tuple[Path, Path]],
    *,
    tiles: bool = False,
    say: Callable[[str], None] = print,
    progress_of: Callable[[Path], AbstractContextManager[Progress | None]] = no_progress,
) -> None:
    """Translates or enlarges images of any size and mode. One that can't be read is named and skipped.

    Args:
        network: of images.
        jobs: (image to read, picture to write), from `plan_images`.
        tiles: see `tiling.strips`.
        say: is told of each picture that was written and each image that was skipped.
        progress_of: gives, for an image, a context that gives what is told of its tiles, or None.

    Raises:
        UsageError: when the model takes latents.
        RunError: when no image can be read.
    """
    input_channels(network)
    skipped = 0
    for source, target in jobs:
        try:
            with progress_of(source) as progress:
                paint_file(network, source, target, tiles=tiles, progress=progress)
        except UnreadableImage as error:
            if len(jobs) == 1:
                raise
            skipped += 1
            say(f"skipped: {error}")
        else:
            say(f"{source} -> {target}")
    if skipped == len(jobs):
        raise RunError(f"none of the {skipped} images can be read, the first is {jobs[0][0]}")
    if skipped:
        say(f"{skipped} of {len(jobs)} images skipped: they can't be read")


def _find(path: Path) -> list[tuple[Path, Path]]:
    """(image, its place in the output) for an image, or for all in a folder."""
    if path.is_file():
        return [(path, Path(path.name))]
    if not path.is_dir():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        close = difflib.get_close_matches(path.name, beside, n=1) if len(beside) < 20 else []
        raise UsageError(f"{path}: no such image or folder{f'; did you mean {close[0]!r}?' if close else ''}")
    found = sorted(p for p in path.rglob("*") if p.suffix.lower() in EXTENSIONS and p.is_file())
    if not found:
        raise UsageError(f"{path}: no images in this folder; looked for {', '.join(EXTENSIONS)}")
    return [(image, image.relative_to(path)) for image in found]


def _check_targets(jobs: Sequence[tuple[Path, Path]]) -> None:
    sources = {source.resolve() for source, _ in jobs}
    taken = {}
    for source, target in jobs:
        if target.resolve() in sources:
            raise UsageError(f"--out: {target} would overwrite an input; give another name or folder")
        if target in taken:
            raise UsageError(f"--out: {taken[target]} and {source} would both become {target}; give one at a time")
        taken[target] = source
