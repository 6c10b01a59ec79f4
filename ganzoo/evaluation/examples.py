"""What generators are evaluated on: every image of a split, prepared as in training but not augmented."""

import dataclasses
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath

import numpy as np

from ganzoo.config import Recipe
from ganzoo.data import images
from ganzoo.data.pipeline import STREAMS_OF_TASK, prepare
from ganzoo.data.sources import ImageSet, Source, open_source
from ganzoo.errors import UsageError
from ganzoo.seeding import generator

HIGH, LOW = (re.compile(f"(?<![A-Za-z]){word}(?![A-Za-z])") for word in ("HR", "LR"))
"""In the name of a file, of a set that has the low-resolution images as well."""


@dataclasses.dataclass(frozen=True)
class Images:
    """Images in a fixed order, decoded when they are asked for."""

    names: Sequence[str]
    read: Callable[[int], np.ndarray]
    """uint8 (H, W, C). Raises RunError, naming the image, when it can't be decoded."""

    def __len__(self):
        return len(self.names)

    def at_most(self, count: int | None) -> "Images":
        """So many of them, spread evenly; all, where there are fewer or `count` is None."""
        if count is None or count >= len(self):
            return self
        return self._at([number * len(self) // count for number in range(count)])

    def shuffled(self) -> "Images":
        """All of them in another order, always the same, so that any part of them is like the whole."""
        return self._at(generator(0, "order of a test set").permutation(len(self)).tolist())

    def _at(self, places: Sequence[int]) -> "Images":
        return Images([self.names[place] for place in places], lambda index: self.read(places[index]))


@dataclasses.dataclass(frozen=True)
class Examples:
    """The images of one split."""

    sets: Mapping[str, Images]
    """By the keys of a batch; those of a pair, and `low` and `high`, are in the same order."""
    description: str
    preparation: str
    """What is done to an image before anything sees it, for people."""
    aligned: bool
    """The same position in both domains of an unpaired task is the same thing."""
    in_training: bool
    """Of the test split: they are those that are trained on, because there are no others."""

    def at_most(self, count: int | None) -> "Examples":
        """So many of each set."""
        fewer = {key: found.at_most(count) for key, found in self.sets.items()}
        if all(len(fewer[key]) == len(found) for key, found in self.sets.items()):
            return self
        return dataclasses.replace(self, sets=fewer, description=f"{count:,} of {self.description}")


def open_examples(recipe: Recipe, split: str) -> Examples:
    """Every image of a recipe's `train` or `test` split; nothing is decoded yet.

    Super-resolution takes images whole: `high` is cut to a multiple of the scale, and `low` is made of it by Pillow's
    antialiased bicubic, unless the set has such images itself, as files with LR in their names where others have HR.

    Raises:
        UsageError: when the source can't be had, or its images don't serve.
        RunError: when a download fails.
    """
    model = recipe.model
    source = open_source(recipe.data, model.task, split)
    if source.skipped:
        # Left out in training; a number that leaves out some is another number.
        shown = "; ".join(f"{name}: {reason}" for name, reason in source.skipped[:3])
        raise UsageError(
            f"{recipe.data.source}: {len(source.skipped)} images can't be read: {shown}; remove them, or put them right"
        )
    if model.task == "super_resolution":
        sets, preparation = _whole(source.sets[0], model.scale, model.channels)
    else:
        sets, preparation = _sized(source, recipe)
    counts = " and ".join(dict.fromkeys(f"{len(found):,}" for found in sets.values()))
    which = "undivided" if source.in_training else f"{split} split"
    noun = "pairs" if model.task == "paired" else "images"
    aligned = source.aligned or recipe.evaluation.aligned
    if recipe.evaluation.aligned and split == "test":
        _check_aligned(sets)
    return Examples(sets, f"{counts} {noun} from {source.where}, {which}", preparation, aligned, source.in_training)


def _check_aligned(sets: Mapping[str, Images]) -> None:
    """Raises UsageError unless the files of all sets have the same names, but for the extension."""
    stems = [[PurePath(name).with_suffix("").as_posix() for name in found.names] for found in sets.values()]
    if any(others != stems[0] for others in stems):
        pairs = itertools.zip_longest(*stems, fillvalue="nothing")
        odd = next(pair for pair in pairs if len(set(pair)) > 1)
        raise UsageError(
            f"evaluation.aligned: the images of the domains are not the same by name, found {' beside '.join(odd)}; "
            "name those alike that belong together, or set it to false"
        )


def _sized(source: Source, recipe: Recipe) -> tuple[dict[str, Images], str]:
    streams, sets, taken = STREAMS_OF_TASK[recipe.model.task], iter(source.sets), {}
    for keys in streams:
        together = [next(sets) for _ in keys]
        for place, key in enumerate(keys):
            taken[key] = Images(together[place].names, _reader(together, place, recipe))
    size, bicubic = recipe.model.image_size, "by Pillow's antialiased bicubic"
    if recipe.data.resize == "squash":
        return taken, f"squashed to {size}x{size} {bicubic}"
    return taken, f"shorter side to {size} {bicubic}, the middle {size}x{size} of that"


def _reader(together: Sequence[ImageSet], place: int, recipe: Recipe) -> Callable[[int], np.ndarray]:
    size, channels = recipe.model.image_size, recipe.model.channels

    def read(index: int) -> np.ndarray:
        # All of an example, for the first one's shape is that of all.
        example = tuple(image_set.read(index) for image_set in together)
        return prepare(example, size=size, crop=size, channels=channels, resize=recipe.data.resize)[place]

    return read


def _whole(found: ImageSet, scale: int, channels: int) -> tuple[dict[str, Images], str]:
    low_places = _low_places(found.names)
    high_places = list(low_places) or list(range(len(found)))
    names = [found.names[place] for place in high_places]

    def high(index: int) -> np.ndarray:
        image = _coloured(found.read(high_places[index]), channels)
        height, width = (side // scale * scale for side in image.shape[:2])
        if not (height and width):
            size = f"{image.shape[1]}x{image.shape[0]}"
            raise UsageError(f"{names[index]} is {size}: too small to be made {scale} times smaller; remove it")
        return image[:height, :width]

    def low(index: int) -> np.ndarray:
        target = high(index)
        height, width = (side // scale for side in target.shape[:2])
        if not low_places:
            return images.resize(target, width, height)
        place = low_places[high_places[index]]
        image = _coloured(found.read(place), channels)
        if image.shape[:2] != (height, width):
            raise UsageError(
                f"{found.names[place]} is {image.shape[1]}x{image.shape[0]}, and {names[index]} {scale} times smaller "
                f"is {width}x{height}; give images that match, or those with HR alone"
            )
        return image

    made = "the set's own low-resolution images" if low_places else "small ones by Pillow's antialiased bicubic"
    preparation = f"whole, cut to a multiple of {scale}; {made}"
    return {"low": Images(names, low), "high": Images(names, high)}, preparation


def _low_places(names: Sequence[str]) -> dict[int, int]:
    """For the place of each image that has HR in its name, that of the one with LR; empty where there are none."""
    places = {name: place for place, name in enumerate(names)}
    pairs = {place: places.get(HIGH.sub("LR", name)) for name, place in places.items() if HIGH.search(name)}
    if not (pairs and any(LOW.search(name) for name in names)):
        return {}
    lonely = [names[high] for high, low in pairs.items() if low is None]
    if lonely:
        raise UsageError(
            f"{len(lonely)} images have no partner with LR in place of HR, the first is {lonely[0]}; name the files of "
            "a pair alike but for that, or give a folder of those with HR alone"
        )
    return pairs


def _coloured(image: np.ndarray, channels: int) -> np.ndarray:
    return images.luminance(image) if channels == 1 else image
