"""A pipeline as a `tf.data.Dataset`."""

import os
from collections.abc import Callable

import tensorflow as tf

from ganzoo.backends.interface import Batches


def as_dataset(pipeline: Batches, start: int, stop: int) -> tf.data.Dataset:
    """Returns the batches of steps start, …, stop - 1 in order, as dicts of tensors of static shape, float32 or int32.

    An error raised by the pipeline ends the iteration in a `tf.errors.OpError` that carries its message.
    """
    return _load(pipeline, range(start, stop), pipeline.batch, 1).prefetch(2)


def batches(
    strategy: tf.distribute.Strategy, pipeline: Batches, start: int, stop: int
) -> tf.data.Dataset | tf.distribute.DistributedDataset:
    """Returns a data set in which replica r of R has part r of R of each batch.

    A worker decodes the parts of its own replicas alone. Errors are raised as in `as_dataset`.
    """
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return as_dataset(pipeline, start, stop)

    def parts_of_worker(worker: tf.distribute.InputContext) -> tf.data.Dataset:
        # Its replicas take turns: an element is the part of one of them.
        local = replicas // worker.num_input_pipelines
        first = worker.input_pipeline_id * local

        def load(number: int):
            step, replica = divmod(number, local)
            return pipeline.part(step, first + replica, replicas)

        parts = _load(pipeline, range(start * local, stop * local), load, replicas).prefetch(2 * local)
        # TensorFlow makes the batches of workers ready to be empty, and of unknown size, if they can come to an end.
        return parts.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))

    return strategy.distribute_datasets_from_function(parts_of_worker)


def _load(pipeline: Batches, numbers: range, load: Callable[[int], dict], count: int) -> tf.data.Dataset:
    """Returns what `load` gives for each number in order: dicts of arrays, one part in `count` of a batch."""
    shapes = {key: (size // count, *shape) for key, (size, *shape) in pipeline.shapes.items()}

    def load_arrays(number):
        arrays = load(int(number))
        return [arrays[key] for key in shapes]

    def to_tensors(number):
        arrays = tf.numpy_function(load_arrays, [number], list(pipeline.dtypes.values()), stateful=False)
        return {key: tf.ensure_shape(array, shape) for array, (key, shape) in zip(arrays, shapes.items(), strict=True)}

    options = tf.data.Options()
    # The steps are in order and whole; sharding would leave some out.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    # There is nothing to tune, and the end of a run would wait for the tuner's next look, up to a minute.
    options.autotune.enabled = False
    numbers = tf.data.Dataset.range(numbers.start, numbers.stop).with_options(options)
    return numbers.map(to_tensors, num_parallel_calls=min(8, os.cpu_count() or 1), deterministic=True)
