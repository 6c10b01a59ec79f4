"""Randomness as a function of (run seed, purpose, step, replica): nothing is drawn from a state that must be saved."""

import hashlib

import numpy as np


def derive(seed: int, *purpose) -> int:
    """A 31-bit seed for one purpose of a run, as in `derive(seed, "shuffle", epoch)`; others are independent of it."""
    digest = hashlib.blake2b(repr((seed, *purpose)).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(seed: int, *purpose) -> np.random.Generator:
    """A NumPy generator for one purpose of a run."""
    return np.random.Generator(np.random.Philox(derive(seed, *purpose)))
