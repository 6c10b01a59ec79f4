"""Runs whose batches have labels beside pictures."""

import dataclasses
import functools
import re
from typing import ClassVar

import keras
import numpy as np
import pytest
import small
import yaml
from keras import layers, ops
from PIL import Image as Pictures

from ganzoo.config import registration
from ganzoo.config.parsing import parse_recipe
from ganzoo.config.recipe import DataConfig, ImageGANConfig, Recipe, TrainingConfig, frozen_config
from ganzoo.config.registration import register
from ganzoo.data.fields import Image, Label, Latents, Signature, Stream
from ganzoo.errors import UsageError
from ganzoo.evaluation import subject
from ganzoo.evaluation.evaluate import _known_data, evaluate
from ganzoo.exporting.examples import _data, _pipeline
from ganzoo.gan.gan import GAN, Phase
from ganzoo.generators import pretrained
from ganzoo.recipes import registry
from ganzoo.training import notes, train
from ganzoo.training.run import open_data
from ganzoo.training.writer import _paints_from_noise

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
    (line,) = [line for line in told if line.startswith("label: ")]
    assert "5 classes (hatBeanie, hatHip, hijab, none, turban)" in line
    assert re.search(r", from \d+ \(\w+\) to [\d,]+ \(none\): \d+ times as many$", line)


def test_labels_that_are_alike_are_not_taken_for_one_image_many_times(recipe):
    assert notes.warnings(recipe, open_data(recipe, "train"), 100) == []


@pytest.mark.parametrize("name", registry.names())
def test_only_what_is_made_of_noise_can_copy_training_images(name):
    assert _paints_from_noise(small.create(name)) == (name in ("biggan", "dcgan", "stylegan2"))


def pictured(folder, shade):
    """Four pictures in a folder."""
    folder.mkdir(parents=True)
    for number in range(4):
        Pictures.fromarray(np.full((8, 8, 3), shade + number, "uint8")).save(folder / f"{number}.png")


@pytest.fixture
def by_folders(recipe, tmp_path):
    """Trains in classes a and c, whose folders are beside each other, and gives the recipe."""
    for name, shade in (("a", 0), ("c", 200)):
        pictured(tmp_path / "set" / name, shade)
    settings = dataclasses.replace(recipe, data=DataConfig(source=f"folder:{tmp_path / 'set'}"))
    settings = dataclasses.replace(settings, model=ByClassConfig(classes=2))
    train(settings, tmp_path / "run")
    return settings


def recorded(run):
    return yaml.safe_load((run / "config.yaml").read_text("utf-8"))["run"]["names"]


def test_a_run_that_goes_on_with_another_class_stops_before_it_writes(by_folders, tmp_path):
    before = (tmp_path / "run/config.yaml").read_bytes()
    (tmp_path / "set/a").rename(tmp_path / "set/d")
    for attempt in (train, functools.partial(train, dry_run=True)):
        with pytest.raises(UsageError, match="'d' is new, 'a' is gone; .*--fresh"):
            attempt(by_folders, tmp_path / "run", steps=4)
    assert (tmp_path / "run/config.yaml").read_bytes() == before
    with pytest.raises(UsageError, match="'d' is new, 'a' is gone"):
        (tmp_path / "set/a").mkdir()
        train(by_folders, tmp_path / "run", steps=4)
    train(by_folders, tmp_path / "run", steps=2, fresh=True)
    assert recorded(tmp_path / "run") == {"label": ["c", "d"]}


def test_classes_keep_the_numbers_that_a_run_recorded(by_folders, tmp_path):
    config = tmp_path / "run/config.yaml"
    document = yaml.safe_load(config.read_text("utf-8"))
    document["run"]["names"]["label"].reverse()
    config.write_text(yaml.safe_dump(document), "utf-8")
    gan = train(by_folders, tmp_path / "run", steps=4)
    assert gan.steps_done == 4 and recorded(tmp_path / "run") == {"label": ["c", "a"]}
    document["run"]["names"] = {"label": "ca"}
    config.write_text(yaml.safe_dump(document), "utf-8")
    with pytest.raises(UsageError, match="can't be read as a run's configuration"):
        train(by_folders, tmp_path / "run", steps=6)


def test_other_data_is_labelled_by_the_numbers_of_the_network_and_not_by_its_own(by_folders, tmp_path):
    pictured(tmp_path / "other/c", 200)
    source, (generator,) = f"folder:{tmp_path / 'other'}", pretrained.find_all(tmp_path / "run")
    examples = _known_data(subject.find(tmp_path / "run"), source)
    assert [examples.sets["label"].read(place) for place in range(4)] == [1] * 4
    interface = generator.network.interface
    for split in ("train", "test"):
        assert _pipeline(generator, interface, _data(generator, source), split).fixed(4)["label"].tolist() == [1] * 4
    pictured(tmp_path / "other/cc", 200)
    for attempt in (
        lambda: evaluate(tmp_path / "run", source),
        lambda: _pipeline(generator, interface, _data(generator, source), "test"),
    ):
        with pytest.raises(UsageError, match="cc/0.png .* has the label 'cc', .*did you mean 'c'"):
            attempt()


def test_a_class_of_one_picture_is_refused_and_named(tmp_path):
    for name, count in (("cat", 3), ("dog", 1), ("hen", 2)):
        (tmp_path / "animals" / name).mkdir(parents=True)
        for number in range(count):
            pixels = np.full((16, 16, 3), 40 * number, "uint8")
            Pictures.fromarray(pixels).save(tmp_path / "animals" / name / f"{number}.png")
    with pytest.raises(UsageError, match="animals: label 'dog' has 1 example to train on; give each 2 or more"):
        train("biggan_cifar10", tmp_path / "run", data=f"folder:{tmp_path / 'animals'}", overrides=["model.classes=3"])
    assert not (tmp_path / "run").exists()


def test_one_label_of_each_class_is_enough_for_what_learns_from_few(recipe):
    document = {
        "architecture": "improved_gan",
        "model": {"classes": 5, "labels_per_class": 1},
        "data": {"source": "embedded:avatars", "label": "hat"},
        "training": {"steps": 1, "batch_size": 5},
    }
    settings = parse_recipe(document, registry.config_class("improved_gan"), "few")
    notes.check_classes(settings, open_data(settings, "train"))
