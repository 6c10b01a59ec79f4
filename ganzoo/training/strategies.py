"""Where a run computes: `--strategy`."""

import os

import tensorflow as tf

from ganzoo.errors import UsageError

STRATEGIES = ("auto", "single", "mirrored", "multi-worker", "tpu")


def get_strategy(name: str) -> tf.distribute.Strategy:
    """The strategy for a name; `auto` takes what is there: `TF_CONFIG`, a TPU, several GPUs, else one device.

    Raises:
        UsageError: when the machine has not what the name asks for.
    """
    if name == "auto":
        name = _available()
    match name:
        case "single":
            return tf.distribute.get_strategy()
        case "mirrored":
            return tf.distribute.MirroredStrategy(_local_devices())
        case "multi-worker":
            if "TF_CONFIG" not in os.environ:
                raise UsageError("strategy multi-worker: TF_CONFIG is not set; set it to the cluster and this task")
            return tf.distribute.MultiWorkerMirroredStrategy()
        case "tpu":
            return _tpu()
    raise UsageError(f"unknown strategy {name!r}; allowed: {', '.join(STRATEGIES)}")


def _available() -> str:
    if "TF_CONFIG" in os.environ:
        return "multi-worker"
    if os.environ.get("TPU_NAME"):
        return "tpu"
    return "mirrored" if len(tf.config.list_physical_devices("GPU")) > 1 else "single"


def _local_devices() -> list[str]:
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return [device.name for device in devices]


def _tpu() -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver()
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"strategy tpu: no TPU was found ({reason}); set TPU_NAME, or use another strategy") from None
    return tf.distribute.TPUStrategy(resolver)
