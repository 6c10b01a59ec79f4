"""Loads examples: pictures that are resized, cropped, mirrored and drawn on; pieces of clips.

Both classes have two methods: `visit`, as in training, which depends on the seed and the number of the visit alone, and
`shown`, which is always the same. Both return an array for each key that a stream reads from files.
"""

import functools
import threading
from collections.abc import Callable

import numpy as np

from ganzoo.config.recipe import DataConfig
from ganzoo.core.seeding import generator
from ganzoo.data import drawings, images
from ganzoo.data.fields import Clip, Crop
from ganzoo.data.streams import Records
from ganzoo.lite import tiling

Arrays = tuple[np.ndarray, ...]


class MemoryCache:
    """Keeps decoded examples until `limit` bytes are used; others are decoded on each visit."""

    def __init__(self, limit: float):
        self._limit, self._used = limit, 0
        self._examples: dict = {}
        self._lock = threading.Lock()

    def get(self, key, make: Callable[[], Arrays]) -> Arrays:
        if key in self._examples:
            return self._examples[key]
        example = make()
        size = sum(image.nbytes for image in example)
        with self._lock:
            if key not in self._examples and self._used + size <= self._limit:
                self._examples[key] = example
                self._used += size
        return example


def way_of(records: Records, config, data: DataConfig, cache: MemoryCache) -> "Pictures | Clips":
    """Returns how the examples of a stream are loaded."""
    field = records.fields[records.keys[0]]
    return Clips(records, config, field) if isinstance(field, Clip) else Pictures(records, config, data, cache)


class Pictures:
    """Visits to pictures: uint8 (S, S, C)."""

    def __init__(self, records: Records, config, data: DataConfig, cache: MemoryCache):
        self._records, self._data, self._cache = records, data, cache
        self._size = config.image_size
        native = any(isinstance(records.fields[key], Crop) for key in records.keys)
        fixed_size, jitter_size = None if native else self._size, None if native else data.load_size
        # Without jitter the middle is kept. With jitter, and at native size, each visit crops elsewhere.
        visit_crop = None if native or jitter_size else self._size
        shared = functools.partial(prepare, channels=config.channels, resize=data.resize)
        self._prepare = functools.partial(shared, size=jitter_size or fixed_size, crop=visit_crop)
        self._prepare_shown = functools.partial(shared, size=fixed_size, crop=self._size)

    def visit(self, index: int, seed: int, number: int) -> Arrays:
        keys, data = self._records.keys, self._data
        example = self._cache.get((keys, index), lambda: self._prepare(self._read(index)))
        example = _augment(example, self._size, data.flip, generator(seed, "augment", keys, number))
        if data.redraw:
            example = drawings.redrawn(*example, generator(seed, "redraw", number))
        if data.hints:
            rng = generator(seed, "hints", number)
            drawing, target = example
            count = drawings.count_of_hints(data.hints, rng)
            if data.recolor and count:
                target = drawings.recolored(target, rng)
            example = drawings.with_hints(drawing, target, count, rng)
        return example

    def shown(self, index: int, number: int) -> Arrays:
        example = self._prepare_shown(self._read(index))
        return drawings.as_shown(*example, self._data.hints, number) if self._data.hints else example

    def _read(self, index: int) -> Arrays:
        place = self._records.places[index]
        return tuple(image_set.read(place) for image_set in self._records.sets)


class Clips:
    """Visits to clips: float32 (length, 1). Clips that belong together are cut at the same value."""

    def __init__(self, records: Records, config, field: Clip):
        self._records, self._length = records, getattr(config, field.length)

    def visit(self, index: int, seed: int, number: int) -> Arrays:
        place, sets = self._records.places[index], self._records.sets
        beyond = max(min(clips.length(place) for clips in sets) - self._length, 0)
        start = int(generator(seed, "augment", self._records.keys, number).integers(beyond + 1))
        return self._read(index, start)

    def shown(self, index: int, number: int) -> Arrays:
        return self._read(index, 0)

    def _read(self, index: int, start: int) -> Arrays:
        place = self._records.places[index]
        return tuple(clips.read(place, start, self._length) for clips in self._records.sets)


def prepare(example: Arrays, size: int | None, crop: int | None, channels: int, resize: str) -> Arrays:
    """Does what is the same on every visit: resizes all images of an example and crops their middle.

    If `resize` is `crop` the shorter side becomes `size`; if it is `squash` both sides do. Images are uint8 (H, W, 3)
    in and uint8 (H, W, channels) out; 1 channel is luminance. If `size` is None images keep their size, if `crop` is
    None they stay whole.
    """
    if channels == 1:
        example = tuple(images.luminance(image) for image in example)
    if size:
        height, width = example[0].shape[:2]
        width, height = (size, size) if resize == "squash" else images.shorter_side_to(size, width, height)
        example = tuple(tiling.resize(image, width, height) for image in example)
    return tuple(images.center_crop(image, crop) for image in example) if crop else example


def _augment(example: Arrays, size: int, flip: bool, rng: np.random.Generator) -> Arrays:
    """Crops all images of an example at one random place, and mirrors all of them or none if flips are on."""
    height, width = example[0].shape[:2]
    top, left = rng.integers(height - size + 1), rng.integers(width - size + 1)
    mirror = rng.random() < 0.5 and flip
    example = tuple(image[top : top + size, left : left + size] for image in example)
    return tuple(image[:, ::-1] for image in example) if mirror else example
