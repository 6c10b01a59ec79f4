"""Pictures and sounds to what a classifier or an encoder says of them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import answers, clips, pixels
from .errors import RunError, UsageError
from .jobs import find_files, find_images
from .network import Network, called
from .tiling import resize


def find(kind: str | None, inputs: Sequence[Path]) -> list[Path]:
    """The files that a network is asked about; a folder stands for those in it and below.

    Args:
        kind: of what it takes: `.wav` files of a `clip`, and pictures of all else.

    Raises:
        UsageError: for an input that is not there, and a folder without such files.
    """
    if kind == "clip":
        return [file for path in inputs for file, _ in find_files(path, (clips.SUFFIX,), "sound")]
    return [file for path in inputs for file, _ in find_images(path)]


def ask_all(
    network: Network, files: Sequence[Path], say: Callable[[str], None], warn: Callable[[str], None]
) -> list[dict[str, Any]]:
    """What the network says of each file: `input`, its path, and what `answers.document` has.

    Args:
        network: of pictures or clips, that gives classes or a code.
        files: which it is asked about; one that can't be read is named and skipped.
        say: is told a line of each.
        warn: is told of each that is skipped.

    Raises:
        RunError: when none can be read, or what the network says of one is no numbers.
        UsageError: when the network takes or gives something else.
    """
    found, problem = [], None
    for file in files:
        try:
            values, note = _example(network, file)
        except (pixels.UnreadableImage, clips.UnreadableClip) as error:
            if len(files) == 1:
                raise
            problem = error
            warn(f"skipped: {error}")
            continue
        answer = answers.document(ask(network, values), network)
        found.append({"input": str(file), **answer})
        say(f"{file}{note}: {answers.words(answer)}")
    if problem and not found:
        raise RunError(f"none of the {len(files)} files can be read; the last: {problem}")
    return found


def ask(network: Network, values: np.ndarray) -> np.ndarray:
    """The logits, or the code, (count,), of a picture, uint8 (h, w, c) of any size, or of a clip, float32 (length, 1).

    Raises:
        UsageError: when the network takes or gives something else.
    """
    _check(network)
    if network.interface.input.kind == "image":
        values = resize(values, *_size(network, values)[::-1])
    (name,) = (tensor.name for tensor in network.interface.inputs)
    return np.asarray(called(network, {name: values[None]})[0], "float32")


def _check(network: Network) -> None:
    takes, gives = network.interface.input.kind, network.interface.output.kind
    if len(network.interface.inputs) > 1 or takes not in ("image", "clip") or gives not in ("classes", "code"):
        raise UsageError(f"{network.name} {network.described}, and answers no questions about files")


def _example(network: Network, file: Path) -> tuple[np.ndarray, str]:
    """What is in a file, as `ask` takes it, and what is to be said of that."""
    _check(network)
    tensor = network.interface.input
    if tensor.kind == "image":
        channels = tensor.shape[-1]
        if channels not in (1, 3):
            raise UsageError(f"{network.name}: takes images of {channels} channels; pictures have 3 (RGB) or 1 (grey)")
        return pixels.open_picture(file, channels, channels).pixels, ""
    values = clips.read(file, tensor.rate)
    length = tensor.shape[1] or len(values)
    is_cut, rate = len(values) > length, tensor.rate or 1
    note = f" (the first {length / rate:.2f} of {len(values) / rate:.2f} s)" if is_cut else ""
    return clips.fitted(values, length), note


def _size(network: Network, picture: np.ndarray) -> tuple[int, int]:
    """The height and width that a picture is resized to."""
    if network.size:
        return network.size
    step = network.interface.multiple
    height, width = (-(-side // step) * step for side in picture.shape[:2])
    return height, width
