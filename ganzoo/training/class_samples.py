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
    rows = []
    # A row at a time: all at once would take more memory than a step.
    for one in latents:
        values = {"latents": np.repeat(one[None], len(numbers), axis=0), "label": numbers}
        rows.append(np.asarray(gan.deployed()[name]([values[kind] for kind in signature.kinds], training=False)))
    return np.stack(rows)


def _field(signature, kind: str):
    return next(field for field in signature.takes.values() if field.kind == kind)
