"""The engine: phases of training, and the only `train_step` of the project."""

import contextlib
import dataclasses
import itertools
import threading
from collections.abc import Callable, Mapping

import keras
import tensorflow as tf
from keras import ops

from ganzoo import losses, seeding, sharing
from ganzoo.augmentation import augment
from ganzoo.config import GANConfig
from ganzoo.distillation import load_teachers
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
    in a step; `phases`; `deployed_names`; `samples`, and `generated` to have them looked at by the doctor; `painted`
    to have its generators learn from teachers.

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
    generated: Mapping[str, str] = {}
    """Which columns of `samples` the generators made, and the key of the batch whose images they should resemble."""
    painted: Mapping[str, tuple[str, str]] = {}
    """Of each generator the key of what it takes, in the batch or the outputs of `forward`, and the key of what it
    makes of that, in the outputs. A teacher is asked to make something of the same."""
    input_range = (-1.0, 1.0)
    """Range of the values that a deployed generator of images takes."""
    floors: Mapping[str, float] = {}
    """Where what an export must reach differs from `ganzoo.exporting.proof.FLOORS`: dB by precision. Mobile variants
    go by the common ones."""

    def __init__(self, config: GANConfig):
        super().__init__(name=type(self).__name__.lower())
        self.config = config
        with _dtype_policy(config.precision), seeding.initial_weights(config.seed):
            self._networks = self.build_networks()
            for name, network in self._networks.items():
                setattr(self, name, network)
            self._averages = self._build_averages()
        self.step = _run_variable(0, "int64", "step")
        self.rollbacks = _run_variable(0, "int64", "rollbacks")
        self.rate_scale = _run_variable(1.0, "float32", "rate_scale")
        self.optimizers = {}
        self._now = _Now()
        self._host_step = 0
        self._traced = {}
        self._read = None
        self._teachers = {}
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
        """Loads what training needs beyond the networks: a teacher, or in an architecture that overrides and extends
        this, a feature network. `ganzoo.train` calls it first.

        Raises:
            UsageError: when that can't be had, saying what to do.
        """
        if self._is_taught():
            if not self.painted:
                raise UsageError(f"model.teacher: {self.name} learns from none; leave it out")
            self._teachers = load_teachers(self.config.teacher, {name: self._networks[name] for name in self.painted})

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
        groups["run"] = [self.step, self.rollbacks, self.rate_scale, *self.memory()]
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

    @property
    def rollback_count(self) -> int:
        """How often the run has gone back to an earlier state, to take another course from there."""
        return int(self.rollbacks.numpy())

    def roll_back(self, number: int, rate_scale: float) -> None:
        """Takes another course from here: other random numbers, and the config's learning rates times `rate_scale`.

        Both are part of the state, so that a run that resumes takes the same course.

        Args:
            number: how often this run has done so, this time included.
        """
        self.rollbacks.assign(number)
        self.rate_scale.assign(rate_scale)
        if self.config.schedule.kind == "constant":
            for phase in self.phases():
                self.optimizers[phase.name].learning_rate = rate_scale * phase.learning_rate

    def health(self) -> dict[str, float]:
        """What Adam's averages (Kingma and Ba 2015, algorithm 1) tell of the networks that the last step trained.

        By network, `<network>_gradient_norm`: the norm of the average of its last gradients, over some 2 steps where
        beta_1 is 0.5; and `<network>_update_ratio`: the norm of its last update over that of its weights, usually
        1e-3. They cost nothing in the steps between.
        """
        phases = self._active_phases(max(self.steps_done - 1, 0))
        key = ("health", *(phase.name for phase in phases))
        if key not in self._traced:
            self._traced[key] = tf.function(lambda: self._health(phases), autograph=False)
        return {name: float(value) for name, value in self._traced[key]().items()}

    # The step.

    def train_step(self, data):
        """One step: every active phase, in order, on one forward of the generators.

        Returns:
            The terms of the losses, and, by names that begin with `health/`, what else is worth watching.
        """
        if tf.executing_eagerly():
            self._host_step = self.steps_done
        phases = self._active_phases(self._host_step)
        dtype = "float64" if self.config.precision == "float64" else "float32"
        batch = {name: ops.cast(value, dtype) for name, value in self._named(data).items()}
        parts = self._parts(batch, max(phase.repeats for phase in phases))
        logs, self._now.observed = {}, {}
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
        return logs | self._now.observed

    def _update_detached(self, phase, batch, outputs):
        outputs = keras.tree.map_structure(ops.stop_gradient, outputs)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            self._watch(tape, [phase])
        return self._update(phase, batch, outputs, tape)

    def _update(self, phase, batch, outputs, tape):
        optimizer = self.optimizers[phase.name]
        with tape:
            terms = phase.loss(batch, outputs)
            if self._is_taught() and not phase.detached:
                terms |= self._distillation_terms(phase, batch, outputs)
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
        # Every count-th example, not a run of them: so each part is shared by all replicas as a whole batch is.
        split = {name: ops.reshape(value, (-1, count, *value.shape[1:])) for name, value in batch.items()}
        return [{name: values[:, i] for name, values in split.items()} for i in range(count)]

    # Keras's training loop. `_maybe_symbolic_build` and Keras's own train function fail under multi-worker strategies
    # (keras#20585), and a run may change its phases between steps.

    def fit(self, x=None, *args, **kwargs):
        """As Keras's. Replicas share the batches of a data set equally; it ends for all when it ends for one."""
        strategy, self._read = self.distribute_strategy, None
        if isinstance(x, tf.data.Dataset) and strategy.num_replicas_in_sync > 1:
            x, self._read = sharing.share(strategy, x), sharing.reader(strategy)
        return super().fit(x, *args, **kwargs)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        pass

    def make_train_function(self, force=False):
        self._host_step = self.steps_done

        def train_function(iterator):
            steps = range(self._host_step, self._host_step + self.steps_per_execution)
            phases = tuple(phase.name for step in steps for phase in self._active_phases(step))
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
                logs = strategy.run(step, args=(next(batches),))
                self._host_step += 1
            return {name: strategy.reduce("MEAN", value, axis=None) for name, value in logs.items()}

        # Without autograph an error is raised as it is, not wrapped in a description of the graph.
        return train if self.run_eagerly else tf.function(train, autograph=False)

    # Parts of which architectures make their phases.

    def discriminator_phase(self, name: str, networks: tuple[str, ...], loss: Callable, start: int = 0) -> Phase:
        """The phase of one or more discriminators, with the config's learning rate and `n_critic`."""
        rate = self.config.discriminator_learning_rate or self.config.learning_rate
        return Phase(name, networks, loss, rate, detached=True, repeats=self.config.n_critic, start=start)

    def observe(self, name: str, value) -> None:
        """Logs a scalar of the step that is no term of a loss, as `health/` and its name."""
        self._now.observed[f"health/{name}"] = ops.cast(ops.stop_gradient(value), "float32")

    def random(self, purpose: str, shared: bool = False) -> keras.random.SeedGenerator:
        """What `keras.random` takes as a seed: a function of run seed, purpose, step, replica, count of rollbacks.

        Args:
            purpose: any words; draws for different purposes are independent.
            shared: the same on every replica, and as it would be on one device.
        """
        count, number = (1, 0) if shared else (_replica_count(), _replica_number())
        position = ops.cast(self.step, "int64") * count + ops.cast(number, "int64")
        return _StepSeed(self.config.seed, (purpose, self._now.round), position, self.rollbacks)

    def gathered(self, values):
        """The values of all replicas, (B, …) each with B known, one after the other; no gradient flows back."""
        if _replica_count() == 1:
            return values
        if values.shape[0] is None:
            raise UsageError(f"{self.name}: the batch has no fixed size; batch with drop_remainder=True")
        gathered = tf.distribute.get_replica_context().all_gather(ops.stop_gradient(values), axis=0)
        # TensorFlow forgets how many there are.
        return ops.reshape(gathered, (_replica_count() * values.shape[0], *values.shape[1:]))

    def own_part(self, values):
        """Of values like those that `gathered` gives, the part of this replica."""
        if _replica_count() == 1:
            return values
        count = values.shape[0] // _replica_count()
        start = ops.cast(_replica_number() * count, "int32")
        return ops.slice(values, [start] + [0] * (len(values.shape) - 1), (count, *values.shape[1:]))

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
        real_logits, fake_logits = network(real, training=True), network(fake, training=True)
        self._observe_logits(name, real_logits, fake_logits, family.boundary)
        return {
            f"{name}_real": weight * family.real(real_logits),
            f"{name}_fake": weight * family.fake(fake_logits),
            **self._penalty_terms(name, real, fake),
        }

    def adversarial_loss(self, name: str, fake: tuple):
        """The generator's loss on what the discriminator `name` says of `fake`, unweighted."""
        logits = self._networks[name](self._seen(fake, f"{name} fooled"), training=True)
        return losses.ADVERSARIAL_LOSSES[self.config.adversarial_loss].generator(logits)

    def _is_taught(self) -> bool:
        return self.config.teacher is not None and self.config.distillation_weight > 0

    def _distillation_terms(self, phase, batch, outputs) -> dict:
        if not self._teachers:
            raise UsageError(f"{self.name}: the teacher is not loaded; call prepare() before fit()")
        terms = {}
        for name in (name for name in phase.networks if name in self._teachers):
            taken, made = self.painted[name]
            example = self._teachers[name]({**batch, **outputs}[taken])
            distance = losses.l1(outputs[made], ops.cast(example, outputs[made].dtype))
            terms[f"{name}_distillation"] = self.config.distillation_weight * distance
        return terms

    def _observe_logits(self, name, real, fake, boundary):
        self.observe(f"{name}_real_logit", ops.mean(real))
        self.observe(f"{name}_fake_logit", ops.mean(fake))
        if boundary is not None:
            self.observe(f"{name}_real_accuracy", ops.mean(ops.cast(real > boundary, "float32")))
            self.observe(f"{name}_fake_accuracy", ops.mean(ops.cast(fake < boundary, "float32")))

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
            rate = LearningRate(rate, self.config.schedule, self.step, self.rate_scale)
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

    def _health(self, phases) -> dict:
        values = {}
        for phase in phases:
            optimizer = self.optimizers[phase.name]
            adam = getattr(optimizer, "inner_optimizer", optimizer)
            slots = zip(_slots(adam, "momentum"), _slots(adam, "velocity"), strict=True)
            count = ops.cast(adam.iterations, "float32")
            unbias, unbias_squares = 1 - adam.beta_1**count, 1 - adam.beta_2**count
            for name in phase.networks:
                variables = self._networks[name].trainable_variables
                own = list(itertools.islice(slots, len(variables)))
                updates = [m / (ops.sqrt(v) + adam.epsilon) for m, v in own]
                rate = adam.learning_rate * ops.sqrt(unbias_squares) / unbias
                values[f"{name}_gradient_norm"] = _norm(m for m, _ in own) / unbias
                values[f"{name}_update_ratio"] = rate * _norm(updates) / _norm(variables)
        return values

    def _begin_round(self, number: int):
        """Gives every dropout layer the noise of this step, round and replica: its state need not be saved."""
        self._now.round = number
        for name, network in self._networks.items():
            for layer in network.layers:
                if hasattr(layer, "seed_generator"):
                    key, position = ops.unstack(self.random(f"{name} {layer.name}").next())
                    # Each draw adds 1 to the state: room for draws before the next step's.
                    layer.seed_generator.state.assign(ops.stack([key, 1024 * position]))


def _run_variable(value, dtype: str, name: str) -> keras.Variable:
    return keras.Variable(value, dtype=dtype, trainable=False, aggregation="only_first_replica", name=name)


def _replica_count() -> int:
    return tf.distribute.get_strategy().num_replicas_in_sync


def _replica_number():
    replica = tf.distribute.get_replica_context()
    return 0 if replica is None else replica.replica_id_in_sync_group


def _norm(tensors):
    """The square root of the sum of all squares, in float32."""
    squares = [ops.sum(ops.square(ops.cast(tensor, "float32"))) for tensor in tensors]
    return ops.sqrt(sum(squares))


def _slots(optimizer, kind: str) -> list[keras.Variable]:
    """An optimizer's averages of one kind, in the order of the weights."""
    return [variable for variable in optimizer.variables if variable.name.endswith(f"_{kind}")]


class _Now(threading.local):
    """Where a step is. A mirrored strategy runs the step of each replica in a thread, and they take turns."""

    def __init__(self):
        self.round = 0
        self.observed = {}


class _StepSeed(keras.random.SeedGenerator):
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
        return ops.stack([key + 1_000_003 * ops.cast(self.course, "int64"), self.position])


@contextlib.contextmanager
def _dtype_policy(name: str):
    """Within it, layers are made under a dtype policy; the one before is put back."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
