"""Where a run computes: `--strategy`."""

import os

import tensorflow as tf

from ganzoo.errors import UsageError

STRATEGIES = ("auto", "single", "mirrored", "multi-worker", "tpu")


def get_strategy(name: str, batch_size: int) -> tf.distribute.Strategy:
    """The strategy for a name; `auto` takes what is there: a TPU, GPUs that can share the batch, else one device.

    Args:
        name: one of `STRATEGIES`.
        batch_size: the global batch, which the replicas share equally.

    Raises:
        UsageError: when the machine has not what the name asks for, or the batch can't be shared.
    """
    if name == "auto":
        name = _available(batch_size)
    strategy = _create(name)
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise UsageError(
            f"strategy {name}: training.batch_size {batch_size} can't be shared by {replicas} replicas; set it to a "
            f"multiple of {replicas}, or use --strategy single"
        )
    return strategy


def _create(name: str) -> tf.distribute.Strategy:
    match name:
        case "single":
            return tf.distribute.get_strategy()
        case "mirrored":
            return tf.distribute.MirroredStrategy(_local_devices())
        case "multi-worker":
            raise UsageError("strategy multi-worker: not in this version; use mirrored, on the devices of one machine")
        case "tpu":
            return _tpu()
    raise UsageError(f"unknown strategy {name!r}; allowed: {', '.join(STRATEGIES)}")


def _available(batch_size: int) -> str:
    if os.environ.get("TPU_NAME"):
        return "tpu"
    gpus = len(tf.config.list_physical_devices("GPU"))
    return "mirrored" if gpus > 1 and batch_size % gpus == 0 else "single"


def _local_devices() -> list[str]:
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return [device.name for device in devices]


def _tpu() -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver()
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, OSError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"strategy tpu: no TPU was found ({reason}); set TPU_NAME, or use another strategy") from None
    return tf.distribute.TPUStrategy(resolver)
