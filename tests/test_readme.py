"""The README against what there is."""

import configparser
import re
from pathlib import Path

import pytest
from PIL import Image

import ganzoo
from ganzoo.recipes import registry
from scripts import model_table

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def test_no_architecture_or_recipe_is_missing_from_the_readme():
    named = set(re.findall(r"`(\w+)`", README))
    default = {registry.config_class(name).default_recipe for name in ganzoo.list_architectures()}
    assert set(ganzoo.list_architectures()) <= named
    assert set(ganzoo.list_recipes()) - default <= named


def test_no_link_of_the_readme_is_dead():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links and not [link for link in links if not (Path(__file__).parent.parent / link).exists()]


def test_no_command_of_the_readme_names_a_generator_that_is_not_there():
    named = set(re.findall(r"\b(?:dcgan|pix2pix|cyclegan|srgan|srresnet)/\w+", README))
    assert named == set(ganzoo.list_pretrained())


def test_the_numbers_of_the_readme_are_those_of_the_cards():
    assert model_table.table() in README


def test_the_readme_and_the_metadata_say_which_python_and_keras_there_must_be():
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parent.parent / "setup.cfg")
    keras = re.search(r"^keras>=([\d.]+)$", setup["options"]["install_requires"], re.MULTILINE)[1]
    assert f"opens in Keras {keras} and later" in README
    assert f"open in Keras {keras} and later" in setup["metadata"]["description"]
    assert f"Python {setup['options']['python_requires'].removeprefix('>=')} or later" in README


QUICK_START, TOUR = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_quick_start_of_the_readme_runs_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(QUICK_START, names)
    assert names["images"].shape == (16, 64, 64, 3)
    with Image.open("face.png") as saved:
        assert saved.size == (64, 64)


@pytest.mark.slow
def test_the_python_of_the_readme_runs_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(TOUR, names)
    assert names["images"].shape == (16, 64, 64, 3)
