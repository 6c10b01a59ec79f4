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
        takes: the card's input, where it isn't as below.
        gives: the card's output, where it isn't as below.
        interface: scale, multiple, any_size of the card.

    Returns:
        The .tflite file.
    """
    picture = {"kind": "image", "dtype": "float32", "mean": 127.5, "std": 127.5}
    takes, gives = {"name": "image", **picture, **takes}, {"name": "output", **picture, **gives}
    return write_any(folder, lambda **batch: function(batch[takes["name"]]), [takes], gives, **interface)


def write_any(folder: Path, function, inputs: list[dict], gives: dict, **interface) -> Path:
    """The same of a function of several inputs, by name; `inputs` and `gives` are as the card has them."""
    module = tf.Module()
    module.function = tf.function(lambda **batch: {gives["name"]: function(**batch)})
    specs = {taken["name"]: tf.TensorSpec(taken["shape"], taken["dtype"], name=taken["name"]) for taken in inputs}
    saved = folder / "model_savedmodel"
    tf.saved_model.save(module, str(saved), {"serving_default": module.function.get_concrete_function(**specs)})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved), signature_keys=["serving_default"])
    file = folder / "model.tflite"
    file.write_bytes(converter.convert())
    entry = {"signature": "serving_default", "inputs": inputs, "outputs": [gives]}
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
    """Exports a network of images of one size, or of any."""
    shape = [1, size, size, 3]
    return write(folder, lambda image: -image, {"shape": shape}, {"shape": shape}, multiple=None if size else 1)


def painter(folder: Path) -> Path:
    """Exports a network of 6 latents, which gives a picture of 8 x 8 that shows them."""

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


def classifier(folder: Path, size: int = 8) -> Path:
    """Exports a classifier of pictures of one size: the more red, green or blue, the likelier."""
    taken = {"name": "image", "kind": "image", "shape": [1, size, size, 3], "dtype": "float32", "mean": 0, "std": 255.0}
    given = {"name": "classes", "kind": "classes", "shape": [1, 3], "dtype": "float32"}
    given["names"] = ["red", "green", "blue"]
    return write_any(folder, lambda image: 9 * tf.reduce_mean(image, [1, 2]), [taken], given, any_size="whole")


def listener(folder: Path) -> Path:
    """Exports a classifier of clips of 100 values, by how loud they are."""
    taken = {"name": "clip", "kind": "clip", "shape": [1, 100, 1], "dtype": "float32", "rate": 8000}
    given = {"name": "classes", "kind": "classes", "shape": [1, 2], "dtype": "float32", "names": ["quiet", "loud"]}

    def listen(clip):
        loudness = tf.sqrt(tf.reduce_mean(clip**2, [1]))
        return tf.concat([5 - 10 * loudness, 10 * loudness - 5], axis=1)

    return write_any(folder, listen, [taken], given)


def encoder(folder: Path) -> Path:
    """Exports an encoder of pictures of one size: their mean color from 0 to 1 is their code."""
    taken = {"name": "image", "kind": "image", "shape": [1, 8, 8, 3], "dtype": "float32", "mean": 0, "std": 255.0}
    given = {"name": "code", "kind": "code", "shape": [1, 3], "dtype": "float32"}
    return write_any(folder, lambda image: tf.reduce_mean(image, [1, 2]), [taken], given, any_size="whole")


def conditional(folder: Path) -> Path:
    """Exports a network of latents, a class and a text, to 2 x 2 pixels: red is the class, green the first word."""
    latents = {"name": "latents", "kind": "latents", "shape": [1, 4], "dtype": "float32"}
    label = {
        "name": "label",
        "kind": "label",
        "shape": [1],
        "dtype": "int32",
        "names": ["coat", "dress", "ankle, boot"],
    }
    tokens = {"name": "tokens", "kind": "tokens", "shape": [1, 3], "dtype": "int32", "names": ["", "big", "small"]}
    given = {"name": "image", "kind": "image", "shape": [1, 2, 2, 3], "dtype": "float32", "mean": 0.0, "std": 1.0}

    def paint(latents, label, tokens):
        red = tf.fill([1, 2, 2, 1], 1.0) * tf.reshape(tf.cast(label, "float32"), [1, 1, 1, 1])
        green = tf.fill([1, 2, 2, 1], 1.0) * tf.reshape(tf.cast(tokens[:, 0], "float32"), [1, 1, 1, 1])
        blue = tf.reshape(128 + 20 * latents, [1, 2, 2, 1])
        return tf.concat([red, green, blue], axis=3)

    return write_any(folder, paint, [latents, label, tokens], given)


def sequence(folder: Path) -> Path:
    """Exports a network of 4 latents, which gives a clip of 16 values that shows them."""
    latents = {"name": "latents", "kind": "latents", "shape": [1, 4], "dtype": "float32"}
    given = {"name": "clip", "kind": "clip", "shape": [1, 16, 1], "dtype": "float32", "rate": 8000}
    return write_any(
        folder, lambda latents: tf.reshape(tf.repeat(latents / 4, 4, axis=1), [1, 16, 1]), [latents], given
    )
