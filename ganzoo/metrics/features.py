"""The features of sets of images, as a stream: memory does not grow with the number of images.

Images are read and prepared by threads while the network runs. The features of reference sets are cached.
"""

import collections
import concurrent.futures
import contextlib
import dataclasses
import hashlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from ganzoo.errors import UsageError
from ganzoo.files.atomic import replacing
from ganzoo.files.downloads import cache_folder
from ganzoo.metrics.networks import BATCH, FeatureNetwork
from ganzoo.metrics.statistics import Statistics

KEPT = 10_000
"""The most images whose features are kept: kernels and neighbors need them, and cost more than linearly."""
BLOCK = 1024
"""Features that go into the statistics at a time. That costs about the same for one as for hundreds."""
AHEAD = 4
"""Images for each thread that are read or prepared ahead."""
VERSION = 1
"""The version of what is kept in the cache folder, raised when the same network and images give other features."""


@dataclasses.dataclass(frozen=True, eq=False)
class Features:
    """The features of a set of images, summed up."""

    whole: Statistics
    """The statistics of all images."""
    halves: tuple[Statistics, Statistics]
    """The statistics of images 0, 2, 4, … and of 1, 3, 5, …: their distance is the floor of any other."""
    kept: np.ndarray
    """float32 (M, D): of the first M = min(N, 10,000), in their order."""

    @property
    def count(self) -> int:
        """The number of images, N."""
        return self.whole.count


def extract(network: FeatureNetwork, images: Iterable[np.ndarray]) -> Features:
    """The features of images uint8 (H, W, 3 or 1), which may differ in size where the network has a size of its own.

    Raises:
        UsageError: when there is no image, or one has another dtype or shape; names the image by its number from 0.
        RunError: when an image can't be read, or features are not finite.
    """
    halves = [Statistics.empty(network.length)] * 2
    # Memory that is not written to is not used.
    kept = np.empty((KEPT, network.length), np.float32)
    count = 0
    for features in _blocks(_computed(network, images)):
        kept[count : count + len(features)] = features[: max(KEPT - count, 0)]
        # Each block but the last is of an even number.
        halves = [half.plus(Statistics.of(features[parity::2])) for parity, half in enumerate(halves)]
        count += len(features)
    if not count:
        raise UsageError("no images: there is nothing to take features of; give at least one")
    return Features(halves[0].plus(halves[1]), tuple(halves), kept[:count])


def decoded(read: Callable[[int], np.ndarray], count: int, threads: int | None = None) -> Iterator[np.ndarray]:
    """Yields `read(0)` to `read(count - 1)` in order, read by threads (by default one for each core) a little ahead."""
    return _in_order(read, range(count), threads or os.cpu_count() or 1)


def reference(network: FeatureNetwork, read: Callable[[int], np.ndarray], count: int) -> Features:
    """The features of a set that is measured against again and again, from the cache folder where they are there.

    They are found by the content of the images and by the network, in `features` in the cache folder, of which each
    set takes up to 150 MB. The images are read once, and twice when the features are not there yet.

    Args:
        read: number of an image, from 0 -> uint8 (H, W, 3 or 1); called from several threads.
        count: how many images there are.

    Raises:
        as `extract`.
    """
    path = cache_folder() / "features" / f"{_key(network, read, count)}.npz"
    features = _load(path, network.length)
    if features is None:
        features = extract(network, decoded(read, count))
        # Without them being kept, it only takes longer next time.
        with contextlib.suppress(OSError):
            _save(features, path)
    return features


def _computed(network: FeatureNetwork, images: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Features of batch after batch. The network runs in a thread, while here the next batch is prepared."""
    prepared = _in_order(lambda numbered: _prepared(network, *numbered), enumerate(images), os.cpu_count() or 1)
    with concurrent.futures.ThreadPoolExecutor(1) as runner:
        running = None
        while batch := list(itertools.islice(prepared, BATCH)):
            finished, running = running, runner.submit(network.run, _stacked(batch))
            if finished:
                yield finished.result()
        if running:
            yield running.result()


def _prepared(network: FeatureNetwork, number: int, image: np.ndarray) -> np.ndarray:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3) or not image.size:
        raise UsageError(f"image {number}: {image.dtype} {image.shape}; allowed is uint8 (height, width, 3 or 1)")
    return network.prepare(image)


def _stacked(batch: list[np.ndarray]) -> np.ndarray:
    sizes = sorted({image.shape[:2] for image in batch})
    if len(sizes) > 1:
        raise UsageError(
            f"images of {sizes[0]} and {sizes[1]} (height, width): this feature network has no size of its own; "
            "give images of one size"
        )
    return np.stack(batch)


def _blocks(batches: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    while block := list(itertools.islice(batches, BLOCK // BATCH)):
        yield np.concatenate(block)


def _in_order(function: Callable, items: Iterable, threads: int) -> Iterator:
    """`map` by threads, a bounded number of items ahead."""
    pool = concurrent.futures.ThreadPoolExecutor(threads)
    pending = collections.deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > AHEAD * threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _key(network: FeatureNetwork, read: Callable[[int], np.ndarray], count: int) -> str:
    digest = hashlib.sha256(repr((VERSION, network.sha256, network.name, network.preparation)).encode())
    for image in decoded(lambda number: _digest(read(number)), count):
        digest.update(image)
    return digest.hexdigest()


def _digest(image: np.ndarray) -> bytes:
    digest = hashlib.sha256(repr((image.shape, image.dtype.str)).encode())
    digest.update(np.ascontiguousarray(image))
    return digest.digest()


def _save(features: Features, path: Path) -> None:
    even, odd = features.halves
    with replacing(path) as unfinished:
        np.savez(
            unfinished,
            kept=features.kept,
            counts=[even.count, odd.count],
            means=[even.mean, odd.mean],
            even_scatter=even.scatter,
            odd_scatter=odd.scatter,
        )


def _load(path: Path, length: int) -> Features | None:
    """Reads what `_save` wrote; None where there is nothing, or nothing that is whole."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            (even, odd), means, kept = arrays["counts"], arrays["means"], arrays["kept"]
            if kept.shape != (min(even + odd, KEPT), length):
                return None
            halves = (
                Statistics(int(even), means[0], arrays["even_scatter"]),
                Statistics(int(odd), means[1], arrays["odd_scatter"]),
            )
    except MemoryError:
        raise
    except Exception:  # a broken file raises anything from BadZipFile to KeyError
        return None
    return Features(halves[0].plus(halves[1]), halves, kept)
