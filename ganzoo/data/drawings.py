"""Makes line drawings to color: outlines, pens of other widths, other sizes and places, and dabs of color.

All pictures are uint8, (H, W, 3). A drawing is black on white and matches its colored picture pixel by pixel.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ganzoo.core import seeding
from ganzoo.lite.tiling import resize

EDGE = 24
"""Two colors differ if a channel differs by more than this."""
SCALES = (0.6, 1.1)
"""Range of the random scale of a drawing."""
PEN_CHANGES = (-1, 0, 0, 1, 2)
"""Pixels by which lines get thicker, or thinner at -1. One is drawn, all equally likely."""
RADII = (1 / 48, 1 / 10)
"""Range of the radius of dabs, as a share of the picture's height: 3 to 13 pixels at 128."""
LENGTH = 1 / 5
"""The longest stroke, as a share of the picture's height."""
SHOWN_HINTS = 3
"""The most dabs on a drawing that is not trained on."""
WITHOUT = 0.2
"""The share of visits to a picture that give no hints."""
RECOLORED = 0.5
"""The share of pictures whose hues `recolored` turns."""


def outlines(picture: np.ndarray) -> np.ndarray:
    """Draws black lines, 3 pixels wide, between regions of different color."""
    image = Image.fromarray(picture)
    most, least = (np.asarray(image.filter(kind(3))) for kind in (ImageFilter.MaxFilter, ImageFilter.MinFilter))
    edge = (most - least > EDGE).any(axis=2, keepdims=True)
    return np.where(edge, 0, 255).astype(np.uint8).repeat(3, axis=2)


def outlined(picture: np.ndarray) -> np.ndarray:
    """Draws a picture's outlines into it."""
    return multiplied(picture, outlines(picture))


def redrawn(drawing: np.ndarray, target: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Puts both at a random size and place on white, and makes the lines of the drawing thicker or thinner."""
    drawing, target = _placed((drawing, target), rng)
    change = int(rng.choice(PEN_CHANGES))
    if change > 0:
        drawing = _filtered(drawing, ImageFilter.MinFilter, change)
        target = np.minimum(target, drawing)
    elif change < 0:
        thinner = _filtered(drawing, ImageFilter.MaxFilter, -change)
        # Pixels that the line gives up take the color beside them.
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
        canvas.paste(Image.fromarray(resize(picture, new_width, new_height)), (left, top))
        placed.append(np.asarray(canvas))
    return tuple(placed)


def _filtered(picture: np.ndarray, kind: type, pixels: int) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).filter(kind(2 * pixels + 1)))


def with_hints(drawing, target, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Lays `count` dabs, dots and short strokes in the target's colors, under the lines of a drawing.

    Each begins off the lines, where the target is not white, and covers only pixels of about the color it began on.
    Later dabs cover earlier ones.

    Returns:
        The drawing with its dabs, and the target as it was.
    """
    rows, columns = np.nonzero((drawing > 255 - EDGE).all(axis=2) & (target < 255 - EDGE).any(axis=2))
    dabs = np.full_like(drawing, 255)
    for place in rng.integers(len(rows), size=count) if len(rows) else ():
        row, column = int(rows[place]), int(columns[place])
        alike = (np.abs(target.astype(np.int16) - target[row, column]) <= EDGE).all(axis=2)
        dabs[_stroke((column, row), alike, rng) & alike] = target[row, column]
    return multiplied(drawing, dabs), target


def recolored(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turns all hues of a picture by one random angle, in half of the calls. Gray, black and white stay."""
    if rng.random() >= RECOLORED:
        return picture
    turned = picture @ rotation_about_gray(rng.uniform(0, 2 * np.pi)).T
    return np.clip(np.round(turned), 0, 255).astype(np.uint8)


def rotation_about_gray(angle: float) -> np.ndarray:
    """Returns the matrix that turns RGB colors about the axis from black to white, by Rodrigues' formula."""
    axis = np.ones(3) / np.sqrt(3)
    cross = np.cross(np.eye(3), axis)
    return np.eye(3) * np.cos(angle) + np.sin(angle) * cross + (1 - np.cos(angle)) * np.outer(axis, axis)


def as_shown(drawing, target, most: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Lays the hints of test image `number`: always the same 3, or `most` if that is less."""
    return with_hints(drawing, target, min(SHOWN_HINTS, most), seeding.generator(0, "hints", number))


def multiplied(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Multiplies two pictures, as if one were seen through the other."""
    return (first.astype(np.uint16) * second // 255).astype(np.uint8)


def count_of_hints(most: int, rng: np.random.Generator) -> int:
    """Draws how many dabs a visit has: 0 in a fifth of the visits, else 1 to `most`, all equally likely."""
    return 0 if rng.random() < WITHOUT else int(rng.integers(1, most + 1))


def _stroke(start: tuple[int, int], alike: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns the mask, (H, W) bool, of a stroke from `start` (column, row); of a dot, if it would end off `alike`."""
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
