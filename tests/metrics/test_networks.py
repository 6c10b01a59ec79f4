import keras
import numpy as np
import pytest
from keras import layers

from ganzoo.errors import RunError, UsageError
from ganzoo.metrics.networks import open_feature_network


def colours(size=(None, None), channels=3, name="colours"):
    """A model whose output, averaged over space, is the image's mean."""
    image = keras.Input((*size, channels))
    return keras.Model(image, layers.Identity()(image), name=name)


def noise(*shape):
    return np.random.default_rng(5).integers(0, 256, shape, np.uint8)


def test_a_keras_model_sees_minus_one_to_one_and_is_averaged_over_space():
    images = noise(40, 6, 8, 3)
    network = open_feature_network(colours())
    features = network(images)
    assert features.dtype == np.float32 and network.length == 3
    np.testing.assert_allclose(features, images.mean(axis=(1, 2)) / 127.5 - 1, atol=1e-6)


def test_a_keras_model_of_a_fixed_size_gets_images_of_that_height_and_width():
    image = keras.Input((3, 5, 3))
    network = open_feature_network(keras.Model(image, layers.Flatten()(image)))
    steps = np.repeat(np.arange(0, 250, 50, np.uint8), 4)[None, :, None].repeat(12, 0).repeat(3, 2)
    features = network(steps[None]).reshape(3, 5, 3)
    # Dark to light from left to right, in five steps.
    np.testing.assert_allclose(features[1, :, 0], np.arange(0, 250, 50) / 127.5 - 1, atol=0.1)
    assert "5x3" in network.preparation


def test_channels_become_those_that_the_model_takes():
    colour, grey = noise(1, 4, 4, 3), noise(1, 4, 4, 1)
    luminance = open_feature_network(colours(channels=1))(colour)
    expected = (colour @ np.array([0.299, 0.587, 0.114])).mean() / 127.5 - 1
    np.testing.assert_allclose(luminance, [[expected]], atol=0.01)
    np.testing.assert_allclose(open_feature_network(colours())(grey), [[grey.mean() / 127.5 - 1] * 3], atol=1e-6)


def test_numbers_of_a_keras_model_are_never_called_fid():
    network = open_feature_network(colours(name="mine"))
    assert (network.frechet_name, network.kernel_name) == ("FD-mine", "KD-mine")


def test_other_weights_or_another_output_are_another_network(tmp_path):
    image = keras.Input((8, 8, 3))
    first = layers.Conv2D(4, 3, name="first")(image)
    shallow, pooled = keras.Model(image, first), keras.Model(image, layers.MaxPooling2D(name="pool")(first))
    found = [open_feature_network(model).sha256 for model in (shallow, pooled)]
    shallow.save(tmp_path / "shallow.keras")
    assert open_feature_network(tmp_path / "shallow.keras").sha256 == found[0]
    shallow.set_weights([weights + 1 for weights in shallow.get_weights()])
    assert len({*found, open_feature_network(shallow).sha256}) == 3


def test_a_model_in_half_precision_gives_single_precision():
    image = keras.Input((4, 4, 3))
    network = open_feature_network(keras.Model(image, layers.Conv2D(2, 1, dtype="mixed_float16")(image)))
    assert network(noise(2, 4, 4, 3)).dtype == np.float32


def test_what_can_not_serve_is_refused_by_name(tmp_path):
    vector = keras.Input((7,))
    with pytest.raises(UsageError, match=r"latents: takes \[\(None, 7\)\]"):
        open_feature_network(keras.Model(vector, layers.Dense(2)(vector), name="latents"))
    image = keras.Input((4, 4, 3))
    with pytest.raises(UsageError, match="two: .*one output"):
        open_feature_network(keras.Model(image, [image + 1, image + 2], name="two"))
    with pytest.raises(UsageError, match="did you mean 'inception'"):
        open_feature_network("incepton")
    with pytest.raises(UsageError, match="allowed: efficientnet-lite0, inception, or a .keras file"):
        open_feature_network("vgg")
    with pytest.raises(UsageError, match="no file .*gone.keras"):
        open_feature_network(tmp_path / "gone.keras")
    (tmp_path / "broken.keras").write_bytes(b"no model")
    with pytest.raises(RunError, match="broken.keras: can't be read as a Keras model"):
        open_feature_network(tmp_path / "broken.keras")
