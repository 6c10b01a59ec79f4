"""What share of samples shows each attribute of labeled data, beside the share of test images: glasses, a hat.

A reader of features, by linear discriminant analysis, learns an attribute from training images. How often it is right
is known of the test images; the share that it reads from samples is corrected by that. Samples that are poor may be
read otherwise than images: a share tells of what is there to be read.
"""

import dataclasses

import numpy as np

from ganzoo.data.attributes import Attribute, attributes
from ganzoo.errors import UsageError
from ganzoo.evaluation.memorizing import REMEMBERED
from ganzoo.evaluation.results import Column, Result, Skipped
from ganzoo.evaluation.setting import Found, Setting
from ganzoo.evaluation.splits import Images
from ganzoo.metrics.features import Features

SHOWN = 30
"""The most attributes whose shares are told."""
LEAST = 10
"""Training and test images, at least, with an attribute, and without it."""
TELLS = 0.25
"""How much more often, at least, an attribute is read from test images that show it than from others."""


def shares(setting: Setting, key: str, generated: Features) -> Found:
    """Yields the share of each attribute; nothing where the data has none, or no train split.

    Args:
        key: of the images that samples are to be like.
        generated: the features of samples.
    """
    found = _attributes(setting, key)
    if not found:
        return
    from ganzoo.metrics import reference

    test = setting.features_of(key).kept
    train = setting.train.sets[key].at_most(REMEMBERED)
    # As those of the nearest training images, which are taken anyway: they are in the cache.
    learned = reference(setting.instruments.network, train.read, len(train)).kept
    for name, (of_train, of_test) in found.items():
        labels = _labels(of_train, train), _labels(of_test, setting.test.sets[key].shuffled())[: len(test)]
        yield from _share(setting, name, (learned, labels[0]), (test, labels[1]), generated.kept)


def _attributes(setting: Setting, key: str) -> dict[str, tuple[Attribute, Attribute]]:
    """Returns the attributes that all images are known to have or not, of the train and the test split, by name.

    Of several labels those that name what is there or not there; the values of others, as colors, are many.
    """
    if setting.train is None:
        return {}
    data = dataclasses.replace(setting.recipe.data, label=None)
    train, test = (attributes(data, split) for split in ("train", "test"))
    both = {name: (train[name], test[name]) for name in train if name in test and ":" not in name}
    if len(both) > SHOWN or not all(
        _knows(one, setting.train.sets[key]) and _knows(other, setting.test.sets[key]) for one, other in both.values()
    ):
        return {}
    return both


def _knows(attribute: Attribute, images: Images) -> bool:
    return attribute.keys() >= set(images.names)


def _labels(attribute: Attribute, images: Images) -> np.ndarray:
    return np.array([attribute[name] for name in images.names])


def _share(setting: Setting, name: str, train: tuple, test: tuple, made: np.ndarray) -> Found:
    """Yields the share of one attribute. `train` and `test`: features (N, D), and whether each shows it, bool (N,)."""
    from ganzoo.metrics.prevalence import prevalence
    from ganzoo.metrics.reading import learn

    metric, (features, known) = f"share of {name}", test
    fewest = min(int(some.sum()) for labels in (train[1], known) for some in (labels, ~labels))
    if fewest < LEAST:
        yield Skipped(metric, f"{fewest} images of a split have it, or have it not; it takes {LEAST} of each")
        return
    reader = learn(train[0], train[1].astype(int), 2)
    try:
        found = prevalence(reader.read(made) == 1, reader.read(features) == 1, known)
    except UsageError as error:
        yield Skipped(metric, str(error))
        return
    if found.true_positives - found.false_positives < TELLS:
        told = f"{found.true_positives:.0%} of test images that show it, and {found.false_positives:.0%} of others"
        yield Skipped(metric, f"a reader of features reads it from {told}: it can't tell")
        return
    network = setting.instruments.network
    origin = {"network": network.name, "sha256": network.sha256}
    reading = f"read by linear discriminant analysis of features, which learned from {len(train[1]):,} training images"

    def result(of: str, against: str, value: float, better: str, images: int, how: str, **more) -> Result:
        column = Column(of, against)
        return Result(column.key(f"share_of_{name}"), metric, column, value, better, images, how, **more)

    yield result(
        "samples",
        "the test images",
        found.value,
        "as real",
        len(made),
        f"{reading}: from {found.read:.4f} of samples, corrected by how often it is right on test images "
        "(Rogan and Gladen 1978)",
        standard_error=found.standard_error,
        real_images=len(known),
        **origin,
    )
    yield result("test split", "their labels", float(known.mean()), "as real", len(known), "share that is labeled so")
    rates = (
        ("true positives", found.true_positives, "higher", known, "that show it"),
        ("false positives", found.false_positives, "lower", ~known, "that don't show it"),
    )
    for of, rate, better, some, which in rates:
        yield result(of, "the labels of test images", rate, better, int(some.sum()), f"{reading}: {which}", **origin)
