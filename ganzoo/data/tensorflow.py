"""A pipeline as a `tf.data.Dataset`: the one file of the data side that imports TensorFlow."""

import os

import tensorflow as tf

from ganzoo.data.pipeline import Pipeline


def as_dataset(pipeline: Pipeline, start: int, stop: int) -> tf.data.Dataset:
    """The batches of steps start, …, stop - 1 in order, as dicts of float32 tensors of static shape.

    An error raised by the pipeline ends the iteration in a `tf.errors.OpError` that carries its message.
    """
    keys = list(pipeline.shapes)

    def load(step):
        batch = pipeline.batch(int(step))
        return [batch[key] for key in keys]

    def to_tensors(step):
        arrays = tf.numpy_function(load, [step], [tf.float32] * len(keys), stateful=False)
        return {key: tf.ensure_shape(array, pipeline.shapes[key]) for key, array in zip(keys, arrays, strict=True)}

    dataset = tf.data.Dataset.range(start, stop).map(
        to_tensors, num_parallel_calls=min(8, os.cpu_count() or 1), deterministic=True
    )
    options = tf.data.Options()
    # The steps are in order and whole; sharding would leave some out.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.with_options(options).prefetch(2)
