"""The engines: what a GAN's step is made of under TensorFlow and under JAX. Here is that of Keras's backend.

Each file has a class `Trainer`, with the same methods. A GAN brings the networks, the phases and their losses; its
engine differentiates them, updates the networks, compiles the step, and shares it among devices.
"""

from ganzoo.backends import backend

if backend.name() == "jax":
    from ganzoo.backends.jax.trainer import SEEDS, WHOLE_NUMBERS, Adam, Trainer, check_precision, device_kind
else:
    from ganzoo.backends.tensorflow.trainer import SEEDS, WHOLE_NUMBERS, Adam, Trainer, check_precision, device_kind

__all__ = ["SEEDS", "WHOLE_NUMBERS", "Adam", "Trainer", "check_precision", "device_kind"]
