"""Randomness as a function of (run seed, purpose, step, replica): nothing is drawn from a state that must be saved."""

import contextlib
import hashlib
import random

import numpy as np


def derive(seed: int, *purpose) -> int:
    """A 31-bit seed for one purpose of a run, as in `derive(seed, "shuffle", epoch)`; others are independent of it."""
    digest = hashlib.blake2b(repr((seed, *purpose)).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(seed: int, *purpose) -> np.random.Generator:
    """A NumPy generator for one purpose of a run."""
    return np.random.Generator(np.random.Philox(derive(seed, *purpose)))


@contextlib.contextmanager
def initial_weights(seed: int):
    """Within it, Keras initializers and dropout layers that are given no seed take theirs from `seed`.

    Keras draws such seeds from Python's `random`, whose state is put back at the end.
    """
    state = random.getstate()
    random.seed(derive(seed, "initial weights"))
    try:
        yield
    finally:
        random.setstate(state)
