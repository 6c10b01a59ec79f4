"""Initial weights as a function of the seed alone: Keras's backends draw different numbers from the same seed."""

import contextlib
import math
import random
import threading
from collections.abc import Callable

import keras
import numpy as np
from keras import initializers

from ganzoo.core import seeding

CUT = 2.0
"""Truncated normal distributions end at this many standard deviations."""
CUT_DEVIATION = 0.87962566103423978
"""The standard deviation of a standard normal distribution that is cut there; Keras corrects for it."""

_lock = threading.RLock()
"""Two threads that change Keras's classes at once would leave them changed for good."""


@contextlib.contextmanager
def from_seed(seed: int):
    """Makes new layers draw their weights, and dropout its seeds, from `seed` alone: alike under every backend.

    Layers that are given seeds of their own keep them. Initializers that `by_numpy` does not cover draw with the
    backend, also from the seed. Restores Python's random state on exit.
    """
    with _lock:
        # Keras draws the seeds that it isn't given from Python's `random`.
        state = random.getstate()
        random.seed(seeding.derive(seed, "initial weights"))
        try:
            with by_numpy():
                yield
        finally:
            random.setstate(state)


@contextlib.contextmanager
def by_numpy():
    """Makes Keras's initializers compute with NumPy, the random ones from their own seeds. Restores them on exit.

    Covers `RandomNormal`, `TruncatedNormal`, `RandomUniform`, `VarianceScaling` and its special cases, `Zeros`, `Ones`
    and `Constant`. JAX would compile a program for each of them and each shape, which takes longer than everything else
    in building a network.

    Replaces the `__call__` of those classes, since Keras has no public way to do this. Threads take turns.
    """
    kinds = {**dict.fromkeys(_RANDOM, _random), **dict.fromkeys(_CONSTANT, _constant)}
    with _lock:
        before = {kind: kind.__call__ for kind in kinds}
        for kind, values_of in kinds.items():
            kind.__call__ = _made_by_numpy(kind, values_of)
        try:
            yield
        finally:
            for kind, call in before.items():
                kind.__call__ = call


def _made_by_numpy(kind: type, values_of: Callable) -> Callable:
    by_keras = kind.__call__

    def call(initializer, shape, dtype=None):
        dtype = keras.backend.standardize_dtype(dtype)
        values = values_of(kind, initializer, tuple(shape), dtype)
        if values is None:
            return by_keras(initializer, shape, dtype)
        return keras.ops.convert_to_tensor(values, dtype)

    return call


def _random(kind, initializer, shape, dtype) -> np.ndarray | None:
    """Draws in float32, so that a network in float64 gets the same numbers. Returns None if the seed is a variable."""
    if not isinstance(initializer.seed, int):
        return None
    draw, scale, mean = _RANDOM[kind](initializer, shape)
    values = draw(seeding.generator(initializer.seed, "initializer"), shape)
    values = values.astype("float64" if dtype == "float64" else "float32", copy=False)
    values *= scale
    values += mean
    return values


def _constant(kind, initializer, shape, dtype) -> np.ndarray | None:
    value = _CONSTANT[kind](initializer)
    # Other dtypes are rare, and NumPy lacks some of them.
    plain = dtype in ("float32", "float64") and isinstance(value, int | float)
    return np.full(shape, value, dtype) if plain else None


def _of_variance_scaling(initializer, shape):
    fan_in, fan_out = _fans(shape, initializer.input_axes, initializer.output_axes)
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[initializer.mode]
    variance = initializer.scale / max(1.0, fan)
    if initializer.distribution == "uniform":
        return _uniform, math.sqrt(3 * variance), 0.0
    if initializer.distribution == "truncated_normal":
        return _truncated_normal, math.sqrt(variance) / CUT_DEVIATION, 0.0
    return _normal, math.sqrt(variance), 0.0


_RANDOM: dict[type, Callable] = {
    initializers.RandomNormal: lambda given, shape: (_normal, given.stddev, given.mean),
    initializers.TruncatedNormal: lambda given, shape: (_truncated_normal, given.stddev, given.mean),
    initializers.RandomUniform: lambda given, shape: (
        _uniform,
        (given.maxval - given.minval) / 2,
        (given.maxval + given.minval) / 2,
    ),
    initializers.VarianceScaling: _of_variance_scaling,
}
"""How an initializer draws a shape: the standard distribution, its scale and its mean."""
_CONSTANT: dict[type, Callable] = {
    initializers.Zeros: lambda given: 0.0,
    initializers.Ones: lambda given: 1.0,
    initializers.Constant: lambda given: given.value,
}
"""The value that an initializer fills a shape with."""


def _fans(shape, input_axes, output_axes) -> tuple[int, int]:
    """Returns how many numbers go into an output and how many outputs an input goes into, as Keras counts them."""
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
    if len(shape) < 2:
        return (*shape, 1)[0], (*shape, 1)[0]
    return math.prod(shape[:-2]) * shape[-2], math.prod(shape[:-2]) * shape[-1]


def _normal(generator: np.random.Generator, shape) -> np.ndarray:
    return generator.standard_normal(shape, "float32")


def _truncated_normal(generator: np.random.Generator, shape) -> np.ndarray:
    values = _normal(generator, shape)
    flat = values.reshape(-1)
    beyond = np.flatnonzero(np.abs(flat) > CUT)
    while beyond.size:
        flat[beyond] = _normal(generator, beyond.size)
        beyond = beyond[np.abs(flat[beyond]) > CUT]
    return values


def _uniform(generator: np.random.Generator, shape) -> np.ndarray:
    """Draws from [-1, 1)."""
    values = generator.random(shape, "float32")
    values *= 2
    values -= 1
    return values
