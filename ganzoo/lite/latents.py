"""Draws the latents of a seed: the same here, in ganzoo's training and in its `generate`."""

import hashlib

import numpy as np


def draw(seed: int, count: int, length: int, stream: str = "latents") -> np.ndarray:
    """Draws latents from N(0, 1), float32 (count, length). The first ones are the same whatever the count.

    `stream` tells the inputs of a network with two apart: each gets numbers of its own.
    """
    digest = hashlib.blake2b(repr((seed, stream)).encode(), digest_size=4).digest()
    random = np.random.Generator(np.random.Philox(int.from_bytes(digest, "little") >> 1))
    return random.standard_normal((count, length), dtype="float32")
