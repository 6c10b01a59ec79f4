"""GANs: named networks and the phases that train them. `ganzoo.backends` differentiates the step."""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from ganzoo.backends import backend
from ganzoo.config.recipe import GANConfig
from ganzoo.core import initial_weights
from ganzoo.core.layers import layers_within
from ganzoo.core.precision import dtype_policy
from ganzoo.data.fields import Image, fields_of
from ganzoo.errors import UsageError
from ganzoo.gan import batches, distillation, ema, first_batch
from ganzoo.gan.adaptive import Strength
from ganzoo.gan.compiling import Compiling
from ganzoo.gan.deployed import DeployedNetworks
from ganzoo.gan.draws import Now, StepSeed
from ganzoo.gan.phases import Phase
from ganzoo.gan.prediction import Prediction
from ganzoo.gan.saving import Saving
from ganzoo.gan.terms import AdversarialTerms

__all__ = ["GAN", "Phase"]


class GAN(AdversarialTerms, DeployedNetworks, Compiling, Prediction, Saving, backend.trainer.Trainer):
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
    penalized: tuple[str, ...] = ()
    """The networks whose gradients the architecture's own losses penalize, whatever `penalty` is."""
    adapts_to: int = 0
    """The number of examples that `adapt` should be given; 0: no weights depend on the data before the first step."""

    def __init__(self, config: GANConfig):
        super().__init__(name=type(self).__name__.lower())
        self.config = config
        self.fields = fields_of(config)
        self.batch_names = tuple(self.fields)
        self.deployed_names = tuple(config.deployed)
        backend.dtypes.check_precision(config.precision)
        with dtype_policy(config.precision), initial_weights.from_seed(config.seed):
            self._networks = self.build_networks()
            for name, network in self._networks.items():
                setattr(self, name, network)
            self._averages = ema.averages_of(self._trained()) if config.ema_decay else {}
        steered = self._networks if config.augmentation_target else ()
        self.strengths = {
            name: Strength(name, config.augmentation_target, config.augmentation_images)
            for name in steered
            if name not in self.deployed_names
        }
        self.equip(self._networks.values())
        self.step = _run_variable(0, backend.dtypes.WHOLE_NUMBERS, "step")
        self.rollbacks = _run_variable(0, backend.dtypes.WHOLE_NUMBERS, "rollbacks")
        self.rate_scale = _run_variable(1.0, "float32", "rate_scale")
        self.optimizers = {}
        self.now = Now()
        self._teachers = {}
        self.accumulate = 1
        self.built = True
        # What networks compute in they see to themselves.
        self.autocast = False

    # What an architecture adds.

    def build_networks(self) -> dict[str, keras.Model]:
        """Returns new networks by name."""
        raise NotImplementedError

    def forward(self, batch: Mapping) -> dict:
        """Returns what the generators make of a batch, in training mode; the phases share it."""
        raise NotImplementedError

    def phases(self) -> tuple[Phase, ...]:
        """Returns all phases in the order in which they update."""
        raise NotImplementedError

    def samples(self, batch: Mapping) -> dict:
        """Columns of a sample grid by title, made by the deployed networks: (B, H, W, C), or of clips (B, L, 1).

        Values are in [-1, 1].
        """
        raise NotImplementedError

    def prepare(self) -> None:
        """Loads what training needs beyond the networks, as a feature network. `ganzoo.train` calls it first.

        Raises:
            UsageError: when that can't be had, saying what to do.
        """

    def adapt(self, batch: Mapping) -> None:
        """Sets the weights that depend on the data before the first step, where there are such; averages begin there.

        `ganzoo.train` calls it where a run begins. Architectures do their part, then call this one.

        Args:
            batch: arrays by the keys of a batch, of `adapts_to` examples.
        """
        for name, average in self._averages.items() if self.adapts_to else ():
            average.set_weights(self._networks[name].get_weights())

    def teach(self, teachers: Mapping[str, keras.Model]) -> None:
        """Takes the networks that the deployed networks learn to imitate, by their names; they are trained no more.

        `ganzoo.train` loads those of the config's `teacher`, and hands them in.

        Raises:
            UsageError: when one is missing, or takes or makes something of another shape.
        """
        students = {name: self._networks[name] for name in self.deployed_names}
        self._teachers = distillation.frozen(teachers, students)
        self.forget_traces()

    # What users of any architecture call.

    def networks(self) -> dict[str, keras.Model]:
        """Returns all trained networks by name."""
        return dict(self._networks)

    @property
    def batch_dtype(self) -> str:
        """The dtype of the images that a step works on: full precision also where networks compute in half."""
        return "float64" if self.config.precision == "float64" else "float32"

    @property
    def steps_done(self) -> int:
        """The number of training steps behind the weights."""
        return int(self.step.numpy())

    def state(self) -> dict[str, keras.Variable]:
        """Returns every variable that training changes, by a name that is the same in every process."""
        groups = {f"networks/{name}": network.variables for name, network in self._networks.items()}
        groups |= {f"averages/{name}": network.variables for name, network in self._averages.items()}
        groups |= {f"optimizers/{name}": optimizer.variables for name, optimizer in self.optimizers.items()}
        groups |= {f"strengths/{name}": strength.variables for name, strength in self.strengths.items()}
        groups["run"] = [self.step, self.rollbacks, self.rate_scale, *self.memory()]
        return {
            f"{group}/{index:03d}/{variable.name}": variable
            for group, variables in groups.items()
            for index, variable in enumerate(variables)
        }

    def memory(self) -> list[keras.Variable]:
        """Variables of training besides networks and optimizers, such as pools of past images."""
        return []

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """Trains as Keras's `fit`; warns in a line for images of the first batch out of their range, or no floats."""
        return super().fit(first_batch.watched(x, self._look_at), *args, **kwargs)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: None = None,
        return_dict: bool = False,
    ) -> dict[str, float] | list[float]:
        """Trains one step on one batch, as `fit` on it would.

        Args:
            x: arrays as for `fit`; `y` and `sample_weight` the second and the third key of a batch.
            class_weight: is refused, for the losses have no weights of classes.

        Returns:
            What `fit` logs of the step, by name, or a list in the same order.

        Raises:
            UsageError: for a batch that is none, or with `class_weight`.
        """
        if class_weight is not None:
            raise UsageError(f"{self.name}: train_on_batch: class_weight: leave it out; no loss has weights of classes")
        size = keras.tree.flatten(x)[0].shape[0]
        history = self.fit(x, y, sample_weight=sample_weight, batch_size=size, verbose=0, shuffle=False).history
        logs = {name: value for name, (value,) in history.items()}
        return logs if return_dict else list(logs.values())

    def _look_at(self, batch) -> None:
        ranges = {key: field.range for key, field in self.fields.items() if isinstance(field, Image)}
        # What is no batch at all is refused, by name, when it comes to a step.
        with contextlib.suppress(UsageError):
            first_batch.warn_of(self.named(batch), ranges)

    # The step, for the trainer to differentiate, compile and run.

    def run_phases(self, phases: tuple[Phase, ...], data: Any) -> dict:
        """Runs one step: every phase, in order, on one forward of the generators."""
        if not phases:
            raise UsageError(f"{self.name}: no phase runs in this step; have one at least run in every step")
        *early, last = self.rounds_of(data, phases)
        self.now.observed = {}
        for parts in early:
            self._train([phase for phase in phases if phase.repeats > 1], parts)
        logs = self._train(phases, last)
        trained = {name for phase in phases for name in phase.networks}
        for name, average in self._averages.items():
            if name in trained:
                ema.update(average, self._networks[name], self.config.ema_decay, self.step)
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
        """Trains as `_train`, one part after the other; what is observed is of the last."""
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
        """Restores the networks' moving averages on exit, where they are to be kept."""
        variables = [v for network in self._networks.values() for v in network.variables if not v.trainable]
        before = [ops.copy(variable) for variable in variables] if kept else []
        yield
        for variable, value in zip(variables if kept else [], before, strict=True):
            variable.assign(value)

    def frozen(self) -> list[keras.Model]:
        """Networks beside its own that a step reads: its teachers."""
        return list(self._teachers.values())

    def active_phases(self, step: int) -> tuple[Phase, ...]:
        """Returns the phases of a step, in order."""
        return tuple(phase for phase in self.phases() if phase.runs_at(step))

    def rounds_of(self, data: Any, phases: tuple[Phase, ...]) -> list[list[tuple[int, dict]]]:
        """Returns the numbered parts of a batch that each update sees: one or, accumulated, several a list."""
        batch = self._converted(self.named(data))
        updates = max(phase.repeats for phase in phases)
        counts = {"n_critic": updates} | ({"accumulate": self.accumulate} if self.accumulate > 1 else {})
        parts = list(enumerate(batches.parts(self.name, batch, counts)))
        # So an update sees the same examples in however many parts.
        return [parts[update::updates] for update in range(updates)]

    def begin_round(self, number: int) -> None:
        """Gives every dropout layer the noise of this step, round and replica: its state need not be saved."""
        self.now.round = number
        for name, network in self._networks.items():
            for place, layer in layers_within(network):
                if hasattr(layer, "seed_generator"):
                    key, position = ops.unstack(self.random(f"{name} {place}").next())
                    # Each draw adds 1 to the state: room for draws before the next step's.
                    layer.seed_generator.state.assign(ops.stack([key, 1024 * position]))

    def terms_of(self, phase: Phase, batch: Mapping, outputs: Mapping) -> dict:
        """The weighted terms of a phase's loss, that of a teacher included."""
        terms = phase.loss(batch, outputs)
        # What shares another's optimizer only adds to what that phase, which is taught, learns.
        if self._is_taught() and not phase.detached and phase.optimizer is None:
            if not self._teachers:
                raise UsageError(
                    f"{self.name}: its teacher is not there; hand it in before fit(), by gan.teach(networks)"
                )
            signatures = {name: self.config.deployed[name] for name in phase.networks if name in self._teachers}
            found = distillation.terms(self._teachers, signatures, batch, outputs)
            terms |= {name: self.config.distillation_weight * term for name, term in found.items()}
        return terms

    def _converted(self, batch: Mapping) -> dict:
        return batches.converted(batch, self.fields, self.batch_dtype)

    def named(self, data: Any) -> dict:
        """Returns a batch, as `fit` takes it, by the keys of the config's `batch`."""
        return batches.named(self.name, data, self.batch_names)

    # Parts of which architectures make their phases.

    def discriminator_phase(self, name: str, networks: tuple[str, ...], loss: Callable, start: int = 0) -> Phase:
        """The phase of one or more discriminators, with the config's learning rate and `n_critic`."""
        rate = self.config.discriminator_learning_rate or self.config.learning_rate
        return Phase(name, networks, loss, rate, detached=True, repeats=self.config.n_critic, start=start)

    def observe(self, name: str, value: Any) -> None:
        """Logs a scalar of the step that is no term of a loss, as `health/` and its name."""
        self.now.observed[f"health/{name}"] = ops.cast(ops.stop_gradient(value), "float32")

    def random(self, purpose: str, shared: bool = False) -> keras.random.SeedGenerator:
        """Returns a seed for `keras.random`: a function of run seed, purpose, step, replica, count of rollbacks.

        Args:
            purpose: any words; draws for different purposes are independent.
            shared: the same on every replica, and as it would be on one device.
        """
        count, number = (1, 0) if shared else (self.replica_count(), self.replica_number())
        dtype = backend.dtypes.SEEDS
        step = self.step if self.now.position is None else self.now.position
        position = ops.cast(step, dtype) * count + ops.cast(number, dtype)
        return StepSeed(self.config.seed, (purpose, self.now.round), position, self.rollbacks)

    def _is_taught(self) -> bool:
        return self.config.teacher is not None and self.config.distillation_weight > 0


def _run_variable(value, dtype: str, name: str) -> keras.Variable:
    return keras.Variable(value, dtype=dtype, trainable=False, aggregation="only_first_replica", name=name)


def _mean_of(structures: list):
    """The mean of tensors in the same places of several structures."""
    return keras.tree.map_structure(lambda *values: sum(values) / len(values), *structures)
