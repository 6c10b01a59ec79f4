"""Opens TFLite files that ganzoo exported, and runs them on the CPU with XNNPACK."""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from . import answers, asking, card, clips, painting, pixels, samples
from . import network as networks
from .errors import UsageError, reason
from .network import Network
from .threads import all_threads

MAGIC = b"TFL3"
"""Bytes 4 to 8 of every TFLite file."""


class GanzooLite:
    """A network in a TFLite file, with its `card.json` beside it.

        painter = GanzooLite("generator_dynamic.tflite")
        painter(Image.open("drawing.png")).save("colored.png")
        GanzooLite("classifier_dynamic.tflite").answer(Image.open("photo.png"))["classes"]

    Several threads may call it at once; they take turns, tile by tile.

    Args:
        path: the .tflite file.
        threads: number of threads to run on; None: one for each core.

    Raises:
        UsageError: when there is no such file, or it is not a TFLite file.
        ModelError: when the file or its card is broken, or they don't belong together.
    """

    def __init__(self, path: str | Path, threads: int | None = None):
        self.network = open_tflite(Path(path), threads)

    @property
    def interface(self) -> card.Interface:
        """The inputs and outputs of the file."""
        return self.network.interface

    def __call__(
        self, image: Image.Image | np.ndarray, *, tiles: bool = False, keep_alpha: bool = False, progress=None
    ):
        """Translates or enlarges an image of any size.

        Args:
            image: a Pillow image of any mode, or an array, uint8 (H, W, C) or (H, W): RGB or gray, with or without
                alpha.
            tiles: runs in tiles also a network that sees a picture as a whole (fit for maps and textures). By default
                the picture is resized for such a network, and the result is resized back.
            keep_alpha: cuts the picture out again where it was transparent, also for a network of scale 1, which
                otherwise paints all of it, on white.
            progress: a function that receives (tiles done, tiles in all).

        Returns:
            The same type: a Pillow image, or uint8 (H * scale, W * scale, C'). Transparency, if the image has some and
                is enlarged, or `keep_alpha` is set, is the last channel.

        Raises:
            UsageError: when the network does not make images from images, or can't take this one.
        """
        given_array = not isinstance(image, Image.Image)
        takes, gives = painting.input_channels(self.network), self.interface.output.shape[-1]
        picture = _picture(image, takes, gives)
        strips = painting.painted(self.network, picture, tiles=tiles, keep_alpha=keep_alpha, progress=progress)
        painted = np.concatenate(list(strips))
        if given_array:
            return painted
        result = Image.fromarray(painted if painted.shape[2] > 1 else painted[..., 0])
        if picture.profile:
            # Pillow writes it with the picture.
            result.info["icc_profile"] = picture.profile
        return result

    def sample(
        self,
        count: int = 1,
        seed: int = 0,
        *,
        classes: str | Sequence[str] | None = None,
        table: str | Sequence[str] | None = None,
        texts: str | Sequence[str] | None = None,
    ) -> np.ndarray:
        """Makes samples from the latents of a seed, the same as `ganzoo generate --seed`.

        Args:
            count: number of samples, or of rows of a table or a text that is spelled.
            seed: seed of the latents.
            classes: names, which the samples take in turns; None: all, if the network takes a class.
            table: names, or `all`: a row is of all of them, with the same latents.
            texts: texts, which the samples take in turns, if the network takes a text. If it takes a class instead,
                and these are characters: the texts are spelled, by a row of the same latents, and where a text has a
                space or ends before the longest there is a white picture or a silent clip.

        Returns:
            Pictures, uint8 (N, H, W, C), or clips, float32 (N, length, 1). N is `count`; of a table and of what is
                spelled it is `count` times the length of a row, row by row.

        Raises:
            UsageError: when the network takes pictures or clips, needs a text, or does not know a name, a word or a
                character.
        """
        asked = {"classes": _each(classes), "table": _each(table), "texts": _each(texts)}
        inputs, _, sheet = samples.drawn(self.network, seed, count, **asked)
        made = np.concatenate(list(networks.made(self.network, inputs)))
        return sheet.placed(made) if sheet else made

    def answer(self, example: Image.Image | np.ndarray) -> dict[str, Any]:
        """Asks a classifier or an encoder about a picture of any size, or about a clip.

        Args:
            example: a picture as above, or a clip: floats (length,) or (length, 1) in [-1, 1], with
                `interface.input.rate` values per second; a longer clip is cut.

        Returns:
            `classes`, the probabilities by name, the most likely first; or `code`, a list of numbers.

        Raises:
            UsageError: when the network takes or gives something else.
            ModelError: when the answer is not finite.
        """
        tensor = self.interface.input
        if tensor.kind == "image":
            values = _picture(example, tensor.shape[-1], tensor.shape[-1]).pixels
        else:
            sound = np.asarray(example, "float32").reshape(-1)
            values = clips.fitted(sound, tensor.shape[1] or len(sound))
        return answers.document(asking.ask(self.network, values), self.network)


def open_tflite(path: Path, threads: int | None = None) -> Network:
    """Opens a TFLite file as a network. Raises what `GanzooLite` does."""
    check_is_tflite(path)
    interface = card.interface(card.read(path), path)
    signature = _signature(path, interface, threads or all_threads())
    # An interpreter holds the tensors of one call; a call at the same time would overwrite them.
    turn = threading.Lock()

    def call(values: np.ndarray | Mapping[str, np.ndarray]) -> np.ndarray:
        given = values if isinstance(values, Mapping) else {interface.input.name: values}
        try:
            with turn:
                return signature(**given)[interface.output.name]
        except (RuntimeError, ValueError) as error:
            raise card.ModelError(f"{path}: can't be run ({reason(error)})") from error

    return Network(str(path), interface, call)


def check_is_tflite(path: Path) -> None:
    """Raises UsageError when there is no file at `path`, or it does not begin as a TFLite file."""
    if path.is_dir():
        there = sorted(file.name for file in path.glob("*.tflite")) or ["there is none"]
        raise UsageError(f"{path}: a folder; name one of the .tflite files in it: {', '.join(there)}")
    if not path.is_file():
        raise UsageError(f"{path}: no such file; a model is a .tflite file that ganzoo exported")
    with path.open("rb") as file:
        if file.read(8)[4:] != MAGIC:
            raise UsageError(f"{path}: no TFLite file; a model is a .tflite file that ganzoo exported")


def _signature(path: Path, interface: card.Interface, threads: int):
    """Opens the function that the card names. Raises ModelError when the file is broken or differs from its card."""
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(model_path=str(path), num_threads=threads)
        runner = interpreter.get_signature_runner(interface.signature)
    except (RuntimeError, ValueError) as error:
        raise card.ModelError(f"{path}: can't be read as a TFLite file ({reason(error)})") from error
    for tensors, found in (
        (interface.inputs, runner.get_input_details()),
        (interface.outputs, runner.get_output_details()),
    ):
        names = [tensor.name for tensor in tensors]
        if sorted(names) != sorted(found) or not all(_agrees(tensor, found[tensor.name]) for tensor in tensors):
            seen = ", ".join(f"{name} {_shape(d)} {np.dtype(d['dtype'])}" for name, d in found.items())
            said = ", ".join(f"{tensor.name} {list(tensor.shape)} {tensor.dtype}" for tensor in tensors)
            raise card.ModelError(f"{path}: has {seen}, where {card.NAME} says {said}; export the model again")
    return runner


def _agrees(tensor: card.Tensor, found: dict) -> bool:
    return _shape(found) == list(tensor.shape) and np.dtype(found["dtype"]) == tensor.dtype


def _shape(found: dict) -> list[int | None]:
    return [None if side == -1 else int(side) for side in found["shape_signature"]]


def _each(given: str | Sequence[str] | None) -> Sequence[str] | None:
    return [given] if isinstance(given, str) else given


def _picture(image: Image.Image | np.ndarray, takes: int, gives: int) -> pixels.Picture:
    """Converts the image. Raises UsageError for anything that is not a picture."""
    try:
        return pixels.picture(image if isinstance(image, Image.Image) else _image_of(image), takes, gives)
    except UsageError:
        raise
    except ValueError as error:
        raise UsageError(f"the image: {reason(error)}") from error


def _image_of(array: np.ndarray) -> Image.Image:
    """Converts an array to an image. Raises UsageError when it is not a picture."""
    shape = np.shape(array)
    if getattr(array, "dtype", None) != np.uint8 or len(shape) not in (2, 3) or 0 in shape or shape[2:] > (4,):
        found = f"{getattr(array, 'dtype', type(array).__name__)} {shape}"
        raise UsageError(f"found {found}; give a Pillow image, or an array of uint8 (height, width, 1 to 4)")
    return Image.fromarray(array[..., 0] if shape[2:] == (1,) else array)
