"""Models that are programs: a SavedModel can read and write files as whoever runs it can.

A SavedModel that was exported here is known by its SHA-256, an empty file in the cache; of any other it is said what
it is before it is run.
"""

import contextlib
import warnings
from pathlib import Path

from ganzoo.files.downloads import cache_folder
from ganzoo.lite import card


def remember(saved_model: Path) -> None:
    """Takes down that a SavedModel was made here."""
    place = _place(saved_model)
    # A cache that can't be written costs no export, but a line later.
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()


def warn_of_stranger(saved_model: Path) -> None:
    """Warns of a SavedModel that was not made here."""
    if not _place(saved_model).is_file():
        warnings.warn(
            f"{saved_model}: a SavedModel is a program, which can do all that you can, and this one was not exported "
            "here; run it only if you trust who made it",
            stacklevel=2,
        )


def _place(saved_model: Path) -> Path:
    return cache_folder() / "exported" / card.digest(saved_model)
