"""Learning rates as a function of a run's step."""

import keras
from keras import ops

from ganzoo.config.recipe import Schedule


class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """The rate of `schedule` at the step in `step`, times the value of `scale`.

    Uses the run's own step, not the optimizer's count of updates: with `n_critic` > 1 the two differ.

    Args:
        base: the rate at first; or a schedule of Keras's, which goes by the optimizer's updates.
    """

    def __init__(self, base, schedule: Schedule, step: keras.Variable, scale: keras.Variable):
        self.base = base
        self.schedule = schedule
        self.step = step
        self.scale = scale

    def __call__(self, updates):
        base = self.base(updates) if callable(self.base) else self.base
        return base * self.scale * multiplier(self.schedule, ops.cast(self.step, "float32"))


def multiplier(schedule: Schedule, step):
    """Returns the factor of the learning rate at `step` (a float scalar): 1 at first, then as the schedule says."""
    if schedule.kind == "linear":
        return 1.0 - ops.clip((step - schedule.start) / (schedule.end - schedule.start), 0.0, 1.0)
    if schedule.kind == "steps":
        passed = ops.sum(ops.cast(step >= ops.array(schedule.boundaries, dtype="float32"), "float32"))
        return ops.power(schedule.factor, passed)
    return ops.ones_like(step)
