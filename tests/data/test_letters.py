"""`embedded:letters`, against the folders that scripts/build_letters.py writes: the numbers are of those."""

import hashlib

import pytest
from batches import CAPTIONED, LABELLED, ONE, opened
from test_same_bits import digest

from ganzoo.config.recipe import DataConfig
from ganzoo.data.opening import open_source
from ganzoo.lite.words import words

LETTERS = DataConfig(source="embedded:letters")


def pipeline(batch=LABELLED, split="train", **sizes):
    return opened(batch, LETTERS, split=split, seed=3, image_size=32, channels=1, **sizes)


def test_all_pictures_are_to_the_bit_those_of_the_folders_in_the_same_split():
    found = hashlib.sha256()
    for split in ("test", "train"):
        (images,) = open_source(LETTERS, ONE, split).sets
        for index, name in sorted(enumerate(images.names), key=lambda place: place[1]):
            pixels = images.read(index)
            assert (pixels == pixels[..., :1]).all(), f"{name} is not gray"
            found.update(f"{split}/{name}\0".encode() + pixels[..., 0].tobytes())
    assert found.hexdigest() == "c64c89e94a953e6b09b00943005bb27e7785f73329c710f2e6d316abbeeab364"


def test_a_seed_gives_the_batches_that_it_gives_of_the_folders():
    train, test = pipeline(classes=26), pipeline(classes=26, split="test")
    assert digest([train.batch(0), train.batch(5000), train.fixed(30), test.batch(7)]) == "cfb927bf51fa2851"


@pytest.mark.parametrize(("split", "fonts"), [("train", 412), ("test", 43)])
def test_a_class_is_a_letter_that_needs_no_name_of_a_column_and_has_all_fonts(split, fonts):
    letters = pipeline(classes=26, split=split)
    assert "".join(letters.names["label"]) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert set(letters.class_counts("label").values()) == {fonts}


def test_no_font_is_in_both_splits():
    train, test = (
        {name.partition("/")[2] for name in pipeline(split=split, classes=26).files} for split in ("train", "test")
    )
    assert (len(train), len(test), train & test) == (412, 43, set())


def test_the_caption_of_a_letter_names_it():
    captions = open_source(LETTERS, CAPTIONED, "test").captions
    assert [words(captions[place]) for place in (0, 43, -1)] == [["the", "letter", letter] for letter in "abz"]
