"""The README against what there is. Its commands and links are tested with those of all pages, in test_docs.py."""

import configparser
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganzoo
from scripts import model_table, readme_picture

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def test_no_command_of_the_readme_names_a_generator_that_is_not_there():
    families = "|".join([*ganzoo.list_architectures(), "srresnet"])
    named = set(re.findall(rf"\b(?:{families})/\w+", README))
    assert named == set(ganzoo.list_pretrained())


def test_the_table_of_the_readme_is_that_of_the_cards():
    assert model_table.table(model_table.SHORT) in README, "run python scripts/model_table.py"


def test_the_picture_at_the_top_is_of_the_generators_that_are_published():
    assert "docs/gallery/coloring.png" in README.partition("\n## ")[0]
    with Image.open(readme_picture.FILE) as kept:
        np.testing.assert_array_equal(np.asarray(kept), readme_picture.picture(), "run scripts/readme_picture.py")


def test_the_readme_and_the_metadata_say_which_python_and_keras_there_must_be():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    keras = re.search(r"^keras>=([\d.]+)$", setup["options"]["install_requires"], re.MULTILINE)[1]
    assert f"opens in Keras {keras} and later" in README
    assert f"open in Keras {keras} and later" in setup["metadata"]["description"]
    assert f"Python {setup['options']['python_requires'].removeprefix('>=')} or later" in README


def test_the_quick_start_of_the_readme_runs_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(*re.findall(r"```python\n(.*?)```", README, re.DOTALL), names)
    assert names["images"].shape == (16, 64, 64, 3)
    with Image.open("face.png") as saved:
        assert saved.size == (64, 64)


@pytest.mark.slow
def test_the_three_commands_of_the_readme_run(tmp_path, ganzoo):
    three = re.search(r"^## Three commands\n\n(.*?)\n\n", README, re.MULTILINE | re.DOTALL)[1].splitlines()
    assert len(three) == 3
    for command in three:
        _, *arguments = shlex.split(command, comments=True)
        done = ganzoo(*arguments, *(["--steps", "1"] if "train" in arguments else []))
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "grid.png").exists() and (tmp_path / "runs/pix2pix_avatars/report.html").exists()
    assert (tmp_path / "exported/card.json").exists()
