"""Trains small networks under whichever backend Keras has: `trained.py FOLDER PRECISION STEPS CASE…`.

A process of its own, because a process has one backend, and its devices come before all else; JAX shares the batches
among all that it has. Writes FOLDER/CASE.npz: the state after the last step, by the names of `GAN.state`, and
`terms/<name>`, the terms of each step.
"""

import gc
import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "kinds"))

import keras
import numpy as np
import small
from keras import ops

from ganzoo.backends import backend
from ganzoo.recipes import registry

BATCH = 2
CASES = {
    # Together they have each family of losses, penalty, norm and augmentation, averages, and pools that swap.
    "cyclegan": {**small.combination("cyclegan"), "n_critic": 1, "pool_size": 3, "base_filters": 2},
    # Its discriminator's first layer has no bias, and makes 0 of what is cut out: a kink, see `leave_kinks`.
    "dcgan": {**small.combination("dcgan"), "base_filters": 2, "augmentation": ("color",)},
    "pix2pix": {
        **small.combination("pix2pix"),
        "augmentation": ("translation", "cutout"),
        "n_critic": 1,
        "base_filters": 2,
        "dropout": 0.0,
    },
    "biggan": {"ema_decay": 0.9},
    # Keras's layers draw other numbers under each backend.
    "improved_gan": {"input_noise": 0.0, "hidden_noise": 0.0},
    "classifier": {"noise": 0.0, "ema_decay": 0.9},
    "conditional": {"adversarial_loss": "hinge", "penalty": "r1", "ema_decay": 0.9},
    "sequence": {"adversarial_loss": "wasserstein", "penalty": "gradient"},
    "style": {"dropout": 0.0, "ema_decay": 0.9},
    "stylegan2": {"ema_decay": 0.9},
    "tokens": {"penalty": "gradient", "n_critic": 2},
    "srgan": {"ema_decay": 0.9, "n_critic": 2, "schedule": {"kind": "steps", "boundaries": [7]}},
}
"""The settings to train, by architecture; CASE `<architecture>_as_it_is` leaves all as it is by default."""


def settings(case: str) -> tuple[str, dict]:
    name = case.removesuffix("_as_it_is")
    if name == case:
        # A bias that a norm takes away again has rounding for a gradient, which Adam's usual epsilon would enlarge.
        return name, {"epsilon": 1e-6, **CASES.get(name, {})}
    return name, {"dropout": 0.0} if name == "pix2pix" else {}


def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    """In place of `keras.random.uniform`, whose numbers differ between backends: these depend on the seed alone."""
    key, position = ops.unstack(seed.next())
    start = [ops.cast(ops.mod(number, 40_009), "int32") for number in (key, position)]
    # Sums and products stay below 2^31, and results are multiples of 2^-16, so that all is exact.
    place = ops.cumsum(ops.reshape(ops.ones(shape, "int32"), (-1,)))
    number = 7919 * place + start[0] + 31 * start[1]
    for _ in range(3):
        number = ops.mod(ops.mod(number, 40_009) * ops.mod(number, 193) + 12_345, 65_536)
    drawn = ops.cast(number, dtype or keras.config.floatx()) / 65_536
    return ops.reshape(minval + (maxval - minval) * drawn, shape)


def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """In place of `keras.random.normal`: of the same mean and nearly the deviation."""
    return mean + stddev * uniform(shape, -1.75, 1.75, dtype, seed)


def batches(gan, steps: int):
    """Returns what Keras users give `fit`: a data set under TensorFlow, and of NumPy, from a generator, under JAX."""
    size = BATCH * gan.config.n_critic
    found = [tuple(np.asarray(value) for value in small.batch(gan, size, seed).values()) for seed in range(steps)]
    if keras.config.backend() == "jax":
        return (batch for batch in found)
    import tensorflow as tf

    arrays = tuple(np.concatenate(values) for values in zip(*found, strict=True))
    return tf.data.Dataset.from_tensor_slices(arrays).batch(size, drop_remainder=True)


def leave_kinks(gan) -> None:
    """Makes biases other than 0: where an image is 0, cut out or beside what was moved, the slope of a leaky ReLU would
    be asked for at 0 itself, where each backend gives that of another side.
    """
    for network in gan.networks().values():
        for variable in network.trainable_variables:
            if variable.name == "bias":
                variable.assign(0.1 * np.cos(np.arange(variable.shape[0])))


class Terms(keras.callbacks.Callback):
    """The terms of each step."""

    def __init__(self):
        self.steps = []

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append(small.terms(logs))


def train(folder: Path, precision: str, steps: int, case: str) -> None:
    name, changes = settings(case)
    if name not in registry.names():
        importlib.import_module(name)
    with backend.devices.scope(backend.devices.get_strategy("auto", BATCH)):
        gan = small.create(name, **changes, precision=precision)
    if keras.config.backend() == "tensorflow" and steps == 1:
        gan.compile(run_eagerly=True)
    leave_kinks(gan)
    terms = Terms()
    gan.fit(batches(gan, steps), steps_per_epoch=steps, verbose=0, shuffle=False, callbacks=[terms])
    # Those of lazy phases are not of every step.
    names = dict.fromkeys(name for step in terms.steps for name in step)
    by_name = {f"terms/{name}": [step[name] for step in terms.steps if name in step] for name in names}
    np.savez(folder / f"{case}.npz", **by_name, **small.arrays(gan))


def main(folder: str, precision: str, steps: str, *cases: str) -> None:
    # Drawn by the GAN as ever, in its order and by its seeds; only the numbers are the same under each backend.
    keras.random.uniform, keras.random.normal = uniform, normal
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        # Optimising the graphs takes longer than these few steps.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    gc.disable()
    for case in cases:
        train(Path(folder), precision, int(steps), case)


if __name__ == "__main__":
    main(*sys.argv[1:])
