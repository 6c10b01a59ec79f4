"""The README against what there is."""

import re
from pathlib import Path

import pytest

import ganzoo

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def test_no_architecture_or_recipe_is_missing_from_the_readme():
    named = set(re.findall(r"`(\w+)`", README))
    default = {f"{name}_emoji" for name in ganzoo.list_architectures()}
    assert set(ganzoo.list_architectures()) <= named
    assert set(ganzoo.list_recipes()) - default <= named


def test_no_link_of_the_readme_is_dead():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links and not [link for link in links if not (Path(__file__).parent.parent / link).exists()]


@pytest.mark.slow
def test_the_python_of_the_readme_runs_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    names = {}
    exec(code, names)
    assert names["images"].shape == (16, 64, 64, 3)
