"""The optimizers of phases, by default Adam at the rates of the config; and what its averages tell of the networks."""

import functools
import itertools
from collections.abc import Iterable, Mapping, Sequence

import keras
import numpy as np
from keras import ops

from ganzoo.backends import backend
from ganzoo.core import initial_weights
from ganzoo.core.schedules import LearningRate
from ganzoo.errors import UsageError, quoted
from ganzoo.gan.phases import Phase


@functools.cache
def leading(kind: type) -> type:
    """Returns the class of optimizers of a class whose followers' learning rates change in proportion to their own.

    Keras's callbacks know one optimizer of a model, and set the learning rate of that.
    """

    class Leading(kind):
        def _followers(self):
            return ()

        def followed_by(self, proportions: list) -> None:
            # In a function, because Keras would save optimizers that it finds in an attribute.
            self._followers = lambda: proportions

        @kind.learning_rate.setter
        def learning_rate(self, rate):
            kind.learning_rate.fset(self, rate)
            for follower, proportion in self._followers():
                follower.learning_rate = rate * proportion

    return Leading


def chosen(where: str, given, phases: Sequence[str]) -> dict:
    """Returns the optimizer that `compile` was given for each phase, as it is; None for the config's Adam.

    Args:
        where: what to call the GAN in errors.
        given: None, an optimizer, its name, or a mapping of those by phase.
        phases: the names of those that have an optimizer of their own.

    Raises:
        UsageError: when it is none of these, or has not one for each phase.
    """
    named = dict(given) if isinstance(given, Mapping) else dict.fromkeys(phases, given)
    if named.keys() != set(phases):
        raise UsageError(
            f"{where}: compile: optimizer: found one of {', '.join(map(str, named)) or 'no phase'}; give one of each "
            f"of {', '.join(phases)}, or one for all"
        )
    return {name: _checked(where, named[name]) for name in phases}


def _checked(where: str, optimizer):
    if optimizer is None:
        return None
    try:
        found = keras.optimizers.get(optimizer)
    except (ValueError, TypeError):
        raise UsageError(
            f"{where}: compile: optimizer: found {quoted(str(optimizer))}; give one of keras.optimizers, or its name"
        ) from None
    if isinstance(found, keras.optimizers.LossScaleOptimizer):
        raise UsageError(
            f"{where}: compile: optimizer: LossScaleOptimizer: give the one within it; losses are scaled where the "
            "config has precision=mixed_float16"
        )
    if found.gradient_accumulation_steps:
        raise UsageError(
            f"{where}: compile: optimizer: gradient_accumulation_steps={found.gradient_accumulation_steps}: leave it "
            "out; compile(accumulate=…) trains a batch in parts"
        )
    return found


def rate_of(phase: Phase, given) -> float | None:
    """Returns the learning rate that a phase begins with; None where its optimizer has a schedule of its own."""
    rate = phase.learning_rate if given is None else given.get_config()["learning_rate"]
    return rate if isinstance(rate, float | int) else None


def build(phase: Phase, given, config, step: keras.Variable, rate_scale: keras.Variable, variables: list):
    """Returns the optimizer of a phase, built for the variables that it updates.

    Args:
        given: one of the same class and settings; None: Adam, by the config.
        config: a `GANConfig`, of Adam's constants, the schedule and the precision.
        step: the run's own step, which the schedule goes by.
        rate_scale: what the scheduled rate is multiplied by.

    Raises:
        UsageError: when config and optimizer have a schedule each, or the optimizer one that Keras can't copy.
    """
    kind, settings = (backend.adam.Adam, _adam(phase, config)) if given is None else (type(given), given.get_config())
    scheduled = config.schedule.kind != "constant"
    if rate_of(phase, given) is None:
        if scheduled:
            raise UsageError(
                f"compile: optimizer: the one of {phase.name} has a schedule of its learning rate, and so has the "
                f"config (schedule.kind={config.schedule.kind}); leave one of them out"
            )
        settings["learning_rate"] = _schedule(phase, settings["learning_rate"])
    if scheduled or rate_of(phase, given) is None:
        settings["learning_rate"] = LearningRate(settings["learning_rate"], config.schedule, step, rate_scale)
    optimizer = leading(kind).from_config(settings | {"name": phase.name})
    if config.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, name=phase.name)
    # Built now, because weights loaded into an unbuilt optimizer are dropped with a mere warning.
    with initial_weights.by_numpy():
        optimizer.build(variables)
    return optimizer


def _schedule(phase: Phase, config: Mapping) -> keras.optimizers.schedules.LearningRateSchedule:
    try:
        return keras.saving.deserialize_keras_object(config)
    except (TypeError, ValueError):
        raise UsageError(
            f"compile: optimizer: the schedule of the learning rate of {phase.name} can't be copied; put "
            "@keras.saving.register_keras_serializable() before its class"
        ) from None


def _adam(phase: Phase, config) -> dict:
    # In float64 TensorFlow would round a number of Python to single precision first.
    number = np.float64 if config.precision == "float64" else float
    betas = {name: number(getattr(config, name)) ** phase.decay_power for name in ("beta_1", "beta_2")}
    return {"learning_rate": phase.learning_rate, **betas, "epsilon": number(config.epsilon)}


def health(optimizer, networks: Mapping[str, keras.Model]) -> dict:
    """Returns the norms of the last gradients and updates of the networks that an optimizer updates, by name.

    They are taken from Adam's averages: see `GAN.health`. An optimizer that has none such tells nothing.
    """
    values = {}
    adam = getattr(optimizer, "inner_optimizer", optimizer)
    if not isinstance(adam, keras.optimizers.Adam):
        return values
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
