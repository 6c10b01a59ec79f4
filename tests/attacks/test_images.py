"""Files that are no image of a format that is read, though their names say so."""

import io
import os
import subprocess
import sys

import pytest
from lite.networks import identity
from PIL import Image

from ganzoo.config.recipe import DataConfig
from ganzoo.data import fields
from ganzoo.data.folder import open_source
from ganzoo.data.images import image_size, read_image
from ganzoo.errors import RunError, UsageError
from ganzoo.lite.folders import EXTENSIONS
from ganzoo.lite.formats import readable
from ganzoo.lite.jobs import paint_all, plan_images
from ganzoo.lite.pixels import open_picture

Image.init()
OTHERS = sorted({*Image.SAVE} - {*readable(), "MPO"})
"""Formats that Pillow writes and, if asked for any, reads."""
READ = """
import sys
from ganzoo.data.images import read_image
read_image(sys.argv[1])
"""


def encoded(kind: str) -> bytes | None:
    for mode in ("RGB", "L", "1", "P", "RGBA"):
        file = io.BytesIO()
        try:
            Image.new(mode, (64, 64)).save(file, kind)
            return file.getvalue()
        except Exception:  # not of this mode, or not without another library
            continue
    return None


@pytest.mark.parametrize("reader", [read_image, image_size, lambda file: open_picture(file, 3, 3)])
def test_a_format_that_is_not_read_is_refused_whatever_the_name_says(tmp_path, reader):
    tried = {kind: content for kind in OTHERS if (content := encoded(kind))}
    assert tried.keys() >= {"EPS", "PCX", "TGA"}
    for content in tried.values():
        (tmp_path / "x.png").write_bytes(content)
        with pytest.raises(RunError, match=r"x\.png: can't be read as an image \(none of PNG, JPEG, .*, by its con"):
            reader(tmp_path / "x.png")


def test_every_extension_that_is_looked_for_has_a_format_that_is_read():
    kinds = Image.registered_extensions()
    assert {kinds[extension] for extension in EXTENSIONS} == {*readable()}


def test_ghostscript_is_not_started_for_an_eps_that_is_named_png(tmp_path):
    (tmp_path / "x.png").write_bytes(encoded("EPS"))
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    (tmp_path / "gs").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([sys.executable, "-c", READ, tmp_path / "x.png"], env=environment, stderr=subprocess.PIPE)
    assert done.returncode == 1 and b"none of PNG" in done.stderr
    assert not (tmp_path / "started").exists()


@pytest.fixture
def with_pipe(tmp_path):
    """A folder of an image, a pipe that nobody writes to, and an EPS, all three named as images."""
    folder = tmp_path / "in"
    folder.mkdir()
    Image.new("RGB", (8, 8)).save(folder / "good.png")
    os.mkfifo(folder / "pipe.png")
    (folder / "drawing.jpg").write_bytes(encoded("EPS"))
    return folder


def test_a_pipe_among_the_images_to_train_on_is_left_out_and_told(with_pipe):
    source = open_source(DataConfig(source=f"folder:{with_pipe}"), (fields.Stream(image=fields.Image()),), "train")
    assert source.sets[0].names == ["good.png"]
    skipped = dict(source.skipped)
    assert skipped[str(with_pipe / "pipe.png")] == "not a regular file"
    assert skipped[str(with_pipe / "drawing.jpg")].startswith("none of PNG, JPEG")


def test_pipes_alone_are_no_images(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UsageError, match="none of 1 images can be read, e.g. .*pipe.png: not a regular file"):
        open_source(DataConfig(source=f"folder:{tmp_path}"), (fields.Stream(image=fields.Image()),), "train")


def test_a_pipe_among_the_images_to_paint_is_skipped_and_told(with_pipe, tmp_path):
    told = []
    paint_all(identity(), plan_images([with_pipe], tmp_path / "out"), say=told.append)
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["good.png"]
    assert f"skipped: {with_pipe}/pipe.png: can't be read as an image (not a regular file)" in told
    assert told[-1] == "2 of 3 images skipped: they can't be read"


def test_a_photo_with_previews_is_still_read(tmp_path):
    Image.new("RGB", (8, 6)).save(tmp_path / "x.jpg", "MPO", save_all=True, append_images=[Image.new("RGB", (4, 3))])
    assert read_image(tmp_path / "x.jpg").shape == (6, 8, 3)
