"""Where a run computes under JAX: one device, or all of this machine's, which share the batch.

A strategy is a `keras.distribution.DataParallel`, or None for one device. There are no other workers.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping

import jax
import keras

from ganzoo.backends import threads
from ganzoo.backends.jax.feeding import ThreadedBatches
from ganzoo.backends.strategy_names import STRATEGIES
from ganzoo.errors import RunError, UsageError

Strategy = keras.distribution.DataParallel | None


def get_strategy(name: str, batch_size: int) -> Strategy:
    """The strategy for a name; `auto` takes all devices if they can share the batch, else one.

    Args:
        name: `auto`, `single` or `mirrored`.
        batch_size: the global batch, which the devices share equally.

    Raises:
        UsageError: for a name that is not of JAX, or a batch that can't be shared.
    """
    if name not in STRATEGIES:
        raise UsageError(f"unknown strategy {name!r}; allowed: {', '.join(STRATEGIES)}")
    if name in ("multi-worker", "tpu"):
        raise UsageError(
            f"strategy {name}: not of JAX; allowed: auto, single, mirrored, which takes all devices of this machine; "
            "or set KERAS_BACKEND=tensorflow"
        )
    devices = keras.distribution.list_devices()
    if name == "single" or (name == "auto" and batch_size % len(devices)) or len(devices) == 1:
        return None
    if batch_size % len(devices):
        raise UsageError(
            f"strategy {name}: training.batch_size {batch_size} can't be shared by {len(devices)} devices; set it to a "
            f"multiple of {len(devices)}, or use --strategy single"
        )
    return keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False)


def scope(strategy: Strategy) -> contextlib.AbstractContextManager:
    """Within it, a GAN is built for the strategy."""
    return strategy.scope() if strategy else contextlib.nullcontext()


def replica_count(strategy: Strategy) -> int:
    """How many devices share the batch."""
    return strategy.device_mesh.devices.size if strategy else 1


def batches(strategy: Strategy, pipeline, start: int, stop: int) -> ThreadedBatches:
    """What `fit` takes for steps start, …, stop - 1 of a pipeline; it shares each batch among the devices."""
    return ThreadedBatches(pipeline, start, stop)


def place(strategy: Strategy) -> dict:
    """How many devices and threads compute, and what they are, as far as the last bits of numbers depend on it."""
    kinds = sorted(device.device_kind for device in jax.devices() if device.platform != "cpu")
    count = threads.computing("PJRT_NPROC", "NPROC")
    return {"replicas": replica_count(strategy), "threads": count, "accelerators": kinds}


def is_chief(strategy: Strategy) -> bool:
    """Whether this process writes and speaks for the run: it is alone."""
    return True


def any_worker(strategy: Strategy, flag: bool) -> bool:
    """Whether the flag of any worker is set: its own."""
    return flag


def differing(strategy: Strategy, numbers: Callable[[], Mapping[str, int]]) -> list[str]:
    """The names under which another worker has another number: none, for there is no other."""
    return []


def share_from_chief(strategy: Strategy, variables: Iterable[keras.Variable]) -> None:
    """Sets variables to the chief's, as they are."""


@contextlib.contextmanager
def in_words() -> Iterator[None]:
    """Within it, what JAX raises becomes a RunError of one line."""
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        line = next(iter(str(error).strip().splitlines()), "it says no more")
        raise RunError(f"JAX failed: {line}") from error
