"""The protocols on generators of which it is known what they should score."""

import dataclasses
import math
import os
from pathlib import Path

import keras
import numpy as np
import pytest
import small
from keras import layers
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

import ganzoo
from ganzoo.config.recipe import EvaluationConfig
from ganzoo.errors import RunError, UsageError
from ganzoo.evaluation import during, protocols
from ganzoo.evaluation.instruments import Instruments
from ganzoo.evaluation.pair_scores import luminance_metrics
from ganzoo.evaluation.results import Result
from ganzoo.evaluation.setting import NotFinite, Setting
from ganzoo.evaluation.splits import Images, open_split
from ganzoo.generators import inference
from ganzoo.generators.keras_network import live
from ganzoo.metrics import open_feature_network

ROOT = Path(__file__).parents[2]
STEP = 2 / 255
"""One of 255 levels, in the range of the networks."""


def adding(levels, name: str, size: int = 64):
    """A generator that makes an image lighter by so many levels, or its channels by as many as a list says."""
    offset = (np.array(levels) * STEP).tolist()
    image = keras.Input((size, size, 3), name="image")
    return keras.Model(image, layers.Rescaling(1.0, offset=offset)(image), name=name)


def grey(count: int, size: int = 64, seed: int = 0):
    """Images of noise that leave room for adding and taking away."""
    return np.random.default_rng(seed).integers(60, 190, (count, size, size, 3))


def measured(recipe, networks, instruments=None, **more) -> dict:
    setting = Setting(
        {name: inference.open_network(network) for name, network in networks.items()},
        recipe,
        open_split(recipe, "test"),
        instruments or Instruments(),
        **more,
    )
    return {found.key if isinstance(found, Result) else found.metric: found for found in protocols.measure(setting)}


@pytest.mark.parametrize("name", ganzoo.list_architectures())
def test_every_architecture_is_measured_by_all_that_its_run_can_ask_for(name, recipe, feature_network):
    data, model = small.data(name)
    gan = small.create(name, **model)
    settings = recipe(name, **data, **model, evaluation={"samples": 8})
    test, train = (open_split(settings, split).at_most(8) for split in ("test", "train"))
    found = measured_live(gan, settings, test, Instruments(open_feature_network(feature_network)), train)
    assert all(math.isfinite(result.value) and result.how and result.column.against for result in found)
    assert len({result.key for result in found}) == len(found) > 1
    of_generators = [result.key for result in found if result.column.of in ("output", "samples")]
    asked = [key for key in of_generators if not any(word in key for word in ("nearest", "copies", "_of_"))]
    during.check(dataclasses.replace(settings, evaluation=EvaluationConfig(every=1, metrics=tuple(asked))))


def measured_live(gan, settings, test, tools, train):
    networks = {name: live(network, gan.config.deployed[name], gan.config) for name, network in gan.deployed().items()}
    setting = Setting(networks, settings, test, tools, train=train, own=lambda: (test, train))
    return [one for one in protocols.measure(setting) if isinstance(one, Result)]


def test_an_offset_of_ten_levels_has_the_psnr_of_ten_levels(recipe, write_images, tmp_path):
    write_images(tmp_path / "input", grey(3))
    write_images(tmp_path / "target", grey(3))
    settings = recipe("pix2pix", f"folder:{tmp_path}", image_size=64)
    found = measured(settings, {"generator": adding(10, "pix2pix_generator")})
    assert found["psnr"].value == pytest.approx(20 * math.log10(255 / 10), abs=1e-9)
    assert found["psnr"].standard_error == pytest.approx(0, abs=1e-9)
    assert found["psnr"].images == 3


def test_the_targets_themselves_are_at_distance_nothing(recipe, write_images, tmp_path, feature_network):
    write_images(tmp_path / "input", grey(8))
    write_images(tmp_path / "target", grey(8))
    tools = Instruments(open_feature_network(feature_network))
    settings = recipe("pix2pix", f"folder:{tmp_path}", image_size=64)
    found = measured(settings, {"generator": adding(0, "pix2pix_generator")}, tools)
    assert found["fd_tiny"].value == pytest.approx(0, abs=1e-9)
    assert (found["precision"].value, found["recall"].value, found["coverage"].value) == (1, 1, 1)
    assert (found["psnr"].value, found["ssim"].value) == (200, 1)
    worse = measured(settings, {"generator": adding(40, "pix2pix_generator")}, tools)
    assert worse["fd_tiny"].value > 1e-3 and worse["precision"].value < 1


def test_a_generator_that_takes_hints_is_measured_with_none_three_and_ten(recipe):
    """One that changes nothing is the nearer to the target, the more of its color the drawing was given."""
    settings = recipe("pix2pix", image_size=64)
    data = dataclasses.replace(settings.data, domains=("ink", "outlined"), hints=10)
    settings = dataclasses.replace(settings, data=data)
    test = open_split(settings, "test").at_most(6)
    setting = Setting(
        {"generator": inference.open_network(adding(0, "pix2pix_generator"))}, settings, test, Instruments()
    )
    found = {one.key: one for one in protocols.measure(setting) if isinstance(one, Result)}
    assert found["0_hints_psnr"].value < found["psnr"].value < found["10_hints_psnr"].value
    plain = [peak_signal_noise_ratio(*pair) for pair in pairs_of(test)]
    assert found["0_hints_psnr"].value == pytest.approx(np.mean(plain), abs=1e-9)
    assert "3 hints" in found["psnr"].column.against


def pairs_of(examples):
    return [(examples.sets["target"].read(place), examples.sets["input"].read(place)) for place in range(6)]


def test_there_and_back_adds_up_and_unchanged_images_are_the_measure(recipe, write_images, tmp_path):
    write_images(tmp_path / "A", grey(3))
    write_images(tmp_path / "B", grey(3) + 10)
    networks = {
        "generator_ab": adding(10, "cyclegan_generator_ab"),
        "generator_ba": adding(15, "cyclegan_generator_ba"),
    }
    source = f"folder:{tmp_path}"
    found = measured(recipe("cyclegan", source, image_size=64, evaluation={"aligned": True}), networks)
    assert found["a_to_b_cycle_error"].value == pytest.approx(25)
    assert found["a_to_b_psnr"].value == 200
    assert found["a_to_b_unchanged_psnr"].value == pytest.approx(20 * math.log10(255 / 10))
    assert found["b_to_a_psnr"].value == pytest.approx(20 * math.log10(255 / 25))
    apart = measured(recipe("cyclegan", source, image_size=64), networks)
    assert "a_to_b_psnr" not in apart and "belong together" in apart["pair metrics"].reason
    alone = measured(recipe("cyclegan", source, image_size=64), {"generator_ab": networks["generator_ab"]})
    assert "both ways" in alone["cycle error"].reason and "b_to_a_cycle_error" not in alone


def test_what_differs_by_colours_alone_is_what_matched_colours_give(recipe, write_images, tmp_path, feature_network):
    shift = np.array([30, 0, -20])
    for split, seed in (("train", 0), ("test", 1)):
        write_images(tmp_path / f"{split}A", grey(4, seed=seed))
        # In another order, as unpaired images are; of the test split, in the same.
        write_images(tmp_path / f"{split}B", (grey(4, seed=seed) + shift)[:: -1 if split == "train" else 1])
    networks = {
        "generator_ab": adding(0, "cyclegan_generator_ab"),
        "generator_ba": adding(0, "cyclegan_generator_ba"),
    }
    settings = recipe("cyclegan", f"folder:{tmp_path}", image_size=64, evaluation={"aligned": True})
    tools = Instruments(open_feature_network(feature_network))
    found = measured(settings, networks, tools, train=open_split(settings, "train"))
    error = math.sqrt((30**2 + 20**2) / 3)
    for way in ("a_to_b", "b_to_a"):
        assert found[f"{way}_unchanged_psnr"].value == pytest.approx(20 * math.log10(255 / error))
        assert found[f"{way}_matched_colours_psnr"].value == 200
        distance, untouched = (found[f"{way}_{of}_fd_tiny"].value for of in ("matched_colours", "unchanged"))
        assert distance == pytest.approx(0, abs=1e-9) and untouched > 1e-6
    alone = measured(settings, networks)
    assert "no train split" in alone["matched colours"].reason
    assert not [key for key in alone if "matched_colours_" in key]


def test_the_cycle_error_is_a_mean_of_absolute_differences(recipe, write_images, tmp_path):
    for domain in "AB":
        write_images(tmp_path / domain, grey(2))
    networks = {
        "generator_ab": adding([0.0, 10.0, 20.0], "cyclegan_generator_ab"),
        "generator_ba": adding(10.0, "cyclegan_generator_ba"),
    }
    found = measured(recipe("cyclegan", f"folder:{tmp_path}", image_size=64), networks)
    # 10, 20 and 30; their root mean square is 21.6.
    assert found["a_to_b_cycle_error"].value == pytest.approx(20)


def test_aligned_images_have_the_same_names(recipe, write_images, tmp_path):
    for domain in "AB":
        write_images(tmp_path / domain, grey(3))
    (tmp_path / "A/1.png").rename(tmp_path / "A/7.png")
    settings = recipe("cyclegan", f"folder:{tmp_path}", image_size=64, evaluation={"aligned": True})
    with pytest.raises(UsageError, match="evaluation.aligned: .* not the same by name, found 2 beside 1"):
        open_split(settings, "test")


def enlarging(name="srgan_generator"):
    low = keras.Input((None, None, 3), name="image")
    x = layers.UpSampling2D(4, interpolation="nearest")(layers.Rescaling(2.0, offset=-1.0)(low))
    return keras.Model(low, x, name=name)


def test_enlarging_is_measured_on_luminance(recipe, write_images, tmp_path):
    write_images(tmp_path / "HR", [np.full((41, 50, 3), value) for value in (100, 140)])
    write_images(tmp_path / "LR", [np.full((10, 12, 3), value) for value in (107, 147)])
    found = measured(recipe("srgan", f"folder:{tmp_path}", image_size=32), {"generator": enlarging()})
    # Seven levels of grey are 7 * (65.481 + 128.553 + 24.966) / 255 of luminance.
    assert found["psnr"].value == pytest.approx(20 * math.log10(255 / (7 * 219 / 255)), abs=1e-6)
    assert found["bicubic_psnr"].value == pytest.approx(found["psnr"].value, abs=1e-6)
    assert found["psnr"].images == 2


def test_grey_images_score_what_they_would_in_three_equal_channels():
    grey_ones = [grey(1, 32, seed)[0, :, :, :1].astype("uint8") for seed in (1, 2)]
    for metric in luminance_metrics((), border=4):
        assert metric.measure(*grey_ones) == metric.measure(*(np.repeat(image, 3, axis=2) for image in grey_ones))


def test_an_image_too_small_to_be_made_smaller_is_named(recipe, write_images, tmp_path):
    write_images(tmp_path, [np.full((40, 3, 3), 9)])
    with pytest.raises(UsageError, match=r"0.png is 3x40: too small to be made 4 times smaller"):
        measured(recipe("srgan", f"folder:{tmp_path}", image_size=32), {"generator": enlarging()})


def test_four_pixels_of_the_border_do_not_count(recipe, write_images, tmp_path):
    image = np.full((40, 48, 3), 160)
    image[4:-4, 4:-4] = 100
    write_images(tmp_path / "HR", [image, image])
    write_images(tmp_path / "LR", [np.full((10, 12, 3), 100)] * 2)
    found = measured(recipe("srgan", f"folder:{tmp_path}", image_size=32), {"generator": enlarging()})
    assert found["psnr"].value == 200
    image[4, 4] = 160
    write_images(tmp_path / "HR", [image, image])
    found = measured(recipe("srgan", f"folder:{tmp_path}", image_size=32), {"generator": enlarging()})
    assert found["psnr"].value < 60


def test_the_baseline_is_pillows_bicubic_there_and_back(recipe, write_images, tmp_path):
    image = np.kron(grey(1, 8)[0], np.ones((6, 6, 1))).astype("uint8")
    folder = write_images(tmp_path / "set", [image, image])
    found = measured(recipe("srgan", f"folder:{folder}", image_size=32), {"generator": enlarging()})
    small = Image.fromarray(image).resize((12, 12), Image.Resampling.BICUBIC)
    large = np.asarray(small.resize((48, 48), Image.Resampling.BICUBIC)).astype("float64")
    apart = ((large - image) @ [65.481, 128.553, 24.966] / 255)[4:-4, 4:-4]
    expected = 20 * math.log10(255 / np.sqrt(np.square(apart).mean()))
    assert found["bicubic_psnr"].value == pytest.approx(expected, abs=1e-9) != found["psnr"].value


def test_bicubic_on_set5_scores_what_the_literature_has(recipe, write_images, tmp_path):
    folder = Path(os.environ.get("GANZOO_TEST_DATA", ROOT.parent / "shared" / "data")) / "sr_test_x4" / "Set5"
    if not folder.is_dir():
        pytest.skip(f"no Set5 at {folder}")
    # Only the originals: the small ones are made here, as those that were published are rounded otherwise.
    for file in folder.glob("*HR*"):
        (tmp_path / file.name.replace("HR", "original")).write_bytes(file.read_bytes())
    found = measured(recipe("srgan", f"folder:{tmp_path}", image_size=32), {"generator": enlarging()})
    assert found["bicubic_psnr"].value == pytest.approx(28.43, abs=0.01)
    assert found["bicubic_ssim"].value == pytest.approx(0.811, abs=0.001)


def test_low_resolution_images_that_do_not_fit_are_named(recipe, write_images, tmp_path):
    write_images(tmp_path / "HR", [np.full((40, 48, 3), 9)] * 2)
    write_images(tmp_path / "LR", [np.full((10, 13, 3), 9)] * 2)
    with pytest.raises(UsageError, match=r"LR/0.png is 13x10, and HR/0.png 4 times smaller is 12x10"):
        measured(recipe("srgan", f"folder:{tmp_path}", image_size=32), {"generator": enlarging()})
    (tmp_path / "LR/1.png").unlink()
    with pytest.raises(UsageError, match=r"1 images have no partner with LR in place of HR, the first is HR/1.png"):
        measured(recipe("srgan", f"folder:{tmp_path}", image_size=32), {"generator": enlarging()})


def constant(image):
    """A generator that makes the same image of all latents."""
    latents = keras.Input((8,), name="latents")
    painted = keras.initializers.Constant(np.reshape(image, -1) / 127.5 - 1)
    x = layers.Dense(image.size, kernel_initializer="zeros", bias_initializer=painted)(latents)
    return keras.Model(latents, layers.Reshape(image.shape)(x), name="dcgan_generator")


def test_a_generator_that_copies_training_images_is_found_out(recipe, write_images, tmp_path):
    random = np.random.default_rng(3)
    images = [np.kron(random.integers(0, 255, (4, 4, 3)), np.ones((8, 8, 1))) for _ in range(60)]
    write_images(tmp_path / "train", images[:30])
    write_images(tmp_path / "test", images[30:])
    copying = constant(images[7])
    settings = recipe("dcgan", f"folder:{tmp_path}", image_size=32, latent_dim=8, evaluation={"samples": 20})
    shown = {}
    found = measured(
        settings,
        {"generator": copying},
        own=lambda: (open_split(settings, "test"), open_split(settings, "train")),
        show=lambda name, picture: shown.update({name: picture}),
    )
    assert found["nearest_in_pixels"].value == pytest.approx(0, abs=1e-6)
    assert found["copies_in_pixels"].value == 1
    assert found["test_split_nearest_in_pixels"].value > 0.5
    picture = np.asarray(shown["nearest_training_images"])
    # A sample and its nearest training image side by side, alike, and twice as large, as their titles need.
    assert (picture[20:60, 8:60] == picture[20:60, 72:124]).all() and picture[20:60, 8:60].std() > 10


def test_as_many_real_images_as_were_made_are_the_floor(recipe, write_images, tmp_path, feature_network):
    write_images(tmp_path / "train", grey(9))
    write_images(tmp_path / "test", grey(6, seed=1))
    tools = Instruments(open_feature_network(feature_network))
    copying = constant(np.zeros((64, 64, 3)))
    for samples, expected in ((7, 7), (20, 9)):
        settings = recipe("dcgan", f"folder:{tmp_path}", image_size=64, evaluation={"samples": samples})
        found = measured(settings, {"generator": copying}, tools, train=open_split(settings, "train"))
        floor = found["train_split_fd_tiny"]
        assert (floor.images, floor.real_images, found["fd_tiny"].images) == (expected, 6, samples)
        assert 0 < floor.value < found["fd_tiny"].value
        assert "run directory" in found["copies of training images"].reason


def test_a_generator_that_paints_no_numbers_gets_none(recipe, write_images, tmp_path):
    for domain in ("input", "target"):
        write_images(tmp_path / domain, grey(2))
    settings = recipe("pix2pix", f"folder:{tmp_path}", image_size=64)
    broken = adding(float("nan"), "pix2pix_generator")
    with pytest.raises(NotFinite, match="paints values that are not finite"):
        measured(settings, {"generator": broken})


def test_a_part_of_a_set_is_spread_over_it():
    images = Images([str(number) for number in range(9)], lambda index: np.full((1, 1, 3), index))
    part = images.at_most(3)
    assert list(part.names) == ["0", "3", "6"] and [part.read(index)[0, 0, 0] for index in range(3)] == [0, 3, 6]
    other = images.shuffled()
    assert sorted(other.names) == sorted(images.names) != list(other.names)
    assert [str(other.read(index)[0, 0, 0]) for index in range(9)] == list(other.names)


def test_an_image_that_cannot_be_decoded_gives_no_number(recipe, write_images, tmp_path):
    for domain in ("input", "target"):
        write_images(tmp_path / domain, grey(3))
    broken = tmp_path / "target" / "1.png"
    broken.write_bytes(broken.read_bytes()[:-200])
    with pytest.raises((UsageError, RunError), match=r"can't be read: .*target/1\.png"):
        measured(recipe("pix2pix", f"folder:{tmp_path}", image_size=64), {"generator": adding(0, "pix2pix_generator")})
