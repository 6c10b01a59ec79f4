"""CycleGAN: image to image translation without pairs (Zhu et al. 2017).

"Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks"; reference:
pytorch-CycleGAN-and-pix2pix. Images of both domains, in and out: (B, S, S, C) in [-1, 1], S a multiple of 4 from 64 up.

A step: both generators on both images; both generators updated together by the adversarial, cycle and identity terms;
then both discriminators, on real images and on fakes drawn from pools of past fakes.

On several replicas the pools take up the fakes of all replicas, as on one device, and are equal everywhere.

Deviations: instance norm has no scale and offset, as in the reference code. The recipes' learning rates fall with every
step, the reference's with every epoch; they differ by at most a hundredth of the first rate. All images of b are shown
before one comes again; the reference draws a random one for each image of a.

`generator="mobile"` is not from the paper: ResNets with a tenth of the multiplications, for phones, that paint only the
change in an image. They need lower cycle and identity weights, since the unchanged image satisfies both losses.
"""

from typing import Annotated, ClassVar, Literal

import keras
from keras import layers, ops
from pydantic import Field

from ganzoo.backends import backend
from ganzoo.config.recipe import Count, ImageGANConfig, Size, Weight, frozen_config
from ganzoo.config.registration import register
from ganzoo.core.layers import (
    clipped,
    conv_relu,
    instance_norm,
    normal_initializer,
    output_dtype,
    patch_gan,
    reflection_pad,
)
from ganzoo.core.losses import l1
from ganzoo.data.fields import Image, Signature, Stream
from ganzoo.errors import UsageError
from ganzoo.gan.gan import GAN, Phase


@frozen_config
class CycleGANConfig(ImageGANConfig):
    """The paper's values, sections 4 and 7.1, and the reference's identity weight."""

    batch: ClassVar = (Stream(a=Image()), Stream(b=Image()))
    deployed: ClassVar = {
        "generator_ab": Signature(takes={"a": Image()}, gives={"fake_b": Image()}),
        "generator_ba": Signature(takes={"b": Image()}, gives={"fake_a": Image()}),
    }
    default_recipe: ClassVar[str] = "cyclegan_avatars"

    image_size: Annotated[int, Field(ge=64, le=512, multiple_of=4)] = 256
    generator: Literal["resnet", "mobile"] = "resnet"
    base_filters: Size = 64
    """Filters of the first layers of all networks; the mobile generators begin with half."""
    residual_blocks: Size | None = None
    """None: 9 from 256 pixels up, else 6."""
    cycle_weight: Weight = 10.0
    """Weight of the distance between an image and its translation there and back."""
    identity_weight: Weight = 5.0
    """Weight of the distance between an image and the output of the generator into its own domain."""
    pool_size: Count = 50
    """Past fakes of each domain that the discriminators are shown again. 0: only the latest."""

    adversarial_loss: Literal["non_saturating", "lsgan", "hinge", "wasserstein"] = "lsgan"
    discriminator_norm: Literal["batch", "instance", "none"] = "instance"
    discriminator_weight: Weight = 0.5

    @property
    def floors(self):
        # Norms without a scale amplify small errors.
        return {} if self.generator == "mobile" else {"dynamic": 38.0, "int8": 32.0, "int16x8": 38.0}


def conv_block(x, filters: int, kernel: int, name: str, strides=1):
    """Convolution without padding, instance norm, ReLU."""
    x = layers.Conv2D(filters, kernel, strides=strides, kernel_initializer=normal_initializer(), name=f"{name}_conv")(x)
    return layers.ReLU(name=f"{name}_activation")(instance_norm(x))


def residual_block(x, name: str):
    """Two 3x3 convolutions with reflection padding, added to what came in. No ReLU after the sum."""
    filters = x.shape[-1]
    y = conv_block(reflection_pad(x, 1), filters, 3, f"{name}a")
    y = layers.Conv2D(filters, 3, kernel_initializer=normal_initializer(), name=f"{name}b_conv")(reflection_pad(y, 1))
    return layers.Add(name=f"{name}_add")([x, instance_norm(y)])


def up_block(x, filters: int, name: str):
    """Torch's transposed convolution of kernel 3, stride 2, padding 1, output padding 1; norm, ReLU."""
    x = layers.Conv2DTranspose(
        filters, 3, strides=2, padding="valid", kernel_initializer=normal_initializer(), name=f"{name}_conv"
    )(x)
    # Keras's "same" would cut the last row and column, Torch cuts the first.
    x = layers.Cropping2D(((1, 0), (1, 0)), name=f"{name}_crop")(x)
    return layers.ReLU(name=f"{name}_activation")(instance_norm(x))


def block_count(config: CycleGANConfig) -> int:
    return config.residual_blocks or (9 if config.image_size >= 256 else 6)


def build_generator(config: CycleGANConfig, name: str) -> keras.Model:
    """The ResNet: (B, S, S, C) -> (B, S, S, C), both in [-1, 1]."""
    x = image = keras.Input((config.image_size, config.image_size, config.channels), name="image")
    x = conv_block(reflection_pad(x, 3), config.base_filters, 7, "first")
    for level in (1, 2):
        x = layers.ZeroPadding2D(1, name=f"down{level}_pad")(x)
        x = conv_block(x, config.base_filters * 2**level, 3, f"down{level}", strides=2)
    for block in range(block_count(config)):
        x = residual_block(x, f"block{block + 1}")
    for level in (1, 0):
        x = up_block(x, config.base_filters * 2**level, f"up{level + 1}")
    x = layers.Conv2D(config.channels, 7, kernel_initializer=normal_initializer(), name="last_conv")(
        reflection_pad(x, 3)
    )
    image_out = layers.Activation("tanh", dtype=output_dtype(), name="output")(x)
    return keras.Model(image, image_out, name=f"cyclegan_{name}")


def mobile_residual_block(x, name: str):
    """1x1 convolution to half the filters, 3x3, and 1x1 back; added to what came in."""
    filters = x.shape[-1]
    y = conv_relu(x, filters // 2, 1, f"{name}a")
    y = conv_relu(y, filters // 2, 3, f"{name}b")
    y = layers.Conv2D(filters, 1, kernel_initializer=normal_initializer(), name=f"{name}c_conv")(y)
    return layers.Add(name=f"{name}_add")([x, y])


def build_mobile_generator(config: CycleGANConfig, name: str) -> keras.Model:
    """A smaller ResNet without norms, added to the image: (B, S, S, C) -> (B, S, S, C), both in [-1, 1]."""
    filters = max(config.base_filters // 2, 1)
    image = keras.Input((config.image_size, config.image_size, config.channels), name="image")
    x = first = conv_relu(image, filters, 5, "down1", strides=2)
    x = conv_relu(x, 4 * filters, 3, "down2", strides=2)
    for block in range(block_count(config)):
        x = mobile_residual_block(x, f"block{block + 1}")
    x = ops.depth_to_space(conv_relu(x, 4 * filters, 3, "up2"), 2)
    x = conv_relu(layers.Add(name="skip")([x, first]), filters, 3, "up1")
    x = layers.Conv2D(
        4 * config.channels, 3, padding="same", kernel_initializer=normal_initializer(), name="last_conv"
    )(x)
    x = layers.Add(name="changed")([image, ops.depth_to_space(x, 2)])
    return keras.Model(image, clipped(x), name=f"cyclegan_mobile_{name}")


GENERATORS = {"resnet": build_generator, "mobile": build_mobile_generator}


def build_discriminator(config: CycleGANConfig, name: str) -> keras.Model:
    """The 70x70 PatchGAN: (B, S, S, C) in [-1, 1] -> logits, 30x30 at 256."""
    return patch_gan(
        "image",
        config.channels,
        image_size=config.image_size,
        base_filters=config.base_filters,
        norm=config.discriminator_norm,
        spectral_norm=config.spectral_norm,
        name=f"cyclegan_{name}",
    )


class ImagePool:
    """Past fakes for a discriminator (Shrivastava et al. 2017, section 2.3; CycleGAN, section 4).

    The pool is filled first. From then on each new image is, with probability 1/2, exchanged for a random one of the
    pool, and otherwise passed on.

    Args:
        size: images held; 0 passes everything on.
        shape: of one image, (H, W, C).
        dtype: dtype of the stored images.
    """

    def __init__(self, size: int, shape: tuple[int, int, int], name: str, dtype: str = "float32"):
        self.size = size
        self.variables = []
        if size:
            options = {"trainable": False, "aggregation": "only_first_replica"}
            self.images = keras.Variable(
                keras.initializers.Zeros(), (size, *shape), dtype, name=f"{name}_images", **options
            )
            self.count = keras.Variable(0, dtype=backend.dtypes.WHOLE_NUMBERS, name=f"{name}_count", **options)
            self.variables = [self.images, self.count]

    def exchange(self, images, seed):
        """Takes images (B, H, W, C) and returns as many; each one that comes in is stored or passed on."""
        if not self.size:
            return images
        if images.shape[0] is None:
            raise UsageError("cyclegan: the batch has no fixed size; batch with drop_remainder=True")
        draws = keras.random.uniform((images.shape[0], 2), seed=seed, dtype="float32")
        pool, count, shown = ops.convert_to_tensor(self.images), ops.convert_to_tensor(self.count), []
        for image, (swap, place) in zip(ops.unstack(images), map(ops.unstack, ops.unstack(draws)), strict=True):
            full = count >= self.size
            slot = ops.where(full, ops.cast(ops.floor(place * self.size), backend.dtypes.WHOLE_NUMBERS), count)
            past = ops.take(pool, slot, axis=0)
            exchanged = ops.logical_and(full, swap < 0.5)
            shown.append(ops.where(exchanged, ops.cast(past, image.dtype), image))
            stored = ops.where(ops.logical_or(exchanged, ops.logical_not(full)), ops.cast(image, past.dtype), past)
            pool = ops.slice_update(pool, ops.stack([slot, 0, 0, 0]), stored[None])
            count = ops.minimum(count + 1, self.size)
        self.images.assign(pool)
        self.count.assign(count)
        return ops.stack(shown)


@register("cyclegan")
class CycleGAN(GAN):
    """CycleGAN; a batch is `a` and `b`, of one size, unrelated."""

    config_class = CycleGANConfig
    generated = {"a to b": "b", "b to a": "a"}

    def __init__(self, config):
        super().__init__(config)
        shape = (config.image_size, config.image_size, config.channels)
        self.pools = {
            domain: ImagePool(config.pool_size, shape, f"pool_{domain}", self.batch_dtype) for domain in ("a", "b")
        }

    def memory(self):
        return [variable for pool in self.pools.values() for variable in pool.variables]

    def build_networks(self):
        build = GENERATORS[self.config.generator]
        generators = {name: build(self.config, name) for name in ("generator_ab", "generator_ba")}
        discriminators = {
            name: build_discriminator(self.config, name) for name in ("discriminator_a", "discriminator_b")
        }
        return generators | discriminators

    def forward(self, batch):
        return {
            "fake_b": self.generator_ab(batch["a"], training=True),
            "fake_a": self.generator_ba(batch["b"], training=True),
        }

    def phases(self):
        config = self.config
        return (
            Phase(
                "generators",
                networks=("generator_ab", "generator_ba"),
                loss=self.generator_loss,
                learning_rate=config.learning_rate,
            ),
            self.discriminator_phase("discriminators", ("discriminator_a", "discriminator_b"), self.discriminator_loss),
        )

    def generator_loss(self, batch, outputs):
        config = self.config
        terms = {
            "generator_ab_adversarial": self.adversarial_loss("discriminator_b", (outputs["fake_b"],)),
            "generator_ba_adversarial": self.adversarial_loss("discriminator_a", (outputs["fake_a"],)),
            "cycle_a": config.cycle_weight * l1(self.generator_ba(outputs["fake_b"], training=True), batch["a"]),
            "cycle_b": config.cycle_weight * l1(self.generator_ab(outputs["fake_a"], training=True), batch["b"]),
        }
        if config.identity_weight:
            terms |= {
                "identity_a": config.identity_weight * l1(self.generator_ba(batch["a"], training=True), batch["a"]),
                "identity_b": config.identity_weight * l1(self.generator_ab(batch["b"], training=True), batch["b"]),
            }
        return terms

    def discriminator_loss(self, batch, outputs):
        terms = {}
        for domain in ("a", "b"):
            fakes = self.gathered(outputs[f"fake_{domain}"])
            fake = self.own_part(self.pools[domain].exchange(fakes, self.random(f"pool {domain}", shared=True)))
            terms |= self.discriminator_terms(f"discriminator_{domain}", real=(batch[domain],), fake=(fake,))
        return terms

    def samples(self, batch):
        a_to_b, b_to_a = self.deployed().values()
        fake_b, fake_a = a_to_b(batch["a"], training=False), b_to_a(batch["b"], training=False)
        return {
            "a": batch["a"],
            "a to b": fake_b,
            "a to b to a": b_to_a(fake_b, training=False),
            "b": batch["b"],
            "b to a": fake_a,
            "b to a to b": a_to_b(fake_a, training=False),
        }
