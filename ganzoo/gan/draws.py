"""Seeds for `keras.random` in a training step: functions of the run's seed, the purpose and the step."""

import threading

import keras
from keras import ops

from ganzoo.backends import backend
from ganzoo.core import seeding


class Now(threading.local):
    """The place of a step. A mirrored strategy runs the step of each replica in a thread, and they take turns."""

    def __init__(self):
        self.round = 0
        self.position = None
        """The number of a batch whose losses are evaluated, in place of the run's step."""
        self.observed = {}


class StepSeed(keras.random.SeedGenerator):
    """A seed generator without a variable: the k-th draw at `position` is a function of seed, purpose and k."""

    def __init__(self, seed, purpose, position, course):
        self.course = course
        self.seed = seed
        self.purpose = purpose
        self.position = position
        self.draws = 0

    def next(self, ordered=True):
        key = seeding.derive(self.seed, *self.purpose, self.draws)
        self.draws += 1
        # Keras takes seeds modulo nearly 2^31; no other position may come to what a rollback adds.
        return ops.stack([key + 1_000_003 * ops.cast(self.course, backend.dtypes.SEEDS), self.position])
