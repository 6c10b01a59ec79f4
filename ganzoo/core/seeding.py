"""Randomness as a function of (run seed, purpose, step, replica), so that no random state must be saved."""

import hashlib

import numpy as np


def derive(seed: int, *purpose) -> int:
    """Derives a 31-bit seed for one purpose of a run, e.g. `derive(seed, "shuffle", epoch)`; independent of others."""
    digest = hashlib.blake2b(repr((seed, *purpose)).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(seed: int, *purpose) -> np.random.Generator:
    """Returns a NumPy generator for one purpose of a run."""
    return np.random.Generator(np.random.Philox(derive(seed, *purpose)))
