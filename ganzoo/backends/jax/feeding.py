"""A pipeline as a `keras.utils.PyDataset`: batches that threads make ahead, without TensorFlow."""

import os
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np

from ganzoo.backends.interface import Batches


class ThreadedBatches(keras.utils.PyDataset):
    """The batches of steps start, …, stop - 1 of a pipeline in order, as dicts of float32 and int32 arrays.

    What the pipeline raises is raised where the batch is asked for. The threads end with this object: those that Keras
    has for a PyDataset would wait for ever when training stops early.
    """

    def __init__(self, pipeline: Batches, start: int, stop: int):
        super().__init__(workers=1)
        self.pipeline, self.start, self.stop = pipeline, start, stop
        self.ahead = max(2, min(8, os.cpu_count() or 1))
        self._threads = ThreadPoolExecutor(self.ahead, "batches")
        self._coming = {}

    def __len__(self) -> int:
        return self.stop - self.start

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        for number in range(index, min(index + self.ahead + 1, len(self))):
            if number not in self._coming:
                self._coming[number] = self._threads.submit(self.pipeline.batch, self.start + number)
        return self._coming.pop(index).result()


def batches(strategy, pipeline: Batches, start: int, stop: int) -> ThreadedBatches:
    """Returns the whole batches, which JAX shares among the devices of the strategy."""
    return ThreadedBatches(pipeline, start, stop)
