"""The step under JAX: a pure function of all variables, compiled as a whole, whose old values make room for the new.

Several devices share the batch by `keras.distribution.DataParallel`. The step is then still written for the whole
batch: JAX shares out what it computes, so there are no replicas here.
"""

import contextlib
from collections.abc import Callable

import jax
import keras
from keras import ops

from ganzoo.backends import keras_private
from ganzoo.backends.jax.transposed import quicken


class Trainer(keras_private.JaxFit, keras.Model):
    """Trains a GAN under JAX; see `ganzoo.backends.interface.Trainer` for what each method promises."""

    def __init__(self, name: str):
        super().__init__(name=name)
        self.distribute_strategy = keras.distribution.distribution()
        self._host_step = 0
        self._traced = {}

    def train_step(self, data):
        self._host_step = self.steps_done
        return self._run_step(data)

    def _run_step(self, data):
        phases = self.active_phases(self._host_step)
        key = tuple(phase.name for phase in phases)
        if key not in self._traced:
            self._traced[key] = self._make_step(phases)
        # Of a batch only what is asked for: JAX takes no text, such as the names of files.
        logs = self._traced[key](self.named(data))
        self._host_step += 1
        return logs

    def _make_step(self, phases) -> Callable:
        """Returns a function of a batch that runs one step, with these phases."""
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
            keras_private.set_values(changing, values)
            return logs

        return run

    def _variables_beside(self, changing: list) -> list[keras.Variable]:
        """Returns the variables that a step reads and whose changes it forgets: seeds of dropout, frozen networks."""
        known = {id(variable) for variable in changing}
        found = [*self.variables, *(variable for network in self.frozen() for variable in network.variables)]
        return list({id(variable): variable for variable in found if id(variable) not in known}.values())

    def recorded_forward(self, batch, phases) -> tuple[dict, Callable]:
        variables = [variable for phase in phases for variable in self.variables_of(phase)]
        outputs, _, pull_back = self._differentiate(lambda: (self.forward(batch), None), variables)
        return outputs, pull_back

    def gradients_of(self, phase, batch, outputs, record=None) -> tuple[list, dict]:
        optimizer, variables = self.optimizer_of(phase), self.variables_of(phase)

        def loss(outputs):
            terms = self.terms_of(phase, batch, outputs)
            logs = {name: ops.cast(term, "float32") for name, term in terms.items()}
            return optimizer.scale_loss(sum(terms.values())), logs

        if record is None:
            total, logs, gradients_of = self._differentiate(lambda: loss(outputs), variables)
            (gradients,) = gradients_of(ops.ones_like(total))
            return gradients, logs
        total, logs, gradients_of = self._differentiate(loss, variables, outputs)
        direct, of_outputs = gradients_of(ops.ones_like(total))
        (through,) = record(of_outputs)
        return [one + other for one, other in zip(direct, through, strict=True)], logs

    def apply_gradients(self, phase, gradients) -> None:
        optimizer, variables = self.optimizer_of(phase), self.variables_of(phase)
        if hasattr(optimizer, "inner_optimizer"):
            _apply_scaled(optimizer, gradients, variables)
        else:
            optimizer.apply(gradients, variables)

    def after(self, values: list, batch):
        return jax.lax.optimization_barrier((batch, values))[0]

    def _differentiate(self, function: Callable, variables: list, *inputs):
        """Does what `jax.vjp` does, of a function that reads variables and may change others, as a norm its averages.

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
        """Returns every variable that a step reads or changes."""
        state = list(self.state().values())
        return [*state, *self._variables_beside(state)]

    def input_gradients(self, function: Callable, inputs):
        total, _, pull_back = self._differentiate(lambda values: (ops.sum(function(values)), None), [], inputs)
        _, gradients = pull_back(ops.ones_like(total))
        return gradients

    def compute(self, key: tuple, function: Callable, *inputs):
        known = self._known()

        def pure(values, *inputs):
            with keras.StatelessScope(zip(known, values, strict=True)):
                return function(*inputs)

        if key not in self._traced:
            self._traced[key] = jax.jit(pure)
        return self._traced[key]([variable.value for variable in known], *inputs)

    def forget_traces(self) -> None:
        self._traced = {}

    # One step sees the whole batch, however many devices share it.

    def replica_count(self) -> int:
        return 1

    def replica_number(self) -> int:
        return 0

    def gathered(self, values):
        return values

    def own_part(self, values):
        return values

    def equip(self, networks) -> None:
        for network in networks:
            quicken(network)

    # Keras's training loop.

    def fit(self, x=None, y=None, batch_size=None, *args, **kwargs):
        distribution = self.distribute_strategy
        with distribution.scope() if distribution else contextlib.nullcontext():
            return super().fit(x, y, batch_size, *args, **kwargs)

    def make_train_function(self, force=False):
        self._host_step = self.steps_done

        def train_function(state, iterator):
            for _ in range(self.steps_per_execution):
                logs = self._run_step(next(iterator))
            return logs, state

        self.train_function = train_function


def _apply_scaled(optimizer, gradients, variables) -> None:
    """Does what `LossScaleOptimizer.apply` does. That changes variables within a `cond`, which JAX does not allow."""
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
