"""Every private part of TensorFlow that ganzoo reaches into. All were last seen in TensorFlow 2.21.0.

tests/engines/test_private.py tells when one has moved. Those of Keras are in `ganzoo/backends/keras_private.py`.
"""

from collections.abc import Mapping

import tensorflow as tf


def has_workers(strategy: tf.distribute.Strategy) -> bool:
    """Returns whether a strategy is of several workers.

    Reaches for `StrategyExtended._in_multi_worker_mode`: the public properties of a strategy count replicas, and do not
    say whether they are of this process.
    """
    return strategy.extended._in_multi_worker_mode()


def configure_coordination(leader: str, tasks: Mapping[str, int], start_seconds: int, silence_seconds: int) -> None:
    """Bounds the waits of TensorFlow's coordination service; to be called before anything is computed.

    Reaches for `tensorflow.python.eager.context` and the message `CoordinatedJob`: `tf.config` has no such setting.

    Args:
        leader: the job whose first task leads.
        tasks: how many tasks each job has.
        start_seconds: how long the tasks wait for each other to start.
        silence_seconds: after how long a task that shows no sign of life is lost.
    """
    from tensorflow.compiler.xla.tsl.protobuf.coordination_config_pb2 import CoordinatedJob
    from tensorflow.python.eager import context

    settings = context.context()
    settings.configure_coordination_service(
        "standalone",
        service_leader=f"/job:{leader}/replica:0/task:0",
        cluster_register_timeout_in_ms=start_seconds * 1000,
        heartbeat_timeout_in_ms=silence_seconds * 1000,
        coordinated_jobs=[CoordinatedJob(name=job, num_tasks=count) for job, count in tasks.items()],
    )
    # Without it the leader waits for the others later, and for ever.
    settings.coordination_service.cluster_register_with_barrier = True
