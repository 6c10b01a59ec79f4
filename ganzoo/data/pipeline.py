"""Batches as a pure function of (seed, step), in NumPy.

Example number n of a run is `permutation[epoch n // length][n % length]`, and its crop and flip are drawn from
(seed, n). So any step can be computed without those before it, and a run resumes by asking for its next step.
"""

import copy
import functools
import hashlib
import warnings
from collections.abc import Callable, Iterable

import numpy as np

from ganzoo.config.recipe import DataConfig
from ganzoo.core.seeding import derive, generator
from ganzoo.data.fields import Clip, Crop, Image, Smaller, fields_of
from ganzoo.data.settings import check_settings
from ganzoo.data.sources import ImageSet, Source
from ganzoo.data.streams import Names, Records, open_streams
from ganzoo.data.visits import MemoryCache, way_of
from ganzoo.errors import RunError, UsageError
from ganzoo.lite.tiling import resize

Example = dict[str, np.ndarray]
"""The pictures or clips of one example, and its numbers, by key."""


def open_pipeline(
    config, data: DataConfig, *, batch_size: int, seed: int, split: str = "train", names: Names | None = None
) -> "Pipeline":
    """Opens the source and checks that it can serve the batch; decodes nothing yet.

    Args:
        config: an architecture's config, with its `batch` and the sizes that the fields of the batch name.
        batch_size: examples per batch.
        seed: seeds the order, all that is random in a visit, and the choice of labels where only some are kept.
        split: "train" or "test".
        names: what the numbers of labels and words stand for in a trained network; the data is numbered alike.

    Raises:
        UsageError: when the source can't be opened, or can't serve a batch of these sizes.
        RunError: when a download fails.
    """
    check_settings(config, data)
    source, streams, names = open_streams(config, data, split, seed, names)
    if source.skipped:
        shown = "; ".join(f"{name}: {reason}" for name, reason in source.skipped[:3])
        warnings.warn(f"{data.source}: {len(source.skipped)} unreadable, left out: {shown}", stacklevel=2)
    for records in streams:
        _check_pictures(records, config, data.source)
    return Pipeline(config, data, source, streams, names, batch_size, seed)


def of_size(config, image_size: int, channels: int):
    """Returns the config for pictures of another size and number of channels, even if its networks don't allow them."""
    other = copy.copy(config)
    # Set without the class, which would check the values.
    vars(other).update(image_size=image_size, channels=channels)
    return other


class Pipeline:
    """Batches from one source; `open_pipeline` makes one. Threads may call `batch` and `fixed` at the same time.

    Attributes:
        batch_size: examples per batch.
        description: one line for people.
        fields: the fields of a batch by key, in order.
        shapes: the shape of each array of a batch, by key.
        dtypes: the dtype of each array, float32 or int32, by key.
        names: what numbers stand for, by key: the classes of a label; the words of tokens, with "" first.
        skipped: (name, reason) of each file left out so far.
        failures: the error of each request for a batch that failed.
    """

    def __init__(self, config, data, source: Source, streams: tuple[Records, ...], names: Names, batch_size, seed):
        self.batch_size = batch_size
        self.fields = fields_of(config)
        self.shapes = {key: (batch_size, *field.shape(config)) for key, field in self.fields.items()}
        self.dtypes = {key: field.dtype for key, field in self.fields.items()}
        self.names = names
        self.skipped = list(source.skipped)
        self.failures: list[RunError] = []
        self.description = _description(config, source, streams)
        self._seed, self._source, self._streams = seed, source, streams
        cache = MemoryCache(data.cache_gib * 2**30)
        self._ways = {records.keys: way_of(records, config, data, cache) for records in streams}

    def reordered(self, number: int) -> "Pipeline":
        """Returns the same examples in another order, augmented otherwise; 0 changes nothing."""
        other = copy.copy(self)
        if number:
            other._seed = derive(self._seed, "reordered", number)
        return other

    def __len__(self) -> int:
        """The number of examples in an epoch; where streams are shuffled independently, that of the largest."""
        return max(map(len, self._streams))

    @property
    def files(self) -> list[str]:
        """The names of the first stream's examples; of files, their paths below the folder."""
        return self._streams[0].files

    def class_counts(self, key: str) -> dict[str, int]:
        """Returns how many examples each class of a label has, by its name; `key` is that of the label in a batch."""
        labels = next(records.numbers[key] for records in self._streams if key in records.numbers)
        counts = np.bincount(labels, minlength=len(self.names[key]))
        return dict(zip(self.names[key], counts.tolist(), strict=True))

    def fingerprint(self) -> dict[str, int | str]:
        """Identifies the data by `images`, how many there are, and `digest`.

        The digest covers the names and sizes of files, and the labels and captions if there are any.
        """
        digest = hashlib.sha256()
        for found in self._source.sets:
            for index, name in enumerate(found.names):
                digest.update(f"{name}\0{found.file_size(index)}\0".encode())
            digest.update(b"\0")
        for said in (self._source.labels, self._source.captions):
            for text in said or ():
                digest.update(f"{text}\0".encode())
            digest.update(b"\0" if said else b"")
        return {"images": sum(map(len, self._source.sets)), "digest": digest.hexdigest()[:16]}

    def batch(self, step: int) -> dict[str, np.ndarray]:
        """Returns the batch of one step, counted from 0: an array of `shapes` and `dtypes` for each key.

        Pictures and clips have values in the range of their field. Arrays of one stream belong together.

        Raises:
            RunError: when a file has disappeared, or no file of a set can be decoded.
        """
        return self.part(step, 0, 1)

    def part(self, step: int, index: int, count: int) -> dict[str, np.ndarray]:
        """Returns part `index` of `count` equal parts, in order, of the batch of a step; decodes no other example.

        Args:
            count: a divisor of the batch size.

        Raises:
            RunError: when a file has disappeared, or no file of a set can be decoded.
        """
        size = self.batch_size // count
        first = step * self.batch_size + index * size
        return self._arrays([self._visit(records, n) for n in range(first, first + size)] for records in self._streams)

    def fixed(self, count: int) -> dict[str, np.ndarray]:
        """Returns `count` examples (or all, if fewer), spread evenly over each stream, not augmented; always the same.

        Arrays are as in `batch`. Pictures are resized and cropped in the center, `Crop` fields only cropped. Clips are
        cut from their beginning. If there are hints, inputs have 3 at most.
        """
        count = min([count, *map(len, self._streams)])
        return self._arrays([self._shown(records, k, count) for k in range(count)] for records in self._streams)

    def _visit(self, records: Records, number: int) -> Example:
        epoch, position = divmod(number, len(records))
        index = int(_permutation(self._seed, records.keys, epoch, len(records))[position])
        way = self._ways[records.keys]
        return self._first_good(records, index, lambda i: way.visit(i, self._seed, number))

    def _shown(self, records: Records, k: int, count: int) -> Example:
        way = self._ways[records.keys]
        return self._first_good(records, k * len(records) // count, lambda i: way.shown(i, k))

    def _first_good(self, records: Records, index: int, load: Callable[[int], tuple]) -> Example:
        """Loads the example at `index`, or the next one that can be decoded: the choice depends on the files alone."""
        errors, length = [], len(records)
        for candidate in range(index, index + length):
            place = candidate % length
            try:
                loaded = load(place)
            except RunError as error:
                if _is_gone(error):
                    raise self._failed(
                        f"{error}; it was there when the data was opened: see that it is again"
                    ) from error
                errors.append(error)
            else:
                self._skip(errors)
                numbers = {key: values[place] for key, values in records.numbers.items()}
                return dict(zip(records.keys, loaded, strict=True)) | numbers
        raise self._failed(f"none of {length} {records.noun} can be decoded, e.g. {errors[0]}; check the files")

    def _failed(self, reason: str) -> RunError:
        self.failures.append(RunError(reason))
        return self.failures[-1]

    def _skip(self, errors: list[RunError]):
        for error in errors:
            name, _, reason = str(error).partition(": ")
            if (name, reason) not in self.skipped:
                self.skipped.append((name, reason))
                warnings.warn(f"{error}; the next one is used in its place", stacklevel=3)

    def _arrays(self, streams: Iterable[list[Example]]) -> dict[str, np.ndarray]:
        """Stacks the examples of each stream into the arrays of a batch, in the order of its fields."""
        stacked = {key: np.stack([one[key] for one in stream]) for stream in streams for key in stream[0]}
        return {key: self._finished(field, stacked, key) for key, field in self.fields.items()}

    def _finished(self, field, stacked: Example, key: str) -> np.ndarray:
        if isinstance(field, Smaller):
            height, width = self.shapes[key][1:3]
            pixels = np.stack([resize(picture, width, height) for picture in stacked[field.of]])
            return _in_range(pixels, *field.range)
        return _in_range(stacked[key], *field.range) if isinstance(field, Image) else stacked[key]


def _in_range(pixels: np.ndarray, low: float, high: float) -> np.ndarray:
    """Maps uint8 to float32: 0, black, to `low` and 255, white, to `high`."""
    return pixels.astype(np.float32) / (255 / (high - low)) + low


def _description(config, source: Source, streams: tuple[Records, ...]) -> str:
    counts = " and ".join(f"{len(records):,}" for records in streams)
    clips = [getattr(config, field.length) for field in fields_of(config).values() if isinstance(field, Clip)]
    size = f"{clips[0]:,} values" if clips else f"{config.image_size}x{config.image_size}"
    return f"{counts} {streams[0].noun} from {source.description}, {size}"


@functools.lru_cache(maxsize=8)
def _permutation(seed: int, keys: tuple[str, ...], epoch: int, length: int) -> np.ndarray:
    return generator(seed, "shuffle", keys, epoch).permutation(length)


def _is_gone(error: RunError) -> bool:
    """Tells whether the system did not give a file, as when a disk went away. Errors of decoders have no errno."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno is not None


def _check_pictures(records: Records, config, source: str) -> None:
    """Raises UsageError when pictures are too small, or pictures that belong together differ in shape."""
    field, first = records.fields[records.keys[0]], records.sets[0]
    if isinstance(field, Clip):
        return
    if isinstance(field, Crop):
        _check_large_enough(first, config.image_size, source)
    for other in records.sets[1:]:
        _check_same_shapes(first, other, source)


def _check_large_enough(image_set: ImageSet, size: int, source: str):
    small = [index for index in range(len(image_set)) if min(image_set.size(index)) < size]
    if small:
        width, height = image_set.size(small[0])
        raise UsageError(
            f"{source}: {len(small)} of {len(image_set)} images are smaller than model.image_size {size}, the first is "
            f"{image_set.names[small[0]]} ({width}x{height}); set model.image_size lower or give larger images"
        )


def _check_same_shapes(inputs: ImageSet, targets: ImageSet, source: str):
    for index in range(len(inputs)):
        (width, height), (other_width, other_height) = inputs.size(index), targets.size(index)
        if abs(width * other_height - height * other_width) > max(width, height, other_width, other_height):
            raise UsageError(
                f"{source}: the images of a pair must have the same shape, found {inputs.names[index]} "
                f"({width}x{height}) and {targets.names[index]} ({other_width}x{other_height}); crop one to match"
            )
