"""DCGAN: images from noise (Radford et al. 2016).

"Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks"; reference: soumith's
dcgan.torch. Latents in: (B, latent_dim), normal. Images out: (B, S, S, C) in [-1, 1], S one of 32, 64, 128.

A step: one forward of the generator; the discriminator on a batch of real images and, separately, one of fakes; then
the generator through the updated discriminator, with the same fakes.

Deviations: latents are normal, as in the reference code, where the paper draws them uniformly. The networks grow by one
level at 128 pixels and lose one at 32.
"""

import math
from typing import ClassVar, Literal

import keras
from keras import layers, ops

from ganzoo import seeding
from ganzoo.config import GANConfig, Positive, frozen_config
from ganzoo.gan import GAN, Phase
from ganzoo.layers import batch_norm, discriminator_conv, normal_initializer, normalise, output_dtype
from ganzoo.registry import register


@frozen_config
class DCGANConfig(GANConfig):
    """The paper's values, section 4."""

    task: ClassVar[str] = "latent"

    image_size: Literal[32, 64, 128] = 64
    latent_dim: Positive = 100
    base_filters: Positive = 64
    """Filters at half the image's size; they double at each halving, down to 4x4."""
    discriminator_norm: Literal["batch", "instance", "none"] = "batch"


def build_generator(config: DCGANConfig) -> keras.Model:
    """(B, latent_dim) -> (B, S, S, C) in [-1, 1]."""
    levels = int(math.log2(config.image_size)) - 2
    x = latents = keras.Input((config.latent_dim,), name="latents")
    x = layers.Reshape((1, 1, config.latent_dim), name="latents_1x1")(x)

    def conv(x, filters, name, strides=2, padding="same", use_bias=False):
        return layers.Conv2DTranspose(
            filters,
            4,
            strides=strides,
            padding=padding,
            use_bias=use_bias,
            kernel_initializer=normal_initializer(),
            name=name,
        )(x)

    x = conv(x, config.base_filters * 2 ** (levels - 1), "conv4x4", strides=1, padding="valid")
    x = layers.ReLU(name="activation4x4")(batch_norm(x, "norm4x4"))
    for level in reversed(range(levels - 1)):
        size = config.image_size // 2 ** (level + 1)
        x = conv(x, config.base_filters * 2**level, f"conv{size}x{size}")
        x = layers.ReLU(name=f"activation{size}x{size}")(batch_norm(x, f"norm{size}x{size}"))

    x = conv(x, config.channels, f"conv{config.image_size}x{config.image_size}", use_bias=True)
    image = layers.Activation("tanh", dtype=output_dtype(), name="output")(x)
    return keras.Model(latents, image, name="dcgan_generator")


def build_discriminator(config: DCGANConfig) -> keras.Model:
    """(B, S, S, C) in [-1, 1] -> logits (B, 1). No norm on the first layer, nor on the last."""
    levels = int(math.log2(config.image_size)) - 2
    x = image = keras.Input((config.image_size, config.image_size, config.channels), name="image")
    for level in range(levels):
        normed = level > 0
        x = discriminator_conv(
            x,
            config.base_filters * 2**level,
            strides=2,
            use_bias=not normed or config.discriminator_norm != "batch",
            spectral_norm=config.spectral_norm,
            name=f"conv{level + 1}",
        )
        x = normalise(x, config.discriminator_norm, f"norm{level + 1}") if normed else x
        x = layers.LeakyReLU(0.2, name=f"activation{level + 1}")(x)
    x = discriminator_conv(x, 1, pad=0, spectral_norm=config.spectral_norm, name=f"conv{levels + 1}")
    logits = layers.Flatten(dtype=output_dtype(), name="logits")(x)
    return keras.Model(image, logits, name="dcgan_discriminator")


@register("dcgan")
class DCGAN(GAN):
    """DCGAN; a batch is `image`."""

    config_class = DCGANConfig
    batch_names = ("image",)
    generated = {"sample": "image"}

    def build_networks(self):
        return {"generator": build_generator(self.config), "discriminator": build_discriminator(self.config)}

    def forward(self, batch):
        shape = (ops.shape(batch["image"])[0], self.config.latent_dim)
        latents = keras.random.normal(shape, seed=self.random("latents"))
        return {"image": self.generator(latents, training=True)}

    def phases(self):
        return (
            self.discriminator_phase("discriminator", ("discriminator",), self.discriminator_loss),
            Phase(
                "generator", networks=("generator",), loss=self.generator_loss, learning_rate=self.config.learning_rate
            ),
        )

    def discriminator_loss(self, batch, outputs):
        return self.discriminator_terms("discriminator", real=(batch["image"],), fake=(outputs["image"],))

    def generator_loss(self, batch, outputs):
        return {"generator_adversarial": self.adversarial_loss("discriminator", (outputs["image"],))}

    def samples(self, batch):
        count = len(batch["image"])
        latents = seeding.generator(self.config.seed, "samples").standard_normal((count, self.config.latent_dim))
        return {"sample": self.deployed()["generator"](latents.astype("float32"), training=False)}
