"""GANs: named networks and the phases that train them. The step itself is an engine's, in `ganzoo.engines`."""

import contextlib
import dataclasses
import itertools
import threading
from collections.abc import Callable, Mapping

import keras
import numpy as np
from keras import ops

from ganzoo import distillation, first_batch, initial_weights, losses, seeding, tuning
from ganzoo.augmentation import augment
from ganzoo.config import GANConfig
from ganzoo.data.fields import FLOAT, Image, fields_of
from ganzoo.engines import SEEDS, WHOLE_NUMBERS, Adam, Trainer, check_precision
from ganzoo.errors import UsageError
from ganzoo.rematerialisation import rematerialise as remat
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
    """The loss sees the outputs of `forward` as constants, as a discriminator's does. Those that are not detached train
    the networks that made them: the first by the outputs that all phases of the step share, each further one by
    outputs of its own, which networks that were updated in between made of the same random numbers."""
    repeats: int = 1
    """Updates per step, each with fresh outputs and a part of the batch of its own."""
    start: int = 0
    """The first step in which the phase runs."""
    stop: int | None = None
    """The first step in which it no longer runs; None: it runs to the end."""
    every: int = 1
    """It runs in every so many steps, from `start` on: lazy regularization (Karras et al. 2020, appendix B)."""
    optimizer: str | None = None
    """The phase, of the same networks, whose optimizer it shares; None: it has one of its own."""

    def runs_at(self, step: int) -> bool:
        return self.start <= step and (self.stop is None or step < self.stop) and not (step - self.start) % self.every


class GAN(Trainer):
    """Named networks and the phases that train them. Architectures subclass it and add:

    `config_class`, which declares the batch and the deployed networks; `build_networks`; `forward`, the one forward of
    the generators in a step; `phases`; `samples`, and `generated` to have them looked at by the doctor.

    `fit` takes batches as dicts with the keys of the config's `batch`, as tuples in their order, or, where there is one
    key, as a bare tensor, each as its field states. With `n_critic` > 1 a batch is that many times larger: each
    discriminator update takes a part of its own.

    The networks are attributes as well: `gan.generator`.

    Args:
        config: the architecture's config.
    """

    config_class = GANConfig
    generated: Mapping[str, str] = {}
    """Which columns of `samples` the generators made, and the key of the batch whose images they should resemble."""

    def __init__(self, config: GANConfig):
        super().__init__(name=type(self).__name__.lower())
        self.config = config = tuning.settle(config)
        self.fields = fields_of(config)
        self.batch_names = tuple(self.fields)
        self.deployed_names = tuple(config.deployed)
        check_precision(config.precision)
        with _dtype_policy(config.precision), initial_weights.from_seed(config.seed):
            self._networks = self.build_networks()
            for name, network in self._networks.items():
                setattr(self, name, network)
            self._averages = self._build_averages()
        self.equip(self._networks.values())
        self.step = _run_variable(0, WHOLE_NUMBERS, "step")
        self.rollbacks = _run_variable(0, WHOLE_NUMBERS, "rollbacks")
        self.rate_scale = _run_variable(1.0, "float32", "rate_scale")
        self.optimizers = {}
        self.now = _Now()
        self._teachers = {}
        self.accumulate = 1
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
        """Loads what training needs beyond the networks, as a feature network. `ganzoo.train` calls it first.

        Raises:
            UsageError: when that can't be had, saying what to do.
        """

    def teach(self, teachers: Mapping[str, keras.Model]) -> None:
        """Takes the networks that the deployed networks learn to imitate, by their names; they are trained no more.

        `ganzoo.train` loads those of the config's `teacher`, and hands them in.

        Raises:
            UsageError: when one is missing, or takes or makes something of another shape.
        """
        students = {name: self._networks[name] for name in self.deployed_names}
        self._teachers = distillation.frozen(teachers, students)

    # What users of any architecture call.

    def networks(self) -> dict[str, keras.Model]:
        """All trained networks by name."""
        return dict(self._networks)

    def deployed(self) -> dict[str, keras.Model]:
        """The networks that are sampled, saved and exported: moving averages where `ema_decay` is on."""
        return {name: self._averages.get(name, self._networks[name]) for name in self.deployed_names}

    def released(self) -> dict[str, keras.Model]:
        """The deployed networks as they are saved: in float32, whatever precision they are trained in."""
        layers = (layer for network in self._networks.values() for _, layer in _layers_within(network))
        synchronised = (getattr(layer, "synchronized", False) for layer in layers)
        networks = self.deployed()
        if self.config.precision != "float32" or any(synchronised):
            with _dtype_policy("float32"), initial_weights.from_seed(self.config.seed):
                networks = self.build_networks()
            for name, network in self.deployed().items():
                networks[name].set_weights(network.get_weights())
        for name in self.deployed_names:
            for place, layer in _layers_within(networks[name]):
                if hasattr(layer, "seed_generator"):
                    # Keras draws it, and saves it: files of the same run would differ.
                    seed = seeding.derive(self.config.seed, name, place)
                    layer.seed_generator.state.assign([seed, 0])
        return {name: networks[name] for name in self.deployed_names}

    @property
    def batch_dtype(self) -> str:
        """The dtype of the images that a step works on: full precision also where networks compute in half."""
        return "float64" if self.config.precision == "float64" else "float32"

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

    def compile(
        self, *, jit_compile=False, steps_per_execution=1, run_eagerly=False, accumulate=1, rematerialise=False
    ):
        """Makes an Adam optimizer for each phase, with the rates of the config; there is no loss to pass.

        Args:
            jit_compile: compiles TensorFlow's steps by XLA; those of JAX always are.
            accumulate: parts that a batch is trained in, one after the other, for less memory: an update goes by the
                mean of their gradients. Batch norms see one part at a time.
            rematerialise: computes the networks' activations anew for gradients, for less memory; not those of
                discriminators with a penalty. Once on, it stays on.
        """
        self.accumulate = accumulate
        if rematerialise:
            for name, network in self._networks.items():
                # TensorFlow can't differentiate twice what is computed anew, as a penalty does.
                if name in self.deployed_names or self.config.penalty == "none":
                    remat(network)
        _check_phases(self.name, self.phases())
        first, *others = [phase for phase in self.phases() if phase.optimizer is None]
        self.optimizers = {phase.name: self._build_optimizer(phase) for phase in (first, *others)}
        self.forget_traces()
        leader = self.optimizers[first.name]
        proportions = [(self.optimizers[phase.name], phase.learning_rate / first.learning_rate) for phase in others]
        getattr(leader, "inner_optimizer", leader).followed_by(proportions)
        super().compile(
            optimizer=leader,
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
                if phase.optimizer is None:
                    self.optimizer_of(phase).learning_rate = rate_scale * phase.learning_rate

    def health(self) -> dict[str, float]:
        """What Adam's averages (Kingma and Ba 2015, algorithm 1) tell of the networks that the last step trained.

        By network, `<network>_gradient_norm`: the norm of the average of its last gradients, over some 2 steps where
        beta_1 is 0.5; and `<network>_update_ratio`: the norm of its last update over that of its weights, usually
        1e-3. They cost nothing in the steps between.
        """
        phases = self.active_phases(max(self.steps_done - 1, 0))
        values = self.compute(("health", *(phase.name for phase in phases)), lambda: self._health(phases))
        return {name: float(value) for name, value in values.items()}

    def fit(self, x=None, *args, **kwargs):
        """As Keras's; warns in a line for images of the first batch that are not in their range, or no floats."""
        return super().fit(first_batch.watched(x, self._look_at), *args, **kwargs)

    def _look_at(self, batch) -> None:
        ranges = {key: field.range for key, field in self.fields.items() if isinstance(field, Image)}
        # What is no batch at all is refused, by name, when it comes to a step.
        with contextlib.suppress(UsageError):
            first_batch.warn_of(self._named(batch), ranges)

    # The step, for the engine to differentiate, compile and run.

    def run_phases(self, phases: tuple[Phase, ...], data) -> dict:
        """One step: every phase, in order, on one forward of the generators."""
        if not phases:
            raise UsageError(f"{self.name}: no phase runs in this step; have one at least run in every step")
        *early, last = self.rounds_of(data, phases)
        self.now.observed = {}
        for parts in early:
            self._train([phase for phase in phases if phase.repeats > 1], parts)
        logs = self._train(phases, last)
        self._update_averages({name for phase in phases for name in phase.networks})
        self.step.assign_add(1)
        return logs | self.now.observed

    def _train(self, phases, parts) -> dict:
        """Updates the networks of the phases, on one part of a batch or the mean of several."""
        if len(parts) > 1:
            return self._train_in_parts(phases, parts)
        ((number, batch),) = parts
        self.begin_round(number)
        attached = [phase for phase in phases if not phase.detached]
        outputs, record = self.recorded_forward(batch, attached[:1])
        logs = {}
        for phase in phases:
            made = (outputs, None if phase.detached else record)
            if phase in attached[1:]:
                self.begin_round(number)
                with self._norms_kept(True):
                    made = self.recorded_forward(batch, [phase])
            gradients, terms = self.gradients_of(phase, batch, *made)
            self.apply_gradients(phase, gradients)
            logs |= terms
        return logs

    def _train_in_parts(self, phases, parts) -> dict:
        """As `_train`, one part after the other; what is observed is of the last."""
        logs, seen = {}, {}
        for phase in phases:
            gradients, terms = [], []
            for number, batch in parts:
                # Also where a part was seen: what the loss draws is of its round.
                self.begin_round(number)
                batch = self.after(gradients[-1] if gradients else [], batch)
                if number not in seen or not phase.detached:
                    # The same outputs a second time; only now are they recorded.
                    with self._norms_kept(number in seen):
                        outputs, record = self.recorded_forward(batch, [] if phase.detached else [phase])
                    seen[number] = keras.tree.map_structure(ops.stop_gradient, outputs)
                outputs = seen[number] if phase.detached else outputs
                found = self.gradients_of(phase, batch, outputs, None if phase.detached else record)
                gradients.append(found[0])
                terms.append(found[1])
            self.apply_gradients(phase, _mean_of(gradients))
            logs |= _mean_of(terms)
        return logs

    @contextlib.contextmanager
    def _norms_kept(self, kept: bool):
        """Within it the networks' moving averages move in vain, where they are to be kept."""
        variables = [v for network in self._networks.values() for v in network.variables if not v.trainable]
        before = [ops.copy(variable) for variable in variables] if kept else []
        yield
        for variable, value in zip(variables if kept else [], before, strict=True):
            variable.assign(value)

    def frozen(self) -> list[keras.Model]:
        """Networks beside its own that a step reads: its teachers."""
        return list(self._teachers.values())

    def active_phases(self, step: int) -> tuple[Phase, ...]:
        """The phases of a step, in order."""
        return tuple(phase for phase in self.phases() if phase.runs_at(step))

    def optimizer_of(self, phase: Phase) -> keras.optimizers.Optimizer:
        """What a phase updates its networks by."""
        return self.optimizers[phase.optimizer or phase.name]

    def variables_of(self, phase: Phase) -> list[keras.Variable]:
        """What a phase updates."""
        return [variable for name in phase.networks for variable in self._networks[name].trainable_variables]

    def rounds_of(self, data, phases: tuple[Phase, ...]) -> list[list[tuple[int, dict]]]:
        """What of a batch each update sees of the phase that has most: one part or, accumulated, several, numbered."""
        batch = {key: ops.cast(value, self._dtype_of(key)) for key, value in self._named(data).items()}
        updates = max(phase.repeats for phase in phases)
        parts = list(enumerate(self._parts(batch, self.accumulate * updates)))
        # So an update sees the same examples in however many parts.
        return [parts[update::updates] for update in range(updates)]

    def begin_round(self, number: int) -> None:
        """Gives every dropout layer the noise of this step, round and replica: its state need not be saved."""
        self.now.round = number
        for name, network in self._networks.items():
            for place, layer in _layers_within(network):
                if hasattr(layer, "seed_generator"):
                    key, position = ops.unstack(self.random(f"{name} {place}").next())
                    # Each draw adds 1 to the state: room for draws before the next step's.
                    layer.seed_generator.state.assign(ops.stack([key, 1024 * position]))

    def terms_of(self, phase: Phase, batch: Mapping, outputs: Mapping) -> dict:
        """The weighted terms of a phase's loss, that of a teacher included."""
        terms = phase.loss(batch, outputs)
        # What shares another's optimizer only adds to what that phase, which is taught, learns.
        if self._is_taught() and not phase.detached and phase.optimizer is None:
            terms |= self._distillation_terms(phase, batch, outputs)
        return terms

    def _update_averages(self, trained: set[str]) -> None:
        step = ops.cast(self.step, "float32")
        # The first steps count for less, so that the average forgets the initial weights.
        decay = ops.minimum(self.config.ema_decay, (1.0 + step) / (10.0 + step))
        for name in trained & set(self._averages):
            for average, variable in zip(self._averages[name].variables, self._networks[name].variables, strict=True):
                # Batch norm's moving statistics too: those of the last weights don't fit the averaged ones.
                if "float" in variable.dtype:
                    average.assign(variable + ops.cast(decay, variable.dtype) * (average - variable))

    def _dtype_of(self, key: str) -> str:
        """Whole numbers stay whole, whatever the networks compute in."""
        dtype = self.fields[key].dtype
        return self.batch_dtype if dtype == FLOAT else dtype

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
            reason = f"n_critic={self.config.n_critic}"
            if self.accumulate > 1:
                reason += f" and accumulate={self.accumulate}"
            raise UsageError(f"{self.name}: found a batch of {size}; with {reason} give a multiple of {count}")
        # Every count-th example, not a run of them: so each part is shared by all replicas as a whole batch is.
        split = {name: ops.reshape(value, (-1, count, *value.shape[1:])) for name, value in batch.items()}
        return [{name: values[:, i] for name, values in split.items()} for i in range(count)]

    # Parts of which architectures make their phases.

    def discriminator_phase(self, name: str, networks: tuple[str, ...], loss: Callable, start: int = 0) -> Phase:
        """The phase of one or more discriminators, with the config's learning rate and `n_critic`."""
        rate = self.config.discriminator_learning_rate or self.config.learning_rate
        return Phase(name, networks, loss, rate, detached=True, repeats=self.config.n_critic, start=start)

    def observe(self, name: str, value) -> None:
        """Logs a scalar of the step that is no term of a loss, as `health/` and its name."""
        self.now.observed[f"health/{name}"] = ops.cast(ops.stop_gradient(value), "float32")

    def random(self, purpose: str, shared: bool = False) -> keras.random.SeedGenerator:
        """What `keras.random` takes as a seed: a function of run seed, purpose, step, replica, count of rollbacks.

        Args:
            purpose: any words; draws for different purposes are independent.
            shared: the same on every replica, and as it would be on one device.
        """
        count, number = (1, 0) if shared else (self.replica_count(), self.replica_number())
        position = ops.cast(self.step, SEEDS) * count + ops.cast(number, SEEDS)
        return _StepSeed(self.config.seed, (purpose, self.now.round), position, self.rollbacks)

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
        self.observe(f"{name}_fooled_logit", ops.mean(logits))
        return losses.ADVERSARIAL_LOSSES[self.config.adversarial_loss].generator(logits)

    def _is_taught(self) -> bool:
        return self.config.teacher is not None and self.config.distillation_weight > 0

    def _distillation_terms(self, phase, batch, outputs) -> dict:
        if not self._teachers:
            raise UsageError(f"{self.name}: its teacher is not there; hand it in before fit(), by gan.teach(networks)")
        terms = {}
        for name in (name for name in phase.networks if name in self._teachers):
            signature = self.config.deployed[name]
            taken = [{**batch, **outputs}[key] for key in signature.takes]
            (made,) = signature.gives
            example = self._teachers[name](taken if len(taken) > 1 else taken[0], training=False)
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

        def logits_of(images):
            return self._networks[name](images, training=True)

        if self.config.penalty == "r1":
            penalty = losses.r1_penalty(self.input_gradients(logits_of, real))
        else:
            share = keras.random.uniform((ops.shape(real)[0], 1, 1, 1), seed=self.random(f"{name} penalty"))
            share = ops.cast(share, real.dtype)
            penalty = losses.gradient_penalty(self.input_gradients(logits_of, share * real + (1 - share) * fake))
        return {f"{name}_penalty": self.config.penalty_weight * penalty}

    # Construction.

    def _build_optimizer(self, phase):
        rate = phase.learning_rate
        if self.config.schedule.kind != "constant":
            rate = LearningRate(rate, self.config.schedule, self.step, self.rate_scale)
        # In float64 TensorFlow would round a number of Python to single precision first.
        number = np.float64 if self.config.precision == "float64" else float
        constants = {name: number(getattr(self.config, name)) for name in ("beta_1", "beta_2", "epsilon")}
        optimizer = _LeadingAdam(rate, **constants, name=phase.name)
        if self.config.precision == "mixed_float16":
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer, name=phase.name)
        # Built now, because weights loaded into an unbuilt optimizer are dropped with a mere warning.
        with initial_weights.by_numpy():
            optimizer.build(self.variables_of(phase))
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
            optimizer = self.optimizer_of(phase)
            adam = getattr(optimizer, "inner_optimizer", optimizer)
            slots = zip(_slots(adam, "momentum"), _slots(adam, "velocity"), strict=True)
            # None where every step of mixed_float16 so far overflowed: its averages are 0.
            count = ops.cast(ops.maximum(adam.iterations, 1), "float32")
            unbias, unbias_squares = 1 - adam.beta_1**count, 1 - adam.beta_2**count
            for name in phase.networks:
                variables = self._networks[name].trainable_variables
                own = list(itertools.islice(slots, len(variables)))
                updates = [m / (ops.sqrt(v / ops.cast(unbias_squares, v.dtype)) + adam.epsilon) for m, v in own]
                values[f"{name}_gradient_norm"] = _norm(m for m, _ in own) / unbias
                values[f"{name}_update_ratio"] = adam.learning_rate * _norm(updates) / unbias / _norm(variables)
        return values


def _check_phases(name: str, phases: tuple[Phase, ...]) -> None:
    """Raises a UsageError for phases that can't be run as they are declared."""
    names = [phase.name for phase in phases]
    if len(set(names)) < len(names):
        raise UsageError(f"{name}: phases {', '.join(names)}: two have one name; give each its own")
    owners = {phase.name: phase for phase in phases if phase.optimizer is None}
    for phase in phases:
        if phase.every < 1:
            raise UsageError(f"{name}: phase {phase.name}: every is {phase.every}; it is a number of steps, at least 1")
        owner = owners.get(phase.optimizer or phase.name)
        if owner is None or owner.networks != phase.networks:
            found = f"trains {', '.join(owner.networks)}" if owner else "is no phase with an optimizer of its own"
            raise UsageError(
                f"{name}: phase {phase.name}, of {', '.join(phase.networks)}: it shares the optimizer of "
                f"{phase.optimizer}, which {found}; name one of the same networks, or leave optimizer out"
            )


def _layers_within(network: keras.Model, place: str = ""):
    """(place, layer) of all layers, those of nested models too: a place is the names on the way, "mapping/dense1"."""
    for layer in network.layers:
        yield place + layer.name, layer
        if isinstance(layer, keras.Model):
            yield from _layers_within(layer, f"{place}{layer.name}/")


def _run_variable(value, dtype: str, name: str) -> keras.Variable:
    return keras.Variable(value, dtype=dtype, trainable=False, aggregation="only_first_replica", name=name)


def _mean_of(structures: list):
    """The mean of tensors in the same places of several structures."""
    return keras.tree.map_structure(lambda *values: sum(values) / len(values), *structures)


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


class _LeadingAdam(Adam):
    """Adam whose followers' learning rates change in proportion to its own.

    Keras's callbacks know one optimizer of a model, and set the learning rate of that.
    """

    def _followers(self):
        return ()

    def followed_by(self, proportions: list) -> None:
        # In a function, because Keras would save optimizers that it finds in an attribute.
        self._followers = lambda: proportions

    @Adam.learning_rate.setter
    def learning_rate(self, rate):
        Adam.learning_rate.fset(self, rate)
        for follower, proportion in self._followers():
            follower.learning_rate = rate * proportion


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
        return ops.stack([key + 1_000_003 * ops.cast(self.course, SEEDS), self.position])


@contextlib.contextmanager
def _dtype_policy(name: str):
    """Within it, layers are made under a dtype policy, and inputs to suit it; what was before is put back."""
    policy, floatx = keras.config.dtype_policy(), keras.config.floatx()
    keras.config.set_dtype_policy(name)
    # `keras.Input` goes by this alone, and what comes in is rounded to it.
    keras.config.set_floatx("float64" if name == "float64" else "float32")
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)
