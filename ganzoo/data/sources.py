"""What a source of images is, and which module opens which.

A source is a tuple of image sets: one for the tasks `latent` and `super_resolution`, two for `unpaired`, two of the
same length and order for `paired`.
"""

import dataclasses
import importlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ganzoo.config import DataConfig, nearest
from ganzoo.errors import UsageError, quoted

SETS_OF_TASK = {"latent": 1, "super_resolution": 1, "paired": 2, "unpaired": 2}
OPENERS = {"embedded": "embedded", "folder": "folder", "tfds": "tfds", "url": "archive"}


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
class Source:
    sets: tuple[ImageSet, ...]
    where: str
    """For people, e.g. "embedded:emoji (line -> flat)"."""
    split: str
    """`train` or `test`."""
    skipped: tuple[tuple[str, str], ...] = ()
    """(name, reason) of each image that is left out because it can't be read."""
    aligned: bool = False
    """The same position in two sets is the same thing, also where the task is unpaired."""
    in_training: bool = False
    """The test split holds the same images as the one for training, because there is no other."""

    @property
    def description(self) -> str:
        note = " (the same images as for training)" if self.in_training else ""
        return f"{self.where}, {self.split} split{note}"


def open_source(data: DataConfig, task: str, split: str = "train") -> Source:
    """The image sets that `data.source` names, as the task needs them.

    Raises:
        UsageError: for an unknown task, split, scheme or name, or a source that can't serve the task.
        RunError: when a download fails.
    """
    if task not in SETS_OF_TASK:
        raise UsageError(f"task {quoted(task)} is unknown{nearest(task, SETS_OF_TASK)}")
    if split not in ("train", "test"):
        raise UsageError(f"split {quoted(split)} is unknown{nearest(split, ('train', 'test'))}")
    scheme, colon, rest = data.source.partition(":")
    if scheme not in OPENERS or not rest:
        suggestion = near_miss(scheme, OPENERS) if colon else f"; did you mean 'folder:{data.source}'?"
        raise UsageError(
            f"data.source: found {quoted(data.source)}; allowed are embedded:NAME, folder:PATH, folder:PATH_A,PATH_B, "
            f"tfds:NAME and url:ADDRESS#sha256=…{suggestion}"
        )
    module = importlib.import_module(f"ganzoo.data.{OPENERS[scheme]}")
    return module.open_source(data, task, split)


def check_domain_count(domains: Sequence[str], task: str, where: str):
    """Raises UsageError unless there are as many domains as the task has image sets."""
    needed = SETS_OF_TASK[task]
    if len(domains) != needed:
        found = ", ".join(domains) or "none"
        raise UsageError(f"{where}: task {task} needs {needed} image set{'s' * (needed > 1)}, found {found}")


def arrow(domains: Sequence[str], task: str) -> str:
    """`line -> flat`, `flat <-> 3d` or `flat`: domains as the task uses them."""
    return (" -> " if task == "paired" else " <-> ").join(domains)


def near_miss(word: str, names: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or nothing where no name is near."""
    suggestion = nearest(word, names)
    return suggestion if "did you mean" in suggestion else ""
