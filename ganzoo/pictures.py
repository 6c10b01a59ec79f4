"""Pictures for people: images from the range of the networks to 8 bits, and grids of them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ganzoo.files import replacing
from ganzoo.lite import grid as lite_grid
from ganzoo.lite.grid import BACKGROUND, GAP
from ganzoo.lite.painting import format_of

__all__ = ["BACKGROUND", "GAP", "TITLE_HEIGHT", "format_of", "grid", "save", "to_uint8"]

TITLE_HEIGHT = 14


def to_uint8(images) -> np.ndarray:
    """Images in [-1, 1], floats of any shape, to 0 … 255; what lies outside is clipped, what is not a number is black.

    8-bit images are given back as they are.
    """
    if getattr(images, "dtype", None) == np.uint8:
        return np.asarray(images)
    images = np.nan_to_num(np.asarray(images, dtype="float32"), nan=-1.0)
    return np.rint((np.clip(images, -1.0, 1.0) + 1.0) * 127.5).astype("uint8")


def grid(columns: Mapping) -> Image.Image:
    """One picture of many: a block per example, its columns side by side, under their titles.

    Args:
        columns: images (N, H, W, C) by title, floats in [-1, 1] or 8 bits, all of one size, C 1 or 3. A single column
            needs no title.
    """
    stacked = np.stack([to_uint8(images) for images in columns.values()], axis=2)
    count, height, per_block, width, channels = stacked.shape
    blocks = stacked.reshape(count, height, per_block * width, channels)
    blocks = np.broadcast_to(blocks, (*blocks.shape[:3], 3))
    titled = len(columns) > 1
    canvas = lite_grid.grid(blocks, top=TITLE_HEIGHT if titled else GAP)
    if titled:
        draw = ImageDraw.Draw(canvas)
        for block in range(lite_grid.in_row(blocks.shape)):
            for place, title in enumerate(columns):
                left = GAP + block * (per_block * width + GAP) + place * width
                draw.text((left + 1, 1), title, fill=(0, 0, 0))
    return canvas


def save(picture: Image.Image, path: Path) -> None:
    """Writes a picture beside its place and moves it there, so that a reader never sees half of it.

    The suffix says the format; PNG, when there is none that Pillow writes.
    """
    with replacing(path) as beside:
        picture.save(beside, format=format_of(path) or "PNG")
