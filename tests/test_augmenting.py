"""`ganzoo augment`: a copy of a folder whose rare classes are filled up with samples."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import signed
from PIL import Image

import ganzoo
from ganzoo.errors import RunError, UsageError
from ganzoo.generators import inference, pretrained

COUNTS = {"coat": 1, "dress": 4, "shoe": 2}


def fill(folder: Path, counts: dict) -> Path:
    """Writes noise as pictures in a folder for each class."""
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = np.random.default_rng(number).integers(0, 256, (8, 8), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture
def model(monkeypatch):
    """Paints each class in a grey of its own."""
    signed.register(monkeypatch)
    return signed.conditional()


@pytest.fixture
def data(tmp_path):
    fill(tmp_path / "clothes/test", {name: 1 for name in COUNTS})
    fill(tmp_path / "clothes/train", COUNTS)
    return f"folder:{tmp_path / 'clothes'}"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_real_pictures_are_copied_as_they_are_and_tests_get_no_samples(model, data, tmp_path):
    before = contents(tmp_path / "clothes")
    report = ganzoo.augment(model, data, tmp_path / "filled")
    assert contents(tmp_path / "clothes") == before
    after = contents(tmp_path / "filled")
    assert {name: after[name] for name in before} == before
    added = after.keys() - before.keys() - {"made.json"}
    assert added == report["made"].keys()
    assert added == {
        *(f"train/coat/made_0000{number}.png" for number in (1, 2, 3)),
        *(f"train/shoe/made_0000{number}.png" for number in (1, 2)),
    }
    assert json.loads(after["made.json"]) == report | {"earlier": []}


def test_samples_are_those_of_the_class_that_their_folder_names_and_of_the_seed_in_the_manifest(model, data, tmp_path):
    report = ganzoo.augment(model, data, tmp_path / "filled", seed=3, truncation=0.5)
    assert (report["seed"], report["truncation"]) == (3, 0.5)
    names = [said["class"] for said in report["made"].values()]
    network = pretrained.find(model).network
    drawn = inference.drawn(network, 3, len(names), ["coat", "dress", "shoe"])
    drawn = {**drawn, "label": np.array([["coat", "dress", "shoe"].index(name) for name in names], "int32")}
    expected = np.concatenate(list(inference.made(network, drawn, 0.5)))
    for file, said in report["made"].items():
        with Image.open(tmp_path / "filled" / file) as picture:
            np.testing.assert_array_equal(np.asarray(picture), expected[said["number"]][..., 0])


@pytest.mark.parametrize(("to", "made"), [(None, 5), (3, 3), (6, 11)])
def test_classes_are_filled_up_to_the_largest_or_to_a_number(model, data, tmp_path, to, made):
    assert len(ganzoo.augment(model, data, tmp_path / "filled", to=to)["made"]) == made


def test_a_folder_that_was_filled_before_gets_more_under_names_of_their_own(model, data, tmp_path):
    ganzoo.augment(model, data, tmp_path / "once")
    ganzoo.augment(model, f"folder:{tmp_path / 'once'}", tmp_path / "twice", to=6, seed=1)
    assert len(list((tmp_path / "twice/train/coat").iterdir())) == 6
    assert (tmp_path / "twice/train/coat/made_00001.png").read_bytes() == (
        tmp_path / "once/train/coat/made_00001.png"
    ).read_bytes()
    # All that was ever made is said.
    said = json.loads((tmp_path / "twice/made.json").read_text())
    once = json.loads((tmp_path / "once/made.json").read_text())
    assert said["earlier"] == [{key: value for key, value in once.items() if key != "earlier"}]
    made = {*said["made"], *said["earlier"][0]["made"]}
    assert made == {str(path.relative_to(tmp_path / "twice")) for path in tmp_path.glob("twice/train/*/made_*")}


def test_a_file_of_the_manifests_name_that_is_none_is_not_overwritten(model, data, tmp_path):
    (tmp_path / "clothes/made.json").write_text("precious")
    with pytest.raises(UsageError, match="made.json: is not what ganzoo augment writes under that name; rename it"):
        ganzoo.augment(model, data, tmp_path / "filled")


def test_folders_that_can_only_be_read_are_filled_up_in_their_copy(model, data, tmp_path):
    (tmp_path / "clothes/train/coat").chmod(0o555)
    ganzoo.augment(model, data, tmp_path / "filled")
    assert len(list((tmp_path / "filled/train/coat").iterdir())) == 4
    assert (tmp_path / "filled/train/coat").stat().st_mode & 0o200


def test_a_link_that_leads_nowhere_is_told_in_a_line_and_nothing_is_left(model, data, tmp_path):
    (tmp_path / "clothes/train/coat/gone.png").symlink_to(tmp_path / "nothing.png")
    with pytest.raises(RunError, match="gone.png: can't be copied: .*No such file") as error:
        ganzoo.augment(model, data, tmp_path / "filled")
    assert "\n" not in str(error.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clothes"]


def test_a_folder_without_splits_is_of_training_pictures(model, tmp_path):
    fill(tmp_path / "plain", {"coat": 1, "shoe": 2})
    report = ganzoo.augment(model, f"folder:{tmp_path / 'plain'}", tmp_path / "filled")
    assert report["made"].keys() == {"coat/made_00001.png"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"data": "tfds:mnist"}, "--data tfds:mnist: found no such folder; give folder:PATH"),
        ({"to": 0}, "--to: found 0; give a whole number from 1 up"),
        ({"truncation": 2.0}, "truncation: found 2.0; give a number above 0, up to 1"),
        ({"to": 1}, "found 1 pictures or more of each class, and nothing to fill up to 1; give a larger --to"),
        ({"out": "clothes"}, "--out .*clothes: is there already"),
        ({"out": "clothes/filled"}, "lies in .*clothes, which is copied"),
    ],
)
def test_what_can_not_be_done_is_refused_in_a_line_and_nothing_is_written(model, data, tmp_path, change, said):
    before = contents(tmp_path)
    asked = {"data": data, "out": "filled", **change}
    with pytest.raises(UsageError, match=said) as error:
        more = {name: asked[name] for name in ("to", "truncation") if name in asked}
        ganzoo.augment(model, asked["data"], tmp_path / asked["out"], **more)
    assert "\n" not in str(error.value)
    assert contents(tmp_path) == before


def test_a_class_that_the_model_does_not_know_is_named_with_the_nearest(model, data, tmp_path):
    fill(tmp_path / "clothes/train", {"shoes": 1})
    with pytest.raises(UsageError, match="clothes/train/shoes: .* knows no class 'shoes'.*shoe"):
        ganzoo.augment(model, data, tmp_path / "filled")
    assert not (tmp_path / "filled").exists()


def test_a_model_that_takes_no_class_is_refused(monkeypatch, data, tmp_path):
    signed.register(monkeypatch)
    with pytest.raises(UsageError, match="makes image of latents and tokens; give a model that makes pictures of"):
        ganzoo.augment(signed.worded(), data, tmp_path / "filled")


def test_a_table_of_labels_is_refused_where_folders_must_say_the_classes(model, data, tmp_path):
    (tmp_path / "clothes/train/labels.csv").write_text("file,label\n")
    with pytest.raises(UsageError, match="labels.csv: says the classes, and --data must have a folder for each"):
        ganzoo.augment(model, data, tmp_path / "filled")


def test_the_command_trains_a_recipe_on_the_folder_first_and_fills_it_up(ganzoo, data, tmp_path):
    # Nothing is learned from a class of one.
    shutil.copy(tmp_path / "clothes/train/coat/0.png", tmp_path / "clothes/train/coat/1.png")
    settings = ["model.base_filters=1", "model.channels=1", "model.block_latents=2", "training.steps=1"]
    settings += ["training.batch_size=2", "training.sample_count=2"]
    options = [word for setting in settings for word in ("--set", setting)]
    arguments = ["augment", "biggan_fashion_mnist", "--data", data, "--out", "filled", "--from-run", "run", *options]
    done = ganzoo(*arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "coat: 2 made\nshoe: 2 made\n"
    report = json.loads((tmp_path / "filled/made.json").read_text())
    assert report["sha256"]
    with Image.open(tmp_path / "filled" / next(iter(report["made"]))) as picture:
        assert (picture.size, picture.mode) == ((32, 32), "L")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--to", "3", "--balance"), "--balance fills up to the largest class, and --to to 3: give one of them"),
        (("--set", "model.classes=3"), "--set: changes how a model is trained"),
        (("--from-run", "clothes/run"), "--from-run clothes/run: lies in "),
    ],
)
def test_options_that_exclude_one_another_are_told_in_a_line(ganzoo, data, options, said):
    done = ganzoo("augment", "biggan_letters", "--data", data, "--out", "filled", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_recipe_that_paints_no_classes_is_refused_before_it_is_trained(ganzoo, data, tmp_path):
    done = ganzoo("augment", "improved_gan", "--data", data, "--out", "filled", "--from-run", "run")
    assert done.returncode == 2 and "improved_gan makes no pictures of a class that is named" in done.stderr
    assert not (tmp_path / "run").exists()
