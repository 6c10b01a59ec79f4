"""Batches of images as a pure function of (seed, step), in NumPy.

Example number n of a run is `permutation[epoch n // length][n % length]`, and its crop and flip are drawn from
(seed, n): any step can be had without those before it, so a run resumes by asking for its next step.
"""

import copy
import functools
import hashlib
import threading
import warnings
from collections.abc import Callable

import numpy as np

from ganzoo.config import DataConfig
from ganzoo.data import drawings, images
from ganzoo.data.sources import ImageSet, open_source
from ganzoo.errors import RunError, UsageError
from ganzoo.seeding import derive, generator

STREAMS_OF_TASK = {
    "latent": (("image",),),
    "paired": (("input", "target"),),
    "unpaired": (("a",), ("b",)),
    "super_resolution": (("high",),),
}
"""The keys of a batch; those of one stream are shuffled and augmented together."""

Images = tuple[np.ndarray, ...]


def open_pipeline(
    task: str,
    data: DataConfig,
    *,
    image_size: int,
    channels: int,
    scale: int = 1,
    batch_size: int,
    seed: int,
    split: str = "train",
) -> "Pipeline":
    """Opens the source and checks that it can serve the task; decodes nothing yet.

    Args:
        task: "latent", "paired", "unpaired" or "super_resolution".
        image_size: S, the height and width of the images (super-resolution: of the high-resolution crops).
        channels: C, 3 for RGB or 1 for luminance.
        scale: super-resolution only: how many times smaller the low-resolution images are.
        batch_size: examples per batch.
        split: "train" or "test".

    Raises:
        UsageError: when the source, or the task with these sizes, can't be had.
        RunError: when a download fails.
    """
    if channels not in (1, 3):
        raise UsageError(f"model.channels: found {channels}; allowed are 3 (RGB) and 1 (luminance)")
    if data.load_size and task == "super_resolution":
        raise UsageError("data.load_size: super-resolution crops images at their own size; remove load_size")
    if data.resize == "squash" and task == "super_resolution":
        raise UsageError("data.resize: super-resolution crops images at their own size; found squash, allowed is crop")
    if data.load_size and data.load_size < image_size:
        raise UsageError(
            f"data.load_size: found {data.load_size}, smaller than model.image_size {image_size}; "
            f"set it to {image_size} or more, or remove it"
        )
    if data.recolor and not data.hints:
        raise UsageError("data.recolor: only hints tell a generator of other colors; set data.hints, or remove it")
    for name in ("hints", "redraw"):
        if getattr(data, name) and (task != "paired" or channels != 3):
            raise UsageError(
                f"data.{name}: is for drawings and what they become in color, in pairs of RGB images; found task "
                f"{task} with {channels} channels; remove it"
            )
    if image_size % scale:
        raise UsageError(f"model.image_size: found {image_size}; it must be a multiple of the scale, {scale}")
    source = open_source(data, task, split)
    if source.skipped:
        shown = "; ".join(f"{name}: {reason}" for name, reason in source.skipped[:3])
        warnings.warn(f"{data.source}: {len(source.skipped)} unreadable, left out: {shown}", stacklevel=2)
    if task == "super_resolution":
        _check_large_enough(source.sets[0], image_size, data.source)
    if task == "paired":
        _check_same_shapes(*source.sets, data.source)
    return Pipeline(task, source, data, image_size, channels, scale, batch_size, seed)


class Pipeline:
    """Batches of one task from one source. Get one from `open_pipeline`. `batch` and `fixed` may be called by threads.

    Attributes:
        batch_size: examples per batch.
        description: one line for people.
        shapes: the shape of each array of a batch, by key.
        skipped: (name, reason) of each image left out, those found later included.
        failures: why batches could not be had, one for each that was asked for in vain.
    """

    def __init__(self, task, source, data, image_size, channels, scale, batch_size, seed):
        self.task = task
        self.batch_size = batch_size
        self.skipped = list(source.skipped)
        self.failures: list[RunError] = []
        self.image_size, self.scale = image_size, scale
        self._seed, self._flip = seed, data.flip
        self._hints, self._redraw, self._recolor = data.hints, data.redraw, data.recolor
        native = task == "super_resolution"
        fixed_size, jitter_size = None if native else image_size, None if native else data.load_size
        # Without jitter the middle is kept, with it (and at native size) every visit crops elsewhere.
        visit_crop = None if native or jitter_size else image_size
        shared = functools.partial(prepare, channels=channels, resize=data.resize)
        self._prepare = functools.partial(shared, size=jitter_size or fixed_size, crop=visit_crop)
        self._prepare_fixed = functools.partial(shared, size=fixed_size, crop=image_size)
        self._cache = _MemoryCache(data.cache_gib * 2**30)
        sets = iter(source.sets)
        self._streams = {keys: tuple(next(sets) for _ in keys) for keys in STREAMS_OF_TASK[task]}
        self.description = f"{self._counts()} from {source.description}, {image_size}x{image_size}"
        self.shapes = {key: (batch_size, image_size, image_size, channels) for keys in self._streams for key in keys}
        if task == "super_resolution":
            low = image_size // scale
            self.shapes = {"low": (batch_size, low, low, channels)} | self.shapes

    def reordered(self, number: int) -> "Pipeline":
        """The same images, but in another order and augmented otherwise; 0 is the order as it is."""
        other = copy.copy(self)
        if number:
            other._seed = derive(self._seed, "reordered", number)
        return other

    def __len__(self) -> int:
        """Examples in an epoch; of two sets shuffled independently, the larger one's."""
        return max(len(sets[0]) for sets in self._streams.values())

    @property
    def names(self) -> list[str]:
        """What the images of the first set are called: of files, their paths below the folder."""
        return list(next(iter(self._streams.values()))[0].names)

    def fingerprint(self) -> dict[str, int | str]:
        """Which images these are: `images`, how many, and `digest`, of their names and the sizes of their files."""
        names = hashlib.sha256()
        sets = [image_set for sets in self._streams.values() for image_set in sets]
        for image_set in sets:
            for index, name in enumerate(image_set.names):
                names.update(f"{name}\0{image_set.file_size(index)}\0".encode())
            names.update(b"\0")
        return {"images": sum(map(len, sets)), "digest": names.hexdigest()[:16]}

    def batch(self, step: int) -> dict[str, np.ndarray]:
        """The batch of one step, counted from 0: float32 arrays, (B, S, S, C).

        latent: image; paired: input, target; unpaired: a, b; all in [-1, 1]. super_resolution: high in [-1, 1], and
        low, (B, S/scale, S/scale, C) in [0, 1].

        Raises:
            RunError: when a file that was there is not to be had any more, or no image of a set can be decoded.
        """
        return self.part(step, 0, 1)

    def part(self, step: int, index: int, count: int) -> dict[str, np.ndarray]:
        """Part `index` of `count` equal ones, in order, of the batch of a step; no other example is decoded.

        Args:
            count: a divisor of the batch size.

        Raises:
            RunError: when a file that was there is not to be had any more, or no image of a set can be decoded.
        """
        size = self.batch_size // count
        first = step * self.batch_size + index * size
        numbers = range(first, first + size)
        return self._to_arrays({keys: [self._visit(keys, n) for n in numbers] for keys in self._streams})

    def fixed(self, count: int) -> dict[str, np.ndarray]:
        """`count` examples (or all, if fewer), spread evenly over the set, not augmented; the same at every call.

        Arrays as in `batch`. Images are resized to S and cropped in the centre, those of super-resolution only cropped.
        Where there are hints, inputs have 3 at most.
        """
        count = min([count, *(len(sets[0]) for sets in self._streams.values())])
        return self._to_arrays({keys: [self._fixed(keys, k, count) for k in range(count)] for keys in self._streams})

    def _visit(self, keys: tuple[str, ...], number: int) -> Images:
        length = len(self._streams[keys][0])
        epoch, position = divmod(number, length)
        index = int(_permutation(self._seed, keys, epoch, length)[position])
        example = self._first_good(index, lambda i: self._cache.get((keys, i), lambda: self._load(keys, i)), length)
        example = _augment(example, self.image_size, self._flip, generator(self._seed, "augment", keys, number))
        if self._redraw:
            example = drawings.redrawn(*example, generator(self._seed, "redraw", number))
        if self._hints:
            rng = generator(self._seed, "hints", number)
            drawing, target = example
            count = drawings.count_of_hints(self._hints, rng)
            if self._recolor and count:
                target = drawings.recolored(target, rng)
            example = drawings.with_hints(drawing, target, count, rng)
        return example

    def _fixed(self, keys: tuple[str, ...], k: int, count: int) -> Images:
        sets = self._streams[keys]
        length = len(sets[0])
        example = self._first_good(k * length // count, lambda i: self._prepare_fixed(_read(sets, i)), length)
        return drawings.as_shown(*example, self._hints, k) if self._hints else example

    def _load(self, keys: tuple[str, ...], index: int) -> Images:
        return self._prepare(_read(self._streams[keys], index))

    def _first_good(self, index: int, load: Callable[[int], Images], length: int) -> Images:
        """The example at `index`, or the next one that can be decoded: which one depends on the files alone."""
        errors = []
        for candidate in range(index, index + length):
            try:
                example = load(candidate % length)
            except RunError as error:
                if _is_gone(error):
                    raise self._failed(
                        f"{error}; it was there when the data was opened: see that it is again"
                    ) from error
                errors.append(error)
            else:
                self._skip(errors)
                return example
        raise self._failed(f"none of {length} images can be decoded, e.g. {errors[0]}; check the files")

    def _failed(self, reason: str) -> RunError:
        self.failures.append(RunError(reason))
        return self.failures[-1]

    def _skip(self, errors: list[RunError]):
        for error in errors:
            name, _, reason = str(error).partition(": ")
            if (name, reason) not in self.skipped:
                self.skipped.append((name, reason))
                warnings.warn(f"{error}; the next image is used in its place", stacklevel=3)

    def _to_arrays(self, examples: dict[tuple[str, ...], list[Images]]) -> dict[str, np.ndarray]:
        pixels = {
            key: np.stack([example[place] for example in visits])
            for keys, visits in examples.items()
            for place, key in enumerate(keys)
        }
        arrays = {key: value.astype(np.float32) / 127.5 - 1 for key, value in pixels.items()}
        if self.task == "super_resolution":
            size = self.image_size // self.scale
            low = np.stack([images.resize(high, size, size) for high in pixels["high"]])
            arrays = {"low": low.astype(np.float32) / 255} | arrays
        return arrays

    def _counts(self) -> str:
        counts = " and ".join(f"{len(sets[0]):,}" for sets in self._streams.values())
        return f"{counts} {'pairs' if self.task == 'paired' else 'images'}"


class _MemoryCache:
    """Remembers decoded examples until `limit` bytes are used; then what is new is made on each visit."""

    def __init__(self, limit: float):
        self._limit, self._used = limit, 0
        self._examples: dict = {}
        self._lock = threading.Lock()

    def get(self, key, make: Callable[[], Images]) -> Images:
        if key in self._examples:
            return self._examples[key]
        example = make()
        size = sum(image.nbytes for image in example)
        with self._lock:
            if key not in self._examples and self._used + size <= self._limit:
                self._examples[key] = example
                self._used += size
        return example


@functools.lru_cache(maxsize=8)
def _permutation(seed: int, keys: tuple[str, ...], epoch: int, length: int) -> np.ndarray:
    return generator(seed, "shuffle", keys, epoch).permutation(length)


def _is_gone(error: RunError) -> bool:
    """Whether the system did not give a file, such as one of a disk that went away. What decoders say has no number."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno is not None


def _read(sets: tuple[ImageSet, ...], index: int) -> Images:
    return tuple(image_set.read(index) for image_set in sets)


def prepare(example: Images, size: int | None, crop: int | None, channels: int, resize: str) -> Images:
    """What is the same on every visit: all images of an example at one size, and their middle.

    Where `resize` is `crop` the shorter side becomes `size`, where it is `squash` both do, whatever their shape. Images
    are uint8 (H, W, 3) in, and uint8 (H, W, channels) out; `channels` 1 is luminance. None for `size` leaves images at
    their own size, None for `crop` leaves them whole.
    """
    if channels == 1:
        example = tuple(images.luminance(image) for image in example)
    if size:
        height, width = example[0].shape[:2]
        width, height = (size, size) if resize == "squash" else images.shorter_side_to(size, width, height)
        example = tuple(images.resize(image, width, height) for image in example)
    return tuple(images.centre_crop(image, crop) for image in example) if crop else example


def _augment(example: Images, size: int, flip: bool, rng: np.random.Generator) -> Images:
    """The same random crop, and the same flip where flips are on, for all images of an example."""
    height, width = example[0].shape[:2]
    top, left = rng.integers(height - size + 1), rng.integers(width - size + 1)
    mirror = rng.random() < 0.5 and flip
    example = tuple(image[top : top + size, left : left + size] for image in example)
    return tuple(image[:, ::-1] for image in example) if mirror else example


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
