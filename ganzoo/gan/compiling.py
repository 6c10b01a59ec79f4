"""How a GAN is compiled: an optimizer for each phase, its learning rate, and what it tells of the networks."""

from collections.abc import Mapping

import keras

from ganzoo.core.rematerialization import rematerialize as remat
from ganzoo.errors import UsageError
from ganzoo.gan import optimizers
from ganzoo.gan.phases import Phase, check_phases

INSTEAD = {
    "loss": "the losses are those of its phases: choose by adversarial_loss and the weights of the config",
    "loss_weights": "weights of losses are settings of the config, as discriminator_weight",
    "metrics": "fit logs the terms of the losses; how good the generators are tells ganzoo.evaluate",
    "weighted_metrics": "fit logs the terms of the losses; how good the generators are tells ganzoo.evaluate",
}
"""Arguments of Keras's `compile` that a GAN does not take, and what to do instead."""


class Compiling:
    """The part of `ganzoo.gan.gan.GAN` that holds the optimizers of its phases."""

    def compile(
        self,
        optimizer: keras.optimizers.Optimizer | str | Mapping[str, keras.optimizers.Optimizer | str] | None = None,
        loss: None = None,
        loss_weights: None = None,
        metrics: None = None,
        weighted_metrics: None = None,
        *,
        jit_compile: bool = False,
        steps_per_execution: int = 1,
        run_eagerly: bool = False,
        accumulate: int = 1,
        rematerialize: bool = False,
    ) -> None:
        """Makes an optimizer for each phase.

        Args:
            optimizer: None: Adam, with the constants and rates of the config. An optimizer: each phase has one of the
                same settings, its learning rate included. A mapping: one for each phase that has an optimizer of its
                own, by the phase's name. The config's schedule changes their rates, too.
            loss: is refused, as the next three are; the error says what to do instead.
            jit_compile: compiles TensorFlow's steps by XLA; those of JAX always are.
            accumulate: parts that a batch is trained in, one after the other, for less memory: an update goes by the
                mean of their gradients. Batch norms see one part at a time.
            rematerialize: computes the networks' activations anew for gradients, for less memory; not those of
                networks whose gradients are penalized. Once on, it stays on.

        Raises:
            UsageError: for a loss or metrics, for an optimizer that can't be had, and for phases without one.
        """
        refused = {"loss": loss, "loss_weights": loss_weights, "metrics": metrics, "weighted_metrics": weighted_metrics}
        for name, value in refused.items():
            if value is not None:
                raise UsageError(f"{self.name}: compile: {name}: leave it out; {INSTEAD[name]}")
        check_phases(self.name, self.phases())
        owners = [phase for phase in self.phases() if phase.optimizer is None]
        given = optimizers.chosen(self.name, optimizer, [phase.name for phase in owners])
        self.accumulate = accumulate
        if rematerialize:
            for name, network in self._networks.items():
                # TensorFlow can't differentiate twice what is computed anew, as a penalty does.
                judges = name not in self.deployed_names and self.config.penalty != "none"
                if not judges and name not in self.penalized:
                    remat(network)
        self.optimizers = {
            phase.name: optimizers.build(
                phase, given[phase.name], self.config, self.step, self.rate_scale, self.variables_of(phase)
            )
            for phase in owners
        }
        self._rates = {phase.name: optimizers.rate_of(phase, given[phase.name]) for phase in owners}
        self.forget_traces()
        leader, *others = self.optimizers
        followers = [(self.optimizers[name], self._proportion(name, leader)) for name in others]
        inner = getattr(self.optimizers[leader], "inner_optimizer", self.optimizers[leader])
        inner.followed_by([(follower, share) for follower, share in followers if share is not None])
        settings = {
            "jit_compile": jit_compile,
            "steps_per_execution": steps_per_execution,
            "run_eagerly": run_eagerly,
        }
        super().compile(optimizer=self.optimizers[leader], **settings, auto_scale_loss=False)
        chosen = (
            None if optimizer is None else {name: keras.saving.serialize_keras_object(given[name]) for name in given}
        )
        self._compiled_with = settings | {
            "optimizer": chosen,
            "accumulate": accumulate,
            "rematerialize": rematerialize,
        }

    def get_compile_config(self) -> dict | None:
        """Returns what `compile` was given, as plain values; None before it was."""
        return dict(self._compiled_with) if self.compiled else None

    def compile_from_config(self, config: Mapping) -> None:
        """Compiles as another GAN was that gave its `get_compile_config`."""
        self.compile(**{**config, "optimizer": keras.saving.deserialize_keras_object(config["optimizer"])})

    def optimizer_of(self, phase: Phase) -> keras.optimizers.Optimizer:
        """Returns the optimizer of a phase."""
        return self.optimizers[phase.optimizer or phase.name]

    def variables_of(self, phase: Phase) -> list[keras.Variable]:
        """Returns the variables that a phase updates."""
        return [variable for name in phase.networks for variable in self._networks[name].trainable_variables]

    @property
    def rollback_count(self) -> int:
        """How often the run has gone back to an earlier state, to take another course from there."""
        return int(self.rollbacks.numpy())

    def roll_back(self, number: int, rate_scale: float) -> None:
        """Takes another course from here: other random numbers, and the first learning rates times `rate_scale`.

        Both are part of the state, so that a run that resumes takes the same course.

        Args:
            number: how often this run has done so, this time included.
        """
        self.rollbacks.assign(number)
        self.rate_scale.assign(rate_scale)
        for name, rate in self._rates.items():
            # Schedules go by `rate_scale` themselves.
            if rate is not None and self.config.schedule.kind == "constant":
                self.optimizers[name].learning_rate = rate_scale * rate

    def health(self) -> dict[str, float]:
        """Returns norms from Adam's averages (Kingma and Ba 2015, algorithm 1), of the networks last trained.

        By network, `<network>_gradient_norm`: the norm of the average of its last gradients, over some 2 steps where
        beta_1 is 0.5; and `<network>_update_ratio`: the norm of its last update over that of its weights, usually
        1e-3. They cost nothing in the steps between. Of networks with other optimizers than Adam nothing is told.
        """
        phases = self.active_phases(max(self.steps_done - 1, 0))
        values = self.compute(("health", *(phase.name for phase in phases)), lambda: self._health(phases))
        return {name: float(value) for name, value in values.items()}

    def _health(self, phases) -> dict:
        values = {}
        for phase in phases:
            networks = {name: self._networks[name] for name in phase.networks}
            values |= optimizers.health(self.optimizer_of(phase), networks)
        return values

    def _proportion(self, name: str, leader: str) -> float | None:
        """A phase's learning rate over that of the first; None where either has a schedule of its own."""
        rate, first = self._rates[name], self._rates[leader]
        return rate / first if rate is not None and first else None
