"""What is measured of networks in two parts, on ones of which it is known how their pictures change."""

from typing import ClassVar

import keras
import numpy as np
import pytest
from keras import layers

from ganzoo.config.recipe import DataConfig, EvaluationConfig, GANConfig, Recipe, TrainingConfig, frozen_config
from ganzoo.data.fields import Code, Image, Latents, Signature, Stream, Styles
from ganzoo.evaluation import protocols
from ganzoo.evaluation.instruments import Instruments
from ganzoo.evaluation.results import Result
from ganzoo.evaluation.setting import Setting
from ganzoo.evaluation.splits import Images, Split
from ganzoo.generators.keras_network import live
from ganzoo.metrics import path_length

KEY = "path_length_efflite0"
PARTS = {
    "mapping": Signature({"latents": Latents()}, {"style": Code("latent_dim")}),
    "synthesis": Signature({"styles": Styles()}, {"image": Image()}),
}


@frozen_config
class Styled(GANConfig):
    """Images of 16 pixels by way of two styles."""

    batch: ClassVar = (Stream(image=Image()),)
    deployed: ClassVar = {"generator": Signature({"latents": Latents()}, {"image": Image()}, PARTS)}

    image_size: ClassVar[int] = 16
    channels: ClassVar[int] = 3
    latent_dim: ClassVar[int] = 4


def generator(deviation: float = 0.05, scale: float = 1.0) -> keras.Model:
    """A mapping that multiplies by a number, and a linear synthesis with random weights of a deviation."""
    kernel = keras.initializers.RandomNormal(stddev=deviation, seed=1)
    styles = keras.Input((2, 4), name="styles")
    image = layers.Reshape((16, 16, 3))(layers.Dense(16 * 16 * 3, kernel_initializer=kernel)(layers.Flatten()(styles)))
    latents = keras.Input((4,), name="latents")
    mapping = keras.Model(latents, layers.Rescaling(scale)(latents), name="mapping")
    synthesis = keras.Model(styles, image, name="synthesis")
    whole = keras.Input((4,), name="latents")
    return keras.Model(whole, synthesis(layers.RepeatVector(2)(mapping(whole))), name="styled")


def measured(network: keras.Model, signature=Styled.deployed["generator"], samples: int = 32) -> dict:
    config = Styled()
    recipe = Recipe(
        "styled", config, DataConfig(), TrainingConfig(steps=1, batch_size=1), EvaluationConfig(samples=samples)
    )
    pixels = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), "uint8")
    images = Images([str(n) for n in range(8)], lambda n: pixels[n])
    test = Split({"image": images}, "made up", "none", aligned=False, in_training=False)
    setting = Setting({"generator": live(network, signature, config)}, recipe, test, Instruments())
    return {one.key if isinstance(one, Result) else one.metric: one for one in protocols.measure(setting)}


def test_the_path_length_is_a_derivative_which_no_rounding_hides(monkeypatch):
    found = measured(generator())[KEY]
    assert found.value > 0 and found.images == 32
    # At a hundred times the step a picture in 8 bits would have moved.
    monkeypatch.setattr(path_length, "STEP", 100 * path_length.STEP)
    assert measured(generator())[KEY].value == pytest.approx(found.value, rel=0.05)


def test_a_synthesis_that_paints_one_picture_has_no_length():
    assert measured(generator(deviation=0.0))[KEY].value == 0


def test_lengths_are_of_lines_in_w_and_not_between_latents():
    """A line of no length in w has none in pictures, however far apart the latents are."""
    assert measured(generator(scale=0.0))[KEY].value == 0


def test_the_first_pairs_are_the_same_whatever_their_number(monkeypatch):
    kept = []
    monkeypatch.setattr(path_length, "trimmed_mean", lambda lengths: kept.append(lengths) or (0.0, None))
    for samples in (20, 32):
        measured(generator(), samples=samples)
    np.testing.assert_allclose(kept[0], kept[1][:20], rtol=1e-3)


def test_without_its_parts_a_network_is_told_what_the_length_takes():
    whole = Signature({"latents": Latents()}, {"image": Image()})
    found = measured(generator(), whole)
    assert KEY not in found and "it takes both parts of styled" in found["path length (EffLite0)"].reason
