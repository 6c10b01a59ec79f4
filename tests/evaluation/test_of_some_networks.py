"""One network of several that are deployed, or one without pictures: measured by its signature, or refused in a line.

Of the kinds here one tells classes of pictures apart, makes pictures and makes codes; the other makes sound.
"""

from typing import ClassVar

import keras
import numpy as np
import pytest
from keras import layers, ops

from ganzoo.config import registration
from ganzoo.config.recipe import GANConfig, ImageGANConfig, Positive, frozen_config
from ganzoo.data.fields import Classes, Clip, Code, Image, Label, Latents, Signature, Stream
from ganzoo.errors import UsageError
from ganzoo.evaluation.evaluate import evaluate
from ganzoo.lite import clips
from ganzoo.training import run_directory

IMAGE, LATENTS = {"image": Image()}, {"latents": Latents()}


@frozen_config
class SeveralConfig(ImageGANConfig):
    """Hyperparameters of no paper."""

    batch: ClassVar = (Stream(image=Image(), label=Label()),)
    deployed: ClassVar = {
        "classifier": Signature(IMAGE, {"logits": Classes()}),
        "generator": Signature(LATENTS, {"fake": Image()}),
        "coder": Signature(LATENTS, {"code": Code()}),
    }

    image_size: ClassVar[int] = 16
    latent_dim: Positive = 4
    code_length: Positive = 2
    classes: Positive = 2


class Several:
    """Made up for a test."""

    config_class = SeveralConfig


def classifier() -> keras.Model:
    """Returns a classifier for which light pictures are of class 1."""
    image = keras.Input((16, 16, 3))
    mean = ops.mean(image, axis=(1, 2, 3))[:, None]
    return keras.Model(image, ops.concatenate([-mean, mean], axis=-1), name="several_classifier")


def generator() -> keras.Model:
    """The first latent, as a grey."""
    latents = keras.Input((4,))
    grey = ops.reshape(ops.tanh(latents[:, :1]), (-1, 1, 1, 1))
    return keras.Model(latents, layers.UpSampling2D(16)(ops.tile(grey, (1, 1, 1, 3))), name="several_generator")


def coder() -> keras.Model:
    latents = keras.Input((4,))
    return keras.Model(latents, latents[:, :2], name="several_coder")


@pytest.fixture
def run(recipe, write_images, tmp_path, monkeypatch):
    """A run directory of all three; of the four test images one is of the wrong class."""
    monkeypatch.setitem(registration.CLASSES, "several", Several)
    levels = {"dark": (0, 60, 200), "light": (250,)}
    for split in ("train", "test"):
        for name, greys in levels.items():
            write_images(tmp_path / f"data/{split}/{name}", [np.full((16, 16, 3), grey) for grey in greys])
    settings = recipe("several", f"folder:{tmp_path / 'data'}", evaluation={"samples": 5, "protocol": "classes"})
    directory = run_directory.RunDirectory(tmp_path / "run")
    directory.path.mkdir()
    run_directory.write_config(directory, settings, 1, {"names": {"label": ["dark", "light"]}})
    for build in (classifier, generator, coder):
        build().save(directory.network(build.__name__))
    return directory.path


def test_the_second_network_is_measured_by_its_own_protocol_and_not_by_the_first_ones(run, feature_network):
    found = evaluate(run)
    assert found["protocol"] == "classes" and found["results"][0]["value"] == 25
    of_file = evaluate(run / "generator.keras", network=str(feature_network))
    assert of_file["protocol"] == "samples"
    assert {result["images"] for result in of_file["results"] if result["of"] == "samples"} == {5}
    assert "fd_tiny" in {result["key"] for result in of_file["results"]}


def test_a_network_that_nothing_measures_alone_is_refused_with_the_one_that_is(run):
    with pytest.raises(UsageError, match="several: no protocol measures coder without classifier; give the run dir"):
        evaluate(run / "coder.keras")


@frozen_config
class HummingConfig(GANConfig):
    """Hyperparameters of no paper."""

    batch: ClassVar = (Stream(clip=Clip()),)
    deployed: ClassVar = {"generator": Signature(LATENTS, {"clip": Clip()})}

    clip_length: Positive = 64
    sample_rate: Positive = 8000
    latent_dim: Positive = 1


class Humming:
    """Made up for a test."""

    config_class = HummingConfig


def test_a_network_of_sound_that_no_recipe_is_known_of_is_measured_on_sounds_that_are_given(tmp_path, monkeypatch):
    monkeypatch.setitem(registration.CLASSES, "humming", Humming)
    tone = 0.5 * np.sin(2 * np.pi * np.arange(64) / 8)
    (tmp_path / "test").mkdir()
    for number in range(3):
        clips.write(tmp_path / f"test/{number}.wav", tone.astype("float32"), 8000)
    latents = keras.Input((1,))
    bias = keras.initializers.Constant(tone)
    x = layers.Dense(64, kernel_initializer="zeros", bias_initializer=bias)(latents)
    model = keras.Model(latents, layers.Reshape((64, 1))(x), name="humming_generator")
    found = evaluate(model, f"folder:{tmp_path}", count=3)
    values = {result["key"]: result["value"] for result in found["results"]}
    assert found["protocol"] == "clips" and values["spectral_distance"] == pytest.approx(0, abs=0.5)
