"""What a source of pictures or clips is.

A source is a tuple of sets, one for each key of `needs.groups`: those of one group have the same length and order.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from ganzoo.data import needs
from ganzoo.data.fields import Clip
from ganzoo.data.needs import Batch
from ganzoo.errors import UsageError


class NoSuchLabel(UsageError):
    """A source has no label of the name that `data.label` gives."""


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """Images in a fixed order."""

    names: Sequence[str]
    read: Callable[[int], np.ndarray]
    """uint8 RGB, (height, width, 3). Raises RunError, naming the image, when it can't be decoded."""
    size: Callable[[int], tuple[int, int]]
    """(width, height), without decoding."""
    file_size: Callable[[int], int] = lambda index: 0
    """Bytes of the file that holds the image; 0 where it comes from none."""

    def __len__(self):
        return len(self.names)


@dataclasses.dataclass(frozen=True)
class ClipSet:
    """Files of sound in a fixed order."""

    names: Sequence[str]
    read: Callable[[int, int, int], np.ndarray]
    """Of a file, from a value on, so many values: float32 (count, 1) in [-1, 1], filled up with silence. Raises
    RunError, naming the file, when it can't be read."""
    length: Callable[[int], int]
    """How many values a file has."""
    rate: Callable[[int], int]
    """How many of them a second has."""
    file_size: Callable[[int], int]

    def __len__(self):
        return len(self.names)


@dataclasses.dataclass(frozen=True)
class Source:
    """Sets of pictures or clips, and what is said of each example."""

    sets: tuple[ImageSet, ...] | tuple[ClipSet, ...]
    where: str
    """For people, e.g. "embedded:emoji (line -> flat)"."""
    split: str
    """`train` or `test`."""
    skipped: tuple[tuple[str, str], ...] = ()
    """(name, reason) of each image that is left out because it can't be read."""
    aligned: bool = False
    """The same position in two sets is the same thing, also where their streams are unrelated."""
    in_training: bool = False
    """The test split holds the same images as the one for training, because there is no other."""
    labels: Sequence[str] | None = None
    """The class of each example by name, where the batch has labels."""
    captions: Sequence[str] | None = None
    """The caption of each example, where the batch has tokens."""

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
    """Raises UsageError for a batch of clips: `where` is a source of pictures."""
    if needs.has(batch, Clip):
        raise UsageError(f"{where}: has no sound; {needs.named(batch)} needs folder:PATH or url:… with .wav files")


def arrow(domains: Sequence[str], batch: Batch) -> str:
    """`line -> flat`, `flat <-> 3d` or `flat`: domains as a batch uses them."""
    return (" <-> " if len(needs.groups(batch)) > 1 else " -> ").join(domains)
