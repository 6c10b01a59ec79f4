"""Improved GAN: a classifier that learns from few labels (Salimans et al. 2016).

It learns from pictures without a label too, as it must tell real from made. "Improved Techniques for Training GANs",
section 5; reference: OpenAI's improved-gan, train_mnist_feature_matching. Images: (B, S, S, C) in [0, 1], and as many
of which the class is known. The classifier gives a logit of each class and none for "made": that one is 0, so that
p(real) = Z / (Z + 1), where Z is the sum of the exponents of the logits. It is deployed as its moving average, with the
weight norm folded into the kernels.

A step: one forward of the generator; the classifier on labelled, real and made images; then the generator, by the mean
of what the updated classifier's last hidden layer makes of the same images (feature matching, section 3.1).

Initial weights depend on 500 real images (Salimans and Kingma 2016), see `adapt`. Deviations: the reference draws other
real images and other latents for the generator's update, and its average begins at 0.

With `discriminator_weight` 0 the classifier learns from the labels alone, to compare; its initial weights still go by
those 500.
"""

from typing import Annotated, ClassVar

import keras
from keras import layers, ops
from pydantic import Field

from ganzoo.config.recipe import ImageGANConfig, Momentum, Positive, Rate, Size, Weight, frozen_config
from ganzoo.config.registration import register
from ganzoo.core import seeding
from ganzoo.core.layers import output_dtype, wide
from ganzoo.data.fields import Classes, Image, Label, Signature, Stream, as_shown
from ganzoo.errors import UsageError
from ganzoo.gan.gan import GAN, Phase


@frozen_config
class ImprovedGANConfig(ImageGANConfig):
    """The values of the reference for MNIST."""

    picture: ClassVar = Image(range=(0.0, 1.0))
    batch: ClassVar = (Stream(image=picture), Stream(labelled=picture, label=Label(each="labels_per_class")))
    deployed: ClassVar = {"classifier": Signature(takes={"image": picture}, gives={"logits": Classes()})}
    default_recipe: ClassVar[str] = "improved_gan_mnist"

    image_size: Size = 28
    channels: Size = 1
    classes: Positive = 10
    """The number of classes."""
    labels_per_class: Positive = 10
    """The number of examples of each class that keep their label; the seed chooses them."""
    latent_dim: Size = 100
    """The length of the noise that an image is made from, uniform from 0 to 1."""
    units: Annotated[int, Field(ge=32, le=65_536, multiple_of=4)] = 1000
    """Units of the classifier's first layer; its further ones have a half and, three times, a quarter; those of the
    generator a half."""
    input_noise: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Deviation of the noise on the classifier's images, in training."""
    hidden_noise: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Deviation of the noise before each further layer of the classifier, in training."""
    discriminator_weight: Weight = 0.5
    """Weight of the classifier's two adversarial terms. 0: it learns from labels alone, but for its initial weights."""
    ema_decay: Momentum = 0.9999
    learning_rate: Rate = 3e-3
    epsilon: Annotated[float, Field(gt=0, le=1)] = 1e-4
    """Adam's. The reference adds 1e-8 to the second moment within the root, which is as much where that is small: the
    classifier's gradients nearly vanish at times."""

    def __post_init__(self):
        super().__post_init__()
        if self.spectral_norm:
            raise ValueError("spectral_norm=true makes no sense on top of the weight norm of each layer: leave it out")
        if self.discriminator_norm != "none":
            raise ValueError(
                f"discriminator_norm={self.discriminator_norm} makes no sense on top of the weight norm of each layer: "
                "set it to none"
            )


@keras.saving.register_keras_serializable("ganzoo")
class WeightNormDense(layers.Layer):
    """A dense layer of weight norm (Salimans and Kingma 2016): the kernel of each unit has length `gain`."""

    def __init__(self, units: int, trains_gain: bool = True, initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.units, self.trains_gain = units, trains_gain
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], self.units), self.initializer, name="kernel")
        self.gain = self.add_weight((self.units,), "ones", trainable=self.trains_gain, name="gain")
        self.bias = self.add_weight((self.units,), "zeros", name="bias")

    def call(self, inputs):
        return ops.matmul(inputs, self.kernel) * self.scale() + self.bias

    def scale(self):
        """What each unit's kernel is multiplied by."""
        kernel = ops.convert_to_tensor(self.kernel)
        length = ops.sqrt(ops.sum(ops.square(wide(kernel)), axis=0))
        return self.gain / ops.cast(length, kernel.dtype)

    def adapt(self, inputs):
        """Sets gain and bias so that outputs have mean 0 and deviation 1 for these inputs, (B, features)."""
        outputs = ops.matmul(inputs, self.kernel) * self.scale()
        mean, deviation = ops.mean(outputs, axis=0), ops.std(outputs, axis=0)
        self.gain.assign(self.gain / deviation)
        self.bias.assign(-mean / deviation)

    def get_config(self):
        initializer = keras.initializers.serialize(self.initializer)
        return super().get_config() | {
            "units": self.units,
            "trains_gain": self.trains_gain,
            "initializer": initializer,
        }


def build_generator(config: ImprovedGANConfig) -> keras.Model:
    """Latents (B, latent_dim) in [0, 1] -> images (B, S, S, C) in [0, 1]."""
    x = latents = keras.Input((config.latent_dim,), name="latents")
    for number in (1, 2):
        x = layers.Dense(config.units // 2, use_bias=False, name=f"dense{number}")(x)
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-6, scale=False, name=f"norm{number}")(x)
        x = layers.Activation("softplus", name=f"activation{number}")(x)
    shape = config.picture.shape(config)
    x = WeightNormDense(shape[0] * shape[1] * shape[2], name="dense3")(x)
    image = layers.Activation("sigmoid", dtype=output_dtype(), name="output")(layers.Reshape(shape, name="image")(x))
    return keras.Model(latents, image, name="improved_gan_generator")


def dense(units: int, name: str, trains_gain: bool = False) -> WeightNormDense:
    """A layer of the classifier that is trained."""
    initializer = keras.initializers.RandomNormal(stddev=0.1)
    return WeightNormDense(units, trains_gain=trains_gain, initializer=initializer, name=name)


def build_features(config: ImprovedGANConfig) -> keras.Model:
    """Images (B, S, S, C) in [0, 1] -> the last hidden layer (B, units / 4)."""
    image = keras.Input(config.picture.shape(config), name="image")
    x = layers.Flatten(name="flat")(image)
    for number, share in enumerate((1, 2, 4, 4, 4), start=1):
        x = layers.GaussianNoise(config.input_noise if number == 1 else config.hidden_noise, name=f"noise{number}")(x)
        x = dense(config.units // share, f"dense{number}")(x)
        x = layers.ReLU(name=f"activation{number}")(x)
    return keras.Model(image, x, name="features")


def build_classifier(config: ImprovedGANConfig) -> keras.Model:
    """Images (B, S, S, C) in [0, 1] -> logits (B, classes)."""
    image = keras.Input(config.picture.shape(config), name="image")
    x = layers.GaussianNoise(config.hidden_noise, name="noise6")(build_features(config)(image))
    x = dense(config.classes, "dense6", trains_gain=True)(x)
    logits = layers.Activation("linear", dtype=output_dtype(), name="logits")(x)
    return keras.Model(image, logits, name="improved_gan_classifier")


def build_stock_classifier(config: ImprovedGANConfig) -> keras.Model:
    """The same without noise, of plain dense layers."""
    image = keras.Input(config.picture.shape(config), name="image")
    x = layers.Flatten(name="flat")(image)
    for number, share in enumerate((1, 2, 4, 4, 4), start=1):
        x = layers.Dense(config.units // share, activation="relu", name=f"dense{number}")(x)
    return keras.Model(image, layers.Dense(config.classes, name="dense6")(x), name="improved_gan_classifier")


def weight_normed(classifier: keras.Model) -> list[WeightNormDense]:
    """Returns the six dense layers of a classifier, in order."""
    chain = [*classifier.get_layer("features").layers, *classifier.layers]
    return [layer for layer in chain if isinstance(layer, WeightNormDense)]


@register("improved_gan")
class ImprovedGAN(GAN):
    """A classifier that learns from few labels; a batch is `image`, `labelled` and `label`.

    Call `adapt` before the first `fit`; `ganzoo.train` does.
    """

    config_class = ImprovedGANConfig
    generated = {"sample": "image"}
    adapts_to = 500

    def build_networks(self):
        return {"classifier": build_classifier(self.config), "generator": build_generator(self.config)}

    def build_released(self):
        return {"classifier": build_stock_classifier(self.config)}

    def release(self, name, trained, stock):
        for number, layer in enumerate(weight_normed(trained), start=1):
            stock.get_layer(f"dense{number}").set_weights([layer.kernel * layer.scale(), layer.bias])

    def adopt(self, name, stock, trained):
        for number, layer in enumerate(weight_normed(trained), start=1):
            kernel, bias = stock.get_layer(f"dense{number}").get_weights()
            layer.kernel.assign(kernel)
            layer.gain.assign(ops.sqrt(ops.sum(ops.square(kernel), axis=0)))
            layer.bias.assign(bias)

    def adapt(self, batch):
        if "image" not in batch:
            raise UsageError(f"{self.name}: adapt: found no `image` in the batch; give it by that name, (B, H, W, C)")
        self.begin_round(0)
        x = ops.convert_to_tensor(batch["image"])
        for layer in [*self.classifier.get_layer("features").layers[1:], *self.classifier.layers[2:]]:
            if isinstance(layer, WeightNormDense):
                layer.adapt(x)
            x = layer(x, training=True)
        super().adapt(batch)

    def forward(self, batch):
        shape = (ops.shape(batch["image"])[0], self.config.latent_dim)
        latents = keras.random.uniform(shape, seed=self.random("latents"))
        return {"latents": latents, "fake": self.generator(latents, training=True)}

    def phases(self):
        return (
            self.discriminator_phase("classifier", ("classifier",), self.classifier_loss),
            Phase("generator", ("generator",), self.generator_loss, self.config.learning_rate),
        )

    def realness(self, images):
        """Returns the log of Z, (B,): the logit of p(real)."""
        return ops.logsumexp(self.classifier(images, training=True), axis=1)

    def classifier_loss(self, batch, outputs):
        logits = self.classifier(batch["labelled"], training=True)
        right = keras.losses.sparse_categorical_crossentropy(batch["label"], logits, from_logits=True)
        return {
            "classifier_labelled": ops.mean(right),
            **self.discriminator_terms(
                "classifier", real=(batch["image"],), fake=(outputs["fake"],), judge=self.realness
            ),
        }

    def generator_loss(self, batch, outputs):
        features = self.classifier.get_layer("features")
        real, fake = (ops.mean(features(images, training=True), axis=0) for images in (batch["image"], outputs["fake"]))
        return {"generator_features_adversarial": ops.mean(ops.square(real - fake))}

    def samples(self, batch):
        shape = (len(batch["image"]), self.config.latent_dim)
        latents = seeding.generator(self.config.seed, "samples").random(shape, "float32")
        made = self.networks()["generator"](latents, training=False)
        return {"image": as_shown(self.config.picture, batch["image"]), "sample": as_shown(self.config.picture, made)}
