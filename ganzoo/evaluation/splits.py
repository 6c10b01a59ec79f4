"""The data of an evaluation: every example of a split, prepared as in training but not augmented."""

import dataclasses
import functools
import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath

import numpy as np

from ganzoo.config.recipe import Recipe
from ganzoo.core.seeding import generator
from ganzoo.data.fields import Clip, Crop, Smaller
from ganzoo.data.images import luminance
from ganzoo.data.streams import Names, Records, open_streams
from ganzoo.data.visits import prepare
from ganzoo.errors import UsageError
from ganzoo.lite.tiling import resize

HIGH, LOW = (re.compile(f"(?<![A-Za-z]){word}(?![A-Za-z])") for word in ("HR", "LR"))
"""Patterns of file names in a set that has the low-resolution images as well."""


@dataclasses.dataclass(frozen=True)
class Images:
    """Images in a fixed order, decoded when they are asked for; or labels, captions or clips."""

    names: Sequence[str]
    read: Callable[[int], np.ndarray | int]
    """An image, uint8 (H, W, C); a label, int; tokens, int32 (length,); or a clip, float32 (length, 1). Raises
    RunError, naming the file, when it can't be decoded."""

    def __len__(self):
        return len(self.names)

    def at_most(self, count: int | None) -> "Images":
        """Returns at most `count` of them, spread evenly; all where it is None."""
        if count is None or count >= len(self):
            return self
        return self._at([number * len(self) // count for number in range(count)])

    def shuffled(self) -> "Images":
        """Returns all of them in another order, always the same, so that any part of them is like the whole."""
        return self._at(generator(0, "order of a test set").permutation(len(self)).tolist())

    def _at(self, places: Sequence[int]) -> "Images":
        return Images([self.names[place] for place in places], lambda index: self.read(places[index]))


@dataclasses.dataclass(frozen=True)
class Split:
    """The examples of one split."""

    sets: Mapping[str, Images]
    """The images by the keys of a batch; those of one stream are in the same order."""
    description: str
    preparation: str
    """A description, for people, of how each image is prepared."""
    aligned: bool
    """The same position in streams that are unrelated is the same thing."""
    in_training: bool
    """Whether a test split is what is trained on, because there are no other examples."""
    names: Names = dataclasses.field(default_factory=dict)
    """The meanings of labels and tokens, by key: class names, and words with "" first."""

    def at_most(self, count: int | None) -> "Split":
        """Returns at most `count` of each set, spread evenly; all where it is None."""
        fewer = {key: found.at_most(count) for key, found in self.sets.items()}
        if all(len(fewer[key]) == len(found) for key, found in self.sets.items()):
            return self
        return dataclasses.replace(self, sets=fewer, description=f"{count:,} of {self.description}")


def open_split(recipe: Recipe, split: str, names: Names | None = None) -> Split:
    """Returns every example of a recipe's `train` or `test` split; nothing is decoded yet.

    What training cuts out of pictures is taken whole: `high` is cut to a multiple of the scale, and `low` is made of it
    by Pillow's antialiased bicubic, unless the set has such images itself, as files with LR in their names where others
    have HR.

    Args:
        names: what whole numbers stand for in the network that is evaluated; labels and words are numbered so.

    Raises:
        UsageError: when the source can't be had, its files don't serve, or it has a class that is not among the names.
        RunError: when a download fails.
    """
    source, opened, names = open_streams(recipe.model, recipe.data, split, recipe.training.seed, names)
    if source.skipped:
        # Left out in training; a number that leaves out some is another number.
        shown = "; ".join(f"{name}: {reason}" for name, reason in source.skipped[:3])
        raise UsageError(
            f"{recipe.data.source}: {len(source.skipped)} files can't be read: {shown}; remove them, or put them right"
        )
    sets, preparation = {}, ""
    for stream in opened:
        found, preparation = _of_stream(stream, recipe)
        sets |= found
    sets = {key: sets[key] for stream in opened for key in stream.fields}
    counts = " and ".join(dict.fromkeys(f"{len(found):,}" for found in sets.values()))
    which = "undivided" if source.in_training else f"{split} split"
    aligned = source.aligned or recipe.evaluation.aligned
    if recipe.evaluation.aligned and split == "test":
        _check_aligned(sets)
    description = f"{counts} {opened[0].noun} from {source.where}, {which}"
    return Split(sets, description, preparation, aligned, source.in_training, names)


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


def _of_stream(stream: Records, recipe: Recipe) -> tuple[dict[str, Images], str]:
    """The sets of a stream by key, and how they are prepared."""
    field, order = stream.fields[stream.keys[0]], range(len(stream))
    if isinstance(field, Clip):
        found, preparation = _clips(stream, field, recipe)
    elif isinstance(field, Crop):
        found, order, preparation = _whole(stream, recipe.model)
    else:
        found, preparation = _sized(stream, recipe)
    for key, values in stream.numbers.items():
        found[key] = _numbers(stream, values[list(order)], order)
    return found, preparation


def _numbers(stream: Records, values: np.ndarray, order: Sequence[int]) -> Images:
    names = [stream.files[place] for place in order]
    # A class is a plain number; the words of a caption are an array.
    return Images(names, lambda index: int(values[index]) if values.ndim == 1 else values[index])


def _clips(stream: Records, field: Clip, recipe: Recipe) -> tuple[dict[str, Images], str]:
    length, rate = getattr(recipe.model, field.length), getattr(recipe.model, field.rate)

    def read(place: int, index: int) -> np.ndarray:
        return stream.sets[place].read(stream.places[index], 0, length)

    found = {key: Images(stream.files_of(key), functools.partial(read, place)) for place, key in enumerate(stream.keys)}
    return found, f"the first {length:,} values, {rate:,} a second"


def _sized(stream: Records, recipe: Recipe) -> tuple[dict[str, Images], str]:
    size, channels = recipe.model.image_size, recipe.model.channels

    def read(place: int, index: int) -> np.ndarray:
        # All of an example, for the first one's shape is that of all.
        example = tuple(image_set.read(stream.places[index]) for image_set in stream.sets)
        return prepare(example, size=size, crop=size, channels=channels, resize=recipe.data.resize)[place]

    taken = {key: Images(stream.files_of(key), functools.partial(read, place)) for place, key in enumerate(stream.keys)}
    for key, field in stream.fields.items():
        if isinstance(field, Smaller):
            taken[key] = _smaller(taken[field.of], size // getattr(recipe.model, field.by))
    bicubic = "by Pillow's antialiased bicubic"
    if recipe.data.resize == "squash":
        return taken, f"squashed to {size}x{size} {bicubic}"
    return taken, f"shorter side to {size} {bicubic}, the middle {size}x{size} of that"


def _smaller(found: Images, size: int) -> Images:
    return Images(found.names, lambda index: resize(found.read(index), size, size))


def _whole(stream: Records, model) -> tuple[dict[str, Images], Sequence[int], str]:
    """The sets of a stream that training cuts out of pictures, their order in the stream, and how they are prepared."""
    smaller = {key: field for key, field in stream.fields.items() if isinstance(field, Smaller)}
    scale = math.lcm(*(getattr(model, field.by) for field in smaller.values()))
    low_places = _low_places(stream.files) if smaller else {}
    high_places = list(low_places) or list(range(len(stream)))
    names = [stream.files[place] for place in high_places]

    def picture(key: str, place: int) -> np.ndarray:
        pixels = stream.sets[stream.keys.index(key)].read(stream.places[place])
        return luminance(pixels) if model.channels == 1 else pixels

    def high(key: str, index: int) -> np.ndarray:
        image = picture(key, high_places[index])
        height, width = (side // scale * scale for side in image.shape[:2])
        if not (height and width):
            size = f"{image.shape[1]}x{image.shape[0]}"
            raise UsageError(f"{names[index]} is {size}: too small to be made {scale} times smaller; remove it")
        return image[:height, :width]

    def low(field: Smaller, index: int) -> np.ndarray:
        target, times = high(field.of, index), getattr(model, field.by)
        height, width = (side // times for side in target.shape[:2])
        if not low_places:
            return resize(target, width, height)
        place = low_places[high_places[index]]
        image = picture(field.of, place)
        if image.shape[:2] != (height, width):
            raise UsageError(
                f"{stream.files[place]} is {image.shape[1]}x{image.shape[0]}, and {names[index]} {times} times smaller "
                f"is {width}x{height}; give images that match, or those with HR alone"
            )
        return image

    found = {key: Images(names, functools.partial(high, key)) for key in stream.keys}
    found |= {key: Images(names, functools.partial(low, field)) for key, field in smaller.items()}
    made = "the set's own low-resolution images" if low_places else "small ones by Pillow's antialiased bicubic"
    return found, high_places, f"whole, cut to a multiple of {scale}; {made}" if smaller else "whole"


def _low_places(names: Sequence[str]) -> dict[int, int]:
    """Returns, for the place of each image with HR in its name, that of the one with LR; empty where there are none."""
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
