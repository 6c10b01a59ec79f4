"""Samples of the same latents in all classes, by which the doctor sees what a label does."""

import numpy as np

from ganzoo.core import seeding

LATENTS, CLASSES = 8, 32
"""Samples of each class, and the most classes, that are looked at."""


def table(gan) -> np.ndarray | None:
    """Returns samples (latents, classes, ...) of the first network, of the same latents in the first `CLASSES` classes.

    None where it makes nothing of latents and a label alone.
    """
    name, signature = next(iter(gan.config.deployed.items()))
    if sorted(signature.kinds) != ["label", "latents"]:
        return None
    numbers = np.arange(min(getattr(gan.config, _field(signature, "label").classes), CLASSES), dtype="int32")
    length = getattr(gan.config, _field(signature, "latents").length)
    latents = seeding.generator(gan.config.seed, "classes").standard_normal((LATENTS, length)).astype("float32")
    values = {"latents": np.repeat(latents, len(numbers), axis=0), "label": np.tile(numbers, LATENTS)}
    made = np.asarray(gan.deployed()[name]([values[kind] for kind in signature.kinds], training=False))
    return made.reshape(LATENTS, len(numbers), *made.shape[1:])


def _field(signature, kind: str):
    return next(field for field in signature.takes.values() if field.kind == kind)
