"""The step under TensorFlow: gradient tapes, `tf.function`, and replicas of `tf.distribute`."""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import ops

from ganzoo.backends import keras_private
from ganzoo.backends.tensorflow import sharing
from ganzoo.core.layers import layers_within
from ganzoo.errors import UsageError


def _overflowing_together(gradients: list) -> list:
    """Returns the gradients of a replica, the first not a number where those of any replica are not finite.

    Keras asks one replica whether a step overflowed, and adds the gradients of all.
    """
    finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(gradient)) for gradient in gradients])
    poison = tf.where(finite, 0.0, float("nan"))
    poison = tf.distribute.get_replica_context().all_reduce("SUM", poison)
    first, *others = gradients
    return [first + tf.cast(poison, first.dtype), *others]


class Trainer(keras_private.TensorFlowFit, keras.Model):
    """Trains a GAN under TensorFlow; see `ganzoo.backends.interface.Trainer` for what each method promises."""

    def __init__(self, name: str):
        super().__init__(name=name)
        self._host_step = 0
        self._traced = {}
        self._read = None

    def train_step(self, data):
        if tf.executing_eagerly():
            self._host_step = self.steps_done
        return self.run_phases(self.active_phases(self._host_step), data)

    def recorded_forward(self, batch, phases) -> tuple[dict, tf.GradientTape]:
        with self._tape(phases) as tape:
            return self.forward(batch), tape

    def gradients_of(self, phase, batch, outputs, record=None) -> tuple[list, dict]:
        if record is None:
            outputs = keras.tree.map_structure(ops.stop_gradient, outputs)
        with record or self._tape([phase]) as tape:
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
        optimizer = self.optimizer_of(phase)
        if hasattr(optimizer, "inner_optimizer") and self.replica_count() > 1:
            gradients = _overflowing_together(gradients)
        optimizer.apply(gradients, self.variables_of(phase))

    def after(self, values: list, batch):
        with tf.control_dependencies(values):
            return keras.tree.map_structure(tf.identity, batch)

    def input_gradients(self, function: Callable, inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            total = ops.sum(function(inputs))
        return tape.gradient(total, inputs)

    def compute(self, key: tuple, function: Callable, *inputs):
        if key not in self._traced:
            self._traced[key] = tf.function(function, autograph=False)
        return self._traced[key](*inputs)

    # Replicas.

    def replica_count(self) -> int:
        return tf.distribute.get_strategy().num_replicas_in_sync

    def replica_number(self):
        replica = tf.distribute.get_replica_context()
        return 0 if replica is None else replica.replica_id_in_sync_group

    def gathered(self, values):
        if self.replica_count() == 1:
            return values
        if values.shape[0] is None:
            raise UsageError(f"{self.name}: the batch has no fixed size; batch with drop_remainder=True")
        gathered = tf.distribute.get_replica_context().all_gather(ops.stop_gradient(values), axis=0)
        # TensorFlow forgets how many there are.
        return ops.reshape(gathered, (self.replica_count() * values.shape[0], *values.shape[1:]))

    def own_part(self, values):
        if self.replica_count() == 1:
            return values
        count = values.shape[0] // self.replica_count()
        start = ops.cast(self.replica_number() * count, "int32")
        return ops.slice(values, [start] + [0] * (len(values.shape) - 1), (count, *values.shape[1:]))

    def equip(self, networks) -> None:
        # Batch norms, where replicas share a batch.
        if self.replica_count() > 1:
            for network in networks:
                for _, layer in layers_within(network):
                    if hasattr(layer, "synchronized"):
                        layer.synchronized = True

    # Keras's training loop. Its own train function fails under strategies of several workers (keras#20585), and a run
    # may change its phases between steps.

    def fit(self, x=None, y=None, batch_size=None, *args, **kwargs):
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
        """Returns a function that runs steps; traced once, for steps with the same phases as its first."""
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
        self._traced = {}
