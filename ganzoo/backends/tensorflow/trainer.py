"""The step under TensorFlow: gradient tapes, `tf.function`, and replicas of `tf.distribute`."""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import ops

from ganzoo.backends.tensorflow import sharing
from ganzoo.core.layers import layers_within
from ganzoo.errors import UsageError

WHOLE_NUMBERS = "int64"
"""The dtype of counts: TensorFlow keeps smaller ones off a GPU."""
SEEDS = "int64"
"""The dtype of what `keras.random` takes as a seed."""


class Adam(keras.optimizers.Adam):
    """Adam as Kingma and Ba 2015, algorithm 1, and PyTorch have it: epsilon is added to the corrected average's root.

    Keras adds it before the correction. Each update is one operation of TensorFlow's: Keras writes a dozen over all
    weights.
    """

    def update_step(self, gradient, variable, learning_rate):
        index, dtype = self._get_variable_index(variable), variable.dtype
        beta_1, beta_2 = ops.cast(self.beta_1, dtype), ops.cast(self.beta_2, dtype)
        update = ops.cast(self.iterations + 1, dtype)
        beta_1_power, beta_2_power = ops.power(beta_1, update), ops.power(beta_2, update)
        tf.raw_ops.ResourceApplyAdam(
            var=_handle(variable),
            m=_handle(self._momentums[index]),
            v=_handle(self._velocities[index]),
            beta1_power=beta_1_power,
            beta2_power=beta_2_power,
            lr=ops.cast(learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            # The operation adds it before the correction, too.
            epsilon=ops.cast(self.epsilon, dtype) * ops.sqrt(1 - beta_2_power),
            grad=tf.cast(tf.convert_to_tensor(gradient), dtype),
        )


def _overflowing_together(gradients: list) -> list:
    """The gradients of a replica, the first not a number where those of any replica are not finite.

    Keras asks one replica whether a step overflowed, and adds the gradients of all.
    """
    finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(gradient)) for gradient in gradients])
    poison = tf.where(finite, 0.0, float("nan"))
    poison = tf.distribute.get_replica_context().all_reduce("SUM", poison)
    first, *others = gradients
    return [first + tf.cast(poison, first.dtype), *others]


def _handle(variable) -> tf.Tensor:
    """What TensorFlow's operations take for a variable of Keras or of TensorFlow."""
    return (variable.value if isinstance(variable, keras.Variable) else variable).handle


def check_precision(precision: str) -> None:
    """Raises a UsageError for a precision that can't be had: TensorFlow has all."""


def device_kind() -> str:
    """What computes here: `CPU`, `GPU` or `TPU`."""
    return next((kind for kind in ("TPU", "GPU") if tf.config.list_physical_devices(kind)), "CPU")


class Trainer(keras.Model):
    """What trains a GAN; see `ganzoo.gan.gan.GAN`, which is one."""

    def __init__(self, name: str):
        super().__init__(name=name)
        self._host_step = 0
        self._traced = {}
        self._read = None

    def train_step(self, data):
        """One step: every active phase, in order, on one forward of the generators.

        Returns:
            The terms of the losses, and, by names that begin with `health/`, what else is worth watching.
        """
        if tf.executing_eagerly():
            self._host_step = self.steps_done
        return self.run_phases(self.active_phases(self._host_step), data)

    def recorded_forward(self, batch, phases) -> tuple[dict, tf.GradientTape]:
        """The outputs of `forward`, and the record of how they depend on what the phases update."""
        with self._tape(phases) as tape:
            return self.forward(batch), tape

    def gradients_of(self, phase, batch, outputs, tape=None) -> tuple[list, dict]:
        """The gradients of a phase's loss by its variables, and the terms of that loss.

        Args:
            tape: the record of how the outputs were made; None: they are constants to the loss.
        """
        if tape is None:
            outputs = keras.tree.map_structure(ops.stop_gradient, outputs)
        with tape or self._tape([phase]) as tape:
            terms = self.terms_of(phase, batch, outputs)
            # Gradients are summed over replicas, so each replica's loss is its share of the mean.
            loss = sum(terms.values()) / self.replica_count()
            loss = self.optimizer_of(phase).scale_loss(loss)
        variables = [variable.value for variable in self.variables_of(phase)]
        # As under JAX, a weight that the loss does not reach has a gradient of zeros.
        gradients = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return gradients, {name: ops.cast(term, "float32") for name, term in terms.items()}

    def _tape(self, phases) -> tf.GradientTape:
        tape = tf.GradientTape(watch_accessed_variables=False)
        with tape:
            for phase in phases:
                tape.watch([variable.value for variable in self.variables_of(phase)])
        return tape

    def apply_gradients(self, phase, gradients) -> None:
        """Has the optimizer of a phase update what the phase does."""
        optimizer = self.optimizer_of(phase)
        if hasattr(optimizer, "inner_optimizer") and self.replica_count() > 1:
            gradients = _overflowing_together(gradients)
        optimizer.apply(gradients, self.variables_of(phase))

    def after(self, values: list, batch):
        """The batch, to be had when the values are: TensorFlow would begin all parts of it at once."""
        with tf.control_dependencies(values):
            return keras.tree.map_structure(tf.identity, batch)

    def input_gradients(self, function: Callable, inputs):
        """The gradients of the sum of `function(inputs)` with respect to the inputs, a tensor or several in a list.

        They can be differentiated.
        """
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            total = ops.sum(function(inputs))
        return tape.gradient(total, inputs)

    def compute(self, key: tuple, function: Callable, *inputs):
        """What a function of the variables, and of arrays, gives; traced once for each key and shape."""
        if key not in self._traced:
            self._traced[key] = tf.function(function, autograph=False)
        return self._traced[key](*inputs)

    # Replicas.

    def replica_count(self) -> int:
        """Among how many replicas the batch is shared."""
        return tf.distribute.get_strategy().num_replicas_in_sync

    def replica_number(self):
        """Which of them this is."""
        replica = tf.distribute.get_replica_context()
        return 0 if replica is None else replica.replica_id_in_sync_group

    def gathered(self, values):
        """The values of all replicas, (B, …) each with B known, one after the other; no gradient flows back."""
        if self.replica_count() == 1:
            return values
        if values.shape[0] is None:
            raise UsageError(f"{self.name}: the batch has no fixed size; batch with drop_remainder=True")
        gathered = tf.distribute.get_replica_context().all_gather(ops.stop_gradient(values), axis=0)
        # TensorFlow forgets how many there are.
        return ops.reshape(gathered, (self.replica_count() * values.shape[0], *values.shape[1:]))

    def own_part(self, values):
        """Of values like those that `gathered` gives, the part of this replica."""
        if self.replica_count() == 1:
            return values
        count = values.shape[0] // self.replica_count()
        start = ops.cast(self.replica_number() * count, "int32")
        return ops.slice(values, [start] + [0] * (len(values.shape) - 1), (count, *values.shape[1:]))

    def equip(self, networks) -> None:
        """Makes networks compute as they should while they are trained: batch norms, where replicas share a batch."""
        if self.replica_count() > 1:
            for network in networks:
                for _, layer in layers_within(network):
                    if hasattr(layer, "synchronized"):
                        layer.synchronized = True

    # Keras's training loop. `_maybe_symbolic_build` and Keras's own train function fail under multi-worker strategies
    # (keras#20585), and a run may change its phases between steps.

    def fit(self, x=None, y=None, batch_size=None, *args, **kwargs):
        """As Keras's. Replicas share the batches of arrays or a data set equally; it ends for all when it ends for one.

        Raises:
            UsageError: when the replicas can't share the first batch, or it is of neither.
        """
        strategy, self._read = self.distribute_strategy, None
        replicas = strategy.num_replicas_in_sync
        if replicas == 1 or isinstance(x, tf.distribute.DistributedDataset):
            return super().fit(x, y, batch_size, *args, **kwargs)
        before = self.steps_done
        seed = self.config.seed if kwargs.pop("shuffle", True) else None
        dataset = sharing.as_dataset(x if y is None else (x, y), batch_size, seed)
        self._read = sharing.reader(strategy)
        history = super().fit(sharing.share(strategy, dataset), None, None, *args, shuffle=False, **kwargs)
        if self.steps_done == before and (size := sharing.first_size(dataset)) % replicas:
            raise UsageError(
                f"{self.name}: found a first batch of {size}, which {replicas} replicas can't share, so no step was "
                f"done; give batches of a multiple of {replicas}"
            )
        return history

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        pass

    def make_train_function(self, force=False):
        self._host_step = self.steps_done

        def train_function(iterator):
            steps = range(self._host_step, self._host_step + self.steps_per_execution)
            phases = tuple(tuple(phase.name for phase in self.active_phases(step)) for step in steps)
            if phases not in self._traced:
                self._traced[phases] = self._make_execution()
            batches = [self._read(iterator) for _ in steps] if self._read else iterator
            logs = self._traced[phases](batches)
            self._host_step = steps.stop
            return logs

        self.train_function = train_function

    def _make_execution(self):
        """A function that runs steps; traced once, for steps with the same phases as its first."""
        strategy = self.distribute_strategy

        def train(batches):
            batches = iter(batches)
            for _ in range(self.steps_per_execution):
                # Only the step is compiled by XLA: fetching a batch can't be.
                step = self.train_step
                if self.jit_compile:
                    step = tf.function(step, jit_compile=True, autograph=False)
                batch = next(batches)
                # Without one nothing of the step may have happened, not even what needs none of it.
                with tf.control_dependencies(tf.nest.flatten(batch, expand_composites=True)):
                    logs = strategy.run(step, args=(batch,))
                self._host_step += 1
            return {name: strategy.reduce("MEAN", value, axis=None) for name, value in logs.items()}

        # Without autograph an error is raised as it is, not wrapped in a description of the graph.
        return train if self.run_eagerly else tf.function(train, autograph=False)

    def forget_traces(self) -> None:
        """Has everything traced anew: something that was fixed while tracing has changed."""
        self._traced = {}
