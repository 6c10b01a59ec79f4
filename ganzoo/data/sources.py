"""Sources of pictures or clips.

A source is a tuple of sets, one for each key of `needs.groups`. Sets of one group have the same length and order.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from ganzoo.data import needs
from ganzoo.data.fields import Clip
from ganzoo.data.needs import Batch
from ganzoo.errors import UsageError


class NoSuchLabel(UsageError):
    """The source has no label of the name in `data.label`; it has those in `labels`, which may be none."""

    def __init__(self, message: str, labels: Sequence[str] = ()):
        super().__init__(message)
        self.labels = tuple(labels)


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """Images in a fixed order."""

    names: Sequence[str]
    read: Callable[[int], np.ndarray]
    """Returns image number i: uint8 RGB (height, width, 3). Raises RunError, naming it, if it can't be decoded."""
    size: Callable[[int], tuple[int, int]]
    """Returns the (width, height) of an image without decoding it."""
    file_size: Callable[[int], int] = lambda index: 0
    """Returns the bytes of the image's file; 0 if it comes from none."""

    def __len__(self):
        return len(self.names)


@dataclasses.dataclass(frozen=True)
class ClipSet:
    """Files of sound in a fixed order."""

    names: Sequence[str]
    read: Callable[[int, int, int], np.ndarray]
    """Returns values of a file, by its number, the first value and their count: float32 (count, 1) in [-1, 1], padded
    with silence. Raises RunError, naming the file, when it can't be read."""
    length: Callable[[int], int]
    """Returns the number of values in a file."""
    rate: Callable[[int], int]
    """Returns the number of values per second."""
    file_size: Callable[[int], int]

    def __len__(self):
        return len(self.names)


@dataclasses.dataclass(frozen=True)
class Source:
    """Sets of pictures or clips, with the labels and captions of their examples."""

    sets: tuple[ImageSet, ...] | tuple[ClipSet, ...]
    where: str
    """Its name for people, e.g. "embedded:emoji (line -> flat)"."""
    split: str
    """`train` or `test`."""
    skipped: tuple[tuple[str, str], ...] = ()
    """(name, reason) of each image that is left out because it can't be read."""
    aligned: bool = False
    """Whether the same position in two sets shows the same thing, also if their streams are unrelated."""
    in_training: bool = False
    """Whether the test split holds the images for training, because there are no others."""
    labels: Sequence[str] | None = None
    """The class name of each example, if the batch has labels."""
    captions: Sequence[str] | None = None
    """The caption of each example, if the batch has tokens."""

    @property
    def description(self) -> str:
        note = " (the same images as for training)" if self.in_training else ""
        return f"{self.where}, {self.split} split{note}"


def check_domain_count(domains: Sequence[str], batch: Batch, where: str):
    """Raises UsageError unless there are as many domains as a batch needs sets."""
    needed = sum(needs.layout(batch))
    if len(domains) != needed:
        noun = ("set{} of clips" if needs.has(batch, Clip) else "image set{}").format("s" * (needed > 1))
        found = ", ".join(domains) or "none"
        raise UsageError(f"{where}: {needs.named(batch)} needs {needed} {noun}, found {found}")


def check_no_sound(batch: Batch, where: str):
    """Raises UsageError for a batch of clips. `where` names a source of pictures."""
    if needs.has(batch, Clip):
        raise UsageError(f"{where}: has no sound; {needs.named(batch)} needs folder:PATH or url:… with .wav files")


def arrow(domains: Sequence[str], batch: Batch) -> str:
    """Joins domains as a batch uses them: `line -> flat`, `flat <-> 3d` or `flat`."""
    return (" <-> " if len(needs.groups(batch)) > 1 else " -> ").join(domains)
