"""BigGAN: images of the class that is named, from noise (Brock et al. 2019).

"Large Scale GAN Training for High Fidelity Natural Image Synthesis"; reference: ajbrock's BigGAN-PyTorch, its networks
for CIFAR-10 at 32 pixels and for ImageNet above. Latents in: (B, latent_dim), normal; labels: (B,). Images out:
(B, S, S, C) in [-1, 1], S one of 32, 64, 128.

The generator's latents are split: a part begins, and each block's batch norms go by a part of their own, beside the
embedding of the class, which all share (section 3 and appendix B). The discriminator weighs what it sees by the class
(Miyato and Koyama 2018, "cGANs with Projection Discriminator"). Spectral norm in both; orthogonal initial weights, and
a penalty on how far from orthogonal the generator's filters are (section 3.1, equation 3).

A step: `n_critic` times the discriminator, on real images and on generated ones of the same classes; then the
generator. Deviation: the reference draws the classes of generated images evenly; here they are those of the batch.

What is deployed is the moving average, with the spectral norm divided out: stock Keras layers.
"""

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import keras
from keras import layers, ops
from pydantic import Field

from ganzoo.config.recipe import ImageGANConfig, Momentum, Positive, Rate, Size, Weight, frozen_config
from ganzoo.config.registration import register
from ganzoo.core import seeding
from ganzoo.core.layers import SpectralConv2D, SpectralDense, output_dtype
from ganzoo.data.fields import Image, Label, Latents, Signature, Stream
from ganzoo.gan.gan import GAN, Phase


@frozen_config
class BigGANConfig(ImageGANConfig):
    """The values of the paper, but for the size of networks and batch."""

    batch: ClassVar = (Stream(image=Image(), label=Label()),)
    deployed: ClassVar = {
        "generator": Signature(takes={"latents": Latents(), "label": Label()}, gives={"image": Image()})
    }
    default_recipe: ClassVar[str] = "biggan_letters"

    image_size: Literal[32, 64, 128] = 32
    classes: Positive = 10
    """The number of classes."""
    block_latents: Size = 20
    """The length of the noise for the beginning, and for each block, of the generator."""
    class_features: Size = 128
    """The length of the embedding of a class."""
    base_filters: Size = 64
    """A quarter of the filters of every layer at 32 pixels; above, those of the widest layer are 16 times as many."""
    attention: Literal[0, 8, 16, 32, 64] = 0
    """The size, in pixels, at which both networks have self-attention (Zhang et al. 2019). 0: none."""
    orthogonal_weight: Weight = 1e-4
    """Weight of the penalty on products of the generator's filters with each other."""
    adversarial_loss: Literal["non_saturating", "lsgan", "hinge", "wasserstein"] = "hinge"
    spectral_norm: bool = True
    """Spectral normalization of both networks."""
    n_critic: Size = 2
    ema_decay: Momentum = 0.9999
    learning_rate: Rate = 5e-5
    discriminator_learning_rate: Rate | None = 2e-4
    beta_1: Momentum = 0.0
    epsilon: Annotated[float, Field(gt=0, le=1)] = 1e-6

    def __post_init__(self):
        super().__post_init__()
        if self.attention >= self.image_size:
            raise ValueError(
                f"attention={self.attention} needs images of more pixels, found image_size={self.image_size}: set it "
                "to a smaller size, or 0"
            )
        if self.discriminator_norm != "none":
            raise ValueError(
                f"discriminator_norm={self.discriminator_norm} is not of this architecture: set it to none"
            )

    @property
    def latent_dim(self) -> int:
        """The length of a generator's latents."""
        blocks = int(math.log2(self.image_size)) - 2
        return self.block_latents * (1 + blocks)


# Filters of each layer over `base_filters`: of the generator from its beginning at 4x4, each further one at twice the
# size; of the discriminator from the first block, and whether the block halves the size.
GENERATOR_WIDTHS = {32: (4, 4, 4, 4), 64: (16, 16, 8, 4, 2), 128: (16, 16, 8, 4, 2, 1)}
DISCRIMINATOR_WIDTHS = {
    32: ((4, True), (4, True), (4, False), (4, False)),
    64: ((1, True), (2, True), (4, True), (8, True), (16, False)),
    128: ((1, True), (2, True), (4, True), (8, True), (16, True), (16, False)),
}


class Kit:
    """The layers that networks are built of: spectral ones to train, stock ones else."""

    def __init__(self, spectral_norm: bool):
        self.conv_class = SpectralConv2D if spectral_norm else layers.Conv2D
        self.dense_class = SpectralDense if spectral_norm else layers.Dense

    def conv(self, x, filters: int, name: str, kernel: int = 3, use_bias: bool = True):
        options = {"use_bias": use_bias, "kernel_initializer": "orthogonal", "name": name}
        return self.conv_class(filters, kernel, padding="same", **options)(x)

    def dense(self, x, units: int, name: str, use_bias: bool = True):
        return self.dense_class(units, use_bias=use_bias, kernel_initializer="orthogonal", name=name)(x)

    def class_norm(self, x, told, name: str):
        """Applies a batch norm whose scale and offset are linear in what is told, (B, features)."""
        channels = x.shape[-1]
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, center=False, scale=False, name=name)(x)
        gain, offset = (
            layers.Reshape((1, 1, channels), name=f"{name}_{part}_1x1")(
                self.dense(told, channels, f"{name}_{part}", use_bias=False)
            )
            for part in ("gain", "offset")
        )
        return x * (1.0 + gain) + offset

    def attention(self, x, name: str):
        """Adds to each place what it finds elsewhere; nothing at first (Zhang et al. 2019, section 3)."""
        height, width, channels = x.shape[1:]
        inner = max(channels // 8, 1)
        queries = layers.Reshape((height * width, inner))(
            self.conv(x, inner, f"{name}_queries", kernel=1, use_bias=False)
        )
        keys = layers.MaxPooling2D(2, name=f"{name}_keys_pool")(
            self.conv(x, inner, f"{name}_keys", kernel=1, use_bias=False)
        )
        values = layers.MaxPooling2D(2, name=f"{name}_values_pool")(
            self.conv(x, max(channels // 2, 1), f"{name}_values", kernel=1, use_bias=False)
        )
        keys = layers.Reshape((height * width // 4, keys.shape[-1]))(keys)
        values = layers.Reshape((height * width // 4, values.shape[-1]))(values)
        shares = ops.softmax(ops.matmul(queries, ops.transpose(keys, (0, 2, 1))), axis=-1)
        found = layers.Reshape((height, width, values.shape[-1]))(ops.matmul(shares, values))
        found = self.conv(found, channels, f"{name}_outputs", kernel=1, use_bias=False)
        # A depthwise convolution of one weight a channel, which is 0 at first, as the reference's scalar is.
        scale = layers.DepthwiseConv2D(1, use_bias=False, depthwise_initializer="zeros", name=f"{name}_scale")
        return x + scale(found)


def build_generator(config: BigGANConfig, kit: Kit) -> keras.Model:
    """Latents (B, latent_dim) and labels (B,) -> (B, S, S, C) in [-1, 1]."""
    first, *widths = GENERATOR_WIDTHS[config.image_size]
    latents = keras.Input((config.latent_dim,), name="latents")
    label = keras.Input((), dtype="int32", name="label")
    wanted = layers.Embedding(config.classes, config.class_features, embeddings_initializer="orthogonal", name="class")
    wanted = wanted(label)
    begin, *parts = ops.split(latents, 1 + len(widths), axis=1)
    x = kit.dense(begin, 16 * first * config.base_filters, "dense4x4")
    x = layers.Reshape((4, 4, first * config.base_filters), name="4x4")(x)
    for block, (width, part) in enumerate(zip(widths, parts, strict=True), start=1):
        size = 4 * 2**block
        told = layers.Concatenate(name=f"told{size}x{size}")([wanted, part])
        x = generator_block(kit, x, told, width * config.base_filters, f"block{size}x{size}")
        if size == config.attention:
            x = kit.attention(x, "attention")
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="last_norm")(x)
    x = kit.conv(layers.ReLU(name="last_activation")(x), config.channels, "last_conv")
    image = layers.Activation("tanh", dtype=output_dtype(), name="output")(x)
    return keras.Model([latents, label], image, name="biggan_generator")


def generator_block(kit: Kit, x, told, filters: int, name: str):
    """Doubles the size (figure 15b)."""
    y = layers.ReLU(name=f"{name}_activation1")(kit.class_norm(x, told, f"{name}_norm1"))
    y = kit.conv(doubled(y), filters, f"{name}_conv1")
    y = layers.ReLU(name=f"{name}_activation2")(kit.class_norm(y, told, f"{name}_norm2"))
    y = kit.conv(y, filters, f"{name}_conv2")
    # A convolution of one pixel makes the same of each of four copies: it comes first.
    return y + doubled(kit.conv(x, filters, f"{name}_shortcut", kernel=1))


def doubled(x):
    """Enlarges twice by repeating pixels, in a way that GPUs of phones take."""
    return ops.image.resize(x, (2 * x.shape[1], 2 * x.shape[2]), interpolation="nearest")


def build_discriminator(config: BigGANConfig) -> keras.Model:
    """Images (B, S, S, C) in [-1, 1] and labels (B,) -> logits (B, 1): dense of h, and the class's vector times h."""
    kit, size = Kit(config.spectral_norm), config.image_size
    x = image = keras.Input((size, size, config.channels), name="image")
    label = keras.Input((), dtype="int32", name="label")
    for block, (width, halves) in enumerate(DISCRIMINATOR_WIDTHS[size], start=1):
        x = discriminator_block(kit, x, width * config.base_filters, halves, block == 1, f"block{block}")
        if halves and x.shape[1] == config.attention:
            x = kit.attention(x, "attention")
    seen = ops.sum(layers.ReLU(name="last_activation")(x), axis=(1, 2))
    classes = kit.dense(ops.one_hot(label, config.classes, dtype=seen.dtype), seen.shape[-1], "class", use_bias=False)
    logits = kit.dense(seen, 1, "dense") + ops.sum(classes * seen, axis=1, keepdims=True)
    logits = layers.Activation("linear", dtype=output_dtype(), name="logits")(logits)
    return keras.Model({"image": image, "label": label}, logits, name="biggan_discriminator")


def discriminator_block(kit: Kit, x, filters: int, halves: bool, first: bool, name: str):
    """Keeps or halves the size (figure 15c)."""
    y = x if first else layers.ReLU(name=f"{name}_activation1")(x)
    y = layers.ReLU(name=f"{name}_activation2")(kit.conv(y, filters, f"{name}_conv1"))
    y = kit.conv(y, filters, f"{name}_conv2")
    if halves:
        x, y = (layers.AveragePooling2D(2, name=f"{name}_{part}_pool")(values) for part, values in (("x", x), ("y", y)))
    if halves or x.shape[-1] != filters:
        x = kit.conv(x, filters, f"{name}_shortcut", kernel=1)
    return x + y


def off_diagonal(kernel):
    """Returns the sum of squares of the products of different filters of a kernel, the last axis of which are units."""
    matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))
    products = ops.matmul(ops.transpose(matrix), matrix)
    return ops.sum(ops.square(products * (1.0 - ops.eye(kernel.shape[-1], dtype=products.dtype))))


@register("biggan")
class BigGAN(GAN):
    """BigGAN; a batch is `image` and `label`."""

    config_class = BigGANConfig
    generated = {"sample": "image"}

    def build_networks(self):
        generator = build_generator(self.config, Kit(self.config.spectral_norm))
        return {"generator": generator, "discriminator": build_discriminator(self.config)}

    def build_released(self):
        return {"generator": build_generator(self.config, Kit(spectral_norm=False))}

    def release(self, name, trained, stock):
        for one, other in zip(trained.layers, stock.layers, strict=True):
            if isinstance(one, SpectralConv2D | SpectralDense):
                other.set_weights([one.normalized_kernel(), *([one.bias] if one.use_bias else [])])
            else:
                other.set_weights(one.get_weights())

    def adopt(self, name, stock, trained):
        for one, other in zip(stock.layers, trained.layers, strict=True):
            if isinstance(other, SpectralConv2D | SpectralDense):
                other.kernel.assign(one.kernel)
                other.settle()
                if one.use_bias:
                    other.bias.assign(one.bias)
            else:
                other.set_weights(one.get_weights())

    def forward(self, batch: Mapping):
        shape = (ops.shape(batch["label"])[0], self.config.latent_dim)
        latents = keras.random.normal(shape, seed=self.random("latents"))
        return {"latents": latents, "image": self.generator([latents, batch["label"]], training=True)}

    def phases(self):
        return (
            self.discriminator_phase("discriminator", ("discriminator",), self.discriminator_loss),
            Phase("generator", ("generator",), self.generator_loss, self.config.learning_rate),
        )

    def discriminator_loss(self, batch, outputs):
        return self.discriminator_terms(
            "discriminator",
            real={"image": batch["image"], "label": batch["label"]},
            fake={"image": outputs["image"], "label": batch["label"]},
        )

    def generator_loss(self, batch, outputs):
        fake = {"image": outputs["image"], "label": batch["label"]}
        terms = {"generator_adversarial": self.adversarial_loss("discriminator", fake)}
        if self.config.orthogonal_weight:
            kernels = [v for v in self.generator.trainable_variables if v.name == "kernel"]
            penalty = sum(off_diagonal(ops.convert_to_tensor(kernel)) for kernel in kernels)
            terms["generator_orthogonal_penalty"] = self.config.orthogonal_weight * penalty
        return terms

    def samples(self, batch):
        shape = (len(batch["label"]), self.config.latent_dim)
        latents = seeding.generator(self.config.seed, "samples").standard_normal(shape).astype("float32")
        return {"sample": self.deployed()["generator"]([latents, batch["label"]], training=False)}
