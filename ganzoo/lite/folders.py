"""Which images a folder holds: the same for training, `ganzoo generate` and `ganzoo-lite`."""

import os
from collections.abc import Iterator
from pathlib import Path

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".avif")


def image_files(folder: Path, extensions: tuple[str, ...] = EXTENSIONS) -> Iterator[Path]:
    """The images in a folder and below it, also in folders that are linked; each folder once, in no certain order.

    Hidden files are left out, as are folders whose names begin with . or __. A link to a folder that it lies in leads
    back to where the search comes from, and is not followed.
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
            # After all that is no link, so that a folder that is both has its own name.
            waiting[:0] = [link for name in subfolders if _leads_on(link := Path(directory, name))]
            for name in files:
                if name.lower().endswith(extensions) and not name.startswith("."):
                    yield Path(directory, name)


def _leads_on(path: Path) -> bool:
    return path.is_symlink() and not path.parent.resolve().is_relative_to(path.resolve())
