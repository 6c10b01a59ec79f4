"""Pix2Pix: image to image translation from pairs (Isola et al. 2017).

"Image-to-Image Translation with Conditional Adversarial Networks"; reference: pytorch-CycleGAN-and-pix2pix. Images in
and out: (B, S, S, C) in [-1, 1], S a power of two from 64 up.

A step: one forward of the generator; the discriminator on (input, target) and (input, output), its loss halved; then
the generator, through the updated discriminator and with the same output, by the adversarial loss plus 100 L1.

Deviations: the norm is instance norm without scale and offset. At the paper's batch size of 1 its batch norm, which
keeps using the statistics of the batch at hand when testing, is instance norm; unlike batch norm, that is the same in
training, inference and on a device. `generator_norm="batch"` can be had too, with moving statistics in inference.
Dropout, the paper's noise, is off in inference: a saved generator is a function of its input. It is in the first three
decoder blocks, the one after the bottleneck included, as the paper and the authors' first code (phillipi/pix2pix) have
it; the reference begins one block later. The rate is constant, as in the paper; the recipes of the paper's data let it
fall to 0 over the last 100 epochs, as the reference does. At other sizes the U-Net has log2(S) levels, so that its
bottleneck stays 1x1.

`generator="mobile"` is not from the paper: a U-Net with a tenth of the multiplications, for phones.
"""

import math
from typing import ClassVar, Literal

import keras
from keras import layers, ops

from ganzoo.config.recipe import ImageGANConfig, Momentum, NonNegative, Size, Weight, frozen_config
from ganzoo.config.registration import register
from ganzoo.core.layers import clipped, leaky_relu, norm_relu6, normal_initializer, normalize, output_dtype, patch_gan
from ganzoo.core.losses import l1
from ganzoo.data.fields import Image, Signature, Stream
from ganzoo.gan.gan import GAN, Phase


@frozen_config
class Pix2PixConfig(ImageGANConfig):
    """The paper's values, section 6 ("Appendix")."""

    batch: ClassVar = (Stream(input=Image(), target=Image()),)
    deployed: ClassVar = {"generator": Signature(takes={"input": Image()}, gives={"output": Image()})}
    default_recipe: ClassVar[str] = "pix2pix_avatars"

    image_size: Literal[64, 128, 256, 512] = 256
    generator: Literal["u_net", "mobile"] = "u_net"
    base_filters: Size = 64
    """Filters of the first layers of both networks; the mobile generator begins with a quarter."""
    discriminator_filters: Size | None = None
    """Filters of the discriminator's first layer. None: `base_filters`."""
    generator_norm: Literal["instance", "batch", "none"] = "instance"
    """The norm of the U-Net. Instance norm removes from each image how strong a feature is in all of it. `none` begins
    with He's weights instead of the paper's, which are too small without a norm."""
    upsampling: Literal["transposed", "resize"] = "transposed"
    """How the U-Net doubles the size. `transposed`: the paper's convolution, which can leave a pattern of 2 pixels.
    `resize`: nearest neighbors, then a 3x3 convolution (Odena et al. 2016)."""
    dropout: Momentum = 0.5
    """Dropout rate in the first three decoder blocks of the U-Net, the only source of noise."""
    adversarial_weight: Weight = 1.0
    """0: no discriminator is trained; this is the U-Net of the paper's "L1 alone"."""
    pretrain_steps: NonNegative = 0
    """The first steps of a run train the generator alone, on L1."""
    l1_weight: Weight = 100.0
    distillation_weight: Weight = 100.0

    discriminator_norm: Literal["batch", "instance", "none"] = "instance"
    discriminator_weight: Weight = 0.5


def encoder_block(x, filters: int, *, norm: str, weights, name: str):
    """Convolution to half the size, norm, leaky ReLU. `weights` is the kernel's initializer."""
    x = layers.Conv2D(filters, 4, strides=2, padding="same", kernel_initializer=weights, name=f"{name}_conv")(x)
    x = normalize(x, norm, f"{name}_norm")
    return leaky_relu(x, f"{name}_activation")


def doubled(x, filters: int, *, upsampling: str, weights, name: str):
    """A convolution to twice the size."""
    shared = {"padding": "same", "kernel_initializer": weights, "name": f"{name}_conv"}
    if upsampling == "transposed":
        return layers.Conv2DTranspose(filters, 4, strides=2, **shared)(x)
    height, width = x.shape[1:3]
    return layers.Conv2D(filters, 3, **shared)(ops.image.resize(x, (2 * height, 2 * width), interpolation="nearest"))


def decoder_block(x, filters: int, *, upsampling: str, norm: str, weights, dropout: float, name: str):
    """Convolution to twice the size, norm, dropout. The ReLU comes after the skip is concatenated."""
    x = normalize(doubled(x, filters, upsampling=upsampling, weights=weights, name=name), norm, f"{name}_norm")
    return layers.Dropout(dropout, name=f"{name}_dropout")(x) if dropout else x


def build_generator(config: Pix2PixConfig) -> keras.Model:
    """The U-Net: (B, S, S, C) -> (B, S, S, C), both in [-1, 1]."""
    levels = int(math.log2(config.image_size))
    filters = [config.base_filters * min(2**level, 8) for level in range(levels)]
    initializer = normal_initializer if config.generator_norm != "none" else keras.initializers.HeNormal
    x = image = keras.Input((config.image_size, config.image_size, config.channels), name="image")

    skips = []
    for level in range(levels):
        # No norm on the first layer, nor on the 1x1 bottleneck, which it would set to zero.
        norm = config.generator_norm if 0 < level < levels - 1 else "none"
        x = encoder_block(x, filters[level], norm=norm, weights=initializer(), name=f"down{level + 1}")
        skips.append(x)

    x = ops.relu(x)
    for level in reversed(range(1, levels)):
        dropout = config.dropout if level >= levels - 3 else 0.0
        settings = {"upsampling": config.upsampling, "norm": config.generator_norm, "dropout": dropout}
        x = decoder_block(x, filters[level - 1], **settings, weights=initializer(), name=f"up{level + 1}")
        x = layers.ReLU(name=f"up{level + 1}_activation")(
            layers.Concatenate(name=f"skip{level}")([x, skips[level - 1]])
        )

    x = doubled(x, config.channels, upsampling=config.upsampling, weights=normal_initializer(), name="up1")
    image_out = layers.Activation("tanh", dtype=output_dtype(), name="output")(x)
    return keras.Model(image, image_out, name="pix2pix_generator")


def mobile_conv(x, filters: int, kernel: int, name: str, strides=1):
    """Convolution, batch norm, ReLU6, and noise in training, so that rounding to 8 bits comes to matter little."""
    x = layers.Conv2D(
        filters, kernel, strides, padding="same", use_bias=False, kernel_initializer="he_normal", name=f"{name}_conv"
    )(x)
    return layers.GaussianNoise(0.4, name=f"{name}_noise")(norm_relu6(x, name))


def mobile_decoder_block(x, skip, name: str):
    """Convolution to the skip's filters, resized to its size; the skip is added."""
    height, width, filters = skip.shape[1:]
    x = ops.image.resize(mobile_conv(x, filters, 3, name), (height, width), interpolation="bilinear")
    return layers.Add(name=f"{name}_skip")([x, skip])


def build_mobile_generator(config: Pix2PixConfig) -> keras.Model:
    """A smaller U-Net, down to 4x4, of plain convolutions: (B, S, S, C) -> (B, S, S, C), both in [-1, 1]."""
    levels = int(math.log2(config.image_size)) - 2
    filters = [max(config.base_filters // 4, 1) * min(2**level, 16) for level in range(levels)]
    filters[0] += filters[0] // 2
    x = image = keras.Input((config.image_size, config.image_size, config.channels), name="image")

    skips = []
    for level in range(levels):
        x = mobile_conv(x, filters[level], 5 if level == 0 else 3, f"down{level + 1}", strides=2)
        skips.append(x)
    for block in (1, 2, 3):
        x = layers.Add(name=f"middle{block}_add")([x, mobile_conv(x, filters[-1], 3, f"middle{block}")])
    for level in reversed(range(levels - 1)):
        x = mobile_decoder_block(x, skips[level], f"up{level + 2}")
    x = mobile_conv(x, filters[0], 3, "last")

    # The last doubling: every position makes four pixels. They start in [-1, 1], since clipped pixels learn nothing.
    x = layers.Conv2D(4 * config.channels, 3, padding="same", kernel_initializer=normal_initializer(), name="up1_conv")(
        x
    )
    return keras.Model(image, ops.depth_to_space(clipped(x), 2), name="pix2pix_mobile_generator")


GENERATORS = {"u_net": build_generator, "mobile": build_mobile_generator}


def build_discriminator(config: Pix2PixConfig) -> keras.Model:
    """The 70x70 PatchGAN on input and image side by side in the channels: (B, S, S, 2C) in [-1, 1] -> logits."""
    return patch_gan(
        "pair",
        2 * config.channels,
        image_size=config.image_size,
        base_filters=config.discriminator_filters or config.base_filters,
        norm=config.discriminator_norm,
        spectral_norm=config.spectral_norm,
        name="pix2pix_discriminator",
    )


@register("pix2pix")
class Pix2Pix(GAN):
    """Pix2Pix; a batch is `input` and `target`."""

    config_class = Pix2PixConfig
    generated = {"output": "target"}

    def build_networks(self):
        networks = {"generator": GENERATORS[self.config.generator](self.config)}
        if self.config.adversarial_weight:
            networks["discriminator"] = build_discriminator(self.config)
        return networks

    def forward(self, batch):
        return {"output": self.generator(batch["input"], training=True)}

    def phases(self):
        config, begins = self.config, self.config.pretrain_steps
        if not config.adversarial_weight:
            return (Phase("generator", ("generator",), self.l1_loss, config.learning_rate),)
        pretraining = Phase("pretraining", ("generator",), self.l1_loss, config.learning_rate, stop=begins)
        discriminator = self.discriminator_phase(
            "discriminator", ("discriminator",), self.discriminator_loss, start=begins
        )
        generator = Phase("generator", ("generator",), self.generator_loss, config.learning_rate, start=begins)
        return (pretraining, discriminator, generator) if begins else (discriminator, generator)

    def l1_loss(self, batch, outputs):
        return {"generator_l1": self.config.l1_weight * l1(outputs["output"], batch["target"])}

    def discriminator_loss(self, batch, outputs):
        return self.discriminator_terms(
            "discriminator", real=(batch["input"], batch["target"]), fake=(batch["input"], outputs["output"])
        )

    def generator_loss(self, batch, outputs):
        adversarial = self.adversarial_loss("discriminator", (batch["input"], outputs["output"]))
        weighted = {"generator_adversarial": self.config.adversarial_weight * adversarial}
        return self.l1_loss(batch, outputs) | weighted

    def samples(self, batch):
        output = self.deployed()["generator"](batch["input"], training=False)
        return {"input": batch["input"], "output": output, "target": batch["target"]}
