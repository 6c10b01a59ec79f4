"""Shared by the tests of evaluation: a small feature network, and data of which all is known."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from ganzoo.config.parsing import parse_recipe
from ganzoo.recipes import registry


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def feature_network(tmp_path_factory) -> Path:
    """A `.keras` file of a network of 4 features, with random weights."""
    image = keras.Input((16, 16, 3), name="image")
    kernel = keras.initializers.RandomNormal(stddev=0.3, seed=1)
    x = layers.Conv2D(4, 5, strides=2, activation="relu", kernel_initializer=kernel)(image)
    path = tmp_path_factory.mktemp("network") / "tiny.keras"
    keras.Model(image, layers.GlobalAveragePooling2D()(x), name="tiny").save(path)
    return path


@pytest.fixture
def write_images():
    """Writes images as `folder/0.png`, `folder/1.png`, …; returns the folder."""

    def write(folder: Path, images) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for number, image in enumerate(images):
            Image.fromarray(np.asarray(image, "uint8")).save(folder / f"{number}.png")
        return folder

    return write


@pytest.fixture
def recipe():
    """Makes a recipe: `recipe("pix2pix", "folder:…", image_size=64)`, sections other than `model` by name."""

    def make(
        architecture: str,
        source: str = "embedded:emoji",
        evaluation: dict | None = None,
        label: str | None = None,
        **model,
    ):
        document = {
            "architecture": architecture,
            "model": model,
            "data": {"source": source, "label": label},
            "training": {"steps": 1, "batch_size": 1},
            "evaluation": evaluation or {},
        }
        return parse_recipe(document, registry.config_class(architecture), architecture)

    return make
