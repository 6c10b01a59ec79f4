"""Where a run computes under JAX: one device, or all of this machine's, which share the batch.

A strategy is a `keras.distribution.DataParallel`, or None for one device. There are no other workers.
"""

import contextlib
from collections.abc import Callable, Iterable, Mapping

import jax
import keras

from ganzoo.backends import threads
from ganzoo.backends.strategy_names import STRATEGIES
from ganzoo.errors import UsageError

Strategy = keras.distribution.DataParallel | None


def get_strategy(name: str, batch_size: int) -> Strategy:
    """Returns the strategy of a name; `auto` is all devices if they can share the batch, else one."""
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
    return strategy.scope() if strategy else contextlib.nullcontext()


def place(strategy: Strategy) -> dict:
    kinds = sorted(device.device_kind for device in jax.devices() if device.platform != "cpu")
    count = threads.computing("PJRT_NPROC", "NPROC")
    replicas = strategy.device_mesh.devices.size if strategy else 1
    return {"replicas": replicas, "threads": count, "accelerators": kinds}


def is_chief(strategy: Strategy) -> bool:
    return True


def any_worker(strategy: Strategy, flag: bool) -> bool:
    return flag


def differing(strategy: Strategy, numbers: Callable[[], Mapping[str, int]]) -> list[str]:
    return []


def share_from_chief(strategy: Strategy, variables: Iterable[keras.Variable]) -> None:
    pass
