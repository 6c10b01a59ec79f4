import configparser
import csv
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from batches import CUT_OUT, ONE, PAIR, TWO, opened

import ganzoo
from ganzoo.config.recipe import DataConfig
from ganzoo.data.embedded import DATA_SETS
from ganzoo.data.opening import open_source
from ganzoo.errors import UsageError


def emoji(batch, split="train", **data):
    return open_source(DataConfig(**{"source": "embedded:emoji", **data}), batch, split)


def avatars(batch, split="train", **data):
    return emoji(batch, split, source="embedded:avatars", **data)


def labels():
    text = (resources.files("ganzoo.data") / "avatars" / "labels.csv").read_text("utf-8")
    return {row["name"]: row for row in csv.DictReader(text.splitlines())}


@pytest.mark.parametrize(
    ("batch", "domains", "size"),
    [
        (ONE, ["flat"], 128),
        (PAIR, ["line", "flat"], 128),
        (TWO, ["flat", "3d"], 128),
        (CUT_OUT, ["3d"], 256),
    ],
)
def test_every_batch_finds_its_usual_domains_in_both_splits(batch, domains, size):
    train, test = emoji(batch), emoji(batch, "test")
    assert 1400 < len(train.sets[0]) < 1500 and 120 < len(test.sets[0]) < 180
    assert all(domain in train.description for domain in domains) and len(train.sets) == len(domains)
    assert train.sets[0].size(0) == (size, size)


def test_avatars_that_follow_each_other_are_no_more_alike_than_any_two():
    rows = list(labels().values())
    for label in ("head", "skin", "shirt", "contrast"):
        values = [row[label] for row in rows]
        chance = sum((values.count(value) / len(rows)) ** 2 for value in set(values))
        alike = np.mean([one == next_one for one, next_one in zip(values, values[1:], strict=False)])
        # Three deviations of a share among 12,000.
        assert abs(alike - chance) < 3 * np.sqrt(chance / len(rows)), label


def test_no_test_image_has_a_twin_in_the_training_set():
    train, test = (set(emoji(PAIR, split).sets[0].names) for split in ("train", "test"))
    assert not train & test
    for name in test:
        for word in ("man", "woman", "person"):
            for other in ("man", "woman", "person"):
                assert name.replace(f"{word}-", f"{other}-", 1) not in train


@pytest.mark.parametrize("batch", [PAIR, TWO])
def test_the_same_position_is_the_same_emoji_in_both_sets(batch):
    one, other = emoji(batch).sets
    assert one.names == other.names
    better = [
        overlap(one.read(index), other.read(index)) > overlap(one.read(index), other.read(index + 7))
        for index in range(0, len(one) - 7, 29)
    ]
    assert np.mean(better) > 0.8


def overlap(image, other):
    """Intersection over union of what is not white."""
    step = len(other) // len(image)
    painted, other_painted = image.min(-1) < 250, other[::step, ::step].min(-1) < 250
    return (painted & other_painted).sum() / (painted | other_painted).sum()


@pytest.mark.parametrize("domain", ["line", "flat", "3d"])
def test_the_background_is_white_and_no_image_is_blank(domain):
    images = emoji(ONE, "test", domains=(domain,)).sets[0]
    corners = []
    for index in range(len(images)):
        pixels = images.read(index)
        assert pixels.min() < 235, images.names[index]
        corners.append(pixels[0, 0].min())
    assert np.mean(np.array(corners) > 250) > 0.97


def test_line_art_is_grey():
    pixels = emoji(ONE, domains=("line",)).sets[0].read(0)
    assert (pixels == pixels[..., :1]).all() and pixels.min() == 0


def test_embedded_pairs_train_offline():
    config = DataConfig(load_size=70, flip=True)
    batch = opened(PAIR, config, image_size=64, channels=3, batch_size=2, seed=0).batch(0)
    assert batch["input"].shape == batch["target"].shape == (2, 64, 64, 3)


@pytest.mark.parametrize(
    ("batch", "domains"),
    [
        (ONE, ["colour"]),
        (PAIR, ["ink -> colour"]),
        (TWO, ["colour <-> ink"]),
        (CUT_OUT, ["colour"]),
    ],
)
def test_every_batch_finds_its_usual_avatars_in_both_splits(batch, domains):
    train, test = avatars(batch), avatars(batch, "test")
    assert (len(train.sets[0]), len(test.sets[0])) == (10_000, 2_000)
    assert all(domain in train.description for domain in domains)
    assert not set(train.sets[0].names) & set(test.sets[0].names)
    assert train.sets[0].size(0) == (128, 128)


def test_few_avatars_for_testing_are_repeated_among_those_for_training():
    looks = {name: tuple(value for key, value in row.items() if key != "name") for name, row in labels().items()}
    train = {look for name, look in looks.items() if name.startswith("train")}
    test = [look for name, look in looks.items() if name.startswith("test")]
    assert sum(look in train for look in test) < 0.01 * len(test)


def test_ink_and_colour_of_an_avatar_fit_to_the_pixel():
    inks, colors = avatars(PAIR).sets
    assert inks.names == colors.names
    for index in range(0, len(inks), 500):
        ink, color = inks.read(index), colors.read(index)
        assert (ink == ink[..., :1]).all() and ink.min() == 0 and ink.max() == 255
        assert (color[ink == 0] == 0).all(), "colour where the ink is black"
        assert (color <= ink).all()
        assert (np.ptp(color.astype(int), axis=2) > 20).mean() > 0.05, "nothing is colored"


def test_the_labels_of_an_avatar_say_what_its_picture_shows():
    (colors,), named = avatars(ONE).sets, labels()
    for index in range(0, len(colors), 100):
        row, pixels = named[colors.names[index]], colors.read(index)
        shirt = [int(row["shirt"][place : place + 2], 16) for place in (1, 3, 5)]
        skin = [int(row["skin"][place : place + 2], 16) for place in (1, 3, 5)]
        assert (pixels[100:] == shirt).all(axis=2).any(), row
        assert (pixels == skin).all(axis=2).sum() > 200, row
    assert {row["glasses"] for row in named.values()} > {"none", "glasses", "sunglasses"}
    assert 0.2 < np.mean([row["glasses"] != "none" for row in named.values()]) < 0.3


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"source": "embedded:avatar"}, "did you mean 'avatars'"),
        ({"source": "embedded:emojis"}, "did you mean 'emoji'"),
        ({"source": "embedded:words"}, "no data set 'embedded:words'; allowed: avatars, emoji, letters"),
        ({"source": "embedded:letters"}, "data.domains .*: a batch of input, target needs 2 image sets, found none"),
        ({"domains": ("lines", "flat")}, "no domain 'lines'; did you mean 'line'"),
        ({"domains": ("line",)}, "a batch of input, target needs 2 image sets, found line"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(data, message):
    with pytest.raises(UsageError, match=message):
        emoji(PAIR, **data)


@pytest.mark.parametrize("name", DATA_SETS)
def test_an_embedded_set_is_in_the_wheel_with_its_licence(name):
    setup = configparser.ConfigParser()
    setup.read(Path(ganzoo.__file__).parents[1] / "setup.cfg")
    assert f"{name}/*" in setup["options.package_data"]["ganzoo.data"].split()
    assert f"ganzoo/data/{name}/LICENSE" in setup["metadata"]["license_files"].split()
    assert (resources.files("ganzoo.data") / name / "LICENSE").is_file()
