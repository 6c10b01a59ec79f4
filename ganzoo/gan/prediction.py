"""A GAN's answers besides training: its deployed networks on data, and the losses on data."""

from typing import Any

import keras
import numpy as np
from keras import ops

from ganzoo.core.kinds import one_or_all
from ganzoo.errors import UsageError, quoted
from ganzoo.gan import batches


class Prediction:
    """The part of `ganzoo.gan.gan.GAN` that answers `gan(x)`, `predict` and `evaluate`."""

    def __call__(self, x, *args, network: str | None = None, **kwargs):
        """As `call`."""
        # Here, for Keras describes all arguments in an error of `call`.
        self._named_inputs(self._deployed_name(network), x)
        return super().__call__(x, *args, network=network, **kwargs)

    def call(self, x: Any, training: bool = False, network: str | None = None) -> Any:
        """Returns what a deployed network makes of `x`: the moving average's where `ema_decay` is on.

        Args:
            x: what the network takes, as its signature in the config's `deployed` says: a tensor; of several inputs a
                tuple in their order, or a dict by their names, which may hold more, as a whole batch does.
            training: whether its dropout and norms work as in training.
            network: its name, one of `deployed_names`; None: the first.

        Raises:
            UsageError: for another network, or inputs that are not what it takes.
        """
        name = self._deployed_name(network)
        return self._run(name, self._taken(name, x), training)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: list | None = None,
        *,
        network: str | None = None,
    ) -> np.ndarray:
        """Returns what a deployed network makes of all of `x`, batch by batch, as a float array (N, …) of NumPy.

        Args:
            x: arrays as `call` takes them, or a `tf.data.Dataset`, `keras.utils.PyDataset` or generator of such.
            batch_size: of arrays, by default 32.
            verbose: 0 shows no bar.
            steps: the most batches that are read.
            callbacks: Keras's, whose `on_predict_…` are called.
            network: as for `call`.

        Raises:
            UsageError: as for `call`, or when there is nothing in `x`.
        """
        name = self._deployed_name(network)
        outputs = []

        def run(batch, number) -> dict:
            made = self.compute(
                ("deployed", name), lambda *taken: self._run(name, taken, False), *self._taken(name, batch)
            )
            outputs.append(keras.tree.map_structure(ops.convert_to_numpy, made))
            return {"outputs": outputs[-1]}

        self._each("predict", x, batch_size, verbose, steps, callbacks, run)
        return keras.tree.map_structure(lambda *parts: np.concatenate(parts), *outputs)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: list | None = None,
        return_dict: bool = False,
        *,
        _use_cached_eval_dataset: bool = False,  # Keras's `fit` says so.
    ) -> dict[str, float] | list[float]:
        """Returns the terms of the phases' losses on data, by the names that `fit` logs, and changes no variable.

        They are the mean over all examples of what a step would log that updated nothing: the networks compute as in
        training, with dropout and the norms of a batch, of the phases that the last step was in. What is random is a
        function of the config's seed and a batch's number, so that the same data give the same numbers.

        Args:
            x: as for `fit`: arrays by name, in order or alone, or a data set or generator of such batches.
            y: the second key of a batch, as for `fit`; `sample_weight` a third.
            batch_size: of arrays, by default 32.
            verbose: 0 shows no bar.
            steps: the most batches that are read.
            callbacks: Keras's, whose `on_test_…` are called.
            return_dict: the terms by name; else a list of them, their names in alphabetical order.

        Raises:
            UsageError: for a batch that is none, or when there is nothing in `x`.
        """
        step = max(self.steps_done - 1, 0)
        phases = tuple(phase for phase in self.phases() if phase.is_on(step))
        count, sums = 0, {}

        def run(batch, number) -> dict:
            nonlocal count
            batch = self._converted(self.named(batch))
            found = self.compute(
                ("losses", *(phase.name for phase in phases)),
                lambda batch, number: self._terms_on(phases, batch, number),
                batch,
                ops.convert_to_tensor(number, "int32"),
            )
            size = next(iter(batch.values())).shape[0]
            for name, value in found.items():
                sums[name] = sums.get(name, 0.0) + size * float(value)
            count += size
            return {name: sums[name] / count for name in sorted(sums)}

        logs = self._each("test", _together(x, y, sample_weight), batch_size, verbose, steps, callbacks, run)
        return logs if return_dict else list(logs.values())

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> dict[str, float] | list[float]:
        """Returns the terms of the losses on one batch. Arguments and errors as for `evaluate`."""
        return self.evaluate(iter([_together(x, y, sample_weight)]), verbose=0, return_dict=return_dict)

    def predict_on_batch(self, x: Any) -> np.ndarray:
        """Returns what the first deployed network makes of one batch. Arguments and errors as for `predict`."""
        return self.predict(iter([x]), verbose=0)

    def _terms_on(self, phases, batch, number) -> dict:
        """The terms of phases on a batch; what changes meanwhile, as averages and pools, is forgotten."""
        kept = [*self.state().values(), *self.variables]
        kept += [variable for network in self.frozen() for variable in network.variables]
        self.now.position = number
        try:
            with keras.StatelessScope([(variable, variable.value) for variable in kept]):
                self.begin_round(0)
                outputs, terms = self.forward(batch), {}
                for phase in phases:
                    terms |= self.terms_of(phase, batch, outputs)
        finally:
            # What was observed is of a trace, and nothing outside of it.
            self.now.position, self.now.observed = None, {}
        return {name: ops.cast(term, "float32") for name, term in terms.items()}

    def _each(self, kind: str, x, batch_size, verbose, steps, callbacks, run) -> dict:
        """Has `run`, of a batch and its number, run for each batch, and Keras's callbacks told of it as `kind`."""
        found, count = batches.of_data(self.name, x, batch_size, steps)
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = keras.callbacks.CallbackList(
                callbacks, add_progbar=verbose != 0, model=self, verbose=verbose, epochs=1, steps=count
            )
        logs = None
        getattr(callbacks, f"on_{kind}_begin")()
        for number, batch in enumerate(found):
            getattr(callbacks, f"on_{kind}_batch_begin")(number)
            logs = run(batch, number)
            getattr(callbacks, f"on_{kind}_batch_end")(number, logs)
        if logs is None:
            raise UsageError(f"{self.name}: found no batch in what was given; give one example at least")
        getattr(callbacks, f"on_{kind}_end")(logs if kind == "test" else None)
        return logs

    def _run(self, name: str, taken, training: bool):
        return self.deployed()[name](one_or_all(list(taken)), training=training)

    def _deployed_name(self, network: str | None) -> str:
        if network is not None and network not in self.deployed_names:
            known = ", ".join(self.deployed_names)
            raise UsageError(f"{self.name}: has no deployed network {quoted(network)}, only {known}")
        return network or self.deployed_names[0]

    def _taken(self, name: str, x) -> list:
        """Returns the arrays of `x` that a deployed network takes, in the order of its inputs."""
        found = self._named_inputs(name, x)
        return list(batches.converted(found, self.config.deployed[name].takes, self.batch_dtype).values())

    def _named_inputs(self, name: str, x) -> dict:
        return batches.named(f"{self.name}'s {name}", x, tuple(self.config.deployed[name].takes))


def _together(x, y, sample_weight):
    """Returns what `fit` calls x, y and sample_weight as one, as far as they are given."""
    given = tuple(value for value in (x, y, sample_weight) if value is not None)
    return given[0] if len(given) == 1 else given
