"""Trains small networks, one architecture after another, in a process that can be made to kill itself.

    killed_runs.py FOLDER REPLICAS MOMENT NAME...

Each is trained into FOLDER/NAME. MOMENT is "never", or an action of this process and the end of the path that it acts
on, its writer's mark left out, as "rename .step_0000008.part.npz"; see `kill_at`. Devices come before all else, so this
is a process of its own.
"""

import gc
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import small
import tensorflow as tf

CHANGES = {
    "dcgan": {
        "base_filters": 2,
        "augmentation": ["color", "translation", "cutout"],
        "ema_decay": 0.9,
        "n_critic": 2,
    },
    "pix2pix": {"base_filters": 2, "spectral_norm": True, "discriminator_norm": "none"},
    # Two steps of two fill the pools, the others swap.
    "cyclegan": {
        "base_filters": 2,
        "identity_weight": 0,
        "pool_size": 4,
        "augmentation": ["translation"],
        "ema_decay": 0.9,
    },
    "srgan": {"schedule": {"kind": "steps", "boundaries": [7]}},
}
"""Settings of what draws random numbers, remembers, or depends on the step."""
ONE_DEVICE = {
    # With this weight the loss scale falls in the first two steps, and then fits.
    "pix2pix": {"precision": "mixed_float16", "l1_weight": 15},
    "srgan": {"pretrain_steps": 6},
}
"""Settings that several replicas don't have, or that are the same for them but would be traced once more."""
LINEAR = {"kind": "linear", "start": 1, "end": 12}
TRAINING = {
    "steps": 8,
    "batch_size": 2,
    "sample_count": 1,
    "sample_every": 3,
    "log_every": 1,
    "checkpoint_every": 4,
    "checkpoint_minutes": 0,
    # What a doctor says of networks this small is no reason to go back.
    "rollback": 0,
}


def recipe(name: str, replicas: int):
    from ganzoo.config.parsing import parse_recipe
    from ganzoo.recipes import registry

    model = {"schedule": LINEAR, **small.config(name), **CHANGES[name]}
    if replicas == 1:
        model |= ONE_DEVICE.get(name, {})
    document = {
        "architecture": name,
        "model": model,
        "data": {"source": "embedded:emoji", "flip": True},
        "training": TRAINING,
    }
    return parse_recipe(document, registry.config_class(name), name)


def kill_at(moment: str) -> None:
    """Has this process killed, as `kill -9` does, when it is about to do what `moment` says.

    Actions are "open", "rename" (to what the path names is what is renamed), and "write": the file has been opened,
    and 20 arrays were written into it.
    """
    action, _, place = moment.partition(" ")
    event = {"open": "open", "write": "open", "rename": "os.rename"}[action]

    def watch(found, arguments):
        if found == event and small.of_any_writer(arguments[0]).endswith(place):
            if action == "write":
                sys.setprofile(count_arrays)
            else:
                kill()

    arrays = []

    def count_arrays(frame, event, argument):
        if event == "call" and frame.f_code.co_name == "write_array":
            arrays.append(frame)
            if len(arrays) > 20:
                kill()

    sys.addaudithook(watch)


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def main(folder: str, replicas: int, moment: str, *names: str):
    from ganzoo.training import train

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)
    # For so few steps, looking for garbage and optimising graphs take longer than they save.
    gc.disable()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    if moment != "never":
        kill_at(moment)
    for name in names:
        train(recipe(name, replicas), Path(folder) / name, strategy="mirrored" if replicas > 1 else "single")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
