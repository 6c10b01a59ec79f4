"""What training is fed with, whatever makes it; `ganzoo.data.pipeline.Pipeline` does."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np


class Batches(Protocol):
    """The batches of a run by step: dicts of arrays, each of one shape and dtype, as in the mappings of their keys."""

    shapes: Mapping[str, tuple[int, ...]]
    dtypes: Mapping[str, str]

    def batch(self, step: int) -> dict[str, np.ndarray]:
        """Returns the whole batch of a step."""

    def part(self, step: int, replica: int, replicas: int) -> dict[str, np.ndarray]:
        """Returns the share of one replica of the batch of a step; all shares are of one size."""
