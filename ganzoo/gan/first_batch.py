"""A look at the first batch that `fit` is given: images of a wrong range or dtype train without an error, and badly."""

import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Mapping

import keras
import numpy as np

SLACK = 0.05
"""The largest excess over their range that images may have, as resized ones do."""
LOOKED_AT = 256
"""Examples of arrays, at most."""


def watched(x, look: Callable):
    """Returns the data `x` itself, or a wrapper to read in its place; `look` is called with the first batch.

    It is called at once where the batch can be had without loss, and else when it is read. Later batches cost nothing.

    Args:
        x: arrays in whatever structure, a `tf.data.Dataset`, a `keras.utils.PyDataset` or a generator.
    """
    if hasattr(x, "element_spec") and hasattr(x, "enumerate"):
        return _watched_dataset(x, look)
    if isinstance(x, keras.utils.PyDataset):
        look(x[0])
    elif isinstance(x, Iterator):
        first = list(itertools.islice(x, 1))
        if first:
            look(first[0])
        # Keras takes generators, and no other iterators.
        return (batch for batch in itertools.chain(first, x))
    elif all(hasattr(value, "shape") for value in keras.tree.flatten(x)):
        look(keras.tree.map_structure(lambda values: values[:LOOKED_AT], x))
    return x


def _watched_dataset(dataset, look: Callable):
    import tensorflow as tf

    def watch(number, *elements):
        structure = elements[0] if len(elements) == 1 else elements

        def call(*values):
            look(tf.nest.pack_sequence_as(structure, values))
            return True

        seen = tf.cond(number > 0, lambda: True, lambda: tf.numpy_function(call, tf.nest.flatten(structure), tf.bool))
        with tf.control_dependencies([seen]):
            return tf.nest.map_structure(tf.identity, structure)

    return dataset.enumerate().map(lambda number, batch: watch(number, batch))


def warn_of(batch: Mapping, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Warns, in a line for each array of images, of values that are not what they should be.

    Args:
        batch: arrays by name; those of images are (B, H, W, C).
        ranges: the least and greatest value that each should have.
    """
    for name, (low, high) in ranges.items():
        values = np.asarray(batch[name])
        if values.ndim == 4 and values.size and (found := _what_is_wrong(values, low, high)):
            warnings.warn(
                f"fit: {name}: found {found}; expected are floats from {low:g} to {high:g}. {_remedy(values, low)}",
                stacklevel=2,
            )


def _what_is_wrong(values: np.ndarray, low: float, high: float) -> str | None:
    least, most = float(values.min()), float(values.max())
    found = f"{values.dtype} from {least:g} to {most:g}"
    if not math.isfinite(least + most):
        return f"{values.dtype} that is not finite"
    outside = least < low - SLACK or most > high + SLACK
    # No set of images is without a value below the middle.
    half = low < 0 <= least
    return found if outside or half or values.dtype.kind in "iub" else None


def _remedy(values: np.ndarray, low: float) -> str:
    if not np.isfinite(values).all():
        return "Leave such images out"
    if values.max() > 1 + SLACK:
        return "Images of 0 to 255: x / 127.5 - 1" if low < 0 else "Images of 0 to 255: x / 255"
    return "Images of 0 to 1: 2 * x - 1" if low < 0 else "Images of -1 to 1: (x + 1) / 2"
