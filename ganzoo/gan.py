"""The engine: phases of training, and the only `train_step` of the project."""

import contextlib
import dataclasses
from collections.abc import Callable, Mapping

import keras
import tensorflow as tf
from keras import ops

from ganzoo import losses, seeding
from ganzoo.augmentation import augment
from ganzoo.config import GANConfig
from ganzoo.errors import UsageError
from ganzoo.schedules import LearningRate


@dataclasses.dataclass(frozen=True)
class Phase:
    """One update within a step: which networks it changes, and by which loss."""

    name: str
    networks: tuple[str, ...]
    """Names, as in `GAN.networks()`, of the networks that this phase updates and no other."""
    loss: Callable[[Mapping, Mapping], dict]
    """(batch, outputs of `GAN.forward`) -> weighted terms: they are summed into the loss, and logged by their names."""
    learning_rate: float
    detached: bool = False
    """The loss sees the outputs of `forward` as constants, as a discriminator's does. One phase of those that run in
    a step is not detached: the one that trains the networks that made them."""
    repeats: int = 1
    """Updates per step, each with fresh outputs and a part of the batch of its own."""
    start: int = 0
    """The first step in which the phase runs."""
    stop: int | None = None
    """The first step in which it no longer runs; None: it runs to the end."""

    def runs_at(self, step: int) -> bool:
        return self.start <= step and (self.stop is None or step < self.stop)


class GAN(keras.Model):
    """Named networks and the phases that train them. Architectures subclass it and add:

    `config_class`; `batch_names`, the keys of a batch; `build_networks`; `forward`, the one forward of the generators
    in a step; `phases`; `deployed_names`; `samples`.

    `fit` takes batches as dicts with the keys of `batch_names`, as tuples in their order, or, where there is one key,
    as a bare tensor: floats of (B, H, W, C) in the range that the architecture's file states. With `n_critic` > 1 a
    batch is that many times larger: each discriminator update takes a part of its own.

    The networks are attributes as well: `gan.generator`.

    Args:
        config: the architecture's config.
    """

    config_class = GANConfig
    batch_names: tuple[str, ...] = ()
    deployed_names: tuple[str, ...] = ("generator",)
    input_range = (-1.0, 1.0)
    """Range of the values that a deployed generator of images takes."""

    def __init__(self, config: GANConfig):
        super().__init__(name=type(self).__name__.lower())
        self.config = config
        with _dtype_policy(config.precision), seeding.initial_weights(config.seed):
            self._networks = self.build_networks()
            for name, network in self._networks.items():
                setattr(self, name, network)
            self._averages = self._build_averages()
        self.step = keras.Variable(0, dtype="int64", trainable=False, aggregation="only_first_replica", name="step")
        self.optimizers = {}
        self._host_step = 0
        self._round = 0
        self._traced = {}
        self.built = True

    # What an architecture adds.

    def build_networks(self) -> dict[str, keras.Model]:
        """New networks by name."""
        raise NotImplementedError

    def forward(self, batch: Mapping) -> dict:
        """What the generators make of a batch, in training mode; the phases share it."""
        raise NotImplementedError

    def phases(self) -> tuple[Phase, ...]:
        """All phases in the order in which they update."""
        raise NotImplementedError

    def samples(self, batch: Mapping) -> dict:
        """Columns of a sample grid by title: (B, H, W, C) in [-1, 1], made by the deployed networks."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Loads what training needs beyond the networks, such as a feature network. `ganzoo.train` calls it first.

        Raises:
            UsageError: when that can't be had, saying what to do.
        """

    # What users of any architecture call.

    def networks(self) -> dict[str, keras.Model]:
        """All trained networks by name."""
        return dict(self._networks)

    def deployed(self) -> dict[str, keras.Model]:
        """The networks that are sampled, saved and exported: moving averages where `ema_decay` is on."""
        return {name: self._averages.get(name, self._networks[name]) for name in self.deployed_names}

    def released(self) -> dict[str, keras.Model]:
        """The deployed networks as they are saved: in float32, whatever precision they are trained in."""
        if self.config.precision == "float32":
            return self.deployed()
        with _dtype_policy("float32"), seeding.initial_weights(self.config.seed):
            networks = self.build_networks()
        for name, network in self.deployed().items():
            networks[name].set_weights(network.get_weights())
        return {name: networks[name] for name in self.deployed_names}

    @property
    def steps_done(self) -> int:
        """The number of training steps behind the weights."""
        return int(self.step.numpy())

    def state(self) -> dict[str, keras.Variable]:
        """Every variable that training changes, by a name that is the same in every process."""
        groups = {f"networks/{name}": network.variables for name, network in self._networks.items()}
        groups |= {f"averages/{name}": network.variables for name, network in self._averages.items()}
        groups |= {f"optimizers/{name}": optimizer.variables for name, optimizer in self.optimizers.items()}
        groups["run"] = [self.step, *self.memory()]
        return {
            f"{group}/{index:03d}/{variable.name}": variable
            for group, variables in groups.items()
            for index, variable in enumerate(variables)
        }

    def memory(self) -> list[keras.Variable]:
        """Variables of training besides networks and optimizers, such as pools of past images."""
        return []

    def compile(self, *, jit_compile=False, steps_per_execution=1, run_eagerly=False):
        """Makes an Adam optimizer for each phase, with the rates of the config; there is no loss to pass."""
        self.optimizers = {phase.name: self._build_optimizer(phase) for phase in self.phases()}
        self._traced = {}
        super().compile(
            optimizer=next(iter(self.optimizers.values())),
            jit_compile=jit_compile,
            steps_per_execution=steps_per_execution,
            run_eagerly=run_eagerly,
            auto_scale_loss=False,
        )

    # The step.

    def train_step(self, data):
        """One step: every active phase, in order, on one forward of the generators. Returns the terms of the losses."""
        if tf.executing_eagerly():
            self._host_step = self.steps_done
        phases = self._active_phases(self._host_step)
        dtype = "float64" if self.config.precision == "float64" else "float32"
        batch = {name: ops.cast(value, dtype) for name, value in self._named(data).items()}
        parts = self._parts(batch, max(phase.repeats for phase in phases))
        logs = {}
        for number, part in enumerate(parts[:-1]):
            self._begin_round(number)
            outputs = self.forward(part)
            for phase in phases:
                if phase.repeats > 1:
                    self._update_detached(phase, part, outputs)
        self._begin_round(len(parts) - 1)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            self._watch(tape, [phase for phase in phases if not phase.detached])
            outputs = self.forward(parts[-1])
        for phase in phases:
            if phase.detached:
                logs |= self._update_detached(phase, parts[-1], outputs)
            else:
                logs |= self._update(phase, parts[-1], outputs, tape)
                self._update_averages(phase)
        self.step.assign_add(1)
        return logs

    def _update_detached(self, phase, batch, outputs):
        outputs = keras.tree.map_structure(ops.stop_gradient, outputs)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            self._watch(tape, [phase])
        return self._update(phase, batch, outputs, tape)

    def _update(self, phase, batch, outputs, tape):
        optimizer = self.optimizers[phase.name]
        with tape:
            terms = phase.loss(batch, outputs)
            # Gradients are summed over replicas, so each replica's loss is its share of the mean.
            loss = sum(terms.values()) / tf.distribute.get_strategy().num_replicas_in_sync
            loss = optimizer.scale_loss(loss)
        variables = self._variables(phase)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        optimizer.apply(gradients, variables)
        return {name: ops.cast(term, "float32") for name, term in terms.items()}

    def _watch(self, tape, phases):
        for phase in phases:
            tape.watch([variable.value for variable in self._variables(phase)])

    def _variables(self, phase):
        return [variable for name in phase.networks for variable in self._networks[name].trainable_variables]

    def _update_averages(self, phase):
        step = ops.cast(self.step, "float32")
        # The first steps count for less, so that the average forgets the initial weights.
        decay = ops.minimum(self.config.ema_decay, (1.0 + step) / (10.0 + step))
        for name in set(phase.networks) & set(self._averages):
            for average, variable in zip(self._averages[name].variables, self._networks[name].variables, strict=True):
                if variable.trainable:
                    average.assign(variable + ops.cast(decay, variable.dtype) * (average - variable))
                elif "float" in variable.dtype:
                    average.assign(variable)

    def _active_phases(self, step: int) -> tuple[Phase, ...]:
        return tuple(phase for phase in self.phases() if phase.runs_at(step))

    def _named(self, data) -> dict:
        if isinstance(data, Mapping) and data.keys() >= set(self.batch_names):
            return {name: data[name] for name in self.batch_names}
        values = data if isinstance(data, tuple | list) else (data,)
        if isinstance(data, Mapping) or len(values) != len(self.batch_names):
            found = f"the keys {', '.join(data)}" if isinstance(data, Mapping) else f"{len(values)} tensors"
            raise UsageError(f"{self.name}: found a batch of {found}; a batch is {', '.join(self.batch_names)}")
        return dict(zip(self.batch_names, values, strict=True))

    def _parts(self, batch, count: int) -> list[dict]:
        if count == 1:
            return [batch]
        size = next(iter(batch.values())).shape[0]
        if size is not None and size % count:
            raise UsageError(f"{self.name}: found a batch of {size}; with n_critic={count} give a multiple of {count}")
        split = {name: ops.split(value, count, axis=0) for name, value in batch.items()}
        return [{name: values[i] for name, values in split.items()} for i in range(count)]

    # Keras's training loop. `_maybe_symbolic_build` and Keras's own train function fail under multi-worker strategies
    # (keras#20585), and a run may change its phases between steps.

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        pass

    def make_train_function(self, force=False):
        self._host_step = self.steps_done

        def train_function(iterator):
            steps = range(self._host_step, self._host_step + self.steps_per_execution)
            phases = tuple(phase.name for step in steps for phase in self._active_phases(step))
            if phases not in self._traced:
                self._traced[phases] = self._make_execution()
            logs = self._traced[phases](iterator)
            self._host_step = steps.stop
            return logs

        self.train_function = train_function

    def _make_execution(self):
        """A function that runs steps; traced once, for steps with the same phases as its first."""
        strategy = self.distribute_strategy

        def train(iterator):
            for _ in range(self.steps_per_execution):
                # Only the step is compiled by XLA: fetching a batch can't be.
                step = self.train_step
                if self.jit_compile:
                    step = tf.function(step, jit_compile=True, autograph=False)
                logs = strategy.run(step, args=(next(iterator),))
                self._host_step += 1
            return {name: strategy.reduce("MEAN", value, axis=None) for name, value in logs.items()}

        # Without autograph an error is raised as it is, not wrapped in a description of the graph.
        return train if self.run_eagerly else tf.function(train, autograph=False)

    # Parts of which architectures make their phases.

    def discriminator_phase(self, name: str, networks: tuple[str, ...], loss: Callable, start: int = 0) -> Phase:
        """The phase of one or more discriminators, with the config's learning rate and `n_critic`."""
        rate = self.config.discriminator_learning_rate or self.config.learning_rate
        return Phase(name, networks, loss, rate, detached=True, repeats=self.config.n_critic, start=start)

    def random(self, purpose: str) -> keras.random.SeedGenerator:
        """What `keras.random` takes as a seed: a function of run seed, purpose, step, replica and nothing else."""
        replica = tf.distribute.get_replica_context()
        number = 0 if replica is None else replica.replica_id_in_sync_group
        count = tf.distribute.get_strategy().num_replicas_in_sync
        position = ops.cast(self.step, "int64") * count + ops.cast(number, "int64")
        return _StepSeed(self.config.seed, (purpose, self._round), position)

    def discriminator_terms(self, name: str, real: tuple, fake: tuple) -> dict:
        """The weighted terms of a discriminator's loss: real, fake and the penalty, if any.

        Args:
            name: of the discriminator; the terms are called after it.
            real: the images that it sees together, concatenated along channels: (image,) or (input, target).
            fake: the same with what a generator made.
        """
        network, weight = self._networks[name], self.config.discriminator_weight
        family = losses.ADVERSARIAL_LOSSES[self.config.adversarial_loss]
        real = self._seen(real, f"{name} real")
        fake = self._seen(fake, f"{name} fake")
        return {
            f"{name}_real": weight * family.real(network(real, training=True)),
            f"{name}_fake": weight * family.fake(network(fake, training=True)),
            **self._penalty_terms(name, real, fake),
        }

    def adversarial_loss(self, name: str, fake: tuple):
        """The generator's loss on what the discriminator `name` says of `fake`, unweighted."""
        logits = self._networks[name](self._seen(fake, f"{name} fooled"), training=True)
        return losses.ADVERSARIAL_LOSSES[self.config.adversarial_loss].generator(logits)

    def _seen(self, images: tuple, purpose: str):
        images = augment(images, self.config.augmentation, self.random(purpose))
        return images[0] if len(images) == 1 else ops.concatenate(images, axis=-1)

    def _penalty_terms(self, name, real, fake) -> dict:
        if self.config.penalty == "none":
            return {}
        if self.config.penalty == "r1":
            penalty = losses.r1_penalty(self._input_gradients(name, real))
        else:
            share = keras.random.uniform((ops.shape(real)[0], 1, 1, 1), seed=self.random(f"{name} penalty"))
            share = ops.cast(share, real.dtype)
            penalty = losses.gradient_penalty(self._input_gradients(name, share * real + (1 - share) * fake))
        return {f"{name}_penalty": self.config.penalty_weight * penalty}

    def _input_gradients(self, name, images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = ops.sum(self._networks[name](images, training=True))
        return tape.gradient(logits, images)

    # Construction.

    def _build_optimizer(self, phase):
        # Epsilon is Keras's 1e-7, where Torch has 1e-8.
        rate = phase.learning_rate
        if self.config.schedule.kind != "constant":
            rate = LearningRate(rate, self.config.schedule, self.step)
        optimizer = keras.optimizers.Adam(rate, beta_1=self.config.beta_1, beta_2=self.config.beta_2, name=phase.name)
        if self.config.precision == "mixed_float16":
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer, name=phase.name)
        # Built now, because weights loaded into an unbuilt optimizer are dropped with a mere warning.
        optimizer.build(self._variables(phase))
        return optimizer

    def _build_averages(self) -> dict[str, keras.Model]:
        if not self.config.ema_decay:
            return {}
        averages = {name: keras.models.clone_model(self._networks[name]) for name in self.deployed_names}
        for name, average in averages.items():
            average.set_weights(self._networks[name].get_weights())
            average.trainable = False
        return averages

    def _begin_round(self, number: int):
        """Gives every dropout layer the noise of this step, round and replica: its state need not be saved."""
        self._round = number
        for name, network in self._networks.items():
            for layer in network.layers:
                if hasattr(layer, "seed_generator"):
                    key, position = ops.unstack(self.random(f"{name} {layer.name}").next())
                    # Each draw adds 1 to the state: room for draws before the next step's.
                    layer.seed_generator.state.assign(ops.stack([key, 1024 * position]))


class _StepSeed(keras.random.SeedGenerator):
    """A seed generator without a variable: the k-th draw at `position` is a function of seed, purpose and k."""

    def __init__(self, seed, purpose, position):
        self.seed = seed
        self.purpose = purpose
        self.position = position
        self.draws = 0

    def next(self, ordered=True):
        key = seeding.derive(self.seed, *self.purpose, self.draws)
        self.draws += 1
        return ops.stack([ops.cast(key, "int64"), self.position])


@contextlib.contextmanager
def _dtype_policy(name: str):
    """Within it, layers are made under a dtype policy; the one before is put back."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
