"""The letters that `scripts/build_letters.py` writes: which fonts are held out, and how an alphabet is laid out."""

import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from ganzoo.config.recipe import DataConfig
from ganzoo.data.fields import Image as ImageField
from ganzoo.data.fields import Stream
from ganzoo.data.images import read_image
from ganzoo.data.opening import open_source

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))

import build_letters


@pytest.fixture(scope="module", params=(32, 64))
def ink(request):
    """Where each letter of Pillow's own font has ink: bool (26, H, W)."""
    pictures = build_letters.alphabet(ImageFont.load_default(build_letters.EM), request.param)
    assert "".join(pictures) == build_letters.LETTERS
    return np.stack([np.asarray(picture) for picture in pictures.values()]) < 255


def of(ink, letters):
    return ink[[build_letters.LETTERS.index(letter) for letter in letters]]


def bounds(letter):
    """The first and the last row, and the first and the last column, that have ink."""
    return [int(place) for axis in (1, 0) for place in np.flatnonzero(letter.any(axis=axis))[[0, -1]]]


def test_flat_letters_stand_on_one_line_and_are_equally_high(ink):
    flat = {tuple(bounds(letter)[:2]) for letter in of(ink, "EFHIKLMNTXZ")}
    assert len(flat) == 1


def test_a_tail_hangs_below_the_line_and_lifts_nothing(ink):
    (top, line), (with_tail, tail) = (bounds(letter)[:2] for letter in of(ink, "OQ"))
    assert top == with_tail and tail > line


def test_a_narrow_letter_stays_narrow(ink):
    narrow, wider, wide, widest = (int(letter.any(axis=0).sum()) for letter in of(ink, "ILOW"))
    assert narrow * 4 < wider * 2 < wide * 2 < widest * 2


def test_each_letter_is_in_the_middle(ink):
    for letter in ink:
        _, _, left, right = bounds(letter)
        assert abs(left - (letter.shape[1] - 1 - right)) <= 1


def test_the_alphabet_fills_the_picture_and_leaves_its_margin(ink):
    size = ink.shape[-1]
    margin = size // 16
    inner = ink[:, margin:-margin, margin:-margin]
    assert ink.sum() == inner.sum()
    top, bottom, left, right = bounds(ink.any(axis=0))
    assert max(bottom - top, right - left) + 1 >= size - 2 * margin - 1


def test_what_was_held_out_stays_held_out():
    assert build_letters.split_of("Yielding BRK") == build_letters.split_of("Knot BRK") == "test"
    assert build_letters.split_of("Kinkaid BRK") == build_letters.split_of("Loopy BRK") == "train"


def test_a_font_is_not_tested_on_when_its_outline_was_trained_on():
    relatives = (
        "Kaliber Round",
        "KALIBER Solid",
        "Mini Kaliber O TT",
        "Gather",
        "Gather Gapped",
        "Mishmash",
        "Mishmash Fuse",
    )
    assert {build_letters.split_of(f"{name} BRK") for name in relatives} == {"test"}


def test_package_data_has_the_pictures_of_the_folders_in_the_order_in_which_those_are_read(tmp_path):
    names = ("B/b", "A/b10", "A/b9", "A/b")
    noise = np.random.default_rng(0).integers(0, 256, (len(names), 32, 32), np.uint8)
    pictures = dict(zip(names, map(Image.fromarray, noise), strict=True))
    for write in (build_letters.write_folders, build_letters.write_package_data):
        write(tmp_path / write.__name__, {"train": pictures, "test": {"A/c": pictures["A/b"]}})
    folders, package = tmp_path / "write_folders", tmp_path / "write_package_data"
    (images,) = open_source(DataConfig(source=f"folder:{folders}"), (Stream(image=ImageField()),), "train").sets
    splits = json.loads((package / "splits.json").read_text("utf-8"))
    assert [f"{name}.png" for name in splits["train"]] == images.names and splits["test"] == ["A/c"]
    with zipfile.ZipFile(package / "gray.zip") as archive:
        for place, name in enumerate(splits["train"]):
            picture = read_image(io.BytesIO(archive.read(f"{name}.webp")))
            np.testing.assert_array_equal(picture, images.read(place))
    assert (package / "labels.csv").read_text("utf-8").split()[:2] == ["name,letter", f"{splits['train'][0]},A"]
