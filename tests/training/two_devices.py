"""A step on two replicas beside the same step on one device, in a process of its own: devices come before all else.

Writes the logs of the step, and the gradients that reached Adam, as JSON and NumPy files into the folder it is given.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import small
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

import keras  # noqa: E402

from ganzoo import registry  # noqa: E402
from ganzoo.config import create_config  # noqa: E402
from ganzoo.errors import UsageError  # noqa: E402
from ganzoo.training.strategies import get_strategy  # noqa: E402

DCGAN = registry.get("dcgan")


class GivenLatents(DCGAN):
    """DCGAN draws latents of its own on each replica; here they are part of the batch."""

    batch_names = ("image", "latents")

    def forward(self, batch):
        return {"image": self.generator(batch["latents"], training=True)}


def build(name, changes):
    architecture = GivenLatents if name == "dcgan" else registry.get(name)
    gan = architecture(create_config(architecture.config_class, **{**small.config(name), **changes}))
    gan.compile()
    return gan


def batch(gan):
    values = small.batch(gan, 4)
    if "latents" in values:
        values["latents"] = tf.random.stateless_normal((4, gan.config.latent_dim), (1, 2))
    return values


def step(gan):
    dataset = tf.data.Dataset.from_tensors(batch(gan))
    history = gan.fit(dataset, verbose=0, shuffle=False)
    return {name: values[0] for name, values in history.history.items()}


CASES = {
    "pix2pix": {"dropout": 0.0, "penalty": "r1"},
    # Batch norm in both networks: over the whole batch, or the replicas differ.
    "dcgan": {"adversarial_loss": "lsgan", "ema_decay": 0.5},
    "srgan": {},
    # A pool that fills up would swap on one device what it does not on two.
    "cyclegan": {"identity_weight": 0.0, "pool_size": 8},
}


def main(folder: Path, *names: str):
    strategy = get_strategy("mirrored", 4)
    results = {"replicas": strategy.num_replicas_in_sync, "logs": {}}
    for name in names:
        single = build(name, CASES[name])
        with strategy.scope():
            mirrored = build(name, CASES[name])
        results["logs"][name] = [step(single), step(mirrored)]
        for label, gan in (("single", single), ("mirrored", mirrored)):
            np.savez(folder / f"{name}_{label}.npz", **small.arrays(gan))
    single = small.create("dcgan")
    with strategy.scope():
        noisy = build("pix2pix", {"penalty": "gradient", "augmentation": ("color", "translation")})
    results["noisy"] = step(noisy)
    noisy.step.assign(3)
    draws = strategy.run(lambda: keras.random.normal((2,), seed=noisy.random("latents")))
    results["draws"] = [value.numpy().tolist() for value in draws.values]
    results["expected_draws"] = []
    for position in (6, 7):
        single.step.assign(position)
        draw = keras.random.normal((2,), seed=single.random("latents"))
        results["expected_draws"].append(draw.numpy().tolist())
    try:
        get_strategy("mirrored", 3)
    except UsageError as error:
        results["odd"] = str(error)
    (folder / "results.json").write_text(json.dumps(results))


main(Path(sys.argv[1]), *sys.argv[2:])
