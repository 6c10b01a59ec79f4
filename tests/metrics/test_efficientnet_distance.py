"""The distance of pictures that are not rounded."""

import keras
import numpy as np
import pytest

from ganzoo.metrics import efficientnet_distance, efficientnet_lite


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).uniform(-1, 1, (4, 128, 128, 3)).astype("float32")


def test_each_pair_has_the_distance_of_unit_features_summed_over_depths(pictures):
    network = keras.models.clone_model(efficientnet_lite.load(), input_tensors=keras.Input((128, 128, 3)))
    network.set_weights(efficientnet_lite.load().get_weights())
    expected = np.zeros(2)
    for name in efficientnet_distance.DEPTHS:
        layer = keras.Model(network.input, network.get_layer(name).output)
        features = layer.predict((pictures + 1) * 127.5, verbose=0).astype("float64")
        unit = features / np.linalg.norm(features, axis=-1, keepdims=True)
        expected += np.square(unit[:2] - unit[2:]).sum(-1).mean((1, 2))
    found = efficientnet_distance.open_distance()(pictures[:2], pictures[2:])
    assert found == pytest.approx(expected, rel=1e-4)


def test_equal_pictures_are_at_nothing_and_gray_ones_are_as_colored_ones(pictures):
    distance = efficientnet_distance.open_distance()
    gray = pictures[..., :1]
    assert distance(pictures, pictures).tolist() == [0, 0, 0, 0]
    colored = distance(gray[:2].repeat(3, axis=-1), gray[2:].repeat(3, axis=-1))
    np.testing.assert_allclose(distance(gray[:2], gray[2:]), colored, rtol=1e-5)


def test_a_change_that_moves_no_value_of_8_bits_is_seen_as_its_square(pictures):
    distance = efficientnet_distance.open_distance()
    change = np.random.default_rng(1).uniform(-1, 1, pictures.shape)
    once, twice = (distance(pictures, (pictures + scale * change).astype("float32")) for scale in (1e-4, 2e-4))
    assert twice / once == pytest.approx([4] * 4, rel=0.02) and (once > 0).all()
