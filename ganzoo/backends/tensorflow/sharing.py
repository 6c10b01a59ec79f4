"""How replicas share a user's own data: it may be uneven, of few files, or end sooner for some workers."""

from collections.abc import Callable

import tensorflow as tf

from ganzoo.errors import UsageError


def as_dataset(data, batch_size: int | None, seed: int | None) -> tf.data.Dataset:
    """Returns the data set itself, or arrays in batches, as Keras makes them of what `fit` takes.

    Args:
        seed: of the order, which must be the same on all workers; None: that of the arrays.

    Raises:
        UsageError: when it is neither.
    """
    if isinstance(data, tf.data.Dataset):
        return data
    arrays = tuple(data) if isinstance(data, list) else data
    try:
        examples = tf.data.Dataset.from_tensor_slices(arrays)
    except (TypeError, ValueError):
        raise UsageError(
            f"fit: found {type(data).__name__}; replicas share arrays of equal length or a tf.data.Dataset: make it one"
        ) from None
    if seed is not None:
        examples = examples.shuffle(max(1, len(examples)), seed=seed)
    return examples.batch(batch_size or 32)


def first_size(dataset: tf.data.Dataset) -> int:
    """Returns the number of examples in the first batch; 0 where there is none."""
    return next((len(tf.nest.flatten(batch)[0]) for batch in dataset), 0)


def share(strategy: tf.distribute.Strategy, dataset: tf.data.Dataset) -> tf.distribute.DistributedDataset:
    """Gives each replica its part of every batch; to be read by `reader`.

    All workers read the whole data set, so it doesn't matter how many files it is of. It ends before the first batch
    that the replicas can't share equally.
    """
    replicas = strategy.num_replicas_in_sync

    def part(values, replica):
        count = tf.shape(values)[0] // replicas
        fixed = values.shape[0] and values.shape[0] // replicas
        return tf.ensure_shape(values[replica * count : (replica + 1) * count], (fixed, *values.shape[1:]))

    def parts_of_worker(worker: tf.distribute.InputContext) -> tf.data.Dataset:
        local = replicas // worker.num_input_pipelines
        first = worker.input_pipeline_id * local

        def parts(*elements):
            batch = elements[0] if len(elements) == 1 else elements
            own = tf.data.Dataset.from_tensor_slices(tf.range(first, first + local))
            return own.map(lambda replica: (1, tf.nest.map_structure(lambda values: part(values, replica), batch)))

        whole = dataset.take_while(lambda *batch: tf.shape(tf.nest.flatten(batch)[0])[0] % replicas == 0)
        there = whole.flat_map(parts)
        # With an end of its own it would be of unknown batch size: TensorFlow allows for workers with nothing left.
        spec = there.element_spec
        nothing = tf.nest.map_structure(lambda s: tf.zeros([length or 0 for length in s.shape], s.dtype), spec)
        return there.concatenate(tf.data.Dataset.from_tensors(nothing).repeat())

    return strategy.distribute_datasets_from_function(parts_of_worker)


def reader(strategy: tf.distribute.Strategy) -> Callable:
    """Returns a function that reads the next batch of what `share` gave; all workers call it alike.

    It raises `tf.errors.OutOfRangeError`, on all of them, when one has no more.
    """

    @tf.function(autograph=False)
    def read(iterator):
        there, batch = next(iterator)
        return strategy.reduce("SUM", there, axis=None), batch

    def read_for_all(iterator):
        count, batch = read(iterator)
        if int(count) < strategy.num_replicas_in_sync:
            raise tf.errors.OutOfRangeError(None, None, "a replica has no more data")
        return batch

    return read_for_all
