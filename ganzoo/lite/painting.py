"""Paints picture files of any size and mode: a strip of rows at a time, if the format allows it."""

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from . import formats, pixels, png, tiling, transparency
from .errors import UsageError
from .files import replacing
from .network import Network


def paint_file(
    network: Network,
    source: Path,
    target: Path,
    *,
    tiles: bool = False,
    keep_alpha: bool = False,
    progress: tiling.Progress | None = None,
) -> list[str]:
    """Translates or enlarges a picture file. Keeps EXIF, dpi and the ICC profile; applies the orientation.

    PNG is written as its rows are painted; a picture in another format is held in memory.

    Args:
        network: takes and gives images.
        source: the picture to read.
        target: the picture to write; its suffix names the format, PNG if it names none.
        tiles: see `tiling.strips`.
        keep_alpha: see `painted`.
        progress: receives the count of tiles.

    Returns:
        What was left out, in words.

    Raises:
        UnreadableImage: when the source can't be read.
        UsageError: when the format has no room for the size, or the network takes something else.
        OSError: when the target can't be written.
    """
    channels = network.interface.output.shape[-1]
    picture = pixels.open_picture(source, input_channels(network), channels)
    height, width = (side * network.interface.scale for side in picture.pixels.shape[:2])
    kind = formats.format_of(target) or "PNG"
    formats.check_size(target, width, height)
    is_kept = transparency.is_kept(network, picture, keep_alpha)
    opaque = picture if is_kept and kind in formats.WITH_ALPHA else dataclasses.replace(picture, alpha=None)
    strips = painted(network, opaque, tiles=tiles, keep_alpha=keep_alpha, progress=progress)
    channels += opaque.alpha is not None
    kept = {"exif": pixels.exif_of(picture, width, height), "profile": picture.profile, "dpi": picture.dpi}
    with replacing(target) as beside:
        if kind == "PNG":
            with beside.open("wb") as file:
                png.write(file, strips, width, height, channels, **kept)
        else:
            formats.save(_joined(strips, width, height, channels), beside, kind, **kept)
    return _left_out(picture, opaque, is_kept, kind)


def painted(
    network: Network, picture: pixels.Picture, *, tiles: bool = False, keep_alpha: bool = False, progress=None
) -> Iterator[np.ndarray]:
    """Yields the rows of the painted picture, uint8 (n, W * scale, c').

    Where alpha is kept it is the last channel. A network that enlarges always keeps it. A network of scale 1 also
    paints over what was transparent, and with `keep_alpha` the picture is cut out of that again.
    """
    strips = tiling.strips(network, picture.pixels, tiles=tiles, progress=progress)
    if not transparency.is_kept(network, picture, keep_alpha):
        return strips
    return transparency.with_alpha(network, strips, picture, tiles=tiles)


def input_channels(network: Network) -> int:
    """Returns 3 for RGB, 1 for luminance. Raises UsageError when the network takes something else."""
    interface = network.interface
    kinds = [tensor.kind for tensor in interface.inputs]
    if (kinds, interface.output.kind) == (["latents"], "image"):
        raise UsageError(f"{network.name} paints from latents and takes no images: leave them out")
    if (kinds, interface.output.kind) != (["image"], "image"):
        raise UsageError(f"{network.name} {network.described}, and paints no images of others")
    channels = network.interface.input.shape[-1]
    if channels not in (1, 3) or network.interface.output.shape[-1] not in (1, 3):
        raise UsageError(f"{network.name}: takes images of {channels} channels; pictures have 3 (RGB) or 1 (gray)")
    return channels


def _joined(strips: Iterable[np.ndarray], width: int, height: int, channels: int) -> Image.Image:
    canvas = Image.new({1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels], (width, height))
    top = 0
    for strip in strips:
        canvas.paste(Image.fromarray(strip if channels > 1 else strip[..., 0]), (0, top))
        top += len(strip)
    return canvas


def _left_out(picture: pixels.Picture, written: pixels.Picture, is_kept: bool, kind: str) -> list[str]:
    words = []
    if picture.frames > 1:
        words.append(f"the first of {picture.frames} frames")
    if picture.alpha is not None and not is_kept:
        words.append("on white where it was transparent; --keep-alpha cuts it out again")
    elif picture.alpha is not written.alpha:
        words.append(f"on white where it was transparent, which {kind} can't hold; .png can")
    return words
