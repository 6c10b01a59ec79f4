"""A class-conditional GAN in small (Miyato and Koyama 2018): it paints the class that is named. Made up for a test.

Images: (B, 16, 16, C) in [-1, 1]; latents: (B, latent_dim); labels: (B,). A step: the discriminator, which weighs an
image by its class, on real and on generated images of the same classes; then the generator.
"""

from typing import ClassVar

import keras
from keras import layers, ops

from ganzoo.config.recipe import ImageGANConfig, Positive, frozen_config
from ganzoo.config.registration import register
from ganzoo.core import seeding
from ganzoo.core.layers import discriminator_conv, discriminator_dense, output_dtype
from ganzoo.data.fields import Image, Label, Latents, Signature, Stream
from ganzoo.gan.gan import GAN, Phase


@frozen_config
class ConditionalConfig(ImageGANConfig):
    """Hyperparameters of no paper."""

    batch: ClassVar = (Stream(image=Image(), label=Label()),)
    deployed: ClassVar = {
        "generator": Signature(takes={"latents": Latents(), "label": Label()}, gives={"fake": Image()})
    }

    image_size: ClassVar[int] = 16
    classes: Positive = 5
    latent_dim: Positive = 8
    base_filters: Positive = 8


def build_generator(config: ConditionalConfig) -> keras.Model:
    """Latents (B, latent_dim) and labels (B,) -> (B, 16, 16, C) in [-1, 1]."""
    latents = keras.Input((config.latent_dim,), name="latents")
    label = keras.Input((), dtype="int32", name="label")
    wanted = layers.Embedding(config.classes, config.latent_dim, embeddings_initializer="normal", name="class")(label)
    x = layers.Concatenate(name="both")([latents, wanted])
    x = layers.Dense(16 * config.base_filters, activation="relu", name="dense")(x)
    x = layers.Reshape((4, 4, config.base_filters), name="4x4")(x)
    for size in (8, 16):
        x = layers.Conv2DTranspose(config.base_filters, 4, strides=2, padding="same", name=f"conv{size}")(x)
        x = layers.ReLU(name=f"activation{size}")(x)
    x = layers.Conv2D(config.channels, 3, padding="same", name="rgb")(x)
    image = layers.Activation("tanh", dtype=output_dtype(), name="output")(x)
    return keras.Model([latents, label], image, name="conditional_generator")


def build_discriminator(config: ConditionalConfig) -> keras.Model:
    """(B, 16, 16, C) and labels (B,) -> logits (B, 1): what is seen, and the product of it with the class."""
    x = image = keras.Input((16, 16, config.channels), name="image")
    label = keras.Input((), dtype="int32", name="label")
    for block in (1, 2):
        x = discriminator_conv(
            x, config.base_filters, strides=2, spectral_norm=config.spectral_norm, name=f"conv{block}"
        )
        x = layers.LeakyReLU(0.2, name=f"activation{block}")(x)
    seen = layers.Flatten(name="seen")(x)
    embedding = layers.Embedding(config.classes, seen.shape[-1], embeddings_initializer="normal", name="class")
    projected = ops.sum(seen * embedding(label), axis=1, keepdims=True)
    judged = discriminator_dense(seen, 1, spectral_norm=config.spectral_norm, name="dense")
    logits = layers.Activation("linear", dtype=output_dtype(), name="logits")(judged + projected)
    return keras.Model({"image": image, "label": label}, logits, name="conditional_discriminator")


@register("conditional")
class Conditional(GAN):
    """A class-conditional GAN in small; a batch is `image` and `label`."""

    config_class = ConditionalConfig
    generated = {"sample": "image"}

    def build_networks(self):
        return {"generator": build_generator(self.config), "discriminator": build_discriminator(self.config)}

    def forward(self, batch):
        shape = (ops.shape(batch["image"])[0], self.config.latent_dim)
        latents = keras.random.normal(shape, seed=self.random("latents"))
        return {"latents": latents, "fake": self.generator([latents, batch["label"]], training=True)}

    def phases(self):
        return (
            self.discriminator_phase("discriminator", ("discriminator",), self.discriminator_loss),
            Phase("generator", ("generator",), self.generator_loss, self.config.learning_rate),
        )

    def discriminator_loss(self, batch, outputs):
        return self.discriminator_terms(
            "discriminator",
            real={"image": batch["image"], "label": batch["label"]},
            fake={"image": outputs["fake"], "label": batch["label"]},
        )

    def generator_loss(self, batch, outputs):
        fake = {"image": outputs["fake"], "label": batch["label"]}
        return {"generator_adversarial": self.adversarial_loss("discriminator", fake)}

    def samples(self, batch):
        shape = (len(batch["label"]), self.config.latent_dim)
        latents = seeding.generator(self.config.seed, "samples").standard_normal(shape).astype("float32")
        return {"sample": self.deployed()["generator"]([latents, batch["label"]], training=False)}
