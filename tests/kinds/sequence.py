"""A GAN of sound in small (Donahue et al. 2019, WaveGAN): clips from noise, and no image anywhere. Made up for a test.

Clips: (B, clip_length, 1) in [-1, 1]; latents: (B, latent_dim). A step: the discriminator; then the generator.
"""

from typing import Annotated, ClassVar

import keras
from keras import layers, ops
from pydantic import Field

from ganzoo.config.recipe import GANConfig, Positive, frozen_config
from ganzoo.config.registration import register
from ganzoo.core import seeding
from ganzoo.core.layers import discriminator_dense, output_dtype
from ganzoo.data.fields import Clip, Latents, Signature, Stream
from ganzoo.gan.gan import GAN, Phase


@frozen_config
class SequenceConfig(GANConfig):
    """Hyperparameters of no paper."""

    batch: ClassVar = (Stream(clip=Clip()),)
    deployed: ClassVar = {"generator": Signature(takes={"latents": Latents()}, gives={"fake": Clip()})}

    clip_length: Annotated[int, Field(ge=64, multiple_of=16)] = 256
    sample_rate: Positive = 8000
    latent_dim: Positive = 8
    base_filters: Positive = 8


def build_generator(config: SequenceConfig) -> keras.Model:
    """Latents (B, latent_dim) -> (B, clip_length, 1) in [-1, 1]."""
    x = latents = keras.Input((config.latent_dim,), name="latents")
    x = layers.Dense(config.clip_length // 16 * config.base_filters, activation="relu", name="dense")(x)
    x = layers.Reshape((config.clip_length // 16, config.base_filters), name="start")(x)
    x = layers.Conv1DTranspose(config.base_filters, 25, strides=4, padding="same", activation="relu", name="conv1")(x)
    x = layers.Conv1DTranspose(1, 25, strides=4, padding="same", name="conv2")(x)
    clip = layers.Activation("tanh", dtype=output_dtype(), name="output")(x)
    return keras.Model(latents, clip, name="sequence_generator")


def build_discriminator(config: SequenceConfig) -> keras.Model:
    """(B, clip_length, 1) -> logits (B, 1)."""
    clip = keras.Input((config.clip_length, 1), name="clip")
    # Pieces of 16 values, each seen alone and then all together: dense layers, which can be spectrally normalized.
    x = layers.Reshape((config.clip_length // 16, 16), name="pieces")(clip)
    x = discriminator_dense(x, config.base_filters, spectral_norm=config.spectral_norm, name="dense1")
    x = layers.Flatten(name="flat")(layers.LeakyReLU(0.2, name="activation")(x))
    logits = discriminator_dense(x, 1, spectral_norm=config.spectral_norm, name="dense2")
    logits = layers.Activation("linear", dtype=output_dtype(), name="logits")(logits)
    return keras.Model(clip, logits, name="sequence_discriminator")


@register("sequence")
class Sequence(GAN):
    """A GAN of sound in small; a batch is `clip`."""

    config_class = SequenceConfig
    generated = {"sample": "clip"}

    def build_networks(self):
        return {"generator": build_generator(self.config), "discriminator": build_discriminator(self.config)}

    def forward(self, batch):
        shape = (ops.shape(batch["clip"])[0], self.config.latent_dim)
        latents = keras.random.normal(shape, seed=self.random("latents"))
        return {"latents": latents, "fake": self.generator(latents, training=True)}

    def phases(self):
        return (
            self.discriminator_phase("discriminator", ("discriminator",), self.discriminator_loss),
            Phase("generator", ("generator",), self.generator_loss, self.config.learning_rate),
        )

    def discriminator_loss(self, batch, outputs):
        return self.discriminator_terms("discriminator", real=(batch["clip"],), fake=(outputs["fake"],))

    def generator_loss(self, batch, outputs):
        return {"generator_adversarial": self.adversarial_loss("discriminator", (outputs["fake"],))}

    def samples(self, batch):
        shape = (len(batch["clip"]), self.config.latent_dim)
        latents = seeding.generator(self.config.seed, "samples").standard_normal(shape).astype("float32")
        return {"clip": batch["clip"], "sample": self.deployed()["generator"](latents, training=False)}
