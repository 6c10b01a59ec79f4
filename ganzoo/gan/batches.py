"""Batches as a step takes them: tensors by the keys that an architecture declares, whole or in equal parts."""

import math
from collections.abc import Mapping

from keras import ops

from ganzoo.errors import UsageError


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
