"""Line drawings to color: outlines of a picture, pens of other widths, other sizes and places, and dabs of color.

All pictures are uint8, (H, W, 3). A drawing is black on white, and fits its colored picture to the pixel.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ganzoo.core import seeding
from ganzoo.data import images

EDGE = 24
"""Levels of a channel by which two colors differ, at least."""
SCALES = (0.6, 1.1)
"""How large a drawing is made, of the size it has."""
PEN_CHANGES = (-1, 0, 0, 1, 2)
"""Pixels that lines get thicker by, each as likely; at -1 thinner."""
RADII = (1 / 48, 1 / 10)
"""Of dabs, as shares of a picture's height: 3 to 13 pixels at 128."""
LENGTH = 1 / 5
"""Of strokes, at most, as a share of the height."""
SHOWN_HINTS = 3
"""Dabs on a drawing that is not trained on, at most."""
WITHOUT = 0.2
"""The share of visits to a picture that gives no hints."""
RECOLORED = 0.5
"""The share of pictures whose hues `recolored` turns."""


def outlines(picture: np.ndarray) -> np.ndarray:
    """Black lines, 3 pixels wide, between regions of different color."""
    image = Image.fromarray(picture)
    most, least = (np.asarray(image.filter(kind(3))) for kind in (ImageFilter.MaxFilter, ImageFilter.MinFilter))
    edge = (most - least > EDGE).any(axis=2, keepdims=True)
    return np.where(edge, 0, 255).astype(np.uint8).repeat(3, axis=2)


def outlined(picture: np.ndarray) -> np.ndarray:
    """The picture with its outlines drawn in."""
    return multiplied(picture, outlines(picture))


def redrawn(drawing: np.ndarray, target: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Both at another size and place on white, and with a thicker or thinner pen, as people draw: at random."""
    drawing, target = _placed((drawing, target), rng)
    change = int(rng.choice(PEN_CHANGES))
    if change > 0:
        drawing = _filtered(drawing, ImageFilter.MinFilter, change)
        target = np.minimum(target, drawing)
    elif change < 0:
        thinner = _filtered(drawing, ImageFilter.MaxFilter, -change)
        # What a line gives up has the color beside it.
        target = np.where(thinner > drawing, _filtered(target, ImageFilter.MaxFilter, -change), target)
        drawing = thinner
    return drawing, target


def _placed(pictures: tuple[np.ndarray, ...], rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    height, width = pictures[0].shape[:2]
    scale, across, down = rng.uniform(*SCALES), rng.random(), rng.random()
    new_height, new_width = round(height * scale), round(width * scale)
    left, top = round(across * (width - new_width)), round(down * (height - new_height))
    placed = []
    for picture in pictures:
        canvas = Image.new("RGB", (width, height), "white")
        canvas.paste(Image.fromarray(images.resize(picture, new_width, new_height)), (left, top))
        placed.append(np.asarray(canvas))
    return tuple(placed)


def _filtered(picture: np.ndarray, kind: type, pixels: int) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).filter(kind(2 * pixels + 1)))


def with_hints(drawing, target, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The drawing with `count` dabs, dots and short strokes, of the target's own color under its lines; the target.

    They begin off the lines, where the target has a color, and stay where it has that color. Where two meet, the later
    one is on top.
    """
    rows, columns = np.nonzero((drawing > 255 - EDGE).all(axis=2) & (target < 255 - EDGE).any(axis=2))
    dabs = np.full_like(drawing, 255)
    for place in rng.integers(len(rows), size=count) if len(rows) else ():
        row, column = int(rows[place]), int(columns[place])
        alike = (np.abs(target.astype(np.int16) - target[row, column]) <= EDGE).all(axis=2)
        dabs[_stroke((column, row), alike, rng) & alike] = target[row, column]
    return multiplied(drawing, dabs), target


def recolored(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture, half of the time with all hues turned by one angle at random. Gray, black and white stay."""
    if rng.random() >= RECOLORED:
        return picture
    turned = picture @ rotation_about_gray(rng.uniform(0, 2 * np.pi)).T
    return np.clip(np.round(turned), 0, 255).astype(np.uint8)


def rotation_about_gray(angle: float) -> np.ndarray:
    """Turns RGB colors about the axis from black to white: Rodrigues' formula."""
    axis = np.ones(3) / np.sqrt(3)
    cross = np.cross(np.eye(3), axis)
    return np.eye(3) * np.cos(angle) + np.sin(angle) * cross + (1 - np.cos(angle)) * np.outer(axis, axis)


def as_shown(drawing, target, most: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """`with_hints`, as for test image number `number`: always the same 3, or `most` where that is less."""
    return with_hints(drawing, target, min(SHOWN_HINTS, most), seeding.generator(0, "hints", number))


def multiplied(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """One picture seen through the other."""
    return (first.astype(np.uint16) * second // 255).astype(np.uint8)


def count_of_hints(most: int, rng: np.random.Generator) -> int:
    """How many dabs a visit has: none in a fifth, else 1 to `most`, each as likely."""
    return 0 if rng.random() < WITHOUT else int(rng.integers(1, most + 1))


def _stroke(start: tuple[int, int], alike: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Where a dot at `start` (column, row) is, or a stroke from there to where it is `alike` too: (H, W), bool."""
    height, width = alike.shape
    radius = float(np.exp(rng.uniform(*np.log(RADII)))) * height
    angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0, LENGTH) * height
    end = (round(start[0] + length * np.cos(angle)), round(start[1] + length * np.sin(angle)))
    if not (0 <= end[0] < width and 0 <= end[1] < height and alike[end[1], end[0]]):
        end = start
    stroke = Image.new("1", (width, height))
    pen = ImageDraw.Draw(stroke)
    pen.line([start, end], fill=1, width=max(round(2 * radius), 1))
    for x, y in (start, end):
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)
    return np.asarray(stroke)
