"""The promises of each room, and what it asks of a GAN and of a pipeline.

tests/engines/test_interface.py holds both rooms to it.

`Trainer` and `Adam` are of the classes of these names, in `trainer.py` and `adam.py`; the other protocols are of files,
their functions and constants: `Devices` of `tensorflow/devices.py` and of `jax/devices.py`. `Any` stands for what only
a backend looks into: its tensors, its strategies, its records of gradients.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import keras
    import numpy as np

    from ganzoo.config.recipe import GANConfig


class Trainer(Protocol):
    """The step: a `keras.Model` that trains the networks of the GAN that subclasses it.

    A GAN brings the networks, the phases and their losses, see `GAN` below. Its trainer differentiates the losses,
    updates the networks, compiles the step, and shares it among devices.
    """

    distribute_strategy: Any
    """The strategy under which the GAN was built, as of `Devices.get_strategy`."""

    def __init__(self, name: str):
        """Makes a model of this name, for the strategy within whose scope it is made."""

    def train_step(self, data) -> dict:
        """Runs one step: every phase that is active at this step, in order.

        Args:
            data: a batch, as `fit` takes it.

        Returns:
            Float32 scalars: the terms of the losses and, by names that begin with `health/`, what else is worth
            watching.
        """

    def fit(self, x=None, y=None, batch_size=None, *args, **kwargs):
        """Trains as `keras.Model.fit` does, and returns its `keras.callbacks.History`.

        Replicas share each batch of arrays, or of a data set, equally. Training ends for all when it ends for one.
        Variables have their values after each step, for callbacks to read.

        Raises:
            UsageError: when replicas can't share the first batch, or what is given.
        """

    def make_train_function(self, force=False) -> None:
        """Sets what Keras's `fit` calls for each execution of `steps_per_execution` steps.

        Steps with the same phases are traced once. The phases may change between steps.
        """

    def recorded_forward(self, batch: Mapping, phases: Sequence) -> tuple[dict, Any]:
        """Returns the outputs of `GAN.forward`, and a record of how they depend on the variables of the phases.

        The networks' moving averages change meanwhile, as in training.
        """

    def gradients_of(self, phase, batch: Mapping, outputs: Mapping, record=None) -> tuple[list, dict]:
        """Differentiates the loss of a phase by the phase's variables.

        Args:
            record: the second value of `recorded_forward`, so that gradients flow through the outputs. It can be used
                once. None: the outputs are constants to the loss.

        Returns:
            A gradient for each of `GAN.variables_of(phase)`, in that order, of its shape and dtype: zeros where the
            loss does not reach it. They are of the loss as the phase's optimizer scales it. And the terms of the loss,
            unscaled float32 scalars.
        """

    def apply_gradients(self, phase, gradients: list) -> None:
        """Has the optimizer of a phase update the phase's variables by what `gradients_of` returned.

        Under `mixed_float16` nothing but the loss scale changes where a gradient of any replica is not finite.
        """

    def after(self, values: list, batch):
        """Returns the batch, the same tensors, available only when the values are: parts run one after the other."""

    def input_gradients(self, function: Callable, inputs):
        """Returns the gradients of the sum of `function(inputs)` with respect to the inputs, which can be
        differentiated.

        Args:
            inputs: a tensor, or a list of several; the gradients have its structure, shapes and dtypes.
        """

    def compute(self, key: tuple, function: Callable, *inputs):
        """Returns what a function gives of the variables, as they now are, and of arrays.

        It is compiled once for each key and the shapes of the arrays.
        """

    def forget_traces(self) -> None:
        """Has everything traced anew, because something that was fixed while tracing has changed."""

    def replica_count(self) -> int:
        """Returns among how many replicas the batch is shared: 1 where a step sees the whole batch."""

    def replica_number(self):
        """Returns which replica this is, from 0 up: a number, or within a step an int32 scalar."""

    def gathered(self, values):
        """Returns the values of all replicas, (B, …) each with B known, one after the other: (replicas * B, …).

        No gradient flows back from one replica to another.

        Raises:
            UsageError: where replicas share a batch of unknown size.
        """

    def own_part(self, values):
        """Returns the part of this replica, (B, …), of values like those that `gathered` gives."""

    def equip(self, networks: Iterable) -> None:
        """Makes networks compute as they should while they are trained. Their weights stay as they are."""


class GAN(Protocol):
    """The parts that a `Trainer` needs of the GAN that subclasses it; `ganzoo.gan.gan.GAN` has it all."""

    config: "GANConfig"
    now: Any
    """The place of the step; `now.observed` has what the step logs besides its terms, float32 scalars by name."""
    steps_done: int
    """The number of training steps behind the weights."""

    def named(self, data) -> dict:
        """Returns a batch, as `fit` takes it, by the keys of the config's `batch`."""

    def forward(self, batch: Mapping) -> dict:
        """Returns what the generators make of a batch, in training mode."""

    def active_phases(self, step: int) -> tuple:
        """Returns the phases of a step, in order."""

    def run_phases(self, phases: tuple, data) -> dict:
        """Runs one step by the methods of `Trainer`, and returns what it logs: float32 scalars by name."""

    def terms_of(self, phase, batch: Mapping, outputs: Mapping) -> dict:
        """Returns the weighted terms of a phase's loss, scalars by name; their sum is the loss."""

    def optimizer_of(self, phase) -> "keras.optimizers.Optimizer":
        """Returns what a phase updates its networks by: an `Adam` or, around one, a `LossScaleOptimizer`."""

    def variables_of(self, phase) -> "list[keras.Variable]":
        """Returns the variables that a phase updates, the same in every step."""

    def state(self) -> "dict[str, keras.Variable]":
        """Returns every variable that training changes, by name."""

    def frozen(self) -> "list[keras.Model]":
        """Returns networks beside its own that a step reads."""


class Adam(Protocol):
    """Adam as Kingma and Ba 2015, algorithm 1, and PyTorch have it: a `keras.optimizers.Adam` but for its epsilon.

    Epsilon is added to the corrected average's root; Keras adds it before the correction.
    """

    def update_step(self, gradient, variable: "keras.Variable", learning_rate) -> None:
        """Updates one variable, and its averages, by a gradient of its shape.

        Args:
            learning_rate: a scalar.
        """


class Devices(Protocol):
    """`devices.py`: where a run computes, and what several workers agree upon.

    Workers are processes that run the same command. What is for all workers, all must call in the same order.
    """

    def get_strategy(self, name: str, batch_size: int):
        """Returns what a run is spread over devices by, as the name says. `auto` takes what is there.

        Args:
            name: one of `ganzoo.backends.strategy_names.STRATEGIES`.
            batch_size: examples in a whole batch, which the replicas share equally.

        Raises:
            UsageError: when there is no such strategy here, or the batch can't be shared.
            RunError: when other workers don't come in time.
        """

    def scope(self, strategy) -> AbstractContextManager:
        """Has GANs that are built within it be built for the strategy."""

    def place(self, strategy) -> dict:
        """Returns what the last bits of numbers depend on: `replicas` and `threads`, which are counts, and
        `accelerators`, a list of names, one for each device but CPUs."""

    def is_chief(self, strategy) -> bool:
        """Returns whether this process writes and speaks for the run; one that is alone does."""

    def any_worker(self, strategy, flag: bool) -> bool:
        """Returns whether the flag of any worker is set. All call it at the same step."""

    def differing(self, strategy, numbers: Callable[[], Mapping[str, int]]) -> list[str]:
        """Returns the names under which not all workers have the same number. All call it.

        Args:
            numbers: gives them, each from 0 to below 2^31, by the same names; called only where there are other
                workers.
        """

    def share_from_chief(self, strategy, variables: "Iterable[keras.Variable]") -> None:
        """Sets each variable of every worker to the bits of the chief's. All call it, with the same variables."""


class Batches(Protocol):
    """The parts that `Feeding` needs of what it is given; `ganzoo.data.pipeline.Pipeline` has it all.

    A batch is a dict of arrays, each of one shape and dtype at every step.
    """

    shapes: "Mapping[str, tuple[int, ...]]"
    """The shapes of a whole batch, by its keys; the first number is of examples."""
    dtypes: "Mapping[str, str]"
    """The dtypes, float32 or int32, by the same keys."""

    def batch(self, step: int) -> "dict[str, np.ndarray]":
        """Returns the whole batch of a step."""

    def part(self, step: int, index: int, count: int) -> "dict[str, np.ndarray]":
        """Returns part `index` of `count` equal ones, in order, of the batch of a step."""


class Feeding(Protocol):
    """`feeding.py`: how batches come to a step."""

    def batches(self, strategy, pipeline: Batches, start: int, stop: int):
        """Returns what `Trainer.fit` takes for steps start, …, stop - 1 of a pipeline, in order.

        It is for `fit(…, steps_per_epoch=stop - start, shuffle=False)`, and holds dicts by the pipeline's keys, of its
        shapes and dtypes, which the replicas share. Some are made ahead. What the pipeline raises ends the iteration,
        in an error that has its message.
        """


class Compiled(Protocol):
    """`compiled.py`: functions that run compiled, outside of training."""

    def call_of(
        self,
        function: Callable,
        variables: "Sequence[keras.Variable]",
        inputs: Sequence[tuple[Sequence[int | None], str]],
    ) -> "Callable[..., np.ndarray]":
        """Returns a compiled function of batches; it takes arrays and gives one of NumPy.

        Args:
            function: of a tensor for each input; made of `keras.ops` and layers. It gives one tensor.
            variables: those that the function reads, at each call as they then are. It changes none.
            inputs: the shape and the dtype of each. Where a shape says None any length will do. What it is called with
                is converted to the dtype.
        """


class Dtypes(Protocol):
    """`dtypes.py`: what numbers there are."""

    WHOLE_NUMBERS: str
    """The dtype of counts, of 32 bits at least."""
    SEEDS: str
    """The dtype of what `keras.random` takes as a seed."""

    def check_precision(self, precision: str) -> None:
        """Raises a UsageError for a `precision` of a config that can't be had, saying what to set."""


class Errors(Protocol):
    """`errors.py`: what the backend raises."""

    def in_words(self) -> AbstractContextManager:
        """Makes a UsageError or RunError of one line of whatever the backend raises within it."""


class Packages(Protocol):
    """`packages.py`, which imports nothing: it is read before it is known whether the backend is installed."""

    INSTALL: str
    """The argument of `pip install` that gets the backend."""
    COMPUTING: tuple[str, ...]
    """The packages whose versions decide on the last digits of numbers."""
