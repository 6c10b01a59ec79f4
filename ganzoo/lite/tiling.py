"""Runs a network on pictures of any size: in tiles that overlap and blend, or resized as a whole.

Tiles are painted row by row from top to bottom, and each row is given back as soon as it is done, so that memory grows
with the width of the picture alone.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from .network import Network, paint, rounded

TILE = 768
"""Side, in output pixels, of the largest square that is run at once by a network that takes any size."""
SMALLEST = 32
"""Smaller pictures are mirrored up to this, so that the network's own reflection padding has enough to mirror."""
OVERLAP = 64
"""The least overlap of tiles, in input pixels, unless that is more than half a tile.

Blending drops a quarter of it at either end, and begins there with weights near 0. SRGAN's default generator sees as
far as 40 pixels, but little beyond 16: tiles that overlap by 64 differ from the whole by less than 0.001."""
STRIP = 128
"""The most rows that are given back at a time."""

Progress = Callable[[int, int], None]
"""Receives (tiles done, tiles in all)."""


def strips(
    network: Network, image: np.ndarray, *, tiles: bool = False, progress: Progress | None = None
) -> Iterator[np.ndarray]:
    """Yields a picture of any size, painted from top to bottom.

    Args:
        network: takes and gives images.
        image: uint8 (height, width, c).
        tiles: runs in tiles also a network that sees a picture as a whole. By default the picture is resized for such a
            network, and the result is resized back.
        progress: receives the count of tiles.

    Yields:
        uint8 (n, width * scale, c'), height * scale rows in all.
    """
    if network.size and network.interface.any_size == "whole" and not tiles:
        yield _resized(network, image)
        if progress:
            progress(1, 1)
        return
    for rows in blended(network, image, progress):
        for first in range(0, len(rows), STRIP):
            yield rounded(rows[first : first + STRIP])
        # Frees their memory before the next are painted.
        del rows


def blended(network: Network, image: np.ndarray, progress: Progress | None = None) -> Iterator[np.ndarray]:
    """Yields what `strips` does for tiles, as float32 from 0 to 255."""
    scale = network.interface.scale
    height, width = image.shape[:2]
    (tile_height, tile_width), step = _tile(network, height, width)
    down, across = _along(height, tile_height, step, scale), _along(width, tile_width, step, scale)
    done, pending = 0, None
    for index, row in enumerate(down):
        strip = None
        for column in across:
            tile = _cut(image, row.start, column.start, tile_height, tile_width)
            painted = paint(network, tile)[row.inside, column.inside]
            painted *= row.weights[:, None, None] * column.weights[None, :, None]
            if strip is None:
                strip = np.zeros((len(painted), across[-1].end, painted.shape[2]), "float32")
            strip[:, column.begin : column.end] += painted
            done += 1
            if progress:
                progress(done, len(down) * len(across))
        if pending is not None:
            strip[: len(pending)] += pending
        finished = (down[index + 1].begin if index + 1 < len(down) else height * scale) - row.begin
        # A copy: a view would keep the whole strip while the next is painted.
        pending = strip[finished:].copy()
        yield strip[:finished, : width * scale]


@dataclasses.dataclass(frozen=True)
class _Span:
    """One tile along one axis: where it is cut, and the weights of the part that counts."""

    start: int
    """Its place in the input."""
    begin: int
    end: int
    """The part that counts, in the output, from `begin` to before `end`."""
    inside: slice
    """The same part in the tile's own output."""
    weights: np.ndarray


def _tile(network: Network, height: int, width: int) -> tuple[tuple[int, int], int]:
    """Returns the tiles' height and width, and the step that their places are multiples of."""
    if network.size:
        # Layers that halve and double need every tile to start at the same place of their grid.
        return network.size, math.gcd(*network.size, 8)
    step = network.interface.multiple
    needed = [_round_up(max(side, SMALLEST), step) for side in (height, width)]
    side = max(TILE // network.interface.scale // step, 2) * step
    return tuple(needed if math.prod(needed) <= side * side else [min(side, length) for length in needed]), step


def _along(length: int, side: int, step: int, scale: int) -> list[_Span]:
    """Spreads tiles of `side` pixels evenly over `length` pixels; the last may reach beyond the end."""
    starts = _starts(length, side, step)
    ramps = [
        ((after + (before + side - after) / 4) * scale, (before + side - (before + side - after) / 4) * scale)
        for before, after in zip(starts, starts[1:], strict=False)
    ]
    end = (starts[-1] + side) * scale
    edges = [(0.0, 0.0), *ramps, (float(end), float(end))]
    spans = []
    for start, fading_in, fading_out in zip(starts, edges, edges[1:], strict=False):
        begin, stop = math.floor(fading_in[0]), math.ceil(fading_out[1])
        places = np.arange(begin, stop) + 0.5
        weights = _risen(places, fading_in) - _risen(places, fading_out)
        inside = slice(begin - start * scale, stop - start * scale)
        spans.append(_Span(start, begin, stop, inside, weights.astype("float32")))
    return spans


def _risen(places: np.ndarray, ramp: tuple[float, float]) -> np.ndarray:
    """Returns weights that rise from 0 before a ramp to 1 after it."""
    if ramp[0] == ramp[1]:
        return (places > ramp[0]).astype("float64")
    return np.clip((places - ramp[0]) / (ramp[1] - ramp[0]), 0.0, 1.0)


def _starts(length: int, side: int, step: int) -> list[int]:
    if length <= side:
        return [0]
    last = _round_up(length - side, step)
    overlap = min(max(side // 4, OVERLAP), side // 2)
    count = 1 + math.ceil(last / max(side - overlap, step))
    return [round(index * last / (count - 1) / step) * step for index in range(count)]


def _cut(image: np.ndarray, top: int, left: int, height: int, width: int) -> np.ndarray:
    """Cuts a tile; mirrors what it lacks below and at the right."""
    tile = image[top : top + height, left : left + width]
    missing = [(0, height - tile.shape[0]), (0, width - tile.shape[1]), (0, 0)]
    return np.pad(tile, missing, mode="reflect") if any(after for _, after in missing) else tile


def _resized(network: Network, image: np.ndarray) -> np.ndarray:
    height, width = network.size
    painted = rounded(paint(network, resize(image, width, height)))
    scale = network.interface.scale
    return resize(painted, image.shape[1] * scale, image.shape[0] * scale)


def resize(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resizes by antialiased bicubic interpolation: uint8 (h, w, 1 or 3) to uint8 (height, width, 1 or 3)."""
    if pixels.shape[:2] == (height, width):
        return pixels
    image = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[..., 0])
    resized = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
    return resized.reshape(height, width, pixels.shape[2])


def _round_up(size: int, step: int) -> int:
    return -(-size // step) * step
