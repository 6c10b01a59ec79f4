"""A classifier in small that learns from few labels (Salimans et al. 2016, Improved GAN). Made up for a test.

Images: (B, 16, 16, C) in [-1, 1], and as many of which the class is known; latents: (B, latent_dim). The discriminator
gives a logit of each class, and holds an image to be real by the log of the sum of their exponents. A step: the
discriminator on labelled, unlabelled and generated images; then the generator, by the mean of what the discriminator
sees. The discriminator, averaged, is what is deployed.
"""

from typing import ClassVar

import keras
from keras import layers, ops

from ganzoo.config.recipe import ImageGANConfig, Positive, Weight, frozen_config
from ganzoo.config.registration import register
from ganzoo.core import seeding
from ganzoo.core.layers import discriminator_conv, discriminator_dense, output_dtype
from ganzoo.data.fields import Classes, Image, Label, Signature, Stream
from ganzoo.gan.gan import GAN, Phase


@frozen_config
class ClassifierConfig(ImageGANConfig):
    """Hyperparameters of no paper."""

    batch: ClassVar = (Stream(image=Image()), Stream(labelled=Image(), label=Label(each="labels_per_class")))
    deployed: ClassVar = {"classifier": Signature(takes={"labelled": Image()}, gives={"logits": Classes()})}

    image_size: ClassVar[int] = 16
    classes: Positive = 5
    labels_per_class: Positive = 4
    latent_dim: Positive = 8
    base_filters: Positive = 8
    noise: Weight = 0.1


def build_generator(config: ClassifierConfig) -> keras.Model:
    """Latents (B, latent_dim) -> (B, 16, 16, C) in [-1, 1]."""
    latents = keras.Input((config.latent_dim,), name="latents")
    x = layers.Dense(64 * config.base_filters, activation="relu", name="dense")(latents)
    x = layers.Reshape((8, 8, config.base_filters), name="8x8")(x)
    x = layers.Conv2DTranspose(config.channels, 4, strides=2, padding="same", name="conv")(x)
    image = layers.Activation("tanh", dtype=output_dtype(), name="output")(x)
    return keras.Model(latents, image, name="classifier_generator")


def build_features(config: ClassifierConfig) -> keras.Model:
    """(B, 16, 16, C) -> (B, features)."""
    x = image = keras.Input((16, 16, config.channels), name="image")
    x = layers.GaussianNoise(config.noise, name="noise")(x)
    for block in (1, 2):
        x = discriminator_conv(
            x, config.base_filters, strides=2, spectral_norm=config.spectral_norm, name=f"conv{block}"
        )
        x = layers.LeakyReLU(0.2, name=f"activation{block}")(x)
    return keras.Model(image, layers.Flatten(name="flat")(x), name="features")


def build_classifier(config: ClassifierConfig) -> keras.Model:
    """(B, 16, 16, C) -> logits (B, classes)."""
    image = keras.Input((16, 16, config.channels), name="image")
    x = build_features(config)(image)
    logits = discriminator_dense(x, config.classes, spectral_norm=config.spectral_norm, name="dense")
    logits = layers.Activation("linear", dtype=output_dtype(), name="logits")(logits)
    return keras.Model(image, logits, name="classifier_classifier")


@register("classifier")
class Classifier(GAN):
    """A classifier that learns from few labels, in small; a batch is `image`, `labelled` and `label`."""

    config_class = ClassifierConfig
    generated = {"sample": "image"}

    def build_networks(self):
        return {"classifier": build_classifier(self.config), "generator": build_generator(self.config)}

    def forward(self, batch):
        shape = (ops.shape(batch["image"])[0], self.config.latent_dim)
        latents = keras.random.normal(shape, seed=self.random("latents"))
        return {"fake": self.generator(latents, training=True)}

    def phases(self):
        return (
            self.discriminator_phase("classifier", ("classifier",), self.classifier_loss),
            Phase("generator", ("generator",), self.generator_loss, self.config.learning_rate),
        )

    def classifier_loss(self, batch, outputs):
        labelled, real, fake = (
            self.classifier(images, training=True) for images in (batch["labelled"], batch["image"], outputs["fake"])
        )
        real, fake = ops.logsumexp(real, axis=1), ops.logsumexp(fake, axis=1)
        right = keras.losses.sparse_categorical_crossentropy(batch["label"], labelled, from_logits=True)
        return {
            "classifier_labelled": ops.mean(right),
            "classifier_real": 0.5 * ops.mean(ops.softplus(-real)),
            "classifier_fake": 0.5 * ops.mean(ops.softplus(fake)),
        }

    def generator_loss(self, batch, outputs):
        features = self.classifier.get_layer("features")
        real, fake = (ops.mean(features(images, training=True), axis=0) for images in (batch["image"], outputs["fake"]))
        return {"generator_features": ops.mean(ops.square(real - fake))}

    def samples(self, batch):
        shape = (len(batch["image"]), self.config.latent_dim)
        latents = seeding.generator(self.config.seed, "samples").standard_normal(shape).astype("float32")
        return {"image": batch["image"], "sample": self.networks()["generator"](latents, training=False)}
