"""A style-based GAN in small (Karras et al. 2020): nested networks, lazy phases, shared optimizers. Made up for a test.

Images: (B, 16, 16, C) in [-1, 1]; latents: (B, latent_dim). A step: the discriminator, every second time with R1 by
the same optimizer; the generator, every fourth time with path lengths by the same optimizer.
"""

from typing import ClassVar

import keras
from keras import layers, ops

from ganzoo.config.recipe import ImageGANConfig, Momentum, Positive, Weight, frozen_config
from ganzoo.config.registration import register
from ganzoo.core import seeding
from ganzoo.core.layers import discriminator_conv, layers_within, output_dtype
from ganzoo.core.losses import r1_penalty
from ganzoo.data.fields import Image, Latents, Signature, Stream
from ganzoo.gan.gan import GAN, Phase


@frozen_config
class StyleConfig(ImageGANConfig):
    """Hyperparameters of no paper."""

    batch: ClassVar = (Stream(image=Image()),)
    deployed: ClassVar = {"generator": Signature(takes={"latents": Latents()}, gives={"image": Image()})}

    image_size: ClassVar[int] = 16
    latent_dim: Positive = 8
    base_filters: Positive = 8
    r1_weight: Weight = 1.0
    path_weight: Weight = 1.0
    dropout: Momentum = 0.1


class ScaledDense(layers.Dense):
    """A dense layer of an equalized rate (Karras et al. 2018): its kernel is scaled where it is used."""

    @property
    def scale(self) -> float:
        return self.kernel.shape[0] ** -0.5

    def call(self, inputs, training=None):
        return ops.matmul(inputs, self.kernel * self.scale) + self.bias


def styled_conv(x, styles, filters: int, name: str):
    """A convolution whose kernel the styles scale, and whose outputs are brought back to the size of its inputs."""
    channels = x.shape[-1]
    scale = layers.Dense(channels, bias_initializer="ones", name=f"{name}_style")(styles)
    x = layers.Multiply(name=f"{name}_modulate")([x, layers.Reshape((1, 1, channels), name=f"{name}_scale")(scale)])
    x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv")(x)
    energy = layers.Dense(filters, name=f"{name}_energy")(ops.square(scale))
    demodulate = ops.rsqrt(ops.square(energy) + 1.0)
    x = layers.Multiply(name=f"{name}_demodulate")([x, layers.Reshape((1, 1, filters), name=f"{name}_by")(demodulate)])
    return layers.LeakyReLU(0.2, name=f"{name}_activation")(x)


def build_mapping(config: StyleConfig, dense: type) -> keras.Model:
    """(B, latent_dim) -> styles (B, latent_dim), by dense layers of a class."""
    x = latents = keras.Input((config.latent_dim,), name="latents")
    for number in (1, 2):
        x = dense(config.latent_dim, name=f"dense{number}")(x)
        x = layers.LeakyReLU(0.2, name=f"activation{number}")(x)
    return keras.Model(latents, layers.Dropout(config.dropout, name="dropout")(x), name="mapping")


def build_synthesis(config: StyleConfig) -> keras.Model:
    """Styles (B, latent_dim) -> (B, 16, 16, C) in [-1, 1]."""
    styles = keras.Input((config.latent_dim,), name="styles")
    x = layers.Dense(16 * config.base_filters, name="start")(styles)
    x = layers.Reshape((4, 4, config.base_filters), name="4x4")(x)
    for size in (8, 16):
        x = layers.UpSampling2D(name=f"up{size}")(styled_conv(x, styles, config.base_filters, f"block{size}"))
    x = layers.Conv2D(config.channels, 1, activation="tanh", dtype=output_dtype(), name="rgb")(x)
    return keras.Model(styles, x, name="synthesis")


def build_generator(config: StyleConfig, dense: type) -> keras.Model:
    latents = keras.Input((config.latent_dim,), name="latents")
    image = build_synthesis(config)(build_mapping(config, dense)(latents))
    return keras.Model(latents, image, name="style_generator")


def build_discriminator(config: StyleConfig) -> keras.Model:
    """(B, 16, 16, C) -> logits (B, 1)."""
    x = image = keras.Input((16, 16, config.channels), name="image")
    for block in (1, 2):
        x = discriminator_conv(
            x, config.base_filters, strides=2, spectral_norm=config.spectral_norm, name=f"conv{block}"
        )
        x = layers.LeakyReLU(0.2, name=f"activation{block}")(x)
    x = discriminator_conv(x, 1, kernel=4, pad=0, spectral_norm=config.spectral_norm, name="conv3")
    return keras.Model(image, layers.Flatten(dtype=output_dtype(), name="logits")(x), name="style_discriminator")


@register("style")
class Style(GAN):
    """A style-based GAN in small; a batch is `image`."""

    config_class = StyleConfig
    generated = {"sample": "image"}

    def build_networks(self):
        generator = build_generator(self.config, ScaledDense)
        return {"generator": generator, "discriminator": build_discriminator(self.config)}

    def build_released(self):
        return {"generator": build_generator(self.config, layers.Dense)}

    def release(self, name, trained, stock):
        self.copy(trained, stock, lambda layer: layer.scale)

    def adopt(self, name, stock, trained):
        self.copy(stock, trained, lambda layer: 1 / layer.scale)

    def copy(self, source, target, factor):
        """Copies weights; kernels of scaled layers, whichever of the two has them, are multiplied by a factor."""
        for (_, one), (_, other) in zip(layers_within(source), layers_within(target), strict=True):
            scaled = next((layer for layer in (one, other) if isinstance(layer, ScaledDense)), None)
            if scaled is not None:
                kernel, bias = one.get_weights()
                other.set_weights([kernel * factor(scaled), bias])
            elif not isinstance(one, keras.Model):
                other.set_weights(one.get_weights())

    def forward(self, batch):
        shape = (ops.shape(batch["image"])[0], self.config.latent_dim)
        latents = keras.random.normal(shape, seed=self.random("latents"))
        styles = self.generator.get_layer("mapping")(latents, training=True)
        return {
            "latents": latents,
            "styles": styles,
            "image": self.generator.get_layer("synthesis")(styles, training=True),
        }

    def phases(self):
        rate = self.config.learning_rate
        return (
            self.discriminator_phase("discriminator", ("discriminator",), self.discriminator_loss),
            Phase("r1", ("discriminator",), self.r1_loss, rate, detached=True, every=2, optimizer="discriminator"),
            Phase("generator", ("generator",), self.generator_loss, rate),
            Phase("path_length", ("generator",), self.path_loss, rate, every=4, optimizer="generator"),
        )

    def discriminator_loss(self, batch, outputs):
        return self.discriminator_terms("discriminator", real=(batch["image"],), fake=(outputs["image"],))

    def r1_loss(self, batch, outputs):
        gradients = self.input_gradients(lambda image: self.discriminator(image, training=True), batch["image"])
        return {"discriminator_r1_penalty": self.config.r1_weight * r1_penalty(gradients)}

    def generator_loss(self, batch, outputs):
        return {"generator_adversarial": self.adversarial_loss("discriminator", (outputs["image"],))}

    def path_loss(self, batch, outputs):
        image = outputs["image"]
        noise = keras.random.normal(ops.shape(image), dtype=image.dtype, seed=self.random("path lengths")) / 16
        synthesis = self.generator.get_layer("synthesis")
        gradients = self.input_gradients(lambda styles: synthesis(styles, training=True) * noise, outputs["styles"])
        lengths = ops.sqrt(ops.sum(ops.square(gradients), axis=1) + 1e-8)
        return {"generator_path_penalty": self.config.path_weight * ops.mean(ops.square(lengths - 1.0))}

    def samples(self, batch):
        shape = (len(batch["image"]), self.config.latent_dim)
        latents = seeding.generator(self.config.seed, "samples").standard_normal(shape).astype("float32")
        return {"sample": self.deployed()["generator"](latents, training=False)}
