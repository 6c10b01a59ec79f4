import os
import re
from pathlib import Path

import exported
import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from ganzoo.errors import RunError, UsageError
from ganzoo.generation import generate_images, generate_samples, plan_images, plan_samples


def negative(channels=3):
    image = keras.Input((None, None, channels))
    return keras.Model(image, -image, name="negative")


def painter():
    latents = keras.Input((6,))
    return keras.Model(latents, layers.Reshape((8, 8, 1))(layers.Dense(64, activation="tanh")(latents)), name="painter")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def paint(tmp_path):
    """Makes an image file of one colour, and the folders above it."""

    def paint(name, colour=(10, 20, 30), size=(9, 5), mode="RGB"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, size, colour).save(path)
        return path.relative_to(tmp_path)

    return paint


def plan(inputs, out):
    return [(str(source), str(target)) for source, target in plan_images(inputs, out)]


def test_one_image_goes_to_the_file_or_into_the_folder_that_was_named(paint):
    image = paint("a/x.jpg")
    assert plan([image], Path("new/y.png")) == [("a/x.jpg", "new/y.png")]
    assert plan([image], Path("new/y.webp")) == [("a/x.jpg", "new/y.webp")]
    assert plan([image], Path("new")) == [("a/x.jpg", "new/x.png")]


def test_a_folder_that_looks_like_a_picture_is_a_folder(paint):
    paint("out.png/old.png")
    assert plan([paint("x.jpg")], Path("out.png")) == [("x.jpg", "out.png/x.png")]


def test_a_folder_is_laid_out_as_it_was_and_what_is_no_image_is_left(paint):
    paint("in/b.png"), paint("in/sub/a.JPG"), Path("in/notes.txt").write_text("no image")
    assert plan([Path("in")], Path("out")) == [("in/b.png", "out/b.png"), ("in/sub/a.JPG", "out/sub/a.png")]


@pytest.mark.parametrize(
    ("inputs", "out", "parts"),
    [
        (["in/a.png", "in/b.png"], "out.png", ["out.png", "2 images", "folder"]),
        (["in"], "out.png", ["out.png", "folder"]),
        (["in/a.pgn"], "out", ["in/a.pgn", "did you mean 'a.png'"]),
        (["nowhere/a.png"], "out", ["nowhere/a.png", "no such"]),
        (["empty"], "out", ["empty", "no images", ".png"]),
        (["in/a.png"], "in/a.png", ["in/a.png", "overwrite an input"]),
        (["in/a.png"], "in", ["in/a.png", "overwrite an input"]),
        (["in/a.png", "in/a.jpg"], "out", ["in/a.png", "in/a.jpg", "out/a.png"]),
        (["in/a.png", "other/a.png"], "out", ["in/a.png", "other/a.png", "out/a.png"]),
    ],
)
def test_nothing_is_lost_or_overwritten(paint, inputs, out, parts):
    for name in ("in/a.png", "in/b.png", "in/a.jpg", "other/a.png"):
        paint(name)
    if inputs == ["in"]:
        Path("in/a.jpg").unlink()
    Path("empty").mkdir()
    with pytest.raises(UsageError) as caught:
        plan_images([Path(name) for name in inputs], Path(out))
    assert all(part in str(caught.value) for part in parts), caught.value


@pytest.mark.parametrize("out", ["samples", "samples.txt", "."])
def test_a_grid_needs_the_name_of_a_picture(out):
    with pytest.raises(UsageError, match="name of a picture"):
        plan_samples(Path(out))


def test_images_are_painted_in_their_own_size_and_mode(paint):
    images = [paint("in/a.png"), paint("in/b.png", (0, 0, 0, 0), (40, 3), "RGBA"), paint("in/c.png", 40, (1, 1), "L")]
    generate_images(negative(), plan_images([Path("in")], Path("out")))
    painted = [Image.open(Path("out") / image.name) for image in images]
    assert [(p.size, p.getpixel((0, 0))) for p in painted] == [
        ((9, 5), (245, 235, 225)),
        ((40, 3), (0, 0, 0, 0)),  # Transparent is white, its negative black; it stays transparent.
        ((1, 1), (215, 215, 215)),
    ]


def test_a_grey_network_paints_grey(paint):
    generate_images(negative(channels=1), plan_images([paint("a.png", (40, 40, 40))], Path("b.png")))
    assert Image.open("b.png").getpixel((0, 0)) == 215


def test_an_image_that_can_not_be_read_is_named_counted_and_skipped(paint):
    paint("in/a.png"), Path("in/broken.png").write_bytes(b"no image"), paint("in/z.png")
    said = []
    generate_images(negative(), plan_images([Path("in")], Path("out")), said.append)
    assert sorted(os.listdir("out")) == ["a.png", "z.png"]
    assert any("broken.png" in line and "skipped" in line for line in said)
    assert "1 of 3" in said[-1]


def test_images_of_which_none_can_be_read_are_a_failure():
    Path("in").mkdir()
    for name in ("a.png", "b.png"):
        (Path("in") / name).write_bytes(b"no image")
    with pytest.raises(RunError, match=r"none of the 2 images.*a\.png"):
        generate_images(negative(), plan_images([Path("in")], Path("out")))
    with pytest.raises(RunError, match=r"a\.png"):
        generate_images(negative(), plan_images([Path("in/a.png")], Path("out")))
    assert not Path("out").exists()


def test_a_model_of_a_size_is_run_in_tiles_if_asked(paint):
    image = keras.Input((8, 8, 3))
    flat = layers.Reshape((8, 8, 3))(layers.Flatten()(image))
    stiff = keras.Model(image, flat, name="stiff")
    sharp = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype="uint8")
    Image.fromarray(sharp).save("in.png")
    generate_images(stiff, [(Path("in.png"), Path("whole.png"))])
    generate_images(stiff, [(Path("in.png"), Path("tiles.png"))], tiles=True)
    assert (np.asarray(Image.open("tiles.png")) == sharp).all()
    assert not (np.asarray(Image.open("whole.png")) == sharp).all()


def test_samples_are_laid_out_in_a_square():
    generate_samples(painter(), Path("new/grid.png"), count=9)
    width, height = Image.open("new/grid.png").size
    assert abs(width - height) < 8
    assert width > 3 * 8


def test_a_way_between_two_seeds_shows_more_than_one_picture():
    generate_samples(painter(), Path("way.png"), count=4, between=(1, 2))
    generate_samples(painter(), Path("still.png"), count=4, between=(1, 1))
    way, still = (np.asarray(Image.open(name)) for name in ("way.png", "still.png"))
    assert len(np.unique(way)) > len(np.unique(still))


def test_a_model_is_told_what_it_does_not_take(paint):
    with pytest.raises(UsageError, match="painter paints from latents"):
        generate_images(painter(), plan_images([paint("x.png")], Path("out")))
    with pytest.raises(UsageError, match="negative translates images"):
        generate_samples(negative(), Path("x.png"))


def test_a_tflite_file_is_run_by_the_command_without_tensorflow(ganzoo, tmp_path, paint):
    exported.negative(tmp_path)
    paint("in.png", size=(50, 41))
    done = ganzoo("generate", "model.tflite", "in.png", "--out", "out.png", PYTHONPROFILEIMPORTTIME="1")
    assert (done.returncode, done.stdout) == (0, "in.png -> out.png\n")
    painted = Image.open("out.png")
    assert (painted.size, painted.getpixel((49, 40))) == ((50, 41), (245, 235, 225))
    said = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    assert said == []
    assert not re.search(r"\| +(tensorflow|keras)$", done.stderr, re.MULTILINE)


def test_an_exported_model_that_is_broken_is_told_in_a_line(ganzoo, tmp_path):
    file = exported.painter(tmp_path)
    file.write_bytes(file.read_bytes()[:-1])
    done = ganzoo("generate", file.name, "--out", "out.png")
    assert done.returncode == 1
    assert re.fullmatch(r"Error: model\.tflite: not the file that .*card\.json describes.+\n", done.stderr)
    (tmp_path / "card.json").unlink()
    assert "no card.json beside it" in ganzoo("generate", file.name, "--out", "out.png").stderr
    assert not (tmp_path / "out.png").exists()
