"""Notes of a dry run on the images, and on what will go wrong."""

import numpy as np
import pytest
from PIL import Image

from ganzoo.recipes.recipes import load_recipe
from ganzoo.training import notes
from ganzoo.training.run import open_data


@pytest.fixture
def pictures(tmp_path):
    def make(*names, width=64, height=32):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(tmp_path / name)
        return f"folder:{tmp_path}"

    return make


def told(name, source, *overrides, steps=100):
    recipe = load_recipe(name, overrides, source)
    pipeline = open_data(recipe, "train")
    return "\n".join(notes.preparation(recipe, pipeline)), "\n".join(notes.warnings(recipe, pipeline, steps))


@pytest.mark.parametrize(("recipe", "side"), [("pix2pix", "left"), ("pix2pix_facades", "right")])
def test_which_half_of_a_picture_is_the_input(pictures, recipe, side):
    assert f"the {side} half of each picture is the input" in told(recipe, pictures("a.png", "b.png"))[0]


def test_the_size_of_images_and_what_a_crop_shows(pictures):
    source = pictures("A/1.png", "B/1.png")
    assert told("cyclegan", source, "model.image_size=64", "data.load_size=null")[0].startswith("trained at 64x64")
    prepared, warned = told("cyclegan", source, "model.image_size=128", "data.load_size=286")
    assert "brought to 286 (data.load_size), of which each visit sees another 128x128: 20% of a square" in prepared
    assert "training sees 20% of a picture at a time" in warned
    assert "data.load_size=143, or null" in warned
    assert "training sees" not in told("cyclegan", source, "model.image_size=256", "data.load_size=286")[1]


def test_one_image_for_many_epochs_is_warned_of(pictures):
    warned = told("dcgan", pictures("one.png"), "training.batch_size=64", steps=4000)[1]
    assert "1 images are fewer than a batch of 64" in warned
    assert "each of 1 images is seen 256,000 times" in warned


def test_sub_folders_are_said_to_be_one_set(pictures):
    prepared = told("dcgan", pictures("cats/1.png", "dogs/2.png", "dogs/3.png"))[0]
    assert "2 sub folders (cats, dogs) are taken together as one set: no classes are learned" in prepared


def test_images_that_are_left_out_are_counted_with_the_reason(pictures, tmp_path):
    source = pictures("1.png", "2.png")
    (tmp_path / "3.heic").write_bytes(b"")
    with pytest.warns(UserWarning, match="3.heic"):
        prepared = told("dcgan", source)[0]
    assert "left out: 1 (.heic is not read; convert it to JPEG or PNG)" in prepared


@pytest.mark.parametrize("level", [0, 1, 90])
def test_one_image_many_times_is_warned_of_and_so_are_all_black_ones(tmp_path, level):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8) if level == 90 else np.zeros((64, 64, 3))
    for number in range(20):
        # Black images that differ by a level at random are black ones.
        one = noise + np.random.default_rng(number).integers(0, level + 1, (64, 64, 3)) * (level == 1)
        Image.fromarray(one.astype(np.uint8)).save(tmp_path / f"{number}.png")
    source = f"folder:{tmp_path}"
    assert "image: 16 images, spread evenly over all, are the same" in told("dcgan", source)[1]
    Image.fromarray(255 - noise.astype(np.uint8)).save(tmp_path / "0.png")
    assert "are the same" not in told("dcgan", source)[1]


def test_dark_images_with_a_point_of_light_each_are_not_called_the_same(tmp_path):
    for number in range(16):
        pixels = np.zeros((64, 64, 3), np.uint8)
        pixels[8 + number, 30] = 255
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    assert "are the same" not in told("dcgan", f"folder:{tmp_path}")[1]
