"""Shares of samples that show what labels name, on mixtures of which it is known."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from ganzoo.evaluation import shares
from ganzoo.evaluation.instruments import Instruments
from ganzoo.evaluation.results import Result, Skipped
from ganzoo.evaluation.setting import Setting
from ganzoo.evaluation.splits import open_split
from ganzoo.metrics import extract, open_feature_network

SIZE = 32


def pictures(glasses: np.ndarray, seed: int) -> np.ndarray:
    """Noise of random brightness, uint8 (N, S, S, 3); with glasses, somewhat brighter in red: a reader errs."""
    random = np.random.default_rng(seed)
    level = random.normal(110, 25, (len(glasses), 1, 1, 3))
    level[..., 0] += 60 * glasses[:, None, None]
    return np.clip(level + random.normal(0, 10, (len(glasses), SIZE, SIZE, 3)), 0, 255).astype("uint8")


def shown(count: int, share: float) -> np.ndarray:
    return np.arange(count) < round(share * count)


@pytest.fixture(scope="module")
def labeled(tmp_path_factory):
    """A folder of 400 pictures for training and 400 for testing, of which a third have glasses, by its table."""
    folder = tmp_path_factory.mktemp("labeled")
    lines = ["file,glasses,shade,monocle"]
    for seed, split in enumerate(("train", "test")):
        (folder / split).mkdir()
        glasses = shown(400, 1 / 3)
        for number, pixels in enumerate(pictures(glasses, seed)):
            name = f"{split}/{number:03}.png"
            Image.fromarray(pixels).save(folder / name)
            worn, shade = ("round" if glasses[number] else "none"), ("dark", "light")[number % 2]
            lines.append(f"{name},{worn},{shade},{'gold' if number < 3 else 'none'}")
    (folder / "labels.csv").write_text("\n".join(lines))
    return folder


@pytest.fixture
def setting(labeled, recipe, feature_network):
    settings = recipe("dcgan", f"folder:{labeled}", image_size=SIZE)
    test, train = (open_split(settings, split) for split in ("test", "train"))
    return Setting({}, settings, test, Instruments(open_feature_network(feature_network)), train=train)


def told(setting: Setting, made: np.ndarray) -> dict:
    generated = extract(setting.instruments.network, iter(made))
    return {
        one.key if isinstance(one, Result) else one.metric: one for one in shares.shares(setting, "image", generated)
    }


@pytest.mark.parametrize("share", [0.0, 0.08, 0.9])
def test_the_share_of_a_mixture_is_told_within_its_error_and_what_is_read_is_not(setting, share):
    found = told(setting, pictures(shown(1000, share), seed=7))
    one, read = found["share_of_glasses"], float(found["share_of_glasses"].how.split("from ")[2].split()[0])
    right, wrong = (found[f"{which}_positives_share_of_glasses"].value for which in ("true", "false"))
    assert 0.6 < right < 0.98 and 0.02 < wrong < 0.4
    assert abs(one.value - share) < 2 * one.standard_error < 0.1
    assert abs(read - share) > 2 * one.standard_error
    assert (one.images, one.real_images) == (1000, 400)
    assert found["test_split_share_of_glasses"].value == pytest.approx(133 / 400)


def test_what_hardly_any_picture_has_is_not_told_and_values_of_several_labels_are_not_asked(setting):
    found = told(setting, pictures(shown(100, 0.5), seed=7))
    assert isinstance(found["share of monocle"], Skipped) and "it takes 10 of each" in found["share of monocle"].reason
    assert not any("shade" in key for key in found)


def test_what_a_reader_can_not_see_is_not_told(setting, monkeypatch):
    """Labels that have nothing to do with the pictures."""
    names = {split: getattr(setting, split).sets["image"].names for split in ("train", "test")}
    luck = {split: {name: place % 2 == 0 for place, name in enumerate(found)} for split, found in names.items()}
    monkeypatch.setattr(shares, "attributes", lambda data, split: {"luck": luck[split]})
    found = told(setting, pictures(shown(100, 0.5), seed=7))
    assert list(found) == ["share of luck"] and isinstance(found["share of luck"], Skipped)


def test_without_a_train_split_or_labels_of_these_pictures_nothing_is_told(setting):
    made = pictures(shown(20, 0.5), seed=7)
    assert told(dataclasses.replace(setting, train=None), made) == {}
    avatars = dataclasses.replace(setting.recipe.data, source="embedded:avatars")
    other = dataclasses.replace(setting.recipe, data=avatars)
    assert told(dataclasses.replace(setting, recipe=other), made) == {}
