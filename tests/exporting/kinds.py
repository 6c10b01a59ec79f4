"""Tiny Keras networks of every signature, and a Setting as an architecture's config has it."""

import dataclasses
from typing import ClassVar

import keras
from keras import layers, ops

from ganzoo.data.fields import Classes, Clip, Code, Image, Label, Latents, Signature, Stream, Tokens

WORDS = ("", "blue", "cat", "dog", "green", "red")
CLASSES = ("coat", "dress", "shoe")


@dataclasses.dataclass(frozen=True)
class Config:
    image_size: int = 8
    channels: int = 3
    classes: int = 3
    caption_length: int = 4
    vocabulary: int = len(WORDS)
    clip_length: int = 64
    sample_rate: int = 8000
    latent_dim: int = 6
    code_length: int = 5
    batch: ClassVar = (Stream(image=Image(), label=Label(), tokens=Tokens()),)


def conditional():
    """Latents and a label to an image."""
    latents, label = keras.Input((6,), name="z"), keras.Input((), dtype="int32", name="class")
    x = layers.Concatenate(name="both")([latents, layers.Embedding(3, 4, name="embedding")(label)])
    return keras.Model([latents, label], _pictures(x), name="conditional_generator")


def of_text():
    """Latents and tokens, of which those that are no padding are averaged, to an image."""
    latents, tokens = keras.Input((6,), name="z"), keras.Input((4,), dtype="int32", name="caption")
    is_word = ops.expand_dims(ops.cast(ops.not_equal(tokens, 0), "float32"), -1)
    total = ops.sum(layers.Embedding(len(WORDS), 4, name="embedding")(tokens) * is_word, axis=1)
    mean = total / ops.maximum(ops.sum(is_word, axis=1), 1.0)
    return keras.Model([latents, tokens], _pictures(layers.Concatenate(name="both")([latents, mean])), name="of_text")


def _pictures(x):
    x = layers.Reshape((4, 4, 8), name="spread")(layers.Dense(128, activation="relu", name="dense")(x))
    x = layers.Conv2DTranspose(3, 4, 2, "same", kernel_initializer="he_normal", name="up")(x)
    return layers.Activation("tanh", name="image")(3.0 * x)


def sequence():
    """Latents to a clip."""
    latents = keras.Input((6,), name="z")
    x = layers.Reshape((16, 8), name="spread")(layers.Dense(128, activation="relu", name="dense")(latents))
    x = layers.Conv1DTranspose(8, 4, 2, "same", activation="relu", name="up1")(x)
    x = layers.Conv1DTranspose(1, 4, 2, "same", name="up2")(x)
    return keras.Model(latents, layers.Activation("tanh", name="clip")(3.0 * x), name="sequence")


def classifier():
    """An image to classes."""
    image = keras.Input((8, 8, 3), name="picture")
    x = layers.Conv2D(8, 3, 2, "same", activation="relu", name="conv")(image)
    return keras.Model(image, layers.Dense(3, name="logits")(layers.Flatten(name="flat")(x)), name="classifier")


def listener():
    """A clip to classes."""
    clip = keras.Input((64, 1), name="sound")
    x = layers.Conv1D(8, 5, 4, "same", activation="relu", name="conv")(clip)
    return keras.Model(clip, layers.Dense(3, name="logits")(layers.Flatten(name="flat")(x)), name="listener")


def encoder():
    """An image to a code."""
    image = keras.Input((8, 8, 3), name="picture")
    x = layers.Conv2D(8, 3, 2, "same", activation="relu", name="conv")(image)
    return keras.Model(image, layers.Dense(5, name="code")(layers.Flatten(name="flat")(x)), name="encoder")


def decoder():
    """A code to an image."""
    code = keras.Input((5,), name="code")
    return keras.Model(code, _pictures(code), name="decoder")


LATENTS, IMAGE = {"latents": Latents()}, {"image": Image()}
NETWORKS = {
    conditional: Signature({**LATENTS, "label": Label()}, IMAGE),
    of_text: Signature({**LATENTS, "tokens": Tokens()}, IMAGE),
    sequence: Signature(LATENTS, {"clip": Clip()}),
    classifier: Signature(IMAGE, {"logits": Classes()}),
    listener: Signature({"clip": Clip()}, {"logits": Classes()}),
    encoder: Signature(IMAGE, {"code": Code()}),
    decoder: Signature({"code": Code()}, IMAGE),
}
NAMES = {"label": CLASSES, "tokens": WORDS}
