"""Layers that are written so that they export well give what the plain Keras layers give, also in the exported file."""

import keras
import numpy as np
import painters
import pytest

from ganzoo.core.layers import instance_norm, reflection_pad
from ganzoo.exporting import convert
from ganzoo.lite import card

PLAIN = {
    "instance_norm": (
        instance_norm,
        keras.layers.GroupNormalization(groups=-1, epsilon=1e-5, center=False, scale=False),
    ),
    "reflection_pad": (
        lambda x: reflection_pad(x, 3),
        lambda x: keras.ops.pad(x, [(0, 0), (3, 3), (3, 3), (0, 0)], mode="reflect"),
    ),
}


def export(model, shape: tuple, folder) -> None:
    """Writes `layer.tflite`."""
    taken = card.Tensor("image", "image", shape, "float32")
    interface = card.Interface("serving_default", (taken,), (taken,))
    convert.write_saved_model(model, interface, interface, folder / "saved")
    (folder / "layer.tflite").write_bytes(convert.to_tflite(folder / "saved", "serving_default"))


@pytest.mark.parametrize("name", PLAIN)
def test_an_exported_layer_equals_the_plain_keras_layer(name, tmp_path):
    layer, plain = PLAIN[name]
    image = keras.Input((12, 10, 4))
    model = keras.Model(image, layer(image))
    export(model, (1, 12, 10, 4), tmp_path)
    values = np.random.default_rng(0).normal(2.0, 3.0, (1, 12, 10, 4)).astype("float32")
    painted = painters.run(tmp_path / "layer.tflite", values)
    np.testing.assert_allclose(painted, plain(keras.ops.convert_to_tensor(values)), rtol=0, atol=1e-5)


def test_instance_norm_of_a_large_picture_with_a_flat_ground_is_the_same_in_keras_and_tflite(tmp_path):
    """One sum over all its pixels is off in the second digit, and by another amount in each of the two."""
    values = np.full((1, 256, 256, 16), 0.7, "float32")
    values[:, :10, :10] = -0.5
    one = values[..., :1].astype("float64")
    exact = np.broadcast_to((one - one.mean()) / np.sqrt(one.var() + 1e-5), values.shape)
    image = keras.Input(values.shape[1:])
    model = keras.Model(image, instance_norm(image))
    export(model, values.shape, tmp_path)
    np.testing.assert_allclose(model(values), exact, rtol=0, atol=1e-4)
    np.testing.assert_allclose(painters.run(tmp_path / "layer.tflite", values), exact, rtol=0, atol=1e-4)
