"""Pictures for people: images from the range of the networks to 8 bits, waveforms, grids of them, and animations."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ganzoo.files.atomic import replacing
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
    "named_rows",
    "save",
    "save_animation",
    "to_uint8",
    "waveforms",
]

TITLE_HEIGHT = 14
ANIMATIONS = (".gif", ".apng")
"""Suffixes of files that move."""
FRAME = 50
"""Milliseconds."""
WAVEFORM = (64, 192)
"""Height and width of a clip's picture that stands beside no image."""
PANEL, AXIS, PEAK, LOUDNESS = (
    np.array(color, "float32") for color in ((244, 246, 250), (206, 213, 224), (34, 78, 156), (112, 158, 222))
)
"""Colors of a waveform: what it lies on, silence, from its lowest to its highest value, and its root mean square."""
POINTS = 8
"""Values of a clip in a column of pixels, at least: where it has fewer, there are straight lines between them."""
EDGE = 2
"""Pixels of white to the right of a waveform."""
LINE = 1.5
"""Pixels that a waveform is thick, at least."""


def to_uint8(images) -> np.ndarray:
    """Images in [-1, 1], floats of any shape, to 0 … 255; what lies outside is clipped, what is not a number is black.

    8-bit images are given back as they are.
    """
    if getattr(images, "dtype", None) == np.uint8:
        return np.asarray(images)
    images = np.nan_to_num(np.asarray(images, dtype="float32"), nan=-1.0)
    return np.rint((np.clip(images, -1.0, 1.0) + 1.0) * 127.5).astype("uint8")


def waveforms(clips, size: tuple[int, int] = WAVEFORM) -> np.ndarray:
    """Returns sound as pictures: time from left to right, values from -1 at the bottom to 1 at the top.

    Args:
        clips: (N, L, 1), floats in [-1, 1]; what lies outside is clipped, what is not a number is silent.
        size: height and width of a picture.

    Returns:
        uint8 (N, height, width, 3).
    """
    height, width = size[0], size[1] - EDGE
    values = np.clip(np.nan_to_num(np.asarray(clips, "float32")[..., 0], nan=0.0), -1.0, 1.0)
    values = _of_length(values, max(values.shape[1], POINTS * width + 1))
    places = np.linspace(0, values.shape[1] - 1, width + 1)
    # A column of pixels ends with the value that the next begins with, so that no line is torn.
    begin, end = np.floor(places[:-1]).astype(int), np.ceil(places[1:]).astype(int) + 1
    pieces = [values[:, first:last] for first, last in zip(begin, end, strict=True)]
    low, high = (np.stack([extreme(piece, axis=1) for piece in pieces], axis=1) for extreme in (np.min, np.max))
    loudness = np.stack([np.sqrt(np.square(piece).mean(axis=1)) for piece in pieces], axis=1)
    picture = np.broadcast_to(PANEL, (len(values), height, width, 3))
    picture = _over(picture, AXIS, np.zeros_like(low), np.zeros_like(low), 1.0)
    picture = _over(picture, PEAK, low, high, LINE)
    picture = _over(picture, LOUDNESS, np.maximum(low, -loudness), np.minimum(high, loudness), 0.0)
    # What stands to the right is another clip.
    edge = [(0, 0), (0, 0), (0, EDGE), (0, 0)]
    return np.pad(np.rint(picture).astype("uint8"), edge, constant_values=BACKGROUND)


def _of_length(values: np.ndarray, length: int) -> np.ndarray:
    """Values (N, L) at so many places, spread evenly, on straight lines between them."""
    if values.shape[1] == length:
        return values
    places = np.linspace(0, values.shape[1] - 1, length)
    return np.stack([np.interp(places, np.arange(values.shape[1]), row) for row in values])


def _over(picture: np.ndarray, color: np.ndarray, low: np.ndarray, high: np.ndarray, thickness: float) -> np.ndarray:
    """The picture (N, H, W, 3) with each column painted from a lowest to a highest value (N, W), without stairs."""
    height = picture.shape[1]
    middle, reach = height / 2, (height - 2 * LINE) / 2
    top = (middle - reach * high - thickness / 2)[:, None, :]
    bottom = (middle - reach * low + thickness / 2)[:, None, :]
    row = np.arange(height)[None, :, None]
    share = np.clip(np.minimum(bottom, row + 1) - np.maximum(top, row), 0.0, 1.0)[..., None]
    return picture * (1 - share) + color * share


def grid(columns: Mapping) -> Image.Image:
    """Returns one picture of many: a block per example, its columns side by side, under their titles.

    Args:
        columns: by title images (N, H, W, C), floats in [-1, 1] or 8 bits, all of one size, C 1 or 3; or clips (N, L,
            1), floats in [-1, 1], which are drawn as waveforms of that size. A single column needs no title.
    """
    sizes = [values.shape[1:3] for values in columns.values() if values.ndim == 4]
    titled = len(columns) > 1
    drawn = [to_uint8(values) if values.ndim == 4 else waveforms(values, *sizes[:1]) for values in columns.values()]
    stacked = np.stack([np.broadcast_to(images, (*images.shape[:3], 3)) for images in drawn], axis=2)
    if titled:
        # Titles of small pictures would run into each other.
        times = math.ceil((max(map(_text_width, columns)) + 2) / stacked.shape[3])
        stacked = stacked.repeat(times, axis=1).repeat(times, axis=3)
    count, height, per_block, width, channels = stacked.shape
    blocks = stacked.reshape(count, height, per_block * width, channels)
    canvas = lite_grid.grid(blocks, top=TITLE_HEIGHT if titled else GAP)
    if titled:
        draw = ImageDraw.Draw(canvas)
        for block in range(lite_grid.in_row(blocks.shape)):
            for place, title in enumerate(columns):
                left = GAP + block * (per_block * width + GAP) + place * width
                draw.text((left + 1, 1), title, fill=(0, 0, 0))
    return canvas


def captioned(images: np.ndarray, captions: Sequence[str]) -> np.ndarray:
    """Returns images with a line of text under each, on white.

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


def named_rows(images: np.ndarray, names: Sequence[str]) -> Image.Image:
    """Returns one picture: rows of images, the name of each row at its left.

    Args:
        images: uint8 (rows, columns, H, W, C), C 1 or 3.
        names: of the rows.
    """
    rows, columns, height = images.shape[:3]
    table = lite_grid.grid(images.reshape(rows * columns, *images.shape[2:]), columns=columns)
    left = 2 * GAP + math.ceil(max(map(_text_width, names)))
    canvas = Image.new("RGB", (left + table.width, table.height), (BACKGROUND,) * 3)
    canvas.paste(table, (left, 0))
    for row, name in enumerate(names):
        middle = GAP + row * (height + GAP) + height // 2
        ImageDraw.Draw(canvas).text((GAP, middle), name, fill=(0, 0, 0), anchor="lm")
    return canvas


def _text_width(text: str) -> float:
    return ImageDraw.Draw(Image.new("RGB", (1, 1))).textlength(text)


def _written(image: np.ndarray, text: str, top: int) -> np.ndarray:
    picture = Image.fromarray(image)
    ImageDraw.Draw(picture).text((1, top + 1), text, fill=(0, 0, 0))
    return np.asarray(picture)


def save_animation(images: np.ndarray, path: Path) -> None:
    """Writes images as an animation that begins again when it is done, 20 a second.

    Args:
        images: uint8 (N, H, W, C), C 1 or 3.
        path: a name in .gif, of 256 colors, or in .apng, of all.

    Raises:
        UsageError: for images that are too large for a GIF.
    """
    formats.check_size(path, images.shape[2], images.shape[1])
    gray = images.shape[3] == 1
    frames = [Image.fromarray(image) for image in (images[..., 0] if gray else images)]
    if path.suffix.lower() == ".gif" and not gray:
        frames = _with_one_palette(frames)
    with replacing(path) as beside:
        frames[0].save(beside, format=format_of(path), save_all=True, append_images=frames[1:], duration=FRAME, loop=0)


def _with_one_palette(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """256 colors that suit all frames: a palette each flickers, and so do dithered dots."""
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
