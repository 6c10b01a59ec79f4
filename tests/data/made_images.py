"""Images whose pixels say where they come from."""

from pathlib import Path

import numpy as np
from PIL import Image


def coordinates(number: int, width: int = 16, height: int = 16) -> np.ndarray:
    """uint8 RGB: red is x, green is y, blue is the image's number."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, np.full_like(x, number)], axis=-1).astype(np.uint8)


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def truncate(path: Path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def pixels(batch_images: np.ndarray) -> np.ndarray:
    """The uint8 values behind a float batch in [-1, 1]."""
    return np.rint((batch_images + 1) * 127.5).astype(np.uint8)
