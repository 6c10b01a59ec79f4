"""DCGAN: images from noise (Radford et al. 2016).

"Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks"; references: soumith's
dcgan.torch and PyTorch's tutorial. Latents in: (B, latent_dim), normal. Images out: (B, S, S, C) in [-1, 1], S one of
32, 64, 128.

A step: one forward of the generator; the discriminator on a batch of real images and, separately, one of fakes; then
the generator through the updated discriminator, with the same fakes. That is the tutorial's order; in dcgan.torch the
generator uses the discriminator's logits from before its update.

Deviations: latents are normal, as in the reference code, where the paper draws them uniformly. The networks grow by one
level at 128 pixels and lose one at 32. As in the references no layer has a bias; but if the recipe turns the
discriminator's batch norm off, its offset is kept as a bias. The moving variance of a batch norm is that
of the batch, as Keras has it; Torch's is larger by n / (n - 1), n values a channel: at most 0.05 % at batch 128, and in
inference alone.

`generator="mobile"` is not from the paper: it has a tenth of the multiplications, for phones.
"""

import math
from typing import ClassVar, Literal

import keras
from keras import layers, ops

from ganzoo.config.recipe import ImageGANConfig, Size, frozen_config
from ganzoo.config.registration import register
from ganzoo.core import seeding
from ganzoo.core.layers import (
    batch_norm,
    clipped,
    discriminator_conv,
    leaky_relu,
    norm_relu6,
    normal_initializer,
    normalize,
    output_dtype,
)
from ganzoo.data.fields import Image, Latents, Signature, Stream
from ganzoo.gan.gan import GAN, Phase


@frozen_config
class DCGANConfig(ImageGANConfig):
    """The paper's values, section 4."""

    batch: ClassVar = (Stream(image=Image()),)
    deployed: ClassVar = {"generator": Signature(takes={"latents": Latents()}, gives={"image": Image()})}
    default_recipe: ClassVar[str] = "dcgan_avatars"

    image_size: Literal[32, 64, 128] = 64
    latent_dim: Size = 100
    """The length of the noise that a sample is made from."""
    generator: Literal["dcgan", "mobile"] = "dcgan"
    base_filters: Size = 64
    """Filters at half the image's size; they double at each halving, down to 4x4. The mobile generator has a quarter of
    them, and begins at 8x8."""
    output_bias: bool = False
    """Whether the generator's last convolution has a bias. That of the references has none; the first generators of
    this zoo have one."""
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

    x = conv(x, config.channels, f"conv{config.image_size}x{config.image_size}", use_bias=config.output_bias)
    image = layers.Activation("tanh", dtype=output_dtype(), name="output")(x)
    return keras.Model(latents, image, name="dcgan_generator")


def dense(x, units: int, name: str):
    """Dense layer, norm, ReLU6."""
    x = layers.Dense(units, use_bias=False, kernel_initializer=normal_initializer(), name=name)(x)
    return norm_relu6(x, name)


def double(x, filters: int, name: str):
    """Doubles the size: each position makes four pixels, from itself and three neighbors; norm, ReLU6."""
    x = layers.Conv2D(
        4 * filters, 2, padding="same", use_bias=False, kernel_initializer=normal_initializer(), name=f"{name}_conv"
    )(x)
    return ops.depth_to_space(norm_relu6(x, name), 2)


def build_mobile_generator(config: DCGANConfig) -> keras.Model:
    """Two dense layers to 8x8, then few filters, no transposed convolutions: (B, latent_dim) -> (B, S, S, C)."""
    levels = int(math.log2(config.image_size)) - 3
    filters = max(config.base_filters // 4, 1)
    latents = keras.Input((config.latent_dim,), name="latents")
    x = dense(latents, 24 * filters, "dense")
    x = layers.Reshape((8, 8, -1), name="8x8")(dense(x, 64 * filters * 2 ** (levels - 1), "dense8x8"))
    for level in reversed(range(levels - 1)):
        size = config.image_size // 2 ** (level + 1)
        x = double(x, filters * 2**level, f"up{size}x{size}")
    x = layers.Conv2D(
        4 * config.channels, 3, padding="same", kernel_initializer=normal_initializer(), name="last_conv"
    )(x)
    return keras.Model(latents, ops.depth_to_space(clipped(x), 2), name="dcgan_mobile_generator")


GENERATORS = {"dcgan": build_generator, "mobile": build_mobile_generator}


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
            use_bias=normed and config.discriminator_norm != "batch",
            spectral_norm=config.spectral_norm,
            name=f"conv{level + 1}",
        )
        x = normalize(x, config.discriminator_norm, f"norm{level + 1}") if normed else x
        x = leaky_relu(x, f"activation{level + 1}")
    x = discriminator_conv(x, 1, pad=0, use_bias=False, spectral_norm=config.spectral_norm, name=f"conv{levels + 1}")
    logits = layers.Flatten(dtype=output_dtype(), name="logits")(x)
    return keras.Model(image, logits, name="dcgan_discriminator")


@register("dcgan")
class DCGAN(GAN):
    """DCGAN; a batch is `image`."""

    config_class = DCGANConfig
    generated = {"sample": "image"}

    def build_networks(self):
        generator = GENERATORS[self.config.generator](self.config)
        return {"generator": generator, "discriminator": build_discriminator(self.config)}

    def forward(self, batch):
        shape = (ops.shape(batch["image"])[0], self.config.latent_dim)
        latents = keras.random.normal(shape, seed=self.random("latents"))
        return {"latents": latents, "image": self.generator(latents, training=True)}

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
