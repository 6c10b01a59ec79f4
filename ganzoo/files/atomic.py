"""Files that are whole or not there: written beside their place, then renamed into it."""

import re
import time
from collections.abc import Iterable
from pathlib import Path

from ganzoo.errors import RunError
from ganzoo.lite.files import replacing

__all__ = ["check_clock", "is_unfinished", "remove_unfinished", "replacing"]


def check_clock() -> None:
    """Raises RunError where the clock shows a year that no zip archive, as `.npz` and `.keras` are, can be dated by."""
    year = time.localtime(time.time()).tm_year
    if not 1980 <= year <= 2107:
        raise RunError(f"the clock of this machine shows the year {year}; files can be dated from 1980 to 2107: set it")


def is_unfinished(name: str) -> bool:
    """Returns whether a file of this name is what a killed process had been writing with `replacing`."""
    return re.fullmatch(r"\..+\.part-[0-9a-f]{32}(\..*)?", name, re.DOTALL) is not None


def remove_unfinished(folders: Iterable[Path]) -> None:
    """Removes what a killed process had been writing in these folders, those that are there, and not below them."""
    for folder in folders:
        for left in folder.iterdir() if folder.is_dir() else ():
            if is_unfinished(left.name) and left.is_file():
                left.unlink()
