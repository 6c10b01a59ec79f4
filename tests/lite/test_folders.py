"""Which images are found in a folder, for training and for painting."""

from pathlib import Path

import pytest
from PIL import Image

from ganzoo.config.recipe import DataConfig
from ganzoo.data import fields
from ganzoo.data.folder import open_source
from ganzoo.lite.jobs import plan_images


@pytest.fixture
def images(tmp_path, monkeypatch):
    """Makes images in an empty folder, in which the test runs."""
    monkeypatch.chdir(tmp_path)

    def images(*names):
        for name in names:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (9, 9)).save(name, "PNG")

    return images


def found(folder="in"):
    """The same for both."""
    painted = [str(source.relative_to(folder)) for source, _ in plan_images([Path(folder)], Path("out"))]
    trained = (
        open_source(DataConfig(source=f"folder:{folder}"), (fields.Stream(image=fields.Image()),), "train")
        .sets[0]
        .names
    )
    assert sorted(painted) == sorted(trained)
    return sorted(painted)


def test_linked_folders_are_searched(images):
    images("in/a.png", "elsewhere/b.png", "elsewhere/sub/c.png")
    Path("in/linked").symlink_to("../elsewhere")
    Path("in/d.png").symlink_to("../elsewhere/b.png")
    assert found() == ["a.png", "d.png", "linked/b.png", "linked/sub/c.png"]


def test_links_that_lead_back_or_to_each_other_end(images):
    images("in/a.png", "in/sub/b.png", "one/c.png", "beside/d.png")
    Path("in/up").symlink_to("..")
    Path("in/sub/self").symlink_to(".")
    Path("in/one").symlink_to("../one")
    Path("one/in").symlink_to("../in")
    assert found() == ["a.png", "one/c.png", "sub/b.png"]


def test_a_folder_that_is_linked_in_its_own_tree_counts_once_and_by_its_own_name(images):
    images("in/z/a.png")
    Path("in/a").symlink_to("z")
    assert found() == ["z/a.png"]


def test_a_folder_that_is_a_link_itself_is_searched(images):
    images("in/a.png")
    Path("linked").symlink_to("in")
    assert found("linked") == ["a.png"]


def test_hidden_files_and_folders_are_left_out(images):
    images("in/a.png", "in/._a.png", "in/._hidden.jpg", "in/.trash/b.png", "in/__MACOSX/a.png")
    assert found() == ["a.png"]
