"""Many pictures in one."""

import math

import numpy as np
from PIL import Image

GAP = 4
"""Pixels between the pictures."""
BACKGROUND = 255


def grid(images: np.ndarray, top: int = GAP, columns: int | None = None) -> Image.Image:
    """Puts the pictures in rows on white.

    Args:
        images: uint8 (N, H, W, C), C 1 or 3.
        top: pixels above them.
        columns: the number of pictures in a row; None: so many that the whole is about as wide as high.
    """
    count, height, width, channels = images.shape
    columns = columns or in_row(images.shape)
    canvas = Image.new(
        "RGB", (GAP + columns * (width + GAP), top + math.ceil(count / columns) * (height + GAP)), (BACKGROUND,) * 3
    )
    for index, image in enumerate(np.broadcast_to(images, (count, height, width, 3)) if channels == 1 else images):
        row, column = divmod(index, columns)
        canvas.paste(Image.fromarray(image), (GAP + column * (width + GAP), top + row * (height + GAP)))
    return canvas


def in_row(shape: tuple[int, ...]) -> int:
    """Returns the number of pictures in a row, for images (N, H, W, C)."""
    count, height, width, _ = shape
    return max(1, min(count, round(math.sqrt(count * height / width))))
