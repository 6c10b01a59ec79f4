"""Finds the images in a folder: in the same way for training, `ganzoo generate` and `ganzoo-lite`."""

import os
from collections.abc import Iterator
from pathlib import Path

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".avif")


def image_files(folder: Path, extensions: tuple[str, ...] = EXTENSIONS) -> Iterator[Path]:
    """Yields the images in a folder and below it, through linked folders too; each folder once, in no certain order.

    Skips hidden files, and folders whose names begin with . or __. Does not follow a link to a folder that contains it.
    """
    waiting, seen = [folder], set()
    while waiting:
        for directory, subfolders, files in os.walk(waiting.pop()):
            real = os.path.realpath(directory)
            if real in seen:
                subfolders.clear()
                continue
            seen.add(real)
            subfolders[:] = sorted(name for name in subfolders if not name.startswith((".", "__")))
            # Links come last, so that a folder that is also linked goes by its own name.
            waiting[:0] = [link for name in subfolders if _leads_on(link := Path(directory, name))]
            for name in files:
                if name.lower().endswith(extensions) and not name.startswith("."):
                    yield Path(directory, name)


def _leads_on(path: Path) -> bool:
    return path.is_symlink() and not path.parent.resolve().is_relative_to(path.resolve())
