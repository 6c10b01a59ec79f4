from concurrent.futures import ThreadPoolExecutor

import exported
import keras
import numpy as np
import pytest
import small
from keras import layers, ops

from ganzoo import create, list_architectures
from ganzoo.errors import RunError, UsageError
from ganzoo.generators import inference, keras_network
from ganzoo.generators.inference import interpolate, open_network, sample, translate
from ganzoo.lite import tiling
from ganzoo.lite.latents import draw


def picture(height: int, width: int, channels: int = 3) -> np.ndarray:
    """Smooth and of many colours, so that a pixel in the wrong place shows."""
    y, x, c = np.mgrid[:height, :width, :channels]
    return np.rint(127.5 + 127.5 * np.sin(x / 9 + c) * np.cos(y / 7 - c)).astype("uint8")


def to_pixels(model, image, low=-1.0):
    """The whole image through the model at once."""
    values = low + (1 - low) * image[None] / 255.0
    painted = np.asarray(model(values.astype("float32"), training=False))[0]
    return np.clip(np.rint((painted + 1) * 127.5), 0, 255).astype("uint8")


def identity(size=None, channels=3):
    image = keras.Input((size, size, channels))
    return keras.Model(image, layers.Activation("linear")(image), name="identity")


def blur(scale=1):
    """A network whose output moves with its input: each pixel is a mean over 7 x 7, which keeps to the picture."""
    image = keras.Input((None, None, 3))
    x = layers.AveragePooling2D(7, strides=1, padding="same")(image)
    return keras.Model(image, layers.UpSampling2D(scale)(x) if scale > 1 else x, name="blur")


def u_net(size, levels):
    """Halves the picture `levels` times; where the size is no multiple, the skips don't fit."""
    x = image = keras.Input((size, size, 3))
    skips = []
    for _ in range(levels):
        skips.append(x)
        x = layers.Conv2D(4, 4, strides=2, padding="same")(x)
    for skip in reversed(skips):
        x = layers.Conv2DTranspose(4, 4, strides=2, padding="same")(x)
        x = ops.concatenate([x, skip], axis=-1)
    return keras.Model(image, layers.Conv2D(3, 1, activation="tanh")(x), name="u_net")


def stiff():
    """Tied to 8 x 8 by its dense layer."""
    image = keras.Input((8, 8, 3))
    flat = layers.Dense(192)(layers.Flatten()(image))
    return keras.Model(image, layers.Reshape((8, 8, 3))(flat), name="stiff")


SIZES = [(1, 1), (1, 50), (37, 211), (64, 64), (65, 63), (200, 90)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("trained_at", [None, 64])
def test_a_picture_of_any_size_comes_back_whole_and_in_place(size, trained_at):
    image = picture(*size)
    assert np.abs(translate(identity(trained_at), image).astype(int) - image).max() <= 1


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("trained_at", "levels"), [(64, 2), (64, 6), (None, 4)])
def test_a_network_that_halves_gets_a_size_that_it_can_halve(size, trained_at, levels):
    assert translate(u_net(trained_at, levels), picture(*size)).shape == (*size, 3)


def test_no_more_is_padded_than_the_network_needs():
    assert open_network(u_net(64, 2)).interface.multiple == 4
    assert open_network(u_net(64, 5)).interface.multiple == 32
    assert open_network(blur(4)).interface.multiple == 1


@pytest.fixture
def shapes(monkeypatch):
    """The shapes of the batches that networks are run on."""
    seen = []
    monkeypatch.setattr(tiling, "paint", lambda *call, paint=tiling.paint: seen.append(call[1].shape) or paint(*call))
    return seen


def test_a_network_that_sees_a_picture_whole_sees_it_at_the_size_it_was_built_for(shapes):
    translate(u_net(64, 6), picture(100, 300))
    translate(u_net(64, 6), picture(64, 64))
    translate(stiff(), picture(100, 300))
    assert shapes == [(64, 64, 3), (64, 64, 3), (8, 8, 3)]
    shapes.clear()
    assert translate(u_net(64, 6), picture(64, 160), tiles=True).shape == (64, 160, 3)
    assert shapes == [(64, 64, 3)] * 4


@pytest.mark.parametrize("scale", [1, 4])
@pytest.mark.parametrize("size", [(150, 333), (32, 500), (401, 65)])
def test_tiles_join_without_a_seam(monkeypatch, shapes, size, scale):
    monkeypatch.setattr(tiling, "TILE", 64 * scale)
    image = picture(*size)
    model = blur(scale)

    painted = translate(model, image)

    assert len(shapes) > 1
    assert all(shape[0] * shape[1] <= 64 * 64 for shape in shapes)
    assert painted.shape == (size[0] * scale, size[1] * scale, 3)
    assert np.abs(painted.astype(int) - to_pixels(model, image)).max() <= 1


def test_one_size_after_another_is_run():
    image = keras.Input((None, None, 3))
    # Keras compiles a second size as any size, and this layer then fails.
    model = keras.Model(image, layers.UpSampling2D(2, interpolation="bilinear")(image), name="bilinear")
    run = inference.translator(model)
    for size in [(40, 50), (60, 33), (70, 35), (40, 50), (41, 50), (42, 50)]:
        assert run(picture(*size)).shape == (2 * size[0], 2 * size[1], 3)


def test_an_enlarging_network_gets_values_from_0_to_1():
    x = image = keras.Input((None, None, 3))
    model = keras.Model(image, layers.UpSampling2D(2)(2 * x - 1), name="srgan_generator")
    image = picture(30, 40)
    assert (translate(model, image) == image.repeat(2, axis=0).repeat(2, axis=1)).all()
    assert keras_network.input_range(identity()) == (-1.0, 1.0)


@pytest.mark.parametrize("name", small.each(["pix2pix", "cyclegan", "srgan"]))
def test_an_architectures_generator_paints_at_another_size_what_it_does_at_its_own(name):
    gan = create(name, image_size=64, base_filters=4)
    model = next(iter(gan.deployed().values()))
    low = keras_network.input_range(model)[0]
    own = picture(64, 64)
    assert np.abs(translate(model, own).astype(int) - to_pixels(model, own, low)).max() <= 1
    scale = to_pixels(model, own, low).shape[0] // 64
    assert translate(model, picture(37, 81)).shape == (37 * scale, 81 * scale, 3)


def test_grey_goes_in_and_comes_out():
    assert translate(identity(16, channels=1), picture(20, 30, 1)).shape == (20, 30, 1)


def test_a_network_that_makes_no_pictures_is_named():
    image = keras.Input((None, None, 3))
    model = keras.Model(image, layers.AveragePooling2D(8)(image), name="shrink")
    with pytest.raises(UsageError, match="shrink: makes no pictures"):
        translate(model, picture(9, 9))


@pytest.fixture(scope="module")
def latent_model():
    latents = keras.Input((6,))
    pixels = layers.Dense(4 * 4 * 3, activation="tanh")(latents)
    return keras.Model(latents, layers.Reshape((4, 4, 3))(pixels), name="latent")


def test_a_seed_gives_the_same_samples_whatever_their_number(latent_model):
    many = sample(latent_model, 20, seed=3)
    assert many.shape == (20, 4, 4, 3)
    assert many.dtype == np.uint8
    assert (sample(latent_model, 2, seed=3) == many[:2]).all()
    assert not (sample(latent_model, 20, seed=4) == many).all()
    assert len({image.tobytes() for image in many}) == 20


def test_an_interpolation_goes_from_the_one_seeds_sample_to_the_others(latent_model):
    way = interpolate(latent_model, 5, (1, 2))
    assert (way[0] == sample(latent_model, 1, 1)[0]).all()
    assert (way[-1] == sample(latent_model, 1, 2)[0]).all()
    assert len({image.tobytes() for image in way}) == 5
    assert len({image.tobytes() for image in interpolate(latent_model, 3, (1, 1))}) == 1
    assert interpolate(latent_model, 1, (1, 2)).shape[0] == 1


def test_a_way_goes_through_all_its_stops(latent_model):
    way = interpolate(latent_model, 7, (1, 2, 3, 2))
    stops = inference.sample_seeds(latent_model, (1, 2, 3, 2))
    assert (way[::2] == stops).all()
    assert (way[3] == interpolate(latent_model, 3, (2, 3))[1]).all()
    with pytest.raises(UsageError, match=r"two seeds or more, found \[1\]"):
        interpolate(latent_model, 7, (1,))


def test_the_picture_of_a_seed_is_its_first_sample(latent_model):
    found = inference.sample_seeds(latent_model, (8, 3))
    assert (found[0] == sample(latent_model, 5, 8)[0]).all()
    assert (found[1] == sample(latent_model, 1, 3)[0]).all()


def test_truncation_pulls_the_first_layer_towards_its_average():
    """Scaling latents does the same as StyleGAN's pull of a normed layer's output to its moving mean."""
    latents = keras.Input((32,))
    hidden = layers.Dense(16, use_bias=False)(latents)
    normed = layers.BatchNormalization(momentum=0.0)
    model = keras.Model(latents, layers.Reshape((4, 4, 1))(ops.tanh(normed(hidden))), name="normed")
    first = keras.Model(latents, hidden)
    drawn = np.random.default_rng(0).standard_normal((20_000, 32), "float32")
    model(drawn, training=True)
    mean, variance = np.asarray(normed.moving_mean), np.asarray(normed.moving_variance)
    pulled = mean + 0.4 * (np.asarray(first(draw(5, 8, 32))) - mean)
    expected = np.tanh((pulled - mean) / np.sqrt(variance + 1e-3)).reshape(8, 4, 4, 1)
    found = sample(model, 8, 5, truncation=0.4)
    # The average of 20,000 is known to 0.007 deviations, of which 0.6 count: half a level, and half from rounding.
    assert np.abs(found - 127.5 * (expected + 1)).max() < 4
    assert np.abs(sample(model, 8, 5) - 127.5 * (expected + 1)).max() > 40


def test_a_truncation_out_of_its_range_is_refused(latent_model):
    for truncation in (0, -0.5, 1.01, float("nan")):
        with pytest.raises(UsageError, match="truncation: found .* above 0, up to 1"):
            sample(latent_model, 1, truncation=truncation)


def test_the_latents_on_the_way_keep_the_length_of_those_at_its_ends():
    latents = keras.Input((512,))
    lengths = ops.sqrt(ops.mean(latents * latents, axis=-1)) - 1
    model = keras.Model(latents, ops.reshape(lengths, (-1, 1, 1, 1)), name="length")
    # A straight line passes at 0.7 of the length, which is painted 89.
    assert interpolate(model, 9, (1, 2)).min() > 115


def test_models_are_told_apart_by_what_they_take(latent_model):
    assert open_network(latent_model).takes_latents
    assert not open_network(identity()).takes_latents
    two = keras.Model([latent_model.inputs[0], keras.Input((3,))], latent_model.outputs, name="two")
    with pytest.raises(UsageError, match="two: takes"):
        open_network(two)


def test_an_exported_generator_paints_the_samples_of_the_same_seed(tmp_path):
    file = exported.painter(tmp_path)
    latents = keras.Input((6,))
    spread = ops.reshape(ops.tile(latents, (1, 32)), (-1, 8, 8, 3))
    model = keras.Model(latents, ops.tanh(spread), name="painter")
    for run in (
        lambda model: sample(model, 3, seed=5, truncation=0.5),
        lambda model: inference.sample_seeds(model, (5, 3)),
        lambda model: interpolate(model, 3, (1, 2)),
    ):
        expected = run(model).astype(int)
        for found in (run(file), run(tmp_path / "model_savedmodel")):
            assert np.abs(found - expected).max() <= 1


@pytest.mark.parametrize("size", [32, None])
def test_an_exported_generator_takes_images_of_any_size(tmp_path, size):
    file = exported.negative(tmp_path, size)
    image = picture(45, 83)
    for path in (file, tmp_path / "model_savedmodel"):
        assert (translate(path, image) == 255 - image).all()


def test_a_saved_model_of_others_is_said_to_be_a_program_before_it_is_run(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
    exported.painter(tmp_path)
    saved = tmp_path / "model_savedmodel"
    (saved / "saved_model.pb").write_bytes(b"it is never run")
    exported.write_card(tmp_path, {saved.name: exported.entry_of(tmp_path, "model.tflite", saved)})
    said = "model_savedmodel: a SavedModel is a program, .* trust who made it"
    with pytest.warns(UserWarning, match=said), pytest.raises(RunError):
        sample(saved, 1)


def test_a_saved_model_that_is_broken_or_without_its_card_is_named(tmp_path):
    exported.painter(tmp_path)
    saved = tmp_path / "model_savedmodel"
    (saved / "saved_model.pb").write_bytes(b"no model")
    with pytest.raises(RunError, match=r"model_savedmodel: not the file that .*card\.json describes"):
        sample(saved, 1)
    exported.write_card(tmp_path, {saved.name: exported.entry_of(tmp_path, "model.tflite", saved)})
    with pytest.raises(RunError, match=r"model_savedmodel: can't be read as a SavedModel"):
        sample(saved, 1)
    (tmp_path / "card.json").unlink()
    with pytest.raises(RunError, match=r"model_savedmodel: no card\.json beside it"):
        sample(saved, 1)


@pytest.mark.parametrize("name", list_architectures())
def test_a_network_of_a_model_in_training_paints_with_the_weights_of_the_moment(name):
    gan = small.create(name)
    key, model = next(iter(gan.deployed().items()))
    network = keras_network.live(model, gan.config.deployed[key], gan.config)
    batch = small.inputs(model)
    named = (
        {tensor.name: one for tensor, one in zip(model.inputs, batch, strict=True)}
        if isinstance(batch, list)
        else batch
    )
    before = network.call(named)
    model.set_weights([1.5 * weights + 0.01 for weights in model.get_weights()])
    np.testing.assert_allclose(network.call(named), model(batch, training=False), rtol=0, atol=1e-5)
    assert np.abs(network.call(named) - before).max() > 1e-3


def test_threads_that_share_a_network_get_each_its_own_picture(tmp_path):
    image = keras.Input((None, None, 3))
    models = [exported.negative(tmp_path, None), tmp_path / "model_savedmodel", keras.Model(image, -image)]
    images = [picture(40 + index % 3, 40 + index % 5) // 2 + index for index in range(100)]
    for model in models:
        paint = inference.translator(model)
        with ThreadPoolExecutor(4) as pool:
            painted = list(pool.map(paint, images))
        assert all((found == 255 - given).all() for found, given in zip(painted, images, strict=True)), model
