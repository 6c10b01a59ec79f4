"""Draws the picture at the top of the README: drawings with dabs of color over what the generators made of them.

    python scripts/readme_picture.py

They are cut out of the sample grids in weights/, whose drawings are of test splits.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from ganzoo.data.images import read_image
from ganzoo.generators.pictures import GAP, TITLE_HEIGHT

ROOT = Path(__file__).parent.parent
FILE = ROOT / "docs" / "gallery" / "coloring.png"
SHOWN = {
    "pix2pix/emoji": [(0, 1), (1, 1), (3, 0), (5, 0), (3, 1)],
    "pix2pix/avatars": [(1, 0), (3, 0), (6, 0)],
}
"""Places in the sample grids: row, and half of it."""
SIDE = 128


def picture() -> np.ndarray:
    """Returns uint8 (2 * SIDE, count * SIDE, 3): drawings in the upper row, colored ones in the lower."""
    columns = []
    for name, places in SHOWN.items():
        grid = read_image(ROOT / "weights" / name / "sample.png")
        for row, half in places:
            top, left = TITLE_HEIGHT + row * (SIDE + GAP), GAP + half * (3 * SIDE + GAP)
            cells = grid[top : top + SIDE, left : left + 2 * SIDE]
            columns.append(np.concatenate([cells[:, :SIDE], cells[:, SIDE:]]))
    return np.concatenate(columns, axis=1)


if __name__ == "__main__":
    Image.fromarray(picture()).save(FILE, optimize=True)
