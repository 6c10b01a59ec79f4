"""The examples of a split: for each key of a batch what belongs together, whole numbers and sound included."""

import wave
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image as Pillow

from ganzoo.config.recipe import DataConfig, Recipe, TrainingConfig
from ganzoo.data.fields import Clip, Crop, Image, Label, Smaller, Stream, Tokens
from ganzoo.evaluation.splits import open_split

SIZES = {"image_size": 8, "channels": 3, "classes": 2, "scale": 2, "caption_length": 3, "vocabulary": 20}


def recipe(folder, batch, **settings):
    model = SimpleNamespace(batch=batch, **SIZES, **settings)
    return Recipe("made_up", model, DataConfig(source=f"folder:{folder}"), TrainingConfig(steps=1, batch_size=1))


@pytest.fixture
def folder(tmp_path):
    """train/a, train/b and test/a, test/b: gray pictures of 12x8, as light as their number, with captions."""
    number = 0
    for split in ("train", "test"):
        for name in "ab":
            (tmp_path / split / name).mkdir(parents=True)
            for _ in range(3):
                file = tmp_path / split / name / f"{number}.png"
                Pillow.new("RGB", (12, 8), (number,) * 3).save(file)
                file.with_suffix(".txt").write_text(f"{name} {number}" if split == "train" else f"new {name}")
                number += 1
    return tmp_path


def test_labels_and_tokens_stand_beside_their_pictures(folder):
    batch = (Stream(image=Image(), label=Label(), tokens=Tokens()),)
    test = open_split(recipe(folder, batch), "test")
    assert list(test.sets) == ["image", "label", "tokens"]
    assert test.names == {"label": ("a", "b"), "tokens": ("", *"012345", "a", "b")}
    assert test.description == f"6 images from folder:{folder}, test split"
    for index in range(6):
        image, label, tokens = (found.read(index) for found in test.sets.values())
        assert (image.dtype, image.shape) == (np.uint8, (8, 8, 3)) and (image == 6 + index).all()
        assert (type(label), label) == (int, index // 3)
        assert (tokens.dtype, tokens.tolist()) == (np.int32, [7 + label, 0, 0])
    few = test.at_most(2)
    assert [few.sets[key].read(1) for key in ("label",)] == [1] and few.sets["image"].read(1)[0, 0, 0] == 9


def test_only_training_has_few_labels(folder):
    batch = (Stream(image=Image()), Stream(labelled=Image(), label=Label(each="labels_per_class")))
    counts = [
        {key: len(found) for key, found in open_split(recipe(folder, batch, labels_per_class=1), split).sets.items()}
        for split in ("train", "test")
    ]
    assert counts == [{"image": 6, "labelled": 2, "label": 2}, {"image": 6, "labelled": 6, "label": 6}]


def test_what_training_cuts_out_is_whole_and_labelled_also_where_the_set_has_small_ones(folder):
    for number in (6, 7, 8, 9, 10, 11):
        file = next((folder / "test").rglob(f"{number}.png"))
        Pillow.new("RGB", (6, 4), (200,) * 3).save(file.with_name(f"{number}_LR.png"))
        file.rename(file.with_name(f"{number}_HR.png"))
    test = open_split(recipe(folder, (Stream(low=Smaller(of="high"), high=Crop(), label=Label()),)), "test")
    assert [test.sets["high"].read(index)[0, 0, 0] for index in range(6)] == [6, 7, 8, 9, 10, 11]
    assert all((test.sets["low"].read(index) == 200).all() for index in range(6))
    assert [test.sets["label"].read(index) for index in range(6)] == [0, 0, 0, 1, 1, 1]
    assert test.sets["high"].read(0).shape == (8, 12, 3) and list(test.sets) == ["low", "high", "label"]


def test_a_smaller_picture_of_one_that_is_resized_is_made_of_what_was_resized(folder):
    test = open_split(recipe(folder, (Stream(image=Image(), low=Smaller(of="image")),)), "test")
    assert test.sets["low"].read(0).shape == (4, 4, 3) and (test.sets["low"].read(2) == 8).all()


def test_clips_are_their_first_part(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(np.arange(0, 20 * 256, 256, dtype="<i2").tobytes())
    test = open_split(recipe(tmp_path, (Stream(clip=Clip()),), clip_length=4, sample_rate=8000), "test")
    clip = test.sets["clip"].read(0)
    assert (clip.dtype, clip.shape) == (np.float32, (4, 1)) and (clip[:, 0] * 128).tolist() == [0, 1, 2, 3]
    assert test.in_training and test.preparation == "the first 4 values, 8,000 a second"
