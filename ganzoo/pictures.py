"""Pictures for people: images from the range of the networks to 8 bits, grids of them, and animations."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ganzoo.files import replacing
from ganzoo.lite import formats
from ganzoo.lite import grid as lite_grid
from ganzoo.lite.formats import format_of
from ganzoo.lite.grid import BACKGROUND, GAP

__all__ = [
    "ANIMATIONS",
    "BACKGROUND",
    "GAP",
    "TITLE_HEIGHT",
    "captioned",
    "format_of",
    "grid",
    "save",
    "save_animation",
    "to_uint8",
]

TITLE_HEIGHT = 14
ANIMATIONS = (".gif", ".apng")
"""Suffixes of files that move."""
FRAME = 50
"""Milliseconds."""


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


def captioned(images: np.ndarray, captions: Sequence[str]) -> np.ndarray:
    """A line of text under each image, on white.

    Args:
        images: uint8 (N, H, W, C), C 1 or 3.
        captions: N of them. What is wider than the image is cut.

    Returns:
        uint8 (N, H + TITLE_HEIGHT, W, 3).
    """
    count, height, width, _ = images.shape
    canvas = np.full((count, height + TITLE_HEIGHT, width, 3), BACKGROUND, "uint8")
    canvas[:, :height] = images
    return np.stack([_written(image, caption, height) for image, caption in zip(canvas, captions, strict=True)])


def _written(image: np.ndarray, text: str, top: int) -> np.ndarray:
    picture = Image.fromarray(image)
    ImageDraw.Draw(picture).text((1, top + 1), text, fill=(0, 0, 0))
    return np.asarray(picture)


def save_animation(images: np.ndarray, path: Path) -> None:
    """Writes images as an animation that begins again when it is done, 20 a second.

    Args:
        images: uint8 (N, H, W, C), C 1 or 3.
        path: a name in .gif, of 256 colours, or in .apng, of all.
    """
    grey = images.shape[3] == 1
    frames = [Image.fromarray(image) for image in (images[..., 0] if grey else images)]
    if path.suffix.lower() == ".gif" and not grey:
        frames = _with_one_palette(frames)
    with replacing(path) as beside:
        frames[0].save(beside, format=format_of(path), save_all=True, append_images=frames[1:], duration=FRAME, loop=0)


def _with_one_palette(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """256 colours that suit all frames: a palette each flickers, and so do dithered dots."""
    width, height = frames[0].size
    film = Image.new("RGB", (width, height * len(frames)))
    for index, frame in enumerate(frames):
        film.paste(frame, (0, index * height))
    palette = film.quantize(256, method=Image.Quantize.FASTOCTREE)
    return [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]


def save(picture: Image.Image, path: Path) -> None:
    """Writes a picture beside its place and moves it there, so that a reader never sees half of it.

    The suffix says the format; PNG, when there is none that Pillow writes.
    """
    with replacing(path) as beside:
        formats.save(picture, beside)
