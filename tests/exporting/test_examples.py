"""The examples that an export is proven on: of the batch what it has, and classes that it has not in turns."""

from typing import ClassVar

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image as Picture

from ganzoo.config import registration
from ganzoo.config.recipe import ImageGANConfig, Positive, frozen_config
from ganzoo.data.fields import Image, Label, Signature, Stream, Tokens
from ganzoo.errors import UsageError
from ganzoo.exporting import examples
from ganzoo.generators import generator
from ganzoo.generators.provenance import Provenance

GIVES = {"fake": Image()}


@frozen_config
class RepaintConfig(ImageGANConfig):
    """Hyperparameters of no paper."""

    batch: ClassVar = (Stream(image=Image()),)
    deployed: ClassVar = {
        "generator": Signature({"image": Image(), "wanted": Label()}, GIVES),
        "of_text": Signature({"image": Image(), "told": Tokens()}, GIVES),
    }

    image_size: ClassVar[int] = 8
    classes: Positive = 3
    caption_length: Positive = 2
    vocabulary: Positive = 3


class Repaint:
    """Made up for a test."""

    config_class = RepaintConfig


def repainting(network: str, length: tuple[int, ...]) -> generator.Generator:
    """Returns a network of pictures, and of whole numbers that it does not look at."""
    image, told = keras.Input((8, 8, 3)), keras.Input(length, dtype="int32")
    model = keras.Model([image, told], layers.Activation("tanh")(image), name=f"repaint_{network}")
    recipe = {"model": {}, "data": {"source": "folder:x"}, "training": {"steps": 1, "batch_size": 1}}
    model.provenance = Provenance("repaint", network, recipe)
    return generator.of_model(model)


@pytest.fixture
def source(tmp_path, monkeypatch) -> str:
    monkeypatch.setitem(registration.CLASSES, "repaint", Repaint)
    for number in range(5):
        Picture.new("RGB", (8, 8), (40 * number, 0, 0)).save(tmp_path / f"{number}.png")
    return f"folder:{tmp_path}"


def test_a_picture_is_proven_with_each_class_in_turns_where_no_batch_has_the_class(source):
    found = repainting("generator", ())
    inputs = examples.inputs(found, found.network.interface, "test", 5, source).inputs
    assert inputs["label"].tolist() == [0, 1, 2, 0, 1] and inputs["label"].dtype == "int32"
    np.testing.assert_array_equal(inputs["image"][:, 0, 0, 0], 40 * np.arange(5))


def test_a_text_that_no_batch_has_is_nothing_to_prove_on(source):
    found = repainting("of_text", (2,))
    with pytest.raises(UsageError, match="repaint_of_text: takes a text, told, of which its architecture's batch has"):
        examples.inputs(found, found.network.interface, "test", 5, source)
