"""Trains by `fit` with two replicas: `replicated.py FILE` writes the results as JSON.

A process of its own, because devices come before all else that TensorFlow does.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import small
import tensorflow as tf
from linear import linear, pixels

from ganzoo.errors import UsageError

OVERFLOW = 3e38
"""An image of this has a loss beyond float32."""


def trained(strategy, x, batch_size):
    """Steps done, whether all weights are finite, and the names of what was logged as not a number."""
    with strategy.scope():
        gan = linear(learning_rate=0.01)
    history = gan.fit(x, batch_size=batch_size, verbose=0).history
    return {
        "steps": gan.steps_done,
        "finite": all(np.isfinite(array).all() for array in small.arrays(gan).values()),
        "not a number": [name for name, values in history.items() if np.isnan(values).any()],
    }


def overflow(strategy, place: int):
    """Returns what a step in half precision changes, where the example at `place` of four overflows."""
    images = pixels(4)
    images[place] = OVERFLOW
    with strategy.scope():
        gan = linear(learning_rate=0.01, precision="mixed_float16")
    before = small.arrays(gan)
    gan.fit(images, batch_size=4, shuffle=False, verbose=0)
    after = small.arrays(gan)
    return sorted(name for name in before if not np.array_equal(before[name], after[name]))


def uneven(strategy):
    with strategy.scope():
        gan = linear()
    found = {}
    for name, data in {
        "odd": tf.data.Dataset.from_tensor_slices(pixels(9)).batch(3),
        "generator": (_ for _ in []),
    }.items():
        try:
            gan.fit(data, verbose=0)
        except UsageError as error:
            found[name] = str(error)
    return found | {"arrays": trained(strategy, pixels(9), 4), "named": trained(strategy, {"image": pixels(10)}, 4)}


def main(file: Path):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    results = {"overflow": [overflow(strategy, place) for place in (0, 3)], **uneven(strategy)}
    file.write_text(json.dumps(results), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
