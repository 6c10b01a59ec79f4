"""Paints many images: plans all before it paints any, so that nothing is lost or overwritten."""

import contextlib
import errno
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from .errors import RunError, UsageError, near_miss
from .folders import EXTENSIONS, image_files
from .formats import format_of
from .network import Network
from .painting import input_channels, paint_file
from .pixels import UnreadableImage, check_opens
from .tiling import Progress

HOPELESS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Errors after which no other file can be written either."""


def plan_images(inputs: Sequence[Path], out: Path) -> list[tuple[Path, Path]]:
    """Plans which picture is written for which image: one image to the file `out`, or many into the folder `out`.

    A folder among the inputs stands for the images in it and below; their pictures are laid out in the same way. `out`
    is a file if its suffix is that of a picture.

    Raises:
        UsageError: for a missing input, a folder without images, many images and one file, a name with the suffix of
            something else, or a picture that would overwrite another or its own input.
        RunError: when no image can be read, as far as its beginning tells.
    """
    images = [pair for path in inputs for pair in find_images(path)]
    if is_file(out):
        if len(images) > 1:
            raise UsageError(f"--out {out}: a file, for {len(images)} images; give a folder")
        jobs = [(images[0][0], out)]
    else:
        jobs = [(image, out / place.with_suffix(".png")) for image, place in images]
    _check_targets(jobs, out)
    _check_some_open([image for image, _ in images])
    return jobs


def is_file(out: Path) -> bool:
    """Tells whether `out` names a picture, not a folder. Raises UsageError when it seems to name another file."""
    return names_file(out, format_of, "a picture", ".png")


def names_file(out: Path, is_one: Callable[[Path], object], what: str, suffix: str) -> bool:
    """Tells whether `out` names a file of a kind, not a folder.

    Args:
        out: the path.
        is_one: tells whether a path has a name of the kind.
        what: what errors call the kind.
        suffix: one that the kind has.

    Raises:
        UsageError: when `out` seems to name another file.
    """
    if out.is_dir():
        return False
    # A folder may be called run.2 or 2020.02.02.
    if not is_one(out) and (out.is_file() or re.fullmatch(r"\.[A-Za-z][A-Za-z0-9]{1,4}", out.suffix)):
        raise UsageError(
            f"--out {out}: not the name of {what}; give one such as {out.with_suffix(suffix)}, or a folder, which "
            "must be there already if its name ends like that of a file"
        )
    return bool(is_one(out))


def no_progress(_source: Path) -> AbstractContextManager[None]:
    return contextlib.nullcontext()


def paint_all(
    network: Network,
    jobs: Sequence[tuple[Path, Path]],
    *,
    tiles: bool = False,
    keep_alpha: bool = False,
    say: Callable[[str], None] = print,
    progress_of: Callable[[Path], AbstractContextManager[Progress | None]] = no_progress,
) -> None:
    """Translates or enlarges images of any size and mode. Reports and skips those that can't be read or written.

    Args:
        network: takes and gives images.
        jobs: (image to read, picture to write), from `plan_images`.
        tiles: see `tiling.strips`.
        keep_alpha: see `painting.painted`.
        say: receives a line about each picture that was written, with what was left out, and each skipped image.
        progress_of: returns a context for an image, which yields what receives its progress, or None.

    Raises:
        UsageError: when the network takes something else.
        RunError: when no image can be read, or some picture can't be written; the others were painted.
        OSError: when nothing more can be written, as on a full disk, or when the only picture can't be.
    """
    input_channels(network)
    unread, unwritten = 0, []
    for source, target in jobs:
        try:
            with progress_of(source) as progress:
                left_out = paint_file(network, source, target, tiles=tiles, keep_alpha=keep_alpha, progress=progress)
        except UnreadableImage as error:
            if len(jobs) == 1:
                raise
            unread += 1
            say(f"skipped: {error}")
        except OSError as error:
            if len(jobs) == 1 or error.errno in HOPELESS:
                raise
            unwritten.append(target)
            say(f"skipped: {target}: can't be written ({(error.strerror or str(error)).lower()})")
        else:
            say(" ".join([f"{source} -> {target}", *(f"({words})" for words in left_out)]))
    if unread == len(jobs):
        raise _none_can_be_read([source for source, _ in jobs])
    if unread:
        say(f"{unread} of {len(jobs)} images skipped: they can't be read")
    if unwritten:
        raise RunError(f"{len(unwritten)} of {len(jobs)} pictures can't be written, the first is {unwritten[0]}")


def find_images(path: Path) -> list[tuple[Path, Path]]:
    """Returns (image, its place in the output) for an image, or for all images in a folder."""
    return find_files(path, EXTENSIONS, "image")


def find_files(path: Path, extensions: tuple[str, ...], what: str) -> list[tuple[Path, Path]]:
    """Finds files as `find_images` does, of other extensions; `what` is what errors call such a file.

    Raises:
        UsageError: when there is no such file or folder, or no such file in the folder.
    """
    if path.is_file():
        return [(path, Path(path.name))]
    if not path.is_dir():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = near_miss(path.name, beside) if len(beside) < 20 else ""
        raise UsageError(f"{path}: no such {what} or folder{near}")
    found = sorted(image_files(path, extensions))
    if not found:
        raise UsageError(f"{path}: no {what}s in this folder; looked for {', '.join(extensions)}")
    return [(file, file.relative_to(path)) for file in found]


def _check_targets(jobs: Sequence[tuple[Path, Path]], out: Path) -> None:
    sources = {source.resolve() for source, _ in jobs}
    taken = {}
    for source, target in jobs:
        if target.resolve() in sources and target != out and target.resolve() != source.resolve():
            raise UsageError(
                f"--out {out}: {target} is there already, perhaps painted before, and is one of the inputs, which it "
                f"would overwrite; give a folder beside the inputs, or take it out of {out}"
            )
        if target.resolve() in sources:
            raise UsageError(f"--out: {target} would overwrite an input; give another name or folder")
        if target in taken:
            raise UsageError(f"--out: {taken[target]} and {source} would both become {target}; give one at a time")
        taken[target] = source


def _check_some_open(images: Sequence[Path]) -> None:
    """Raises the error of `paint_all` for images none of which can be read, before the network is run."""
    for image in images:
        try:
            check_opens(image)
        except UnreadableImage:
            if len(images) == 1:
                raise
        else:
            return
    raise _none_can_be_read(images)


def _none_can_be_read(images: Sequence[Path]) -> RunError:
    return RunError(f"none of the {len(images)} images can be read, the first is {images[0]}")
