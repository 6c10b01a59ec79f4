"""Exported models as small as can be, with a card that is written by hand: SavedModel and TFLite of a function."""

import json
from pathlib import Path

import tensorflow as tf

from ganzoo.lite import card


def write(folder: Path, function, takes: dict, gives: dict, **interface) -> Path:
    """Writes `model_savedmodel/`, `model.tflite` and `card.json` into a folder.

    Args:
        folder: may hold other models' folders.
        function: of TensorFlow, from a batch as `takes` says to one as `gives` says.
        takes: the card's `input`, where it isn't as below.
        gives: the card's `output`, where it isn't as below.
        interface: scale, multiple, any_size of the card.

    Returns:
        The .tflite file.
    """
    takes = {"name": "image", "kind": "image", "dtype": "float32", "mean": 127.5, "std": 127.5, **takes}
    gives = {"name": "output", "kind": "image", "dtype": "float32", "mean": 127.5, "std": 127.5, **gives}
    module = tf.Module()
    module.function = tf.function(
        lambda **batch: {gives["name"]: function(batch[takes["name"]])},
    )
    spec = tf.TensorSpec(takes["shape"], takes["dtype"], name=takes["name"])
    signature = module.function.get_concrete_function(**{takes["name"]: spec})
    saved = folder / "model_savedmodel"
    tf.saved_model.save(module, str(saved), {"serving_default": signature})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved), signature_keys=["serving_default"])
    file = folder / "model.tflite"
    file.write_bytes(converter.convert())
    entry = {"signature": "serving_default", "input": takes, "output": gives}
    entry |= {"scale": 1, "multiple": None, "any_size": "tiles", **interface}
    write_card(folder, {path.name: {**entry, "sha256": card.digest(path)} for path in (saved, file)})
    return file


def write_card(folder: Path, files: dict) -> None:
    (folder / card.NAME).write_text(json.dumps({"card_version": card.VERSION, "files": files}))


def entry_of(folder: Path, name: str, path: Path) -> dict:
    """The card's entry of one file, made out to be of another."""
    entry = json.loads((folder / card.NAME).read_text())["files"][name]
    return {**entry, "sha256": card.digest(path)}


def negative(folder: Path, size: int | None = 32) -> Path:
    """Of images of one size, or of any."""
    shape = [1, size, size, 3]
    return write(folder, lambda image: -image, {"shape": shape}, {"shape": shape}, multiple=None if size else 1)


def painter(folder: Path) -> Path:
    """Of 6 latents, a picture of 8 x 8 that shows them."""

    def paint(latents):
        return tf.tanh(tf.reshape(tf.tile(latents, [1, 32]), [1, 8, 8, 3]))

    taken = {"name": "latents", "kind": "latents", "shape": [1, 6], "mean": 0.0, "std": 1.0}
    return write(folder, paint, taken, {"shape": [1, 8, 8, 3]})


def enlarger(folder: Path, size: int = 256, scale: int = 4) -> Path:
    """Repeats each pixel."""

    def enlarge(image):
        return tf.image.resize(image, [size * scale, size * scale], "nearest")

    shape = [1, size, size, 3]
    return write(folder, enlarge, {"shape": shape}, {"shape": [1, size * scale, size * scale, 3]}, scale=scale)
