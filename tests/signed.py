"""Networks of every kind of signature, tiny, of an architecture that is registered while a test runs."""

from typing import ClassVar

import keras
from keras import layers, ops

from ganzoo.config import registration
from ganzoo.config.recipe import ImageGANConfig, Positive, frozen_config
from ganzoo.data.fields import Classes, Clip, Code, Image, Label, Latents, Signature, Stream, Tokens
from ganzoo.generators.provenance import Provenance

CLASSES, WORDS = ("coat", "dress", "shoe"), ("", "blue", "cat", "dog")


@frozen_config
class SignedConfig(ImageGANConfig):
    """Hyperparameters of no paper."""

    batch: ClassVar = (Stream(image=Image(), label=Label(), tokens=Tokens(), clip=Clip()),)
    deployed: ClassVar = {
        "conditional": Signature({"latents": Latents(), "label": Label()}, {"image": Image()}),
        "worded": Signature({"latents": Latents(), "tokens": Tokens()}, {"image": Image()}),
        "player": Signature({"latents": Latents()}, {"clip": Clip()}),
        "classifier": Signature({"image": Image()}, {"classes": Classes()}),
        "listener": Signature({"clip": Clip()}, {"classes": Classes()}),
        "encoder": Signature({"image": Image()}, {"code": Code()}),
        "decoder": Signature({"code": Code()}, {"image": Image()}),
    }

    image_size: Positive = 8
    channels: Positive = 1
    latent_dim: Positive = 4
    classes: Positive = 3
    caption_length: Positive = 3
    vocabulary: Positive = 4
    clip_length: Positive = 32
    sample_rate: Positive = 800
    code_length: Positive = 2


class Signed:
    """Networks of every kind of signature; made up for tests."""

    config_class = SignedConfig


def register(monkeypatch) -> None:
    """Makes the architecture known until the test ends."""
    monkeypatch.setitem(registration.CLASSES, "signed", Signed)


def conditional() -> keras.Model:
    """Each class is a grey of its own, a little of which the latents change."""
    latents, label = keras.Input((4,), name="latents"), keras.Input((), dtype="int32", name="label")
    greys = keras.initializers.Constant([[-0.5], [0.0], [0.5]])
    grey = layers.Embedding(3, 1, embeddings_initializer=greys)(label)
    return _model([latents, label], _flat(grey + 0.05 * ops.tanh(latents[:, :1])), "conditional")


def worded() -> keras.Model:
    """Each word is a grey of its own; what follows the last word says nothing."""
    latents, tokens = keras.Input((4,), name="latents"), keras.Input((3,), dtype="int32", name="tokens")
    greys = layers.Embedding(4, 1, embeddings_initializer=keras.initializers.Constant([[0.0], [0.3], [-0.3], [-0.6]]))
    grey = ops.sum(greys(tokens), axis=1) + 0.05 * ops.tanh(latents[:, :1])
    return _model([latents, tokens], _flat(grey), "worded")


def player() -> keras.Model:
    """The first latent, as a value that is held."""
    latents = keras.Input((4,), name="latents")
    return _model(latents, ops.repeat(ops.tanh(latents[:, :1])[..., None], 32, axis=1), "player")


def classifier() -> keras.Model:
    """The brighter a picture, the more it is a shoe, the darker, the more a coat."""
    image = keras.Input((8, 8, 1), name="image")
    return _model(image, _graded(ops.mean(image, axis=(1, 2))), "classifier")


def listener() -> keras.Model:
    """By the mean of a clip, as `classifier` by that of a picture."""
    clip = keras.Input((32, 1), name="clip")
    return _model(clip, _graded(ops.mean(clip, axis=1)), "listener")


def encoder() -> keras.Model:
    """The mean of a picture, and its negative."""
    image = keras.Input((8, 8, 1), name="image")
    mean = ops.mean(image, axis=(1, 2))
    return _model(image, ops.concatenate([mean, -mean], axis=-1), "encoder")


def decoder() -> keras.Model:
    """The first number of a code, as a grey."""
    code = keras.Input((2,), name="code")
    return _model(code, _flat(ops.tanh(code[:, :1])), "decoder")


def _graded(mean):
    return ops.concatenate([-4 * mean, 0 * mean, 4 * mean], axis=-1)


def _flat(grey):
    """(B, 1) -> a picture of that grey, (B, 8, 8, 1)."""
    return ops.reshape(ops.repeat(grey, 64, axis=1), (-1, 8, 8, 1))


def _model(inputs, output, name: str) -> keras.Model:
    model = keras.Model(inputs, output, name=f"signed_{name}")
    model.provenance = Provenance("signed", name, {}, {"label": CLASSES, "tokens": WORDS})
    return model
