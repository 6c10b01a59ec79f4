"""A GAN in small that paints what it is told in words (Reed et al. 2016). Made up for a test.

Images: (B, 16, 16, C) in [-1, 1]; latents: (B, latent_dim); captions: (B, caption_length) numbers of words, 0 where
there are no more. A step: the discriminator, on images and captions that belong together and on generated ones; then
the generator.
"""

from typing import ClassVar

import keras
from keras import layers, ops

from ganzoo.config.recipe import ImageGANConfig, Positive, frozen_config
from ganzoo.config.registration import register
from ganzoo.core import seeding
from ganzoo.core.layers import discriminator_conv, discriminator_dense, output_dtype
from ganzoo.data.fields import Image, Latents, Signature, Stream, Tokens
from ganzoo.gan.gan import GAN, Phase


@frozen_config
class TokensConfig(ImageGANConfig):
    """Hyperparameters of no paper."""

    batch: ClassVar = (Stream(image=Image(), tokens=Tokens()),)
    deployed: ClassVar = {
        "generator": Signature(takes={"latents": Latents(), "tokens": Tokens()}, gives={"fake": Image()})
    }

    image_size: ClassVar[int] = 16
    caption_length: Positive = 12
    vocabulary: Positive = 4000
    latent_dim: Positive = 8
    base_filters: Positive = 8


def mean_of_words(tokens, config: TokensConfig, units: int):
    """(B, caption_length) -> (B, units): the mean of the words' vectors, which what is filled up does not change."""
    words = layers.Embedding(config.vocabulary, units, embeddings_initializer="normal", name="words")(tokens)
    there = ops.expand_dims(ops.cast(ops.not_equal(tokens, 0), words.dtype), -1)
    return ops.sum(words * there, axis=1) / ops.maximum(ops.sum(there, axis=1), 1.0)


def build_generator(config: TokensConfig) -> keras.Model:
    """Latents (B, latent_dim) and captions (B, caption_length) -> (B, 16, 16, C) in [-1, 1]."""
    latents = keras.Input((config.latent_dim,), name="latents")
    tokens = keras.Input((config.caption_length,), dtype="int32", name="tokens")
    x = layers.Concatenate(name="both")([latents, mean_of_words(tokens, config, config.latent_dim)])
    x = layers.Dense(16 * config.base_filters, activation="relu", name="dense")(x)
    x = layers.Reshape((4, 4, config.base_filters), name="4x4")(x)
    for size in (8, 16):
        x = layers.Conv2DTranspose(config.base_filters, 4, strides=2, padding="same", name=f"conv{size}")(x)
        x = layers.ReLU(name=f"activation{size}")(x)
    x = layers.Conv2D(config.channels, 3, padding="same", name="rgb")(x)
    image = layers.Activation("tanh", dtype=output_dtype(), name="output")(x)
    return keras.Model([latents, tokens], image, name="tokens_generator")


def build_discriminator(config: TokensConfig) -> keras.Model:
    """(B, 16, 16, C) and captions (B, caption_length) -> logits (B, 1)."""
    x = image = keras.Input((16, 16, config.channels), name="image")
    tokens = keras.Input((config.caption_length,), dtype="int32", name="tokens")
    for block in (1, 2):
        x = discriminator_conv(
            x, config.base_filters, strides=2, spectral_norm=config.spectral_norm, name=f"conv{block}"
        )
        x = layers.LeakyReLU(0.2, name=f"activation{block}")(x)
    seen = layers.Flatten(name="seen")(x)
    x = layers.Concatenate(name="both")([seen, mean_of_words(tokens, config, 16)])
    logits = discriminator_dense(x, 1, spectral_norm=config.spectral_norm, name="dense")
    logits = layers.Activation("linear", dtype=output_dtype(), name="logits")(logits)
    return keras.Model({"image": image, "tokens": tokens}, logits, name="tokens_discriminator")


@register("tokens")
class TokensGAN(GAN):
    """A GAN that paints captions, in small; a batch is `image` and `tokens`."""

    config_class = TokensConfig
    generated = {"sample": "image"}

    def build_networks(self):
        return {"generator": build_generator(self.config), "discriminator": build_discriminator(self.config)}

    def forward(self, batch):
        shape = (ops.shape(batch["image"])[0], self.config.latent_dim)
        latents = keras.random.normal(shape, seed=self.random("latents"))
        return {"latents": latents, "fake": self.generator([latents, batch["tokens"]], training=True)}

    def phases(self):
        return (
            self.discriminator_phase("discriminator", ("discriminator",), self.discriminator_loss),
            Phase("generator", ("generator",), self.generator_loss, self.config.learning_rate),
        )

    def discriminator_loss(self, batch, outputs):
        return self.discriminator_terms(
            "discriminator",
            real={"image": batch["image"], "tokens": batch["tokens"]},
            fake={"image": outputs["fake"], "tokens": batch["tokens"]},
        )

    def generator_loss(self, batch, outputs):
        fake = {"image": outputs["fake"], "tokens": batch["tokens"]}
        return {"generator_adversarial": self.adversarial_loss("discriminator", fake)}

    def samples(self, batch):
        shape = (len(batch["tokens"]), self.config.latent_dim)
        latents = seeding.generator(self.config.seed, "samples").standard_normal(shape).astype("float32")
        return {"sample": self.deployed()["generator"]([latents, batch["tokens"]], training=False)}
