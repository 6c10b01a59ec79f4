"""The optimizers of phases: Adam at the rates of the config, and what its averages tell of the networks' health."""

import itertools
from collections.abc import Iterable, Mapping

import keras
import numpy as np
from keras import ops

from ganzoo.backends import backend
from ganzoo.core import initial_weights
from ganzoo.core.schedules import LearningRate
from ganzoo.gan.phases import Phase


class LeadingAdam(backend.adam.Adam):
    """Adam whose followers' learning rates change in proportion to its own.

    Keras's callbacks know one optimizer of a model, and set the learning rate of that.
    """

    def _followers(self):
        return ()

    def followed_by(self, proportions: list) -> None:
        # In a function, because Keras would save optimizers that it finds in an attribute.
        self._followers = lambda: proportions

    @keras.optimizers.Adam.learning_rate.setter
    def learning_rate(self, rate):
        keras.optimizers.Adam.learning_rate.fset(self, rate)
        for follower, proportion in self._followers():
            follower.learning_rate = rate * proportion


def build(phase: Phase, config, step: keras.Variable, rate_scale: keras.Variable, variables: list):
    """Returns the optimizer of a phase, built for the variables that it updates.

    Args:
        config: a `GANConfig`, of Adam's constants, the schedule and the precision.
        step: the run's own step, which the schedule goes by.
        rate_scale: what the scheduled rate is multiplied by.
    """
    rate = phase.learning_rate
    if config.schedule.kind != "constant":
        rate = LearningRate(rate, config.schedule, step, rate_scale)
    # In float64 TensorFlow would round a number of Python to single precision first.
    number = np.float64 if config.precision == "float64" else float
    constants = {name: number(getattr(config, name)) for name in ("beta_1", "beta_2", "epsilon")}
    optimizer = LeadingAdam(rate, **constants, name=phase.name)
    if config.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, name=phase.name)
    # Built now, because weights loaded into an unbuilt optimizer are dropped with a mere warning.
    with initial_weights.by_numpy():
        optimizer.build(variables)
    return optimizer


def health(optimizer, networks: Mapping[str, keras.Model]) -> dict:
    """Returns the norms of the last gradients and updates of the networks that an optimizer updates, by name.

    They are taken from Adam's averages: see `GAN.health`.
    """
    values = {}
    adam = getattr(optimizer, "inner_optimizer", optimizer)
    slots = zip(_slots(adam, "momentum"), _slots(adam, "velocity"), strict=True)
    # None where every step of mixed_float16 so far overflowed: its averages are 0.
    count = ops.cast(ops.maximum(adam.iterations, 1), "float32")
    unbias, unbias_squares = 1 - adam.beta_1**count, 1 - adam.beta_2**count
    for name, network in networks.items():
        variables = network.trainable_variables
        own = list(itertools.islice(slots, len(variables)))
        updates = [m / (ops.sqrt(v / ops.cast(unbias_squares, v.dtype)) + adam.epsilon) for m, v in own]
        values[f"{name}_gradient_norm"] = _norm(m for m, _ in own) / unbias
        values[f"{name}_update_ratio"] = adam.learning_rate * _norm(updates) / unbias / _norm(variables)
    return values


def _norm(tensors: Iterable):
    """The square root of the sum of all squares, in float32."""
    squares = [ops.sum(ops.square(ops.cast(tensor, "float32"))) for tensor in tensors]
    return ops.sqrt(sum(squares))


def _slots(optimizer, kind: str) -> list[keras.Variable]:
    """An optimizer's averages of one kind, in the order of the weights."""
    return [variable for variable in optimizer.variables if variable.name.endswith(f"_{kind}")]
