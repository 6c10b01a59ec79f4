"""What `ganzoo.export` is asked for: told apart from what it can't do, before anything is opened or written."""

import math
import re
from collections.abc import Sequence

from ganzoo.errors import UsageError, nearest, quoted
from ganzoo.exporting.precisions import FORMATS, PLAIN, PRECISIONS
from ganzoo.generators.pretrained import DIRECTIONS

IO = ("float", "uint8")


def each_once(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))


def size_of(formats, quantize, size, io, allow_below, direction) -> tuple[int, int] | str | None:
    """The size as a pair, or `free`. Raises UsageError for what is not allowed."""
    for name, given, allowed in (
        ("format", formats, FORMATS),
        ("quantize", quantize, PRECISIONS),
        ("io", [io], IO),
        ("direction", [direction], (*DIRECTIONS, "both")),
    ):
        if not given:
            raise UsageError(f"{name}: none given; allowed are {', '.join(allowed)}")
        for value in given:
            if value not in allowed:
                raise UsageError(f"{name} {quoted(value)} is unknown{nearest(value, allowed)}")
    if "tflite" not in formats and not set(quantize) <= set(PLAIN):
        raise UsageError(f"quantize {', '.join(quantize)}: is of TFLite, and no format is tflite; add it")
    if allow_below is not None and not (isinstance(allow_below, int | float) and math.isfinite(allow_below)):
        raise UsageError(f"allow_below: found {quoted(allow_below)}; give a number of dB, as 40")
    if size is None or size == "free":
        return size
    if isinstance(size, str):
        match = re.fullmatch(r"(\d+)x(\d+)", size)
        size = (int(match[1]), int(match[2])) if match else size
    if isinstance(size, str) or len(size) != 2 or not all(isinstance(side, int) and 0 < side <= 8192 for side in size):
        raise UsageError(f"size: found {quoted(size)}; give height and width in pixels, as 256x256, or free")
    return tuple(size)
