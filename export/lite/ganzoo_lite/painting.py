"""From a picture file to a painted one, of any size and mode: a strip of rows at a time, where the format allows it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from . import pixels, png, tiling
from .errors import UsageError
from .files import replacing
from .network import Network

WITH_ALPHA = ("PNG", "WEBP", "TIFF", "AVIF")
"""Formats that hold transparency; in others a picture stays as it was painted, on white."""
LARGEST_SIDE = {"JPEG": 65_535, "WEBP": 16_383, "AVIF": 65_535, "GIF": 65_535}
CONTEXT = 4
"""Rows above and below that bicubic enlargement looks at, with some to spare."""


def paint_file(
    network: Network, source: Path, target: Path, *, tiles: bool = False, progress: tiling.Progress | None = None
) -> None:
    """Translates or enlarges a picture file. Transparency, EXIF and the ICC profile are kept, the orientation applied.

    PNG is written as its rows are painted; a picture of another format is held in memory.

    Args:
        network: of images.
        source: the picture to read.
        target: the picture to write; its suffix says the format, PNG when it says none.
        tiles: see `tiling.strips`.
        progress: is told of the tiles.

    Raises:
        UnreadableImage: when the source can't be read.
        UsageError: when the format takes no picture of that size, or the network takes latents.
    """
    picture = pixels.open_picture(source, input_channels(network))
    channels = network.interface.output.shape[-1]
    height, width = (side * network.interface.scale for side in picture.pixels.shape[:2])
    kind = format_of(target) or "PNG"
    limit = LARGEST_SIDE.get(kind)
    if limit and max(height, width) > limit:
        raise UsageError(
            f"{target}: {kind} has no room for {width}x{height}, only for {limit} pixels a side; give a name in .png"
        )
    strips = painted(network, picture, tiles=tiles, progress=progress, with_alpha=kind in WITH_ALPHA)
    if picture.alpha is not None and kind in WITH_ALPHA:
        channels += 1
    kept = {"exif": pixels.exif_of(picture, width, height), "profile": _profile(picture, network)}
    with replacing(target) as beside:
        if kind == "PNG":
            with beside.open("wb") as file:
                png.write(file, strips, width, height, channels, **kept)
        else:
            _save(beside, kind, strips, width, height, channels, **kept)


def painted(
    network: Network, picture: pixels.Picture, *, tiles: bool = False, progress=None, with_alpha: bool = True
) -> Iterator[np.ndarray]:
    """The rows of the painted picture, uint8 (n, W * scale, c'); its alpha channel, enlarged, is the last."""
    strips = tiling.strips(network, picture.pixels, tiles=tiles, progress=progress)
    if picture.alpha is None or not with_alpha:
        return strips
    return _joined(strips, picture.alpha, network.interface.scale)


def input_channels(network: Network) -> int:
    """3 for RGB, 1 for luminance. Raises UsageError when the network takes something else."""
    if network.takes_latents:
        raise UsageError(f"{network.name} paints from latents and takes no images: leave them out")
    channels = network.interface.input.shape[-1]
    if channels not in (1, 3) or network.interface.output.shape[-1] not in (1, 3):
        raise UsageError(f"{network.name}: takes images of {channels} channels; pictures have 3 (RGB) or 1 (grey)")
    return channels


def format_of(path: Path) -> str | None:
    """The format in which Pillow writes a file of this name, None if there is none."""
    kind = Image.registered_extensions().get(path.suffix.lower())
    return kind if kind in Image.SAVE else None


def _joined(strips: Iterable[np.ndarray], alpha: np.ndarray, scale: int) -> Iterator[np.ndarray]:
    top = 0
    for strip in strips:
        yield np.concatenate([strip, _enlarged_rows(alpha, scale, top, top + len(strip))[..., None]], axis=2)
        top += len(strip)


def _enlarged_rows(alpha: np.ndarray, scale: int, top: int, bottom: int) -> np.ndarray:
    """The rows from `top` to before `bottom` of the enlarged `alpha`."""
    if scale == 1:
        return alpha[top:bottom]
    first = max(top // scale - CONTEXT, 0)
    part = alpha[first : -(-bottom // scale) + CONTEXT]
    enlarged = Image.fromarray(part).resize((part.shape[1] * scale, part.shape[0] * scale), Image.Resampling.BICUBIC)
    return np.asarray(enlarged)[top - first * scale : bottom - first * scale]


def _profile(picture: pixels.Picture, network: Network) -> bytes | None:
    same = network.interface.input.shape[-1] == network.interface.output.shape[-1]
    return picture.profile if same else None


def _save(path: Path, kind: str, strips, width: int, height: int, channels: int, exif, profile) -> None:
    canvas = Image.new({1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels], (width, height))
    top = 0
    for strip in strips:
        canvas.paste(Image.fromarray(strip if channels > 1 else strip[..., 0]), (0, top))
        top += len(strip)
    options = {"exif": exif, "icc_profile": profile}
    canvas.save(path, format=kind, **{name: value for name, value in options.items() if value})
