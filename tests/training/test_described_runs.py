"""Runs whose batches have labels beside pictures."""

from typing import ClassVar

import keras
import pytest
import small
import yaml
from keras import layers, ops

from ganzoo import registration, registry
from ganzoo.config import DataConfig, ImageGANConfig, Recipe, TrainingConfig, frozen_config
from ganzoo.data.fields import Image, Label, Latents, Signature, Stream
from ganzoo.gan import GAN, Phase
from ganzoo.registration import register
from ganzoo.training import notes, train
from ganzoo.training.chief import _paints_from_noise
from ganzoo.training.run import open_data

HATS = ["hatBeanie", "hatHip", "hijab", "none", "turban"]


@frozen_config
class ByClassConfig(ImageGANConfig):
    batch: ClassVar = (Stream(image=Image(), label=Label()),)
    deployed: ClassVar = {
        "generator": Signature(takes={"latents": Latents(), "label": Label()}, gives={"image": Image()})
    }

    image_size: int = 8
    latent_dim: int = 4
    classes: int = 5


class ByClass(GAN):
    """A picture of latents and a class, and what tells whether it fits."""

    config_class = ByClassConfig
    generated: ClassVar = {"sample": "image"}

    def build_networks(self):
        latents, label = keras.Input((4,), name="latents"), keras.Input((), dtype="int32", name="label")
        place = layers.Embedding(5, 4, name="embedding")(label)
        image = layers.Dense(192, activation="tanh", name="dense")(layers.Add(name="add")([latents, place]))
        image = layers.Reshape((8, 8, 3), name="image")(image)
        real = keras.Input((8, 8, 3), name="real")
        logits = layers.Dense(1, name="weigh")(layers.Flatten(name="flatten")(real))
        return {
            "generator": keras.Model([latents, label], image, name="by_class_generator"),
            "discriminator": keras.Model(real, logits, name="by_class_discriminator"),
        }

    def forward(self, batch):
        latents = keras.random.normal((ops.shape(batch["image"])[0], 4), seed=self.random("latents"))
        return {"image": self.generator([latents, batch["label"]], training=True)}

    def phases(self):
        return (
            self.discriminator_phase("discriminator", ("discriminator",), self.discriminator_loss),
            Phase("generator", ("generator",), self.generator_loss, self.config.learning_rate),
        )

    def discriminator_loss(self, batch, outputs):
        return self.discriminator_terms("discriminator", real=(batch["image"],), fake=(outputs["image"],))

    def generator_loss(self, batch, outputs):
        return {"generator_adversarial": self.adversarial_loss("discriminator", (outputs["image"],))}

    def samples(self, batch):
        latents = ops.zeros((len(batch["label"]), 4))
        return {"sample": self.deployed()["generator"]([latents, ops.convert_to_tensor(batch["label"])])}


@pytest.fixture
def recipe(monkeypatch):
    monkeypatch.setattr(registration, "CLASSES", dict(registration.CLASSES))
    register("by_class")(ByClass)
    training = TrainingConfig(steps=2, batch_size=4, sample_count=4, log_every=1, sample_every=2, checkpoint_every=2)
    return Recipe("by_class", ByClassConfig(), DataConfig(label="hat"), training)


def test_a_run_trains_on_labels_and_records_what_they_stand_for(recipe, tmp_path):
    gan = train(recipe, tmp_path / "run")
    assert gan.steps_done == 2 and _paints_from_noise(gan)
    document = yaml.safe_load((tmp_path / "run/config.yaml").read_text("utf-8"))
    assert document["run"]["names"] == {"label": HATS}
    assert document["data"]["label"] == "hat"


def test_a_plan_tells_the_classes(recipe):
    told = notes.preparation(recipe, open_data(recipe, "train"))
    assert told[0] == "trained at 8x8 pixels (model.image_size)"
    assert "label: 5 classes (hatBeanie, hatHip, hijab, none, turban)" in told


def test_labels_that_are_alike_are_not_taken_for_one_image_many_times(recipe):
    assert notes.warnings(recipe, open_data(recipe, "train"), 100) == []


@pytest.mark.parametrize("name", registry.names())
def test_only_what_is_made_of_noise_can_copy_training_images(name):
    assert _paints_from_noise(small.create(name)) == (name == "dcgan")
