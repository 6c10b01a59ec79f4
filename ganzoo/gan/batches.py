"""Batches as a step takes them: tensors by the keys that an architecture declares, whole or in equal parts."""

import itertools
import math
from collections.abc import Iterable, Mapping

import keras
from keras import ops

from ganzoo.data.fields import FLOAT, Field
from ganzoo.errors import UsageError

BATCH_SIZE = 32
"""The batch size for arrays where none is given, which is Keras's."""


def named(where: str, data, keys: tuple[str, ...]) -> dict:
    """Returns the tensors of a batch by key.

    Args:
        where: what to call the GAN in errors.
        data: a mapping that has all keys, a tuple in their order, or, where there is one key, a tensor.

    Raises:
        UsageError: when it is none of these.
    """
    if isinstance(data, Mapping) and data.keys() >= set(keys):
        return {key: data[key] for key in keys}
    values = data if isinstance(data, tuple | list) else (data,)
    if isinstance(data, Mapping) or len(values) != len(keys):
        found = f"the keys {', '.join(data)}" if isinstance(data, Mapping) else f"{len(values)} tensors"
        raise UsageError(f"{where}: found a batch of {found}; a batch is {', '.join(keys)}")
    return dict(zip(keys, values, strict=True))


def converted(batch: Mapping, fields: Mapping[str, Field], dtype: str) -> dict:
    """Returns tensors of a batch in the dtypes of their fields: whole numbers stay whole, whatever networks compute in.

    Args:
        dtype: of those that are none.
    """
    return {
        key: ops.cast(value, dtype if fields[key].dtype == FLOAT else fields[key].dtype) for key, value in batch.items()
    }


def of_data(where: str, x, batch_size: int | None, steps: int | None) -> tuple[Iterable, int | None]:
    """Returns the batches of what `predict` and `evaluate` are given, and how many there are; None where unknown.

    Args:
        where: what to call the GAN in errors.
        x: arrays in whatever structure, a `tf.data.Dataset`, a `keras.utils.PyDataset` or another iterable of batches.
        batch_size: of arrays; None: 32.
        steps: the most batches; None: all.

    Raises:
        UsageError: when it is none of these.
    """
    if isinstance(x, keras.utils.PyDataset):
        found, count = map(x.__getitem__, itertools.count()), x.num_batches
    elif all(hasattr(values, "shape") for values in keras.tree.flatten(x)):
        found, count = _of_arrays(where, x, batch_size or BATCH_SIZE)
    elif isinstance(x, Iterable):
        found, count = x, None
    else:
        raise UsageError(f"{where}: found {type(x).__name__}; give arrays, a data set or a generator of batches")
    count = min((number for number in (count, steps) if number is not None), default=None)
    return itertools.islice(found, count), count


def _of_arrays(where: str, x, batch_size: int) -> tuple[Iterable, int]:
    sizes = [values.shape[0] for values in keras.tree.flatten(x)]
    if len(set(sizes)) > 1:
        raise UsageError(f"{where}: found arrays of {' and '.join(map(str, sizes))} examples; give as many of each")
    starts = range(0, sizes[0] if sizes else 0, batch_size)

    def batch(start: int):
        return keras.tree.map_structure(lambda values: values[start : start + batch_size], x)

    return map(batch, starts), len(starts)


def parts(where: str, batch: Mapping, counts: Mapping[str, int]) -> list[dict]:
    """Returns the parts of a batch, as many as the product of the counts.

    Args:
        where: what to call the GAN in errors.
        counts: by the setting that asks for them.

    Raises:
        UsageError: when the batch can't be shared equally.
    """
    count = math.prod(counts.values())
    if count == 1:
        return [dict(batch)]
    size = next(iter(batch.values())).shape[0]
    if size is not None and size % count:
        reason = " and ".join(f"{name}={number}" for name, number in counts.items())
        raise UsageError(f"{where}: found a batch of {size}; with {reason} give a multiple of {count}")
    # Every count-th example, not a run of them: so each part is shared by all replicas as a whole batch is.
    split = {key: ops.reshape(value, (-1, count, *value.shape[1:])) for key, value in batch.items()}
    return [{key: values[:, i] for key, values in split.items()} for i in range(count)]
