"""Files that are whole or not there: written beside their place, then renamed into it."""

import re
from collections.abc import Iterable
from pathlib import Path

from ganzoo.lite.files import replacing

__all__ = ["is_unfinished", "remove_unfinished", "replacing"]


def is_unfinished(name: str) -> bool:
    """Whether a file of this name is what a killed process had been writing with `replacing`."""
    return re.fullmatch(r"\..+\.part-[0-9a-f]{32}(\..*)?", name, re.DOTALL) is not None


def remove_unfinished(folders: Iterable[Path]) -> None:
    """Removes what a killed process had been writing in these folders, those that are there, and not below them."""
    for folder in folders:
        for left in folder.iterdir() if folder.is_dir() else ():
            if is_unfinished(left.name) and left.is_file():
                left.unlink()
