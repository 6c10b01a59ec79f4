"""Measures whether a generator copies its training images, by the nearest of them in pixels and in features.

The bare distance to the nearest training image would mislead: a blurred image is near to everything, and images of few
kinds are all near to some. So the distance is taken relative to that of the nearest other training image, and the
result relative to that of new images: real ones that were held out.
"""

import dataclasses
import math

import numpy as np

from ganzoo.errors import UsageError
from ganzoo.metrics.manifold import squared_distances
from ganzoo.metrics.statistics import as_features, check_lengths

THUMBNAIL = 16
"""Height and width at which images are compared with training images: what they show, not how finely."""
DUPLICATE = 0.25
"""Training images nearer to each other than this times the usual distance are held to be one. With more, new images in
a set of a few kinds would look like copies."""
ONE_IN = 20
"""One in so many new images may be taken for a copy. With 100, and the 140 emoji held out, the nearest of these would
decide, and a set has near-duplicates: every noisy copy would pass for new."""
ROWS = 256
"""The number of samples that are compared with all training images at a time."""


@dataclasses.dataclass(frozen=True, eq=False)
class Nearest:
    """For each of N images, the nearest training image."""

    indices: np.ndarray
    """(N,) int: which it is."""
    distances: np.ndarray
    """(N,) float64: how far away. In pixels the root mean square difference of values of thumbnails, in the units of
    the images; in features the Euclidean distance."""
    ratios: np.ndarray
    """(N,) float64 in [0, 1]: that distance over the one to the nearest other training image, 0 for copies, about 1 for
    new images (the ratio test of Lowe 2004, section 7.1). NaN where all training images are alike."""


@dataclasses.dataclass(frozen=True)
class Memorizing:
    """How much nearer to training images samples are than new images are."""

    ratio: float
    """The median ratio of the samples."""
    held_out_ratio: float
    """That of the held-out images, which is what it should be: well below it, samples resemble training images more
    than new images do."""
    copies: float | None
    """The share of samples with a lower ratio than all but 5% of the held-out images: 0.05 at most is to be expected
    where nothing is copied. None where that can't be known."""
    note: str | None
    """The reason why `copies` is None."""


def memorizing(samples: Nearest, held_out: Nearest) -> Memorizing:
    """Compares samples with held-out real images, by their ratios to the same training images.

    Both must have been measured alike: in pixels, or in features of one network.

    Raises:
        UsageError: when either holds no images.
    """
    if not (len(samples.ratios) and len(held_out.ratios)):
        raise UsageError(
            f"{len(samples.ratios)} samples and {len(held_out.ratios)} held-out images: there must be some of both"
        )
    copies, note = None, None
    if np.isnan(samples.ratios).any():
        note = "all training images are alike"
    elif len(held_out.ratios) < ONE_IN - 1:
        note = (
            f"{len(held_out.ratios)} held-out images are too few to tell what only one new image in {ONE_IN} does; it "
            f"takes {ONE_IN - 1}"
        )
    else:
        # Of n + 1 new images in any order, the last is below the k-th of the others with probability k / (n + 1).
        rank = (len(held_out.ratios) + 1) // ONE_IN
        copies = float(np.mean(samples.ratios < np.sort(held_out.ratios)[rank - 1]))
    return Memorizing(float(np.median(samples.ratios)), float(np.median(held_out.ratios)), copies, note)


def nearest_in_pixels(images: np.ndarray, training_images: np.ndarray) -> Nearest:
    """The nearest training image for each image, by their thumbnails. Mirror images count as the same image.

    Args:
        images: (N, H, W, C), uint8 or floats of any range.
        training_images: (M, H, W, C) in the same range, or their thumbnails, which are all that is looked at.

    Raises:
        UsageError: when sizes or channels differ, or there are fewer than two training images.
    """
    samples, training = thumbnails(images), thumbnails(training_images)
    if samples.shape[1:] != training.shape[1:]:
        raise UsageError(
            f"images of {images.shape[1:]} and training images of {training_images.shape[1:]} can't be compared; give "
            "both the same height, width and channels"
        )
    mirrored = training[:, :, ::-1]
    samples, training, mirrored = (
        some.reshape(len(some), math.prod(some.shape[1:])).astype(np.float64) for some in (samples, training, mirrored)
    )
    found = _nearest(samples, training, mirrored)
    return dataclasses.replace(found, distances=found.distances / math.sqrt(training.shape[1]))


def nearest_in_features(features: np.ndarray, training_features: np.ndarray) -> Nearest:
    """The nearest training image for each image, by features (N, D) and (M, D) of one network.

    Raises:
        UsageError: when lengths differ, or there are fewer than two training images.
        RunError: when features are not finite.
    """
    features = as_features(features, "features of images")
    training = as_features(training_features, "features of training images", 2)
    check_lengths(features.shape[1], training.shape[1])
    middle = training.mean(axis=0)
    return _nearest(features - middle, training - middle)


def thumbnails(images: np.ndarray) -> np.ndarray:
    """The images (N, H, W, C) at about 16 x 16, by averaging blocks of pixels; what is left over at the edges is cut.

    Thumbnails stay as they are, so that those of the training images, which are many, need be made only once.

    Raises:
        UsageError: when the images have another shape.
    """
    if images.ndim != 4:
        raise UsageError(f"images: an array of shape {images.shape}; it must be (N, H, W, C)")
    height, width = images.shape[1:3]
    rows, columns = max(1, height // THUMBNAIL), max(1, width // THUMBNAIL)
    cut = images[:, : height // rows * rows, : width // columns * columns]
    # A view until the mean: there may be a thousand images, of any size.
    return cut.reshape(len(cut), height // rows, rows, width // columns, columns, -1).mean(axis=(2, 4))


def _nearest(samples, training, *other_views):
    """Nearest training rows of each row of samples; the other views are of the same training rows, and as good."""
    if len(training) < 2:
        raise UsageError(f"{len(training)} training images: 2 or more are needed to compare samples with")
    pieces = [
        _nearest_of_few(samples[start : start + ROWS], training, other_views)
        for start in range(0, max(len(samples), 1), ROWS)
    ]
    return Nearest(*(np.concatenate(parts) for parts in zip(*pieces, strict=True)))


def _nearest_of_few(samples, training, other_views):
    """(indices, distances, ratios) of some samples."""

    def distances(rows):
        squares = squared_distances(rows, training)
        for view in other_views:
            np.minimum(squares, squared_distances(rows, view), out=squares)
        return np.sqrt(squares)

    to_training = distances(samples)
    closest = to_training.argmin(axis=1)
    between = distances(training[closest])
    another = between > DUPLICATE * np.median(between, axis=1, keepdims=True)
    to_nearest = to_training.min(axis=1)
    to_another = np.where(another, to_training, np.inf).min(axis=1)
    ratios = to_nearest / np.maximum(to_another, 1e-12)
    return closest, to_nearest, np.where(another.any(axis=1), ratios, np.nan)
