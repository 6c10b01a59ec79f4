"""A GAN of six weights, for tests of the engine."""

from typing import ClassVar

import keras
import numpy as np
from keras import layers, ops

from ganzoo.config.parsing import create_config
from ganzoo.config.recipe import ImageGANConfig, frozen_config
from ganzoo.core.layers import output_dtype
from ganzoo.core.losses import l2
from ganzoo.data.fields import Image, Signature, Stream
from ganzoo.gan.gan import GAN, Phase


@frozen_config
class LinearConfig(ImageGANConfig):
    batch: ClassVar = (Stream(image=Image()),)
    deployed: ClassVar = {"generator": Signature(takes={"image": Image()}, gives={"image": Image()})}

    image_size: int = 1
    channels: int = 2
    logit: str = "linear"


class Linear(GAN):
    """Images of one pixel and two channels. The generator mixes the channels, the discriminator weighs them."""

    config_class = LinearConfig

    def build_networks(self):
        image = keras.Input((1, 1, 2))
        mixed = layers.Conv2D(2, 1, use_bias=False, name="mix")(image)
        mixed = layers.Activation("linear", dtype=output_dtype())(mixed)
        weighed = layers.Dense(1, use_bias=False, name="weigh")(layers.Flatten()(image))
        weighed = layers.Activation("linear", dtype=output_dtype())(weighed)
        logits = weighed if self.config.logit == "linear" else ops.square(weighed) / 2
        return {
            "generator": keras.Model(image, mixed, name="linear_generator"),
            "discriminator": keras.Model(image, logits, name="linear_discriminator"),
        }

    def forward(self, batch):
        return {"image": self.generator(batch["image"], training=True)}

    def phases(self):
        config = self.config
        return (
            Phase(
                "discriminator",
                networks=("discriminator",),
                loss=lambda batch, outputs: self.discriminator_terms(
                    "discriminator", real=(batch["image"],), fake=(outputs["image"],)
                ),
                learning_rate=config.discriminator_learning_rate or config.learning_rate,
                detached=True,
                repeats=config.n_critic,
            ),
            Phase("generator", networks=("generator",), loss=self.generator_loss, learning_rate=config.learning_rate),
        )

    def generator_loss(self, batch, outputs):
        adversarial = self.adversarial_loss("discriminator", (outputs["image"],))
        return {"generator_adversarial": adversarial, "generator_pixels": 3.0 * l2(outputs["image"], batch["image"])}


def linear(**config) -> Linear:
    gan = Linear(create_config(LinearConfig, **config))
    gan.compile()
    return gan


def pixels(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 1, 1, 2)).astype("float32")
