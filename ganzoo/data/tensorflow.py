"""A pipeline as a `tf.data.Dataset`: the one file of the data side that imports TensorFlow."""

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

    dataset = tf.data.Dataset.range(start, stop).map(to_tensors, num_parallel_calls=2, deterministic=True)
    options = tf.data.Options()
    # Every worker asks for the batches it needs by step: sharding them once more would drop some.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.with_options(options).prefetch(2)
