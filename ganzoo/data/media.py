"""Files of pictures and of sound: finds those in a folder, checks that they open, and makes sets of them."""

import dataclasses
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from ganzoo.data import needs, sound
from ganzoo.data.fields import Clip
from ganzoo.data.images import image_size, read_image
from ganzoo.data.needs import Batch
from ganzoo.data.sources import ClipSet, ImageSet
from ganzoo.errors import UsageError, reason
from ganzoo.lite.folders import EXTENSIONS, image_files
from ganzoo.lite.formats import open_image

UNREAD = {".heic", ".heif", ".avif", ".jxl", ".psd", ".svg", ".dng", ".cr2", ".nef", ".arw", ".raw"} - {*EXTENSIONS}
"""Formats of pictures that are not read; files of these formats are reported as left out."""
UNREAD_SOUND = {".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".aif", ".aiff", ".wma"}
MAX_VERIFIED = 10_000
"""In larger sets only the headers are checked when opened; other faults are found when a file is decoded."""

Skipped = list[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class Medium:
    """A kind of files."""

    noun: str
    extensions: tuple[str, ...]
    unread: tuple[str, ...]
    """The extensions of files that hold the same kind of thing but are not read."""
    read_format: str
    """The format that those must be converted to."""
    check: Callable[[Path, bool], None]
    """Raises an error for a file that can't be opened. With True it checks the whole file, else the header."""
    as_set: Callable[[Path, Sequence[Path]], ImageSet | ClipSet]
    """Makes a set of the files in a folder."""


def medium_of(batch: Batch) -> Medium:
    """Returns the medium that a batch reads."""
    return SOUND if needs.has(batch, Clip) else PICTURES


def _check_picture(file: Path, whole: bool) -> None:
    with open_image(file) as image:
        if whole:
            image.verify()


def _image_set(folder: Path, files: Sequence[Path]) -> ImageSet:
    return ImageSet(
        _names(folder, files),
        lambda index: read_image(files[index]),
        lambda index: image_size(files[index]),
        lambda index: files[index].stat().st_size,
    )


def _clip_set(folder: Path, files: Sequence[Path]) -> ClipSet:
    return ClipSet(
        _names(folder, files),
        lambda index, start, count: sound.read_clip(files[index], start, count),
        lambda index: sound.header(files[index])[0],
        lambda index: sound.header(files[index])[1],
        lambda index: files[index].stat().st_size,
    )


def _names(folder: Path, files: Sequence[Path]) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in files]


PICTURES = Medium("images", EXTENSIONS, tuple(sorted(UNREAD)), "JPEG or PNG", _check_picture, _image_set)
SOUND = Medium(
    "clips",
    sound.EXTENSIONS,
    tuple(sorted(UNREAD_SOUND)),
    "WAV",
    lambda file, whole: sound.verify(file),
    _clip_set,
)


def holds_any(folder: Path, medium: Medium) -> bool:
    """Tells whether the folder exists and holds a file of the medium, at any depth."""
    return folder.is_dir() and next(image_files(folder, medium.extensions), None) is not None


def all_files(folder: Path, medium: Medium) -> list[Path]:
    """Returns all files below the folder, in natural order (2 before 10). Raises UsageError when there are none."""
    files = image_files(folder, medium.extensions)
    files = sorted(files, key=lambda file: natural(file.relative_to(folder).as_posix()))
    if not files:
        others = [file.suffix.lower() for file in image_files(folder, medium.unread)]
        kinds = " ".join(sorted(set(others)))
        found = f"found {len(others)} {kinds}, to be converted to {medium.read_format}; " if others else ""
        raise UsageError(
            f"{folder}: no {medium.noun}; {found}looked for {' '.join(medium.extensions)}, sub folders included"
        )
    return files


def good_files(folder: Path, medium: Medium, skipped: Skipped) -> list[Path]:
    """Returns the files that can be opened; appends the others to `skipped`. Raises UsageError when there are none."""
    files = all_files(folder, medium)
    bad = broken(files, medium)
    skipped += bad.items()
    skipped += (
        (str(file), f"{file.suffix.lower()} is not read; convert it to {medium.read_format}")
        for file in image_files(folder, medium.unread)
    )
    good = [file for file in files if str(file) not in bad]
    if not good:
        name, why = next(iter(bad.items()))
        raise UsageError(
            f"{folder}: none of {len(files)} {medium.noun} can be read, e.g. {name}: {why}; check the files"
        )
    return good


def broken(files: Sequence[Path], medium: Medium) -> dict[str, str]:
    """Returns the reason for each file whose header or checksum is wrong. Only decoding finds a truncated JPEG."""
    reasons = {}
    for file in files:
        try:
            medium.check(file, len(files) <= MAX_VERIFIED)
        except MemoryError:
            raise
        except Exception as error:  # decoders raise all sorts
            reasons[str(file)] = reason(error).removeprefix(f"{file}: ")
    return reasons


def natural(name: str) -> list:
    """Returns a key that sorts names in natural order: 2 before 10."""
    parts = re.split(r"(\d+)", name.lower())
    return [int(part) if place % 2 else part for place, part in enumerate(parts)] + [name]
