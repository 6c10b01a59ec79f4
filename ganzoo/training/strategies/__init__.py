"""Where a run computes: `--strategy`. Each file is of one backend, with the same functions; here are Keras's own."""

from ganzoo import backend

if backend.name() == "jax":
    from ganzoo.training.strategies.jax import (
        any_worker,
        batches,
        get_strategy,
        in_words,
        is_chief,
        place,
        replica_count,
        scope,
        share_from_chief,
    )
else:
    from ganzoo.training.strategies.tensorflow import (
        any_worker,
        batches,
        get_strategy,
        in_words,
        is_chief,
        place,
        replica_count,
        scope,
        share_from_chief,
    )

__all__ = [
    "any_worker",
    "batches",
    "get_strategy",
    "in_words",
    "is_chief",
    "place",
    "replica_count",
    "scope",
    "share_from_chief",
]
