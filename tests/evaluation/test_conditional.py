"""What is measured of images of a class, on generators of which it is known how they go by it."""

from typing import ClassVar

import keras
import numpy as np
import pytest
from keras import layers, ops

from ganzoo.config.recipe import DataConfig, EvaluationConfig, GANConfig, Recipe, TrainingConfig, frozen_config
from ganzoo.data.fields import Image, Label, Latents, Signature, Stream
from ganzoo.evaluation import protocols
from ganzoo.evaluation.instruments import Instruments
from ganzoo.evaluation.results import Result
from ganzoo.evaluation.setting import Setting
from ganzoo.evaluation.splits import Images, Split
from ganzoo.generators.keras_network import live
from ganzoo.metrics import open_feature_network

LEVELS = np.array([30, 128, 220])
"""The grey of each class."""


@frozen_config
class Greys(GANConfig):
    """Images of one grey, by class."""

    batch: ClassVar = (Stream(image=Image(), label=Label()),)
    deployed: ClassVar = {
        "generator": Signature({"latents": Latents(), "label": Label()}, {"image": Image()}),
    }

    image_size: ClassVar[int] = 16
    channels: ClassVar[int] = 3
    classes: ClassVar[int] = 3
    latent_dim: ClassVar[int] = 16 * 16 * 3


def split(count: int, seed: int) -> Split:
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    pixels = np.clip(LEVELS[labels][:, None, None, None] + random.normal(0, 8, (count, 16, 16, 3)), 0, 255)
    sets = {"image": pixels.astype("uint8"), "label": labels}
    found = {key: Images([f"{n}" for n in range(count)], lambda n, v=v: v[n]) for key, v in sets.items()}
    return Split(found, "made up", "none", aligned=False, in_training=False)


def generator(order=(0, 1, 2)) -> keras.Model:
    """Paints the classes in this order: 0, 1, 2 is the right one."""
    latents, label = keras.Input((16 * 16 * 3,), name="latents"), keras.Input((), dtype="int32", name="label")
    greys = keras.initializers.Constant([[LEVELS[number] / 127.5 - 1] for number in order])
    grey = layers.Reshape((1, 1, 1))(layers.Embedding(3, 1, embeddings_initializer=greys)(label))
    # As real ones are noisy.
    image = ops.clip(grey + 8 / 127.5 * layers.Reshape((16, 16, 3))(latents), -1, 1)
    return keras.Model([latents, label], image, name="greys")


@pytest.fixture
def measured(feature_network):
    tools = Instruments(open_feature_network(feature_network))

    def measure(network: keras.Model) -> dict[str, Result]:
        config = Greys()
        evaluation = EvaluationConfig(samples=60)
        recipe = Recipe("greys", config, DataConfig(), TrainingConfig(steps=1, batch_size=1), evaluation)
        opened = {"generator": live(network, config.deployed["generator"], config)}
        setting = Setting(opened, recipe, split(60, 0), tools, train=split(60, 1))
        return {one.key: one for one in protocols.measure(setting) if isinstance(one, Result)}

    return measure


def test_samples_of_the_class_that_is_named_are_read_as_it_and_teach_to_read(measured):
    found = measured(generator())
    assert found["named_share"].value == found["test_split_named_share"].value == found["cas"].value == 1
    assert found["named_share"].images == found["cas"].images == 60


def test_classes_that_are_mixed_up_are_not_read_as_named_and_teach_wrong(measured):
    found = measured(generator(order=(1, 2, 0)))
    assert found["named_share"].value == found["cas"].value == 0
    # That the reader is right of real images says whose fault it is.
    assert found["test_split_named_share"].value == 1


def test_a_label_that_changes_nothing_is_read_right_by_chance(measured):
    found = measured(generator(order=(1, 1, 1)))
    assert found["named_share"].value == pytest.approx(1 / 3)


def test_one_class_that_is_painted_wrong_is_far_away_and_the_others_are_not(measured):
    found = measured(generator(order=(0, 2, 2)))
    distances = [found[f"kd_tiny_of_{number}"].value for number in range(3)]
    assert distances[1] > 10 * max(abs(distances[0]), abs(distances[2]))
