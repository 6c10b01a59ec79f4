"""Where a run computes under TensorFlow: its strategies. What several workers agree upon is here too.

Workers are processes, on one machine or several, that run the same command; TF_CONFIG tells each of the others. What
one does with another, all must do in the same order: what is for all workers says so.
"""

import contextlib
import functools
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping

import keras
import numpy as np
import tensorflow as tf

from ganzoo.backends import threads
from ganzoo.backends.strategy_names import STRATEGIES
from ganzoo.backends.tensorflow import private
from ganzoo.errors import RunError, UsageError

WAIT_SECONDS = 600
"""How long a worker waits for the others to start; GANZOO_CLUSTER_WAIT sets another time."""
SILENCE_SECONDS = 30
"""After how long a worker that shows no sign of life is lost. One whose process ends is lost at once."""


def get_strategy(name: str, batch_size: int) -> tf.distribute.Strategy:
    """Returns the strategy of a name.

    `auto` is a TPU, the workers of TF_CONFIG, the GPUs if they can share the batch, else one device. With several
    workers this returns when all of them are there, and must come before anything else that TensorFlow computes.
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


def scope(strategy: tf.distribute.Strategy) -> contextlib.AbstractContextManager:
    return strategy.scope()


def place(strategy: tf.distribute.Strategy) -> dict:
    gpus = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    names = [gpu.get("device_name", "GPU") for gpu in gpus]
    # As TensorFlow decides: 0 is no setting.
    count = tf.config.threading.get_intra_op_parallelism_threads() or threads.computing("TF_NUM_INTRAOP_THREADS")
    return {"replicas": strategy.num_replicas_in_sync, "threads": count, "accelerators": names}


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Returns whether this is the first worker, or a process that is alone."""
    return strategy.extended.should_checkpoint


def any_worker(strategy: tf.distribute.Strategy, flag: bool) -> bool:
    if not private.has_workers(strategy):
        return flag
    return bool(_sum_of_workers(strategy)(np.array([flag], np.int64)).numpy()[0])


def differing(strategy: tf.distribute.Strategy, numbers: Callable[[], Mapping[str, int]]) -> list[str]:
    if not private.has_workers(strategy):
        return []
    own = {**numbers(), "": 1}
    *totals, count = _sum_of_workers(strategy)(np.array([*own.values()], np.int64)).numpy()
    return [name for (name, number), total in zip(own.items(), totals, strict=False) if total != count * number]


def share_from_chief(strategy: tf.distribute.Strategy, variables: Iterable[keras.Variable]) -> None:
    if not private.has_workers(strategy):
        return
    for variable in variables:
        value = variable.numpy()
        # TensorFlow crashes at a sum of nothing.
        if not value.size:
            continue
        # A sum of whole numbers in which all but the chief's are 0 keeps every bit, which a sum of floats would not.
        bits = value.tobytes().ljust(-(-value.nbytes // 8) * 8, b"\0")
        numbers = np.frombuffer(bits, np.int64) * is_chief(strategy)
        shared = _sum_of_workers(strategy)(numbers).numpy().tobytes()[: value.nbytes]
        variable.assign(np.frombuffer(shared, value.dtype).reshape(value.shape))


def _create(name: str) -> tf.distribute.Strategy:
    match name:
        case "single":
            return tf.distribute.get_strategy()
        case "mirrored":
            return _mirrored(tuple(_local_devices()))
        case "multi-worker":
            return _multi_worker()
        case "tpu":
            return _tpu()
    raise UsageError(f"unknown strategy {name!r}; allowed: {', '.join(STRATEGIES)}")


def _available(batch_size: int) -> str:
    if os.environ.get("TPU_NAME"):
        return "tpu"
    if os.environ.get("TF_CONFIG") and sum(map(len, _cluster().values())) > 1:
        return "multi-worker"
    gpus = len(tf.config.list_physical_devices("GPU"))
    return "mirrored" if gpus > 1 and batch_size % gpus == 0 else "single"


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    # One for a process: each counts its collective operations from the same number, and two would mix them up.
    return tf.distribute.MirroredStrategy(list(devices))


def _local_devices() -> list[str]:
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return [device.name for device in devices]


def _tpu() -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(os.environ.get("TPU_NAME"))
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, OSError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"strategy tpu: no TPU was found ({reason}); set TPU_NAME, or use another strategy") from None
    return tf.distribute.TPUStrategy(resolver)


def _multi_worker() -> tf.distribute.Strategy:
    cluster, seconds = _cluster(), _wait_seconds()
    _check_task(cluster)
    tasks = {job: len(addresses) for job, addresses in cluster.items()}
    private.configure_coordination(next(iter(cluster)), tasks, seconds, SILENCE_SECONDS)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except tf.errors.DeadlineExceededError as error:
        raise RunError(
            f"strategy multi-worker: {_missing(error.message, cluster)} did not come within {seconds} s; start the "
            "same command for every worker of TF_CONFIG, and see that they reach each other; GANZOO_CLUSTER_WAIT sets "
            "the time"
        ) from None
    except tf.errors.OpError as error:
        reason = (error.message or type(error).__name__).splitlines()[0]
        raise RunError(f"strategy multi-worker: the workers can't connect: {reason}; start all of them again") from None
    except RuntimeError as error:
        raise UsageError(f"strategy multi-worker: {error}; begin the run before all else in its process") from None


def _cluster() -> dict[str, list[str]]:
    """Addresses by job, `chief` (if there is one) and `worker`, from TF_CONFIG; {} if it names none."""
    try:
        config = json.loads(os.environ.get("TF_CONFIG") or "{}")
    except (ValueError, RecursionError) as error:
        raise UsageError(f"TF_CONFIG: no JSON: {error}; {_EXAMPLE}") from None
    cluster = config.get("cluster", {}) if isinstance(config, dict) else None
    jobs = [cluster.get(job, []) for job in ("chief", "worker")] if isinstance(cluster, dict) else [None]
    if not all(isinstance(job, list) and all(map(_is_address, job)) for job in jobs):
        raise UsageError(f"TF_CONFIG: its cluster is no lists of addresses by job; {_EXAMPLE}")
    return {job: cluster[job] for job in ("chief", "worker") if cluster.get(job)}


def _is_address(found) -> bool:
    return isinstance(found, str) and re.fullmatch(r".+:\d{1,5}", found, re.ASCII) is not None


_EXAMPLE = (
    'set it for each worker, as {"cluster": {"worker": ["host1:2222", "host2:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


def _check_task(cluster: dict) -> None:
    if not cluster:
        raise UsageError(f"strategy multi-worker: TF_CONFIG names no workers; {_EXAMPLE}")
    task = json.loads(os.environ["TF_CONFIG"]).get("task")
    kind, index = (task.get("type"), task.get("index")) if isinstance(task, dict) else (None, None)
    if kind not in list(cluster) or type(index) is not int or not 0 <= index < len(cluster[kind]):
        raise UsageError(f"strategy multi-worker: the task of TF_CONFIG, {task}, is not in its cluster; {_EXAMPLE}")


def _wait_seconds() -> int:
    found = os.environ.get("GANZOO_CLUSTER_WAIT", str(WAIT_SECONDS))
    if not found.isdecimal() or int(found) == 0:
        raise UsageError(f"GANZOO_CLUSTER_WAIT: found {found!r}; give whole seconds, from 1 up")
    return int(found)


def _missing(message: str, cluster: dict) -> str:
    """The workers that a barrier's error says did not come to it; a worker that waits for the chief isn't told."""
    _, _, missing = message.partition("timed out task names:")
    tasks = re.findall(r"/job:(\w+)/replica:\d+/task:(\d+)", missing.partition("\n\n")[0])
    names = [f"{job} {index} ({cluster[job][int(index)]})" for job, index in tasks]
    job = next(iter(cluster))
    return ", ".join(names) or f"{job} 0 ({cluster[job][0]})"


@functools.lru_cache(maxsize=1)
def _sum_of_workers(strategy):
    """A function of int64 (N,), the sum over all workers; traced once, for it runs after every step."""
    return tf.function(
        lambda numbers: strategy.reduce("SUM", numbers, axis=None),
        input_signature=[tf.TensorSpec((None,), tf.int64)],
        autograph=False,
    )
