"""What generators are evaluated on: every image of a split, prepared as in training but not augmented."""

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ganzoo.config import Recipe
from ganzoo.data import images
from ganzoo.data.pipeline import STREAMS_OF_TASK, prepare
from ganzoo.data.sources import ImageSet, Source, open_source
from ganzoo.errors import UsageError

HIGH = re.compile("(?<![A-Za-z])HR(?![A-Za-z])")
"""In the name of a file, of a set that has the low-resolution images as well: those have LR in its place."""


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
        places = [number * len(self) // count for number in range(count)]
        return Images([self.names[place] for place in places], lambda index: self.read(places[index]))


@dataclasses.dataclass(frozen=True)
class Examples:
    """The images of one split."""

    sets: Mapping[str, Images]
    """By the keys of a batch; those of a pair, and `low` and `high`, are in the same order."""
    description: str
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
    for name, reason in source.skipped:
        # Left out in training; a number that leaves out some is another number.
        raise UsageError(f"{recipe.data.source}: {name} can't be read ({reason}); remove it, or put it right")
    if model.task == "super_resolution":
        sets, note = _whole(source.sets[0], model.scale, model.channels), ", whole images"
    else:
        sets, note = _sized(source, recipe), f", {model.image_size}x{model.image_size}"
    counts = " and ".join(dict.fromkeys(f"{len(found):,}" for found in sets.values()))
    aligned = source.aligned or recipe.evaluation.aligned
    if aligned and len({len(found) for found in sets.values()}) > 1:
        raise UsageError(
            f"evaluation.aligned: found {counts} images in the two domains; aligned ones are as many in each"
        )
    return Examples(sets, f"{counts} from {source.where}{note}", aligned, source.in_training)


def _sized(source: Source, recipe: Recipe) -> dict[str, Images]:
    streams, sets, taken = STREAMS_OF_TASK[recipe.model.task], iter(source.sets), {}
    for keys in streams:
        together = [next(sets) for _ in keys]
        for place, key in enumerate(keys):
            taken[key] = Images(together[place].names, _reader(together, place, recipe))
    return taken


def _reader(together: Sequence[ImageSet], place: int, recipe: Recipe) -> Callable[[int], np.ndarray]:
    size, channels = recipe.model.image_size, recipe.model.channels

    def read(index: int) -> np.ndarray:
        # All of an example, for the first one's shape is that of all.
        example = tuple(image_set.read(index) for image_set in together)
        return prepare(example, size=size, crop=size, channels=channels)[place]

    return read


def _whole(found: ImageSet, scale: int, channels: int) -> dict[str, Images]:
    low_places = _low_places(found.names)
    high_places = list(low_places) or list(range(len(found)))
    names = [found.names[place] for place in high_places]

    def high(index: int) -> np.ndarray:
        image = _coloured(found.read(high_places[index]), channels)
        height, width = (side // scale * scale for side in image.shape[:2])
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

    return {"low": Images(names, low), "high": Images(names, high)}


def _low_places(names: Sequence[str]) -> dict[int, int]:
    """For the place of each image that has HR in its name, that of the one with LR; empty where there are none."""
    places = {name: place for place, name in enumerate(names)}
    pairs = {place: places.get(HIGH.sub("LR", name)) for name, place in places.items() if HIGH.search(name)}
    if not any(place is not None for place in pairs.values()):
        return {}
    lonely = [names[high] for high, low in pairs.items() if low is None]
    if lonely:
        raise UsageError(f"{len(lonely)} images have no partner with LR in place of HR, the first is {lonely[0]}")
    return pairs


def _coloured(image: np.ndarray, channels: int) -> np.ndarray:
    return images.luminance(image) if channels == 1 else image
