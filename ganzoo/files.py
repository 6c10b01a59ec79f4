"""Files that are whole or not there: written beside their place, then renamed into it."""

from pathlib import Path

from ganzoo.lite.files import replacing

__all__ = ["remove_unfinished", "replacing"]


def remove_unfinished(folder: Path) -> None:
    """Removes what a killed process had been writing, in the folder and below it."""
    for left in folder.rglob(".*.part.*"):
        if left.is_file():
            left.unlink()
