"""StyleGAN2: images from noise, each level of detail steered by its own style (Karras et al. 2020).

"Analyzing and Improving the Image Quality of StyleGAN", configuration F; reference: NVIDIA's stylegan2-ada-pytorch.
Latents in: (B, latent_dim), normal; with `classes` also labels: (B,). Images out: (B, S, S, C) in [-1, 1], S one of 32,
64, 128, 256.

A mapping makes w of the latents, a synthesis the picture of a w for each layer. All weights have an equalized rate
(Karras et al. 2018, section 4.1).

A step: the discriminator, every 16th time R1 by the same optimizer (Mescheder et al. 2018); the generator, every 4th
time the path length penalty of half a batch by the same optimizer (section 3.2 and appendix B).

Of classes, an embedding goes into the mapping beside the latents, and the discriminator's last features are weighed by
what a mapping of its own makes of the class (Karras et al. 2020, "ADA", and the reference).

Deviations: the skipped picture is enlarged bilinearly, which is the reference's filter inside of the border. How much
examples differ is of each and the three that follow, where the reference has disjoint groups of four. Two styles are
mixed at another layer for each example, where the reference has one for the whole batch.

What is deployed is the moving average, of stock layers and without noise. Its mapping gives w less its mean, and its
synthesis takes that: times psi, it is truncated.
"""

import math
from typing import Annotated, ClassVar, Literal

import keras
from keras import layers, ops
from pydantic import Field

from ganzoo.config.recipe import ByConfig, ImageGANConfig, Momentum, Positive, Rate, Size, Weight, frozen_config
from ganzoo.config.registration import register
from ganzoo.core import losses, seeding
from ganzoo.core.equalized import EPSILON, GAIN, Equalized, MeanStyle, ModulatedConv2D, NoiseAndBias, energy, swapped
from ganzoo.core.layers import layers_within, output_dtype, wide
from ganzoo.core.style_kits import Stock, Trained, blurred, leaky, normalized, scaled, unscaled
from ganzoo.data.fields import Code, Image, Label, Latents, Signature, Stream, Styles
from ganzoo.gan.gan import GAN, Phase

GROUP = 4
"""Examples among which the discriminator sees how much they differ."""
HALF = math.sqrt(0.5)
CLASS_LAYERS = 8
"""Dense layers of the discriminator's mapping of a class."""


@frozen_config
class StyleGAN2Config(ImageGANConfig):
    """The values of the reference's configuration for FFHQ at 256 pixels, but for the size of networks and batch."""

    told: ClassVar = ByConfig(lambda config: {"label": Label()} if config.classes else {})
    """What networks are told besides: the class, where there are classes."""
    batch: ClassVar = ByConfig(lambda config: (Stream(image=Image(), **config.told),))
    deployed: ClassVar = ByConfig(
        lambda config: {
            "generator": Signature(
                takes={"latents": Latents(), **config.told},
                gives={"image": Image()},
                parts={
                    "mapping": Signature({"latents": Latents(), **config.told}, {"style": Code("latent_dim")}),
                    "synthesis": Signature({"styles": Styles()}, {"image": Image()}),
                },
            )
        }
    )
    default_recipe: ClassVar[str] = "stylegan2_avatars"

    image_size: Literal[32, 64, 128, 256] = 64
    classes: Annotated[int, Field(ge=0)] = 0
    """The number of classes, of which the wanted one is told. 0: images have no labels."""
    latent_dim: Size = 512
    """The length of the noise, and of w."""
    mapping_layers: Annotated[int, Field(ge=1, le=64)] = 8
    """Dense layers between the noise and w."""
    mapping_rate: Rate = 0.01
    """The learning rate of the mapping over that of the synthesis."""
    base_filters: Size = 64
    """Filters at the size of the images; they double at each halving, up to `max_filters`."""
    max_filters: Size = 512
    """The most filters at any size."""
    style_mixing: Annotated[float, Field(ge=0, le=1)] = 0.9
    """The share of samples in training whose layers take two different w, from a random one on."""
    w_decay: Momentum = 0.998
    """Decay per step of the mean of w."""
    r1_weight: Weight = 1.0
    """Weight of the discriminator's penalty, gamma. The reference's rule: 0.0002 S² / batch size."""
    r1_every: Positive = 16
    """The penalty is taken once in so many steps, and weighs as many times as much."""
    path_weight: Weight = 2.0
    """Weight of the generator's path length penalty."""
    path_every: Positive = 4
    """The penalty is taken once in so many steps, and weighs as many times as much."""
    path_decay: Momentum = 0.99
    """Decay of the mean path length, each time that the penalty is taken."""
    ema_decay: Momentum = 0.998
    learning_rate: Rate = 2e-3
    beta_1: Momentum = 0.0
    beta_2: Momentum = 0.99

    def __post_init__(self):
        super().__post_init__()
        if self.spectral_norm:
            raise ValueError("spectral_norm=true makes no sense on layers of an equalized rate: leave it out")
        if self.discriminator_norm != "none":
            raise ValueError(
                f"discriminator_norm={self.discriminator_norm} is not of this architecture: set it to none"
            )

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of the feature maps, from 4 up to that of the images."""
        return tuple(2**power for power in range(2, int(math.log2(self.image_size)) + 1))

    @property
    def style_layers(self) -> int:
        """The number of w that the synthesis takes: one a convolution, and one for the last picture."""
        return 2 * len(self.sizes)

    def filters(self, size: int) -> int:
        """The filters at a size of the feature maps."""
        return min(self.base_filters * self.image_size // size, self.max_filters)


def build_mapping(config: StyleGAN2Config, kit: Trained | Stock) -> keras.Model:
    """Latents (B, latent_dim), and labels (B,) where there are classes -> w (B, latent_dim)."""
    inputs = generator_inputs(config)
    x = normalized(inputs[0])
    for label in inputs[1:]:
        wanted = embedded(config, kit, label, config.latent_dim)
        x = layers.Concatenate(name="latents_and_class")([x, wanted])
    x = mapped(config, kit, x, config.latent_dim, config.mapping_layers, "dense")
    return keras.Model(alone(inputs), kit.centered(x, config.w_decay), name="mapping")


def embedded(config: StyleGAN2Config, kit: Trained | Stock, label, units: int):
    """Returns the embedding of a class, (B, units), of a mean square of 1."""
    return normalized(kit.dense(ops.one_hot(label, config.classes), units, "class"))


def mapped(config: StyleGAN2Config, kit: Trained | Stock, x, units: int, count: int, name: str):
    """Applies the dense layers of a mapping: (B, units)."""
    for number in range(1, count + 1):
        x = kit.dense(x, units, f"{name}{number}", gain=GAIN, rate=config.mapping_rate)
        x = leaky(x, f"{name}{number}")
    return x


def generator_inputs(config: StyleGAN2Config) -> list:
    """Returns new inputs: latents and, where there are classes, labels."""
    latents = keras.Input((config.latent_dim,), name="latents")
    return [latents, *([keras.Input((), dtype="int32", name="label")] if config.classes else [])]


def alone(values: list):
    """Returns the only one of some values, or all."""
    return values[0] if len(values) == 1 else values


def build_synthesis(config: StyleGAN2Config, kit: Trained | Stock) -> keras.Model:
    """A w for each layer (B, layers, latent_dim) -> (B, S, S, C) in [-1, 1], or a little beyond."""
    styles = keras.Input((config.style_layers, config.latent_dim), name="styles")

    def style(channels: int, name: str, place: int):
        return kit.dense(styles[:, place], channels, f"{name}_style", bias=1.0)

    # Stock layers have no weights without an input: these are the only row of a table.
    filters = config.filters(4)
    table = layers.Embedding(
        1, 16 * filters, embeddings_initializer=keras.initializers.RandomNormal(stddev=1.0), name="constant"
    )
    x = layers.Reshape((4, 4, filters), name="4x4")(table(ops.zeros_like(styles[:, 0, 0], dtype="int32")))
    place, image = 0, None
    for size in config.sizes:
        filters, name = config.filters(size), f"{size}x{size}"
        if size > 4:
            x = kit.modulated(x, style(x.shape[-1], f"up{name}", place), filters, f"up{name}", doubles=True)
            place += 1
            image = ops.image.resize(image, (size, size), interpolation="bilinear")
        x = kit.modulated(x, style(filters, f"conv{name}", place), filters, f"conv{name}")
        place += 1
        # The picture shares its w with the next convolution.
        rgb = scaled(x, style(filters, f"rgb{name}", place), f"rgb{name}_in")
        rgb = kit.conv(rgb, config.channels, 1, f"rgb{name}")
        image = rgb if image is None else image + rgb
    image = layers.Activation("linear", dtype=output_dtype(), name="output")(image)
    return keras.Model(styles, image, name="synthesis")


def build_generator(config: StyleGAN2Config, kit: Trained | Stock) -> keras.Model:
    """Latents (B, latent_dim), and labels (B,) -> (B, S, S, C) in [-1, 1], or a little beyond."""
    inputs = alone(generator_inputs(config))
    styles = layers.RepeatVector(config.style_layers, name="styles")(build_mapping(config, kit)(inputs))
    return keras.Model(inputs, build_synthesis(config, kit)(styles), name="stylegan2_generator")


def build_discriminator(config: StyleGAN2Config) -> keras.Model:
    """(B, S, S, C) in [-1, 1], and labels (B,) where there are classes -> logits (B, 1)."""
    kit = Trained()
    x = image = keras.Input((config.image_size, config.image_size, config.channels), name="image")
    x = leaky(kit.conv(x, config.filters(config.image_size), 1, "rgb", gain=GAIN), "rgb")
    for size in reversed(config.sizes[1:]):
        units, name = config.filters(size // 2), f"{size}x{size}"
        y = leaky(kit.conv(x, x.shape[-1], 3, f"conv{name}", gain=GAIN), f"conv{name}")
        # Half of the energy is of each way.
        y = leaky(kit.conv(blurred(y, 2), units, 3, f"down{name}", strides=2, gain=GAIN * HALF), f"down{name}")
        x = y + kit.conv(blurred(x, 1, strides=2), units, 1, f"skip{name}", gain=HALF, bias=None)
    x = layers.Concatenate(name="with_deviation")([x, deviation(x)])
    x = leaky(kit.conv(x, units, 3, "conv4x4", gain=GAIN), "conv4x4")
    x = leaky(kit.dense(layers.Flatten(name="flat")(x), units, "dense", gain=GAIN), "dense")
    inputs, logits = image, kit.dense(x, units if config.classes else 1, "last_dense")
    if config.classes:
        label = keras.Input((), dtype="int32", name="label")
        wanted = mapped(config, kit, embedded(config, kit, label, units), units, CLASS_LAYERS, "class_dense")
        logits = ops.sum(wide(logits) * wide(wanted), axis=1, keepdims=True) / math.sqrt(units)
        inputs = {"image": image, "label": label}
    logits = layers.Activation("linear", dtype=output_dtype(), name="logits")(logits)
    return keras.Model(inputs, logits, name="stylegan2_discriminator")


def deviation(x):
    """Returns one map (B, H, W, 1) of how much examples differ: the mean deviation of `GROUP` of them."""
    group = wide(ops.stack([ops.roll(x, -place, axis=0) for place in range(GROUP)]))
    found = ops.sqrt(ops.mean(ops.square(group - ops.mean(group, axis=0)), axis=0) + EPSILON)
    found = ops.cast(ops.mean(found, axis=(1, 2, 3), keepdims=True), x.dtype)
    # Not added to zeros: under TensorFlow Keras takes (4, 1, 1, 1) for the bias of maps of 4x4.
    return ops.tile(found, (1, *x.shape[1:3], 1))


@register("stylegan2")
class StyleGAN2(GAN):
    """StyleGAN2; a batch is `image` and, where there are classes, `label`."""

    config_class = StyleGAN2Config
    generated = {"sample": "image"}
    penalized = ("generator", "discriminator")

    def __init__(self, config):
        super().__init__(config)
        self.path_mean = keras.Variable(0.0, trainable=False, aggregation="only_first_replica", name="path_mean")

    def memory(self):
        return [self.path_mean]

    def build_networks(self):
        generator = build_generator(self.config, Trained())
        return {"generator": generator, "discriminator": build_discriminator(self.config)}

    def build_released(self):
        return {"generator": build_generator(self.config, Stock())}

    def release(self, name, trained, stock):
        twins = dict(layers_within(stock))
        mean = ops.convert_to_tensor(trained.get_layer("mapping").get_layer("mean_style").mean)
        for place, layer in layers_within(trained):
            twin = twins.get(place)
            if isinstance(layer, ModulatedConv2D):
                (kernel,) = layer.used()
                twin.set_weights([swapped(kernel) if layer.doubles else kernel])
                # What multiplies the outputs afterwards goes into their scale.
                after = GAIN * (4.0 if layer.doubles else 1.0)
                squares = [energy(kernel), ops.full((layer.units,), EPSILON)]
                twins[f"{place}_energy"].set_weights([values / after**2 for values in squares])
            elif isinstance(layer, Equalized):
                kernel, bias = layer.used()
                twin.set_weights([kernel, bias + ops.matmul(mean, kernel) if place.endswith("_style") else bias])
            elif isinstance(layer, NoiseAndBias):
                bias = GAIN * ops.convert_to_tensor(layer.bias)
                twin.set_weights([bias, *unscaled(twin, 0.0 * bias)])
            elif isinstance(layer, MeanStyle):
                twin.set_weights(unscaled(twin, mean))
            elif isinstance(layer, layers.Embedding):
                twin.set_weights(layer.get_weights())

    def adopt(self, name, stock, trained):
        twins = dict(layers_within(stock))
        mean = trained.get_layer("mapping").get_layer("mean_style").mean
        mean.assign(stock.get_layer("mapping").get_layer("mean_style").moving_mean)
        for place, layer in layers_within(trained):
            twin = twins.get(place)
            if isinstance(layer, ModulatedConv2D):
                layer.use(swapped(twin.kernel) if layer.doubles else twin.kernel)
            elif isinstance(layer, Equalized):
                shifted = twin.bias - ops.matmul(mean, twin.kernel) if place.endswith("_style") else twin.bias
                layer.use(twin.kernel, shifted)
            elif isinstance(layer, NoiseAndBias):
                layer.bias.assign(twin.beta / GAIN)
            elif isinstance(layer, layers.Embedding):
                layer.set_weights(twin.get_weights())

    def forward(self, batch):
        count = ops.shape(batch["image"])[0]
        latents = keras.random.normal((2 * count, self.config.latent_dim), seed=self.random("latents"))
        inputs = alone([latents, *(ops.concatenate([batch[key]] * 2) for key in self.config.told)])
        one, other = ops.split(self.generator.get_layer("mapping")(inputs, training=True), 2)
        layer = ops.arange(self.config.style_layers)[None, :, None]
        styles = ops.where(layer < self.crossovers(count)[:, None, None], one[:, None], other[:, None])
        image = self.generator.get_layer("synthesis")(styles, training=True)
        return {"latents": latents[:count], "styles": styles, "image": image}

    def crossovers(self, count):
        """Returns for each sample the first layer of the second style, (count,); the number of layers where none is."""
        share = 0.0 if self._is_taught() else self.config.style_mixing
        last = self.config.style_layers
        mixed = keras.random.uniform((count,), seed=self.random("mixed")) < share
        places = keras.random.uniform((count,), 1, last, seed=self.random("crossovers"))
        return ops.where(mixed, ops.cast(places, "int32"), last)

    def phases(self):
        config = self.config
        # What is also asked once in n steps is to learn no faster by that (appendix B).
        of_r1, of_path = (every / (every + 1) for every in (config.r1_every, config.path_every))
        rate = (config.discriminator_learning_rate or config.learning_rate) * of_r1
        own = {"networks": ("discriminator",), "learning_rate": rate, "decay_power": of_r1, "detached": True}
        generators = {
            "networks": ("generator",),
            "learning_rate": config.learning_rate * of_path,
            "decay_power": of_path,
        }
        lengths = {"every": config.path_every, "optimizer": "generator"}
        return (
            Phase("discriminator", loss=self.discriminator_loss, repeats=config.n_critic, **own),
            Phase("r1", loss=self.r1_loss, every=config.r1_every, optimizer="discriminator", **own),
            Phase("generator", loss=self.generator_loss, **generators),
            Phase("path_length", loss=self.path_loss, **lengths, **generators),
        )

    def discriminator_loss(self, batch, outputs):
        real, fake = (self.shown(image, batch) for image in (batch["image"], outputs["image"]))
        return self.discriminator_terms("discriminator", real=real, fake=fake)

    def shown(self, image, batch):
        """Returns what the discriminator is shown: an image and, where there are classes, the label of the batch."""
        labels = {key: batch[key] for key in self.config.told}
        return {"image": image, **labels} if labels else (image,)

    def r1_loss(self, batch, outputs):
        gradients = self.input_gradients(
            lambda image: self.judged("discriminator", self.shown(image, batch), "r1"), batch["image"]
        )
        weight = self.config.r1_weight * self.config.r1_every
        return {"discriminator_r1_penalty": weight * losses.r1_penalty(gradients)}

    def generator_loss(self, batch, outputs):
        return {"generator_adversarial": self.adversarial_loss("discriminator", self.shown(outputs["image"], batch))}

    def path_loss(self, batch, outputs):
        """The variance of how far a step in w moves the picture, about its moving mean (section 3.2)."""
        half = (ops.shape(outputs["styles"])[0] + 1) // 2
        styles, synthesis = outputs["styles"][:half], self.generator.get_layer("synthesis")
        noise = keras.random.normal(ops.shape(outputs["image"][:half]), seed=self.random("path lengths"))
        noise = ops.cast(noise / self.config.image_size, outputs["image"].dtype)
        gradients = self.input_gradients(lambda styles: synthesis(styles, training=True) * noise, styles)
        lengths = ops.sqrt(ops.mean(ops.sum(ops.square(gradients), axis=2), axis=1))
        mean = ops.mean(lengths)
        mean = mean + self.config.path_decay * (ops.cast(self.path_mean, mean.dtype) - mean)
        self.path_mean.assign(ops.stop_gradient(mean))
        self.observe("path_length", mean)
        weight = self.config.path_weight * self.config.path_every
        return {"generator_path_penalty": weight * ops.mean(ops.square(lengths - mean))}

    def samples(self, batch):
        shape = (len(batch["image"]), self.config.latent_dim)
        latents = seeding.generator(self.config.seed, "samples").standard_normal(shape).astype("float32")
        inputs = alone([latents, *(batch[key] for key in self.config.told)])
        return {"sample": self.deployed()["generator"](inputs, training=False)}
