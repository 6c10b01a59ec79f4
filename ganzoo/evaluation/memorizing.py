"""Whether samples copy training images: how much nearer they are to these than test images are."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from PIL import Image

from ganzoo.evaluation.results import Column, Result, Skipped
from ganzoo.evaluation.setting import Found, Setting, together
from ganzoo.evaluation.splits import Images
from ganzoo.generators import pictures

SHOWN = 8
"""Samples in the picture of nearest training images."""
COMPARED = 1_000
"""Samples, and test images, that are compared with training images."""
REMEMBERED = 10_000
"""Training images that they are compared with, at most."""


def memorized(setting: Setting, key: str, draw: Callable[[int], Iterator[np.ndarray]]) -> Found:
    """Yields how near samples are to training images, in pixels and in features, beside how near test images are.

    Args:
        key: of the training images.
        draw: gives so many samples, uint8 (H, W, C) each.
    """
    splits = setting.own()
    if splits is None:
        yield Skipped(
            "copies of training images",
            "it takes the images that it was trained on, and others of their kind: a run directory whose data has a "
            "train and a test split",
        )
        return
    from ganzoo.metrics import extract, memorizing, reference

    test, train = (split.sets[key] for split in splits)
    train, test = train.at_most(REMEMBERED), test.at_most(COMPARED)
    made = np.stack(list(draw(min(COMPARED, setting.recipe.evaluation.samples))))
    new = np.stack([image for (image,) in together(test)])
    small = np.concatenate([memorizing.thumbnails(image[None]) for (image,) in together(train)])
    nearest = {"pixels": tuple(memorizing.nearest_in_pixels(some, small) for some in (made, new))}
    features = setting.instruments.network
    if features is not None:
        known = reference(features, train.read, len(train)).kept
        nearest["features"] = tuple(
            memorizing.nearest_in_features(extract(features, iter(some)).kept, known) for some in (made, new)
        )
    for space, (ours, theirs) in nearest.items():
        yield from _copying(space, ours, theirs, len(train), features if space == "features" else None)
    picture = _nearest_picture(made, train, {space: ours for space, (ours, _) in nearest.items()})
    setting.show("nearest_training_images", picture)


def _copying(space: str, ours, theirs, train_count: int, network) -> Found:
    from ganzoo.metrics.memorizing import memorizing

    found = memorizing(ours, theirs)
    how = {
        "pixels": "thumbnails of 16 pixels, mirror images counted as one",
        "features": network.preparation if network else "",
    }[space]
    against = f"{train_count:,} training images"
    ratio_how = f"median of the distance to the nearest training image over that to another; {how}"
    weights = {"network": network.name if network else None, "sha256": network.sha256 if network else None}
    metric = f"nearest in training, {space}"
    for of, value, some in (("samples", found.ratio, ours), ("test split", found.held_out_ratio, theirs)):
        column = Column(of, against)
        yield Result(
            column.key(f"nearest in {space}"),
            metric,
            column,
            value=value,
            better="higher",
            images=len(some.ratios),
            how=ratio_how,
            **weights,
        )
    if found.copies is None:
        yield Skipped(f"copies, {space}", found.note)
        return
    column = Column("samples", against)
    yield Result(
        column.key(f"copies in {space}"),
        f"copies, {space}",
        column,
        value=found.copies,
        better="lower",
        images=len(ours.ratios),
        how=f"share that is nearer to a training image than all but 5% of test images are; {how}",
        **weights,
    )


def _nearest_picture(made: np.ndarray, train: Images, nearest: Mapping) -> Image.Image:
    """The samples that are most like a training image first, each beside the nearest in pixels and in features."""
    order = np.argsort(next(iter(nearest.values())).ratios)[:SHOWN]
    columns = {"sample": made[order]}
    for space, found in nearest.items():
        columns[f"in {space}"] = np.stack([train.read(int(index)) for index in found.indices[order]])
    return pictures.grid(columns)
