"""Small networks trained on one device, on two replicas, or by one of two workers: `replicas.py KIND FOLDER CASE…`.

A process of its own, because devices and workers come before all else that TensorFlow does. KIND is `single`,
`mirrored` or `worker`, which TF_CONFIG describes; a CASE is `dcgan_float64`. Writes the state of each case after
training into the folder, and what else it found out as JSON.
"""

import json
import sys
from pathlib import Path
from typing import ClassVar

sys.path.insert(0, str(Path(__file__).parents[1]))

import keras
import numpy as np
import small
import tensorflow as tf

from ganzoo.backends.tensorflow.devices import any_worker, get_strategy, is_chief, share_from_chief
from ganzoo.backends.tensorflow.feeding import batches
from ganzoo.config.parsing import create_config
from ganzoo.config.recipe import frozen_config
from ganzoo.data.fields import Image, Latents, Stream
from ganzoo.errors import UsageError
from ganzoo.recipes import registry

BATCH = 4
STEPS = {"float64": 10, "float32": 1}

SETTINGS = {
    # All that remembers or averages is on; what each replica draws for itself is off.
    "cyclegan": {"base_filters": 2, "pool_size": 6, "identity_weight": 0.0},
    "dcgan": {"base_filters": 2, "adversarial_loss": "lsgan", "n_critic": 2},
    "pix2pix": {"base_filters": 2, "dropout": 0.0},
    "srgan": {"base_filters": 2},
}


@frozen_config
class GivenLatentsConfig(registry.config_class("dcgan")):
    batch: ClassVar = (Stream(image=Image(), latents=Latents()),)


class GivenLatents(registry.get("dcgan")):
    """DCGAN draws latents of its own on each replica; here they are part of the batch."""

    config_class = GivenLatentsConfig

    def forward(self, batch):
        return {"image": self.generator(batch["latents"], training=True)}


class Noise:
    """A pipeline: example n is noise drawn for n. It remembers which examples were asked for."""

    def __init__(self, gan):
        self.batch_size = BATCH * gan.config.n_critic
        shapes = {key: field.shape(gan.config) for key, field in gan.fields.items()}
        self.shapes = {name: (self.batch_size, *shape) for name, shape in shapes.items()}
        self.dtypes = {key: field.dtype for key, field in gan.fields.items()}
        self.asked = set()

    def batch(self, step):
        return self.part(step, 0, 1)

    def part(self, step, index, count):
        size = self.batch_size // count
        first = step * self.batch_size + index * size
        examples = [self.example(number) for number in range(first, first + size)]
        return {name: np.stack([example[name] for example in examples]) for name in self.shapes}

    def example(self, number):
        self.asked.add(number)
        random = np.random.default_rng(number)
        return {name: random.uniform(-1, 1, shape[1:]).astype("float32") for name, shape in self.shapes.items()}


def build(strategy, name, **settings):
    architecture = GivenLatents if name == "dcgan" else registry.get(name)
    with strategy.scope():
        gan = architecture(create_config(architecture.config_class, **{**small.config(name), **settings}))
        gan.compile()
    return gan


def fit(strategy, gan, steps):
    """The examples that were asked for, and the terms of the last step."""
    pipeline = Noise(gan)
    dataset = batches(strategy, pipeline, 0, steps)
    history = gan.fit(dataset, steps_per_epoch=steps, verbose=0, shuffle=False).history
    terms = {f"terms/{name}": values[0] for name, values in history.items() if not name.startswith("health/")}
    return sorted(pipeline.asked), terms


def train(strategy, folder, case):
    name, precision = case.split("_")
    # A bias that a norm takes away again has rounding for a gradient, which Adam's usual epsilon would enlarge.
    gan = build(strategy, name, **SETTINGS[name], ema_decay=0.9, precision=precision, epsilon=1e-6)
    asked, terms = fit(strategy, gan, STEPS[precision])
    np.savez(folder / f"{case}.npz", **small.arrays(gan), **terms)
    return {"asked": asked}


def one_device():
    gan = small.create("dcgan")
    return {"draws": [draw(gan, position) for position in (6, 7)]}


def draw(gan, step):
    gan.step.assign(step)
    return keras.random.normal((2,), seed=gan.random("latents")).numpy().tolist()


def two_replicas(strategy):
    noisy = build(strategy, "pix2pix", base_filters=2, penalty="gradient", augmentation=("color", "translation"))
    _, terms = fit(strategy, noisy, 1)
    noisy.step.assign(3)
    draws = strategy.run(lambda: keras.random.normal((2,), seed=noisy.random("latents")))
    try:
        get_strategy("mirrored", 3)
    except UsageError as error:
        odd = str(error)
    return {"noisy": terms, "draws": [value.numpy().tolist() for value in draws.values], "odd": odd}


def two_workers(strategy):
    chief = is_chief(strategy)
    bits = {
        "float32": b"\x00\x00\x00\x80\x01\x00\x00\x00\x01\x00\xc0\x7f",  # -0, the least number, a NaN
        "float64": b"\x00" * 7 + b"\x80",
        "float16": b"\x00\x80",
        "bfloat16": b"\x00\x80\x01\x00\xcd\x3d",
        "int64": (2**62 + 1).to_bytes(8, "little"),
        "int32": b"\x01\x00\x00\x80",
        "uint32": b"\xff\xff\xff\xff",
        "bool": b"\x01\x00\x01",
    }
    # Made outside the scope, where the workers' values may differ, and TensorFlow takes these dtypes.
    variables = {}
    for dtype, value in bits.items():
        own = value if chief else bytes([1]) * len(value)
        values = np.frombuffer(own, tf.as_dtype(dtype).as_numpy_dtype)
        variables[dtype] = keras.Variable(values, dtype=dtype, trainable=False)
    empty = keras.Variable(np.zeros((0, 3)), dtype="float32")
    before = {dtype: variable.numpy().tobytes().hex() for dtype, variable in variables.items()}
    share_from_chief(strategy, [*variables.values(), empty])
    return {
        "chief": chief,
        "before": before,
        "after": {dtype: variable.numpy().tobytes().hex() for dtype, variable in variables.items()},
        "flags": [any_worker(strategy, flag) for flag in (not chief, chief, False, True)],
    }


def uneven_steps(strategy):
    """The steps of a data set of the user's own: of three batches for the chief, of two and a quarter for the other."""
    with strategy.scope():
        gan = small.create("dcgan", base_filters=2)
    examples = np.zeros((12 if is_chief(strategy) else 9, 32, 32, 3), "float32")
    gan.fit(tf.data.Dataset.from_tensor_slices(examples).batch(4), verbose=0, shuffle=False)
    return gan.steps_done


def main(kind, folder, *cases):
    # Optimising the graphs takes longer than these few steps.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    if kind == "mirrored":
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = get_strategy("multi-worker" if kind == "worker" else kind, BATCH)
    results = {"replicas": strategy.num_replicas_in_sync}
    for case in cases:
        results |= train(strategy, folder, case)
    match kind:
        case "single":
            results |= one_device()
        case "mirrored":
            results |= two_replicas(strategy)
        case "worker":
            results |= {**two_workers(strategy), "uneven steps": uneven_steps(strategy)}
    (folder / "results.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
