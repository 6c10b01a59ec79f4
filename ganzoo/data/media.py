"""Files of pictures and of sound: which a folder holds, which of them can be opened, and sets of them."""

import dataclasses
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from ganzoo.data import needs, sound
from ganzoo.data.fields import Clip
from ganzoo.data.images import EXTENSIONS, image_size, read_image
from ganzoo.data.needs import Batch
from ganzoo.data.sources import ClipSet, ImageSet
from ganzoo.errors import UsageError
from ganzoo.lite.errors import reason
from ganzoo.lite.folders import image_files
from ganzoo.lite.formats import open_image

UNREAD = {".heic", ".heif", ".avif", ".jxl", ".psd", ".svg", ".dng", ".cr2", ".nef", ".arw", ".raw"} - {*EXTENSIONS}
"""Pictures that are no images here, and are said to be left out."""
UNREAD_SOUND = {".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".aif", ".aiff", ".wma"}
MAX_VERIFIED = 10_000
"""In larger sets only the headers are checked when opened; what else is broken is found when it is decoded."""

Skipped = list[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class Medium:
    """A kind of files."""

    noun: str
    extensions: tuple[str, ...]
    unread: tuple[str, ...]
    """Of files that hold the same, but are not read."""
    read_format: str
    """What those are to be converted to."""
    check: Callable[[Path, bool], None]
    """Raises an error for a file that can't be opened; for other faults only where it is to look at the whole file."""
    as_set: Callable[[Path, Sequence[Path]], ImageSet | ClipSet]
    """A set of the files in a folder."""


def medium_of(batch: Batch) -> Medium:
    """Of what a batch reads."""
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
    """Whether there is a folder, with a file of the medium in it or below it."""
    return folder.is_dir() and next(image_files(folder, medium.extensions), None) is not None


def all_files(folder: Path, medium: Medium) -> list[Path]:
    """All files below the folder, sorted as people sort them: 2 before 10. Raises UsageError where there are none."""
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
    """The files that can be opened; the others go to `skipped`. Raises UsageError where there are none."""
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
    """Why, by name, for the files whose header or check sums are wrong. A truncated JPEG is found only in decoding."""
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
    """What to sort names by so that 2 is before 10."""
    parts = re.split(r"(\d+)", name.lower())
    return [int(part) if place % 2 else part for place, part in enumerate(parts)] + [name]
