"""Every verb takes the name of a pretrained generator, and so does training."""

import json
import re

import keras
import numpy as np
import pytest
import yaml
import zoos
from PIL import Image

from ganzoo.exporting import examples, interface
from ganzoo.exporting.benchmark import Stopwatch
from ganzoo.generators import pretrained
from ganzoo.recipes.recipes import load_recipe
from ganzoo.training import loop, teachers

SMALL = ["model.image_size=64", "model.base_filters=4", "model.residual_blocks=1", "training.batch_size=1"]


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zoo")
    zoos.add(folder, "dcgan/tiny", "dcgan")
    zoos.add(folder, "pix2pix/tiny", "pix2pix")
    zoos.add(folder, "cyclegan/tiny", "cyclegan")
    return folder


@pytest.fixture(autouse=True)
def used(zoo, tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_WEIGHTS", str(zoo))
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))


def check_done(done):
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_list_has_them_with_their_sizes_and_tells_which_must_be_fetched(ganzoo, zoo, tmp_path):
    (known,) = [
        one for one in json.loads(check_done(ganzoo("list", "--json")))["pretrained"] if "dcgan/" in one["name"]
    ]
    size = (zoo / "dcgan/tiny/generator.npz").stat().st_size
    summary = "A dcgan that learnt nothing."
    assert known == {"name": "dcgan/tiny", "summary": summary, "bytes": size, "here": True}
    # A manifest can name files that lie elsewhere alone.
    other = tmp_path / "other"
    zoos.add(other, "dcgan/far", "dcgan")
    (other / "dcgan/far/generator.npz").unlink()
    done = ganzoo("list", GANZOO_WEIGHTS=str(other), PYTHONPROFILEIMPORTTIME="1")
    assert re.search(r"^  dcgan/far +A dcgan that learnt nothing\. +0\.0 MB, not on this machine$", done.stdout, re.M)
    assert not re.search(r"\| +(tensorflow|keras)$", done.stderr, re.MULTILINE)


def test_show_gives_the_card_the_recipe_and_the_layers(ganzoo, zoo):
    shown = json.loads(check_done(ganzoo("show", "cyclegan/tiny", "--json")))
    assert shown["card"] == yaml.safe_load((zoo / "cyclegan/tiny/card.yaml").read_text())
    assert shown["settings"]["model"]["image_size"] == 64
    assert shown["networks"].keys() == {"generator_ab", "generator_ba"}


def test_show_tells_the_card_in_words(ganzoo):
    shown = check_done(ganzoo("show", "dcgan/tiny"))
    assert shown.startswith("dcgan/tiny\n\nA dcgan that learnt nothing.\n")
    assert "Weaknesses:\n  - It learnt nothing.\n" in shown
    assert "pairs on 4 images, by ganzoo evaluate:\n" in shown
    assert re.search(r"^  PSNR, dB +12\.35 ± 0\.25 +9\.5$", shown, re.MULTILINE)
    assert re.search(r"^  generator\.tflite +none +123,456 +140$", shown, re.MULTILINE)
    assert re.search(r"^generator: [\d,]+ parameters:$", shown, re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "first"), [("dcgan/tiny", "dcgan/tiny\n\nA dcgan that"), ("dcgan", "dcgan_avatars\n\n")]
)
def test_show_tells_what_is_text_before_it_asks_for_keras(ganzoo, name, first):
    # Keras is asked for the layers alone, and with such a backend can't be had.
    done = ganzoo("show", name, KERAS_BACKEND="none")
    assert done.returncode == 2
    assert done.stdout.startswith(first)
    assert "parameters:" not in done.stdout


@pytest.mark.parametrize(("name", "near"), [("dcgan/tyni", "dcgan/tiny"), ("srgn", "srgan")])
def test_show_suggests_a_pretrained_generator_or_a_recipe(ganzoo, name, near):
    done = ganzoo("show", name)
    assert done.returncode == 2
    assert done.stderr == f"Error: unknown recipe or pretrained generator '{name}'; did you mean '{near}'?\n"


def test_samples_and_images_are_painted(ganzoo, tmp_path):
    check_done(ganzoo("generate", "dcgan/tiny", "--count", 4, "--out", "grid.png"))
    assert (tmp_path / "grid.png").exists()
    Image.new("RGB", (50, 81), "red").save(tmp_path / "in.png")
    assert check_done(ganzoo("generate", "pix2pix/tiny", "in.png", "--out", "out.png")) == "in.png -> out.png\n"
    assert Image.open(tmp_path / "out.png").size == (50, 81)


def test_both_directions_are_evaluated_and_nothing_is_written_into_a_folder_of_that_name(ganzoo, tmp_path):
    (tmp_path / "cyclegan/tiny").mkdir(parents=True)
    document = json.loads(check_done(ganzoo("evaluate", "cyclegan/tiny", "--count", 2, "--json")))
    assert document["model"] == "cyclegan/tiny"
    assert {result["direction"] for result in document["results"]} == {"a to b", "b to a"}
    assert document["sha256"].keys() == {"ab", "ba"}
    assert not list((tmp_path / "cyclegan/tiny").iterdir())


@pytest.mark.slow
def test_both_directions_are_exported_with_their_proof(ganzoo, tmp_path):
    options = ["--out", "out", "--format", "tflite", "--quantize", "none", "--direction", "both"]
    done = ganzoo("export", "cyclegan/tiny", *options)
    assert done.returncode == 0, done.stderr
    card = json.loads((tmp_path / "out/card.json").read_text())
    assert card["files"].keys() == {"generator_ab_float32.tflite", "generator_ba_float32.tflite"}


def test_a_generator_whose_data_are_elsewhere_is_proven_on_those_of_its_architecture(tmp_path):
    folder = tmp_path / "zoo/pix2pix/far"
    zoos.add(tmp_path / "zoo", "pix2pix/far", "pix2pix")
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("source: embedded:emoji", "source: folder:/gone"))
    generator = pretrained.find(folder / "generator.npz")
    _, values = interface.at_size(generator.model, None)
    assert "embedded:avatars" in examples.inputs(generator, values, "test", 2, None).description


def test_it_is_timed_in_a_process_of_its_own():
    path = pretrained.find("dcgan/tiny").path
    with Stopwatch("keras function", path, 1, (1, 8)) as watch:
        assert watch.ready().run(0.01)


def test_training_starts_from_each_directions_weights():
    gan = loop.build(load_recipe("cyclegan", SMALL), "single", "cyclegan/tiny")
    for name, direction in (("generator_ab", "ab"), ("generator_ba", "ba")):
        found, wanted = gan.networks()[name].get_weights(), pretrained.load("cyclegan/tiny", direction).get_weights()
        assert all(np.array_equal(one, other) for one, other in zip(found, wanted, strict=True))


def test_a_run_can_be_planned_from_one_and_with_one_as_teacher(ganzoo):
    settings = ["model.image_size=64", "model.base_filters=4", "model.generator=u_net", "model.teacher=pix2pix/tiny"]
    options = [part for setting in settings for part in ("--set", setting)]
    assert "a new run" in check_done(ganzoo("train", "pix2pix_emoji", *options, "--init", "pix2pix/tiny", "--dry-run"))


def test_a_student_has_a_teacher_for_each_direction():
    students = {name: pretrained.load("cyclegan/tiny", name[-2:]) for name in ("generator_ab", "generator_ba")}
    found = teachers.load_networks("cyclegan/tiny", tuple(students))
    images = keras.random.uniform((1, 64, 64, 3), -1, 1, seed=0)
    for name, student in students.items():
        np.testing.assert_array_equal(found[name](images, training=False), student(images, training=False))
