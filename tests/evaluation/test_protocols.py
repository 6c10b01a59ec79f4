"""The protocols on generators of which it is known what they should score."""

import math

import keras
import numpy as np
import pytest
import small
from keras import layers

import ganzoo
from ganzoo import inference
from ganzoo.errors import RunError, UsageError
from ganzoo.evaluation import during, protocols
from ganzoo.evaluation.examples import open_examples
from ganzoo.evaluation.instruments import Instruments
from ganzoo.evaluation.results import Result, Skipped
from ganzoo.metrics import open_feature_network

STEP = 2 / 255
"""One of 255 levels, in the range of the networks."""


def adding(levels: float, name: str, size: int = 64):
    """A generator that makes an image lighter by so many levels."""
    image = keras.Input((size, size, 3), name="image")
    return keras.Model(image, layers.Rescaling(1.0, offset=levels * STEP)(image), name=name)


def grey(count: int, size: int = 64, seed: int = 0):
    """Images of noise that leave room for adding and taking away."""
    return np.random.default_rng(seed).integers(60, 190, (count, size, size, 3))


def measured(recipe, networks, instruments=None, train=None, **more) -> dict:
    setting = protocols.Setting(
        {direction: inference.open_network(network) for direction, network in networks.items()},
        recipe,
        open_examples(recipe, "test"),
        train,
        instruments or Instruments(),
        **more,
    )
    return {found.key if isinstance(found, Result) else found.metric: found for found in protocols.measure(setting)}


@pytest.mark.parametrize("name", ganzoo.list_architectures())
def test_every_architecture_is_measured_by_all_that_its_run_can_ask_for(name, recipe, feature_network):
    gan = small.create(name)
    settings = recipe(name, **small.config(name), evaluation={"samples": 8})
    tools = Instruments(open_feature_network(feature_network))
    settings_of_six = open_examples(settings, "test").at_most(8)
    setting = protocols.Setting(
        {during.direction_in(name): inference.live(network) for name, network in gan.deployed().items()},
        settings,
        settings_of_six,
        open_examples(settings, "train").at_most(8),
        tools,
    )
    found = list(protocols.measure(setting))
    results = [one for one in found if isinstance(one, Result)]
    skipped = [one.metric for one in found if isinstance(one, Skipped)]
    assert all(math.isfinite(result.value) for result in results)
    assert all(result.how and result.images and result.column.against for result in results)
    keys = [result.key for result in results]
    assert len(set(keys)) == len(keys)
    # What the images are too small for can be asked for, and is not there.
    assert set(during._keys(settings, tools, len(gan.deployed()))) - set(keys) <= {
        key for key in during._keys(settings, tools, 2) if key.endswith("ms_ssim") and "MS-SSIM" in skipped
    }


def test_an_offset_of_ten_levels_has_the_psnr_of_ten_levels(recipe, write_images, tmp_path):
    write_images(tmp_path / "input", grey(3))
    write_images(tmp_path / "target", grey(3))
    found = measured(recipe("pix2pix", f"folder:{tmp_path}", image_size=64), {"ab": adding(10, "pix2pix_generator")})
    assert found["psnr"].value == pytest.approx(20 * math.log10(255 / 10), abs=1e-9)
    assert found["psnr"].standard_error == pytest.approx(0, abs=1e-9)
    assert found["psnr"].images == 3


def test_the_targets_themselves_are_at_distance_nothing(recipe, write_images, tmp_path, feature_network):
    write_images(tmp_path / "input", grey(8))
    write_images(tmp_path / "target", grey(8))
    tools = Instruments(open_feature_network(feature_network))
    settings = recipe("pix2pix", f"folder:{tmp_path}", image_size=64)
    found = measured(settings, {"ab": adding(0, "pix2pix_generator")}, tools)
    assert found["fd_tiny"].value == pytest.approx(0, abs=1e-9)
    assert (found["precision"].value, found["recall"].value, found["coverage"].value) == (1, 1, 1)
    assert (found["psnr"].value, found["ssim"].value) == (200, 1)
    worse = measured(settings, {"ab": adding(40, "pix2pix_generator")}, tools)
    assert worse["fd_tiny"].value > 1e-3 and worse["precision"].value < 1


def test_there_and_back_adds_up_and_unchanged_images_are_the_measure(recipe, write_images, tmp_path):
    write_images(tmp_path / "A", grey(3))
    write_images(tmp_path / "B", grey(3) + 10)
    networks = {
        "ab": adding(10, "cyclegan_generator_ab"),
        "ba": adding(15, "cyclegan_generator_ba"),
    }
    source = f"folder:{tmp_path}"
    found = measured(recipe("cyclegan", source, image_size=64, evaluation={"aligned": True}), networks)
    assert found["a_to_b_cycle_error"].value == pytest.approx(25)
    assert found["a_to_b_psnr"].value == 200
    assert found["a_to_b_unchanged_psnr"].value == pytest.approx(20 * math.log10(255 / 10))
    assert found["b_to_a_psnr"].value == pytest.approx(20 * math.log10(255 / 25))
    apart = measured(recipe("cyclegan", source, image_size=64), networks)
    assert "a_to_b_psnr" not in apart and "belong together" in apart["pair metrics"].reason
    alone = measured(recipe("cyclegan", source, image_size=64), {"ab": networks["ab"]})
    assert "way back" in alone["cycle error"].reason and "b_to_a_cycle_error" not in alone


def enlarging(name="srgan_generator"):
    low = keras.Input((None, None, 3), name="image")
    x = layers.UpSampling2D(4, interpolation="nearest")(layers.Rescaling(2.0, offset=-1.0)(low))
    return keras.Model(low, x, name=name)


def test_enlarging_is_measured_on_luminance_without_the_border_and_on_whole_images(recipe, write_images, tmp_path):
    # Of one colour, but for a frame of 4 pixels that must not count; 50x41 is cut to 48x40.
    images = []
    for value in (100, 140):
        image = np.full((41, 50, 3), value)
        image[:4], image[36:], image[:, :4], image[:, 44:] = 255, 255, 255, 255
        images.append(image)
    high = write_images(tmp_path / "plain", images)
    found = measured(recipe("srgan", f"folder:{high}", image_size=32), {"ab": enlarging()})
    # The border of the enlarged frame is whole pixels of the small image, so nearest makes all but it right.
    assert found["psnr"].value > found["bicubic_psnr"].value
    pairs = tmp_path / "pairs"
    write_images(pairs / "HR", [np.full((40, 48, 3), value) for value in (100, 140)])
    write_images(pairs / "LR", [np.full((10, 12, 3), value) for value in (107, 147)])
    found = measured(recipe("srgan", f"folder:{pairs}", image_size=32), {"ab": enlarging()})
    # Seven levels of grey are 7 * (65.481 + 128.553 + 24.966) / 255 of luminance.
    assert found["psnr"].value == pytest.approx(20 * math.log10(255 / (7 * 219 / 255)), abs=1e-6)
    assert found["bicubic_psnr"].value == pytest.approx(found["psnr"].value, abs=1e-6)


def test_low_resolution_images_that_do_not_fit_are_named(recipe, write_images, tmp_path):
    write_images(tmp_path / "HR", [np.full((40, 48, 3), 9)] * 2)
    write_images(tmp_path / "LR", [np.full((10, 13, 3), 9)] * 2)
    with pytest.raises(UsageError, match=r"LR/0.png is 13x10, and HR/0.png 4 times smaller is 12x10"):
        measured(recipe("srgan", f"folder:{tmp_path}", image_size=32), {"ab": enlarging()})
    (tmp_path / "LR/1.png").unlink()
    with pytest.raises(UsageError, match=r"1 images have no partner with LR in place of HR, the first is HR/1.png"):
        measured(recipe("srgan", f"folder:{tmp_path}", image_size=32), {"ab": enlarging()})


def test_a_generator_that_copies_training_images_is_found_out(recipe, write_images, tmp_path):
    random = np.random.default_rng(3)
    images = [np.kron(random.integers(0, 255, (4, 4, 3)), np.ones((8, 8, 1))) for _ in range(60)]
    write_images(tmp_path / "train", images[:30])
    write_images(tmp_path / "test", images[30:])
    latents = keras.Input((8,), name="latents")
    copied = keras.initializers.Constant(images[7].reshape(-1) / 127.5 - 1)
    x = layers.Dense(32 * 32 * 3, kernel_initializer="zeros", bias_initializer=copied)(latents)
    copying = keras.Model(latents, layers.Reshape((32, 32, 3))(x), name="dcgan_generator")
    settings = recipe("dcgan", f"folder:{tmp_path}", image_size=32, latent_dim=8, evaluation={"samples": 20})
    shown = {}
    found = measured(
        settings,
        {"ab": copying},
        train=open_examples(settings, "train"),
        show=lambda name, picture: shown.update({name: picture}),
    )
    assert found["nearest_in_pixels"].value == pytest.approx(0, abs=1e-6)
    assert found["copies_in_pixels"].value == 1
    assert found["test_split_nearest_in_pixels"].value > 0.5
    picture = np.asarray(shown["nearest_training_images"])
    # A sample and its nearest training image side by side, alike.
    assert (picture[20:40, 8:30] == picture[20:40, 40:62]).all() and picture[20:40, 8:30].std() > 10


def test_an_image_that_cannot_be_decoded_gives_no_number(recipe, write_images, tmp_path):
    for domain in ("input", "target"):
        write_images(tmp_path / domain, grey(3))
    broken = tmp_path / "target" / "1.png"
    broken.write_bytes(broken.read_bytes()[:-200])
    with pytest.raises((UsageError, RunError), match=r"1\.png.*can't be read"):
        measured(recipe("pix2pix", f"folder:{tmp_path}", image_size=64), {"ab": adding(0, "pix2pix_generator")})


def test_a_protocol_of_another_task_is_refused(recipe):
    with pytest.raises(UsageError, match="evaluation.protocol: found 'pairs'; dcgan is evaluated by 'samples'"):
        protocols.protocol_of(recipe("dcgan", evaluation={"protocol": "pairs"}))
