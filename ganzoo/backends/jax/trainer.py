"""The step under JAX: a pure function of all variables, compiled as a whole, whose old values make room for the new.

Several devices share the batch by `keras.distribution.DataParallel`. The step is then still written for the whole
batch: JAX shares out what it computes, so there are no replicas here.
"""

import contextlib
from collections.abc import Callable

import jax
import keras
from keras import ops
from keras.src.backend.common import dtypes

from ganzoo.backends.jax.transposed import quicken
from ganzoo.errors import UsageError

WHOLE_NUMBERS = "int32"
"""The dtype of counts: JAX has no larger ones unless it is told to."""
SEEDS = "uint32"
"""The dtype of what `keras.random` takes as a seed."""

# Under JAX Keras makes 32 bits of 64 in means and the like, also where JAX_ENABLE_X64=1 says that 64 are wanted.
if jax.config.jax_enable_x64:
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"


class Adam(keras.optimizers.Adam):
    """Adam as Kingma and Ba 2015, algorithm 1, and PyTorch have it: epsilon is added to the corrected average's root.

    Keras adds it before the correction. Compiled, it is one program over all weights.
    """

    def update_step(self, gradient, variable, learning_rate):
        index, dtype = self._get_variable_index(variable), variable.dtype
        beta_1, beta_2, epsilon = (ops.cast(value, dtype) for value in (self.beta_1, self.beta_2, self.epsilon))
        update, gradient = ops.cast(self.iterations + 1, dtype), ops.cast(gradient, dtype)
        unbias, unbias_squares = 1 - ops.power(beta_1, update), 1 - ops.power(beta_2, update)
        m, v = self._momentums[index], self._velocities[index]
        m.assign(m + (1 - beta_1) * (gradient - m))
        v.assign(v + (1 - beta_2) * (ops.square(gradient) - v))
        step = (m / unbias) / (ops.sqrt(v / unbias_squares) + epsilon)
        variable.assign(variable - ops.cast(learning_rate, dtype) * step)


def check_precision(precision: str) -> None:
    """Raises a UsageError for a precision that can't be had."""
    if precision == "float64" and not jax.config.jax_enable_x64:
        raise UsageError("precision float64: JAX has it only with the environment variable JAX_ENABLE_X64=1; set that")


def device_kind() -> str:
    """What computes here: `CPU`, `GPU` or `TPU`."""
    return jax.default_backend().upper()


class Trainer(keras.Model):
    """What trains a GAN; see `ganzoo.gan.gan.GAN`, which is one."""

    def __init__(self, name: str):
        super().__init__(name=name)
        self.distribute_strategy = keras.distribution.distribution()
        self._host_step = 0
        self._traced = {}

    def train_step(self, data):
        """One step: every active phase, in order, on one forward of the generators.

        Returns:
            The terms of the losses, and, by names that begin with `health/`, what else is worth watching.
        """
        self._host_step = self.steps_done
        return self._run_step(data)

    def _run_step(self, data):
        phases = self.active_phases(self._host_step)
        key = tuple(phase.name for phase in phases)
        if key not in self._traced:
            self._traced[key] = self._make_step(phases)
        # Of a batch only what is asked for: JAX takes no text, such as the names of files.
        logs = self._traced[key](self._named(data))
        self._host_step += 1
        return logs

    def _make_step(self, phases) -> Callable:
        """A function of a batch that runs one step, with these phases."""
        changing = list(self.state().values())
        fixed = self._variables_beside(changing)

        def step(values, fixed_values, data):
            mapping = zip([*changing, *fixed], [*values, *fixed_values], strict=True)
            with keras.StatelessScope(mapping) as scope:
                logs = self.run_phases(phases, data)
            return logs, [scope.get_current_value(variable) for variable in changing]

        if not self.run_eagerly:
            shardings = None
            if self.distribute_strategy:
                shardings = (None, [variable.value.sharding for variable in changing])
            step = jax.jit(step, donate_argnums=0, out_shardings=shardings)

        def run(data):
            values, fixed_values = ([variable.value for variable in variables] for variables in (changing, fixed))
            logs, values = step(values, fixed_values, data)
            for variable, value in zip(changing, values, strict=True):
                # As Keras's own trainer does: `assign` would look at each value again, at every step.
                variable._value = value
            return logs

        return run

    def _variables_beside(self, changing: list) -> list[keras.Variable]:
        """The variables that a step reads and whose changes it forgets: seeds of dropout, frozen networks."""
        known = {id(variable) for variable in changing}
        found = [*self.variables, *(variable for network in self.frozen() for variable in network.variables)]
        return list({id(variable): variable for variable in found if id(variable) not in known}.values())

    def recorded_forward(self, batch, phases) -> tuple[dict, Callable]:
        """The outputs of `forward`, and what takes their gradients to those of what the phases update."""
        variables = [variable for phase in phases for variable in self.variables_of(phase)]
        outputs, _, pull_back = self._differentiate(lambda: (self.forward(batch), None), variables)
        return outputs, pull_back

    def gradients_of(self, phase, batch, outputs, pull_back=None) -> tuple[list, dict]:
        """The gradients of a phase's loss by its variables, and the terms of that loss.

        Args:
            pull_back: the record of how the outputs were made; None: they are constants to the loss.
        """
        optimizer, variables = self.optimizer_of(phase), self.variables_of(phase)

        def loss(outputs):
            terms = self.terms_of(phase, batch, outputs)
            logs = {name: ops.cast(term, "float32") for name, term in terms.items()}
            return optimizer.scale_loss(sum(terms.values())), logs

        if pull_back is None:
            total, logs, gradients_of = self._differentiate(lambda: loss(outputs), variables)
            (gradients,) = gradients_of(ops.ones_like(total))
            return gradients, logs
        total, logs, gradients_of = self._differentiate(loss, variables, outputs)
        direct, of_outputs = gradients_of(ops.ones_like(total))
        (through,) = pull_back(of_outputs)
        return [one + other for one, other in zip(direct, through, strict=True)], logs

    def apply_gradients(self, phase, gradients) -> None:
        """Has the optimizer of a phase update what the phase does."""
        optimizer, variables = self.optimizer_of(phase), self.variables_of(phase)
        if hasattr(optimizer, "inner_optimizer"):
            _apply_scaled(optimizer, gradients, variables)
        else:
            optimizer.apply(gradients, variables)

    def after(self, values: list, batch):
        """The batch, to be had when the values are: JAX may begin all parts of it at once."""
        return jax.lax.optimization_barrier((batch, values))[0]

    def _differentiate(self, function: Callable, variables: list, *inputs):
        """As `jax.vjp`, of a function that reads variables and may change others, such as a norm's averages.

        Args:
            function: of the inputs; gives what is differentiated, and anything besides.
            variables: what it is differentiated by, next to the inputs.

        Returns:
            Both that the function gave, and a function that takes the gradients of the first to those of the variables
            and of each input.
        """
        known = list(self._known())
        changed = []

        def pure(values, *inputs):
            now = [(variable, variable.value) for variable in known]
            with keras.StatelessScope([*now, *zip(variables, values, strict=True)]) as scope:
                before = dict(scope.state_mapping)
                self.now.observed = {}
                result, besides = function(*inputs)
            changed[:] = [v for v in known if scope.get_current_value(v) is not before[id(v)]]
            return result, (besides, self.now.observed, [scope.get_current_value(v) for v in changed])

        observed = self.now.observed
        values = [variable.value for variable in variables]
        result, pull_back, (besides, seen, news) = jax.vjp(pure, values, *inputs, has_aux=True)
        self.now.observed = observed | seen
        for variable, value in zip(changed, news, strict=True):
            variable.assign(value)
        return result, besides, pull_back

    def _known(self):
        """Every variable that a step reads or changes."""
        state = list(self.state().values())
        return [*state, *self._variables_beside(state)]

    def input_gradients(self, function: Callable, inputs):
        """The gradients of the sum of `function(inputs)` with respect to the inputs, a tensor or several in a list.

        They can be differentiated.
        """
        total, _, pull_back = self._differentiate(lambda values: (ops.sum(function(values)), None), [], inputs)
        _, gradients = pull_back(ops.ones_like(total))
        return gradients

    def compute(self, key: tuple, function: Callable, *inputs):
        """What a function of the variables, and of arrays, gives; compiled once for each key and shape."""
        known = self._known()

        def pure(values, *inputs):
            with keras.StatelessScope(zip(known, values, strict=True)):
                return function(*inputs)

        if key not in self._traced:
            self._traced[key] = jax.jit(pure)
        return self._traced[key]([variable.value for variable in known], *inputs)

    def forget_traces(self) -> None:
        """Has everything traced anew: something that was fixed while tracing has changed."""
        self._traced = {}

    # One step sees the whole batch, however many devices share it.

    def replica_count(self) -> int:
        """Among how many replicas the batch is shared."""
        return 1

    def replica_number(self) -> int:
        """Which of them this is."""
        return 0

    def gathered(self, values):
        """The values of all replicas."""
        return values

    def own_part(self, values):
        """Of values like those that `gathered` gives, the part of this replica."""
        return values

    def equip(self, networks) -> None:
        """Makes networks compute as they should while they are trained."""
        for network in networks:
            quicken(network)

    # Keras's training loop. It would hold the variables' values itself, and take them away meanwhile: callbacks that
    # sample or save could not read them.

    def fit(self, *args, **kwargs):
        """As Keras's."""
        distribution = self.distribute_strategy
        with distribution.scope() if distribution else contextlib.nullcontext():
            return super().fit(*args, **kwargs)

    def make_train_function(self, force=False):
        self._host_step = self.steps_done

        def train_function(state, iterator):
            for _ in range(self.steps_per_execution):
                logs = self._run_step(next(iterator))
            return logs, state

        self.train_function = train_function

    def _symbolic_build(self, iterator=None, data_batch=None):
        pass

    def _get_jax_state(self, **kinds):
        return (None,) * 4

    def jax_state_sync(self):
        pass


def _apply_scaled(optimizer, gradients, variables) -> None:
    """As `LossScaleOptimizer.apply`, which decides by a `cond` whether to change variables: JAX allows none to."""
    inner, scale = optimizer.inner_optimizer, optimizer.dynamic_scale.value
    finite = optimizer.check_finite(gradients)
    changing = [*variables, *inner.variables]
    before = [variable.value for variable in changing]
    inner.apply([gradient / scale for gradient in gradients], variables)
    for variable, old in zip(changing, before, strict=True):
        variable.assign(ops.where(finite, variable.value, old))
    count = optimizer.step_counter + 1
    enough = ops.equal(count, optimizer.dynamic_growth_steps)
    optimizer.dynamic_scale.assign(ops.where(finite, ops.where(enough, 2.0 * scale, scale), 0.5 * scale))
    optimizer.step_counter.assign(ops.where(ops.logical_and(finite, ops.logical_not(enough)), count, 0))
