"""An adversarial autoencoder: codes of images, and images from codes. Made up for a test.

Images in and out: (B, S, S, C) in [-1, 1], S 16 or 32; codes: (B, code_dim). A step: one forward of encoder and
decoder; the discriminator; then both through the updated discriminator.
"""

from typing import ClassVar, Literal

import keras
from keras import layers

from ganzoo.config.recipe import ImageGANConfig, Positive, Weight, frozen_config
from ganzoo.config.registration import register
from ganzoo.core.layers import discriminator_conv, normal_initializer, normalize, output_dtype
from ganzoo.core.losses import l1
from ganzoo.data.fields import Code, Image, Signature, Stream
from ganzoo.gan.gan import GAN, Phase


@frozen_config
class MadeUpConfig(ImageGANConfig):
    """Hyperparameters of no paper."""

    batch: ClassVar = (Stream(image=Image()),)
    deployed: ClassVar = {
        "encoder": Signature(takes={"image": Image()}, gives={"code": Code("code_dim")}),
        "decoder": Signature(takes={"code": Code("code_dim")}, gives={"image": Image()}),
    }

    image_size: Literal[16, 32] = 32
    code_dim: Positive = 64
    base_filters: Positive = 32
    reconstruction_weight: Weight = 10.0


def build_encoder(config: MadeUpConfig) -> keras.Model:
    """(B, S, S, C) -> (B, code_dim)."""
    x = image = keras.Input((config.image_size, config.image_size, config.channels), name="image")
    x = discriminator_conv(x, config.base_filters, strides=2, name="conv1")
    x = layers.LeakyReLU(0.2, name="activation1")(x)
    code = layers.Dense(config.code_dim, name="code", dtype=output_dtype())(layers.Flatten(name="flatten")(x))
    return keras.Model(image, code, name="made_up_encoder")


def build_decoder(config: MadeUpConfig) -> keras.Model:
    """(B, code_dim) -> (B, S, S, C) in [-1, 1]."""
    half = config.image_size // 2
    x = code = keras.Input((config.code_dim,), name="code")
    x = layers.Dense(half * half * config.base_filters, activation="relu", name="dense")(x)
    x = layers.Dropout(0.1, name="dropout")(layers.Reshape((half, half, config.base_filters), name="reshape")(x))
    x = layers.Conv2DTranspose(
        config.channels, 4, strides=2, padding="same", kernel_initializer=normal_initializer(), name="conv"
    )(x)
    return keras.Model(code, layers.Activation("tanh", dtype=output_dtype(), name="output")(x), name="made_up_decoder")


def build_discriminator(config: MadeUpConfig) -> keras.Model:
    """(B, S, S, C) -> logits (B, S / 4, S / 4, 1)."""
    x = image = keras.Input((config.image_size, config.image_size, config.channels), name="image")
    for block in (1, 2):
        x = discriminator_conv(
            x, config.base_filters, strides=2, spectral_norm=config.spectral_norm, name=f"conv{block}"
        )
        x = normalize(x, config.discriminator_norm, f"norm{block}") if block == 2 else x
        x = layers.LeakyReLU(0.2, name=f"activation{block}")(x)
    x = discriminator_conv(x, 1, kernel=3, spectral_norm=config.spectral_norm, name="conv3")
    logits = layers.Activation("linear", dtype=output_dtype(), name="logits")(x)
    return keras.Model(image, logits, name="made_up_discriminator")


@register("made_up")
class MadeUp(GAN):
    """An adversarial autoencoder; a batch is `image`."""

    config_class = MadeUpConfig

    def build_networks(self):
        return {
            "encoder": build_encoder(self.config),
            "decoder": build_decoder(self.config),
            "discriminator": build_discriminator(self.config),
        }

    def forward(self, batch):
        code = self.encoder(batch["image"], training=True)
        return {"code": code, "image": self.decoder(code, training=True)}

    def phases(self):
        return (
            self.discriminator_phase("discriminator", ("discriminator",), self.discriminator_loss),
            Phase("autoencoder", ("encoder", "decoder"), self.autoencoder_loss, self.config.learning_rate),
        )

    def discriminator_loss(self, batch, outputs):
        return self.discriminator_terms("discriminator", real=(batch["image"],), fake=(outputs["image"],))

    def autoencoder_loss(self, batch, outputs):
        return {
            "adversarial": self.adversarial_loss("discriminator", (outputs["image"],)),
            "reconstruction": self.config.reconstruction_weight * l1(outputs["image"], batch["image"]),
        }

    def samples(self, batch):
        networks = self.deployed()
        code = networks["encoder"](batch["image"], training=False)
        return {"image": batch["image"], "reconstruction": networks["decoder"](code, training=False)}
