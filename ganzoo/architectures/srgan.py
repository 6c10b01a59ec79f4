"""SRGAN: photographs at 2 or 4 times the size (Ledig et al. 2017).

"Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network". Low resolution in: (B, h, w, C)
in [0, 1], any h and w. High resolution out: (B, scale h, scale w, C), trained on targets in [-1, 1], and not clipped.
Training is on crops of S x S pixels of the high resolution.

The generator alone, trained on the mean squared error, is the paper's SRResNet: `adversarial_weight=0`. SRGAN starts
from its weights, given by `--init`, or trained in the run itself during the first `pretrain_steps`.

A step, once adversarial: one forward of the generator; the discriminator; then the generator through the updated
discriminator, by the content loss plus 0.001 of the adversarial loss. The paper names no order and its authors
published no code; re-implementations differ (leftthomas's has this order, eriklindernoren's the other). This one is
the order of Goodfellow et al. 2014, algorithm 1, and of DCGAN and Pix2Pix here.

Deviations: without a feature network (`content="none"`) the content loss is the mean squared error, the paper's
"SRGAN-MSE". Batch norm's scale starts as DCGAN's, N(1, 0.02), and its moving variance is that of the batch, as Keras
has it, where Torch's is larger by n / (n - 1), n values a channel: 0.01 %. The generator's kernels are drawn as Glorot
and Bengio 2010 have it, since the paper says nothing and re-implementations differ: it suits the network without norms
too, which N(0, 0.02) would start with almost no signal. A PReLU has a slope for each channel, as in He et al. 2015,
where PyTorch's default is one for a layer. Off by default and stated by the recipes that turn them on:
`add_enlarged_input` makes the network learn what a bilinear enlargement lacks, `generator_norm="none"` leaves batch
norm out; both for training in minutes.

`generator="mobile"` is not from the paper: five convolutions, a tenth of the multiplications, for phones.
"""

from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

import keras
from keras import layers, ops
from pydantic import Field

from ganzoo.config.recipe import ImageGANConfig, Momentum, NonNegative, Rate, Size, Weight, frozen_config
from ganzoo.config.registration import register
from ganzoo.core import perceptual
from ganzoo.core.layers import (
    batch_norm,
    clipped,
    conv_relu,
    discriminator_conv,
    discriminator_dense,
    leaky_relu,
    normalize,
    output_dtype,
)
from ganzoo.core.losses import l2
from ganzoo.data.fields import Crop, Image, Signature, Smaller, Stream
from ganzoo.errors import UsageError
from ganzoo.gan.gan import GAN, Phase


@frozen_config
class SRGANConfig(ImageGANConfig):
    """The paper's values, sections 2.1 and 3.2."""

    batch: ClassVar = (Stream(low=Smaller(of="high"), high=Crop()),)
    deployed: ClassVar = {"generator": Signature(takes={"low": Smaller(of="high")}, gives={"high": Image()})}
    default_recipe: ClassVar[str] = "srgan_avatars"

    image_size: Annotated[int, Field(ge=32, le=65_536, multiple_of=16)] = 96
    scale: Literal[2, 4] = 4
    """How many times larger the output is than the input, in height and width."""
    generator: Literal["srresnet", "mobile"] = "srresnet"
    """`mobile` uses none of the next settings but the number of filters."""
    base_filters: Size = 64
    """Filters of the generator's layers."""
    residual_blocks: Size = 16
    """Residual blocks of the generator."""
    generator_norm: Literal["batch", "none"] = "batch"
    """The norm in the residual blocks."""
    add_enlarged_input: bool = False
    """Whether the network paints only what is to be added to its enlarged input."""
    discriminator_filters: Size = 64
    """Filters of the discriminator's first layer."""
    pretrain_steps: NonNegative = 0
    """The first steps of a run train the generator alone, on the mean squared error."""
    adversarial_weight: Weight = 1e-3
    """0: no discriminator is trained; this is SRResNet."""
    content: Literal["none", "vgg16", "vgg19"] = "none"
    """The feature network of the content loss."""
    content_layer: Literal["block2_conv2"] | None = None
    """The convolution of that network: φ2,2 of the paper for edges and texture; None: the last, φ5,4, for objects."""
    content_weights: str | None = None
    """Path to the weights of that network; None: those that Keras fetches."""
    distillation_weight: Weight = 0.05

    discriminator_norm: Literal["batch", "instance", "none"] = "batch"
    learning_rate: Rate = 1e-4
    beta_1: Momentum = 0.9

    def __post_init__(self):
        super().__post_init__()
        for name in ("content_weights", "content_layer"):
            if self.content == "none" and getattr(self, name) is not None:
                raise ValueError(f"{name} is given, but content=none uses no network: set content=vgg16 or vgg19")

    @property
    def floors(self):
        return {} if self.generator == "mobile" else {"int8": 40.0}


def generator_norm(x, config: SRGANConfig, name: str):
    return batch_norm(x, name) if config.generator_norm == "batch" else x


def prelu(x, name: str):
    """One slope per channel, 0.25 at first (He et al. 2015)."""
    return layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25), shared_axes=(1, 2), name=name)(x)


def residual_block(x, config: SRGANConfig, name: str):
    """Convolution, norm, PReLU, convolution, norm, added to what came in."""
    y = layers.Conv2D(config.base_filters, 3, padding="same", name=f"{name}_conv1")(x)
    y = prelu(generator_norm(y, config, f"{name}_norm1"), f"{name}_activation")
    y = layers.Conv2D(config.base_filters, 3, padding="same", name=f"{name}_conv2")(y)
    return layers.Add(name=f"{name}_add")([x, generator_norm(y, config, f"{name}_norm2")])


def build_generator(config: SRGANConfig) -> keras.Model:
    """SRResNet: (B, h, w, C) in [0, 1] -> (B, scale h, scale w, C) in [-1, 1]."""
    low = keras.Input((None, None, config.channels), name="image")
    x = layers.Conv2D(config.base_filters, 9, padding="same", name="first_conv")(low)
    x = first = prelu(x, "first_activation")
    for block in range(config.residual_blocks):
        x = residual_block(x, config, f"block{block + 1}")
    x = layers.Conv2D(config.base_filters, 3, padding="same", name="after_blocks_conv")(x)
    x = layers.Add(name="after_blocks_add")([first, generator_norm(x, config, "after_blocks_norm")])
    for step in range(config.scale // 2):
        x = layers.Conv2D(4 * config.base_filters, 3, padding="same", name=f"up{step + 1}_conv")(x)
        x = ops.depth_to_space(x, 2)
        x = prelu(x, f"up{step + 1}_activation")
    if not config.add_enlarged_input:
        high = layers.Conv2D(config.channels, 9, padding="same", name="last_conv")(x)
    else:
        # A small start: the first images are the enlarged input.
        small = keras.initializers.RandomNormal(stddev=1e-3)
        detail = layers.Conv2D(config.channels, 9, padding="same", kernel_initializer=small, name="last_conv")(x)
        enlarged = layers.UpSampling2D(config.scale, interpolation="bilinear", name="enlarged")(low)
        high = detail + (2.0 * enlarged - 1.0)
    high = layers.Activation("linear", dtype=output_dtype(), name="output")(high)
    return keras.Model(low, high, name="srgan_generator")


def build_mobile_generator(config: SRGANConfig) -> keras.Model:
    """Five plain convolutions, added to the enlarged input: (B, h, w, C) in [0, 1] -> (B, scale h, scale w, C).

    Its output is cut to [-1, 1].
    """
    low = keras.Input((None, None, config.channels), name="image")
    x = low
    for number in range(4):
        x = conv_relu(x, config.base_filters, 3, f"{number + 1}")
    # A small start: the first images are nearly the enlarged input.
    small = keras.initializers.RandomNormal(stddev=0.01)
    pixels = config.channels * config.scale**2
    detail = layers.Conv2D(pixels, 3, padding="same", kernel_initializer=small, name="last_conv")(x)
    enlarged = layers.UpSampling2D(config.scale, interpolation="bilinear", name="enlarged")(2.0 * low - 1.0)
    high = layers.Add(name="sharpened")([enlarged, ops.depth_to_space(detail, config.scale)])
    return keras.Model(low, clipped(high), name="srgan_mobile_generator")


GENERATORS = {"srresnet": build_generator, "mobile": build_mobile_generator}


def build_discriminator(config: SRGANConfig) -> keras.Model:
    """Eight 3x3 convolutions and two dense layers: (B, S, S, C) in [-1, 1] -> logits (B, 1)."""
    x = image = keras.Input((config.image_size, config.image_size, config.channels), name="image")
    for block in range(8):
        normed = block > 0
        x = discriminator_conv(
            x,
            config.discriminator_filters * 2 ** (block // 2),
            kernel=3,
            strides=1 + block % 2,
            use_bias=not normed or config.discriminator_norm != "batch",
            spectral_norm=config.spectral_norm,
            name=f"conv{block + 1}",
        )
        x = normalize(x, config.discriminator_norm, f"norm{block + 1}") if normed else x
        x = leaky_relu(x, f"activation{block + 1}")
    x = layers.Flatten(name="flat")(x)
    x = discriminator_dense(x, 16 * config.discriminator_filters, spectral_norm=config.spectral_norm, name="dense1")
    x = leaky_relu(x, "activation9")
    x = discriminator_dense(x, 1, spectral_norm=config.spectral_norm, name="dense2")
    logits = layers.Activation("linear", dtype=output_dtype(), name="logits")(x)
    return keras.Model(image, logits, name="srgan_discriminator")


@register("srgan")
class SRGAN(GAN):
    """SRGAN and SRResNet; a batch is `low` and `high`."""

    config_class = SRGANConfig
    generated = {"output": "high"}

    def __init__(self, config):
        super().__init__(config)
        self._features = MappingProxyType({})

    def build_networks(self):
        networks = {"generator": GENERATORS[self.config.generator](self.config)}
        if self.config.adversarial_weight:
            networks["discriminator"] = build_discriminator(self.config)
        return networks

    def prepare(self):
        super().prepare()
        if self.config.content != "none":
            found = perceptual.load(self.config.content, self.config.content_weights, self.config.content_layer)
            # Not as an attribute of its own, or Keras would save it with the GAN.
            self._features = MappingProxyType({"features": found})

    def frozen(self):
        return [*super().frozen(), *self._features.values()]

    def forward(self, batch):
        return {"high": self.generator(batch["low"], training=True)}

    def phases(self):
        config = self.config
        pretraining_ends = config.pretrain_steps if config.adversarial_weight else None
        pretraining = Phase(
            "pretraining",
            networks=("generator",),
            loss=self.pixel_loss,
            learning_rate=config.learning_rate,
            stop=pretraining_ends,
        )
        if not config.adversarial_weight:
            return (pretraining,)
        adversarial = (
            self.discriminator_phase(
                "discriminator", ("discriminator",), self.discriminator_loss, start=config.pretrain_steps
            ),
            Phase(
                "generator",
                networks=("generator",),
                loss=self.generator_loss,
                learning_rate=config.learning_rate,
                start=config.pretrain_steps,
            ),
        )
        return (pretraining, *adversarial) if config.pretrain_steps else adversarial

    def pixel_loss(self, batch, outputs):
        return {"generator_mse": l2(outputs["high"], batch["high"])}

    def discriminator_loss(self, batch, outputs):
        return self.discriminator_terms("discriminator", real=(batch["high"],), fake=(outputs["high"],))

    def generator_loss(self, batch, outputs):
        adversarial = self.adversarial_loss("discriminator", (outputs["high"],))
        return {
            "generator_content": self.content_loss(outputs["high"], batch["high"]),
            "generator_adversarial": self.config.adversarial_weight * adversarial,
        }

    def content_loss(self, high, target):
        if self.config.content == "none":
            return l2(high, target)
        if not self._features:
            raise UsageError("srgan: the feature network is not loaded; call prepare() before fit()")
        features = self._features["features"]
        return l2(features(high), features(target))

    def samples(self, batch):
        low, high = ops.convert_to_tensor(batch["low"]), batch["high"]
        output = ops.clip(self.deployed()["generator"](low, training=False), -1, 1)
        enlarged = ops.image.resize(low, high.shape[1:3], interpolation="bicubic")
        return {"bicubic": ops.clip(2 * enlarged - 1, -1, 1), "output": output, "target": high}
