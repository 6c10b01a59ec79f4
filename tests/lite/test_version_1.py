"""A file and its card as they were exported when cards were of version 1: they open wherever they did."""

import json
import shutil
from pathlib import Path

import numpy as np
import painters
import pytest
from PIL import Image

import ganzoo as package
from ganzoo.lite import card

FOLDER = Path(__file__).parent / "version_1"
FILE = "generator_dynamic.tflite"


@pytest.fixture
def old(tmp_path):
    """A copy of the folder, beside which there is none of the package."""
    return shutil.copytree(FOLDER, tmp_path / "old")


def check_grid(path):
    """It shows the samples that were painted then."""
    painted, before = (np.asarray(Image.open(place)).astype("int32") for place in (path, FOLDER / "samples.png"))
    assert before.std() > 20
    assert painted.shape == before.shape and np.abs(painted - before).max() <= 2


def test_the_runner_paints_what_it_painted(old, lite, tmp_path):
    done = lite(old / FILE, "--count", 4, "--seed", 3, "--out", "new.png")
    assert (done.returncode, done.stderr) == (0, "")
    check_grid(tmp_path / "new.png")


def test_ganzoo_generate_paints_what_it_painted(old, ganzoo, tmp_path):
    done = ganzoo("generate", old / FILE, "--count", 4, "--seed", 3, "--out", "new.png")
    assert (done.returncode, done.stderr) == (0, "")
    check_grid(tmp_path / "new.png")


def test_an_export_into_its_folder_keeps_it_in_a_card_of_version_2(old):
    before = card.interface(card.read(old / FILE), old / FILE)
    report = package.export(painters.painter("dcgan"), old, ["tflite"], ["none"], measure=False)
    document = json.loads((old / card.NAME).read_text())
    assert document["card_version"] == 2
    assert list(document["files"]) == [FILE, *report.files]
    assert card.interface(card.read(old / FILE), old / FILE) == before
    assert document["files"][FILE]["quality"]["psnr_mean"] == 46.05
    assert "input" not in document["files"][FILE]


@pytest.mark.parametrize("text", ['{"card_version": 1, "files": {"x.tflite": 3}}', '{"card_version": 2, "files": []}'])
def test_an_export_refuses_a_folder_whose_card_is_garbled(tmp_path, text):
    (tmp_path / card.NAME).write_text(text)
    with pytest.raises(package.errors.UsageError, match="not the card of exported files"):
        package.export(painters.painter("dcgan"), tmp_path, ["tflite"], ["none"], measure=False)
    assert [path.name for path in tmp_path.iterdir()] == [card.NAME]
