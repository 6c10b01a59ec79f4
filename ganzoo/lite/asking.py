"""Asks a classifier or an encoder about pictures and sounds."""

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
    """Returns the files to ask a network about; a folder stands for the files in it and below.

    Args:
        kind: what the network takes: `.wav` files if it is `clip`, else pictures.
        inputs: files and folders.

    Raises:
        UsageError: when an input is missing, or a folder holds no such files.
    """
    if kind == "clip":
        return [file for path in inputs for file, _ in find_files(path, (clips.SUFFIX,), "sound")]
    return [file for path in inputs for file, _ in find_images(path)]


def ask_all(
    network: Network, files: Sequence[Path], say: Callable[[str], None], warn: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Asks the network about each file. Returns, for each, `input`, its path, and the answer of `answers.document`.

    Args:
        network: takes pictures or clips, and gives classes or a code.
        files: the files to ask about; one that can't be read is skipped.
        say: receives a line about each answer.
        warn: receives a line about each skipped file.

    Raises:
        RunError: when no file can be read, or an answer is not finite.
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
    """Returns the logits or the code, float32 (count,), of one example.

    Args:
        network: takes pictures or clips, and gives classes or a code.
        values: a picture, uint8 (h, w, c) of any size, or a clip, float32 (length, 1).

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
    """Reads a file as `ask` takes it, with a note for the user on what was left out."""
    _check(network)
    tensor = network.interface.input
    if tensor.kind == "image":
        channels = tensor.shape[-1]
        if channels not in (1, 3):
            raise UsageError(f"{network.name}: takes images of {channels} channels; pictures have 3 (RGB) or 1 (gray)")
        return pixels.open_picture(file, channels, channels).pixels, ""
    values = clips.read(file, tensor.rate)
    length = tensor.shape[1] or len(values)
    is_cut, rate = len(values) > length, tensor.rate or 1
    note = f" (the first {length / rate:.2f} of {len(values) / rate:.2f} s)" if is_cut else ""
    return clips.fitted(values, length), note


def _size(network: Network, picture: np.ndarray) -> tuple[int, int]:
    """Returns the height and width that a picture is resized to."""
    if network.size:
        return network.size
    step = network.interface.multiple
    height, width = (-(-side // step) * step for side in picture.shape[:2])
    return height, width
