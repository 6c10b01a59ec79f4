"""The strength of augmentation as state: ADA.

Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", section 3.1.
"""

import keras
from keras import ops

EVERY = 4
"""Batches over which the signs of logits are averaged before the strength moves."""


class Strength:
    """The probability with which what a discriminator sees is augmented.

    Args:
        name: of the discriminator.
        target: the mean sign of logits on real images above which the strength rises, and below which it falls.
        images: the number of images in which it can move from 0 to 1.
    """

    def __init__(self, name: str, target: float, images: int):
        self.target, self.images = target, images
        options = {"trainable": False, "aggregation": "mean"}
        self.value = keras.Variable(0.0, name=f"{name}_strength", **options)
        self.signs = keras.Variable(0.0, name=f"{name}_signs", **options)
        self.count = keras.Variable(0.0, name=f"{name}_count", **options)

    @property
    def variables(self) -> list[keras.Variable]:
        return [self.value, self.signs, self.count]

    def look(self, logits, boundary: float, replicas: int) -> None:
        """Takes the logits on a batch of real images into account, and moves at every fourth.

        Args:
            logits: (B, ...), of each replica its own.
            boundary: the logit above which an image is taken for real.
            replicas: how many there are.
        """
        signs = self.signs + ops.mean(ops.sign(ops.cast(ops.stop_gradient(logits), "float32") - boundary))
        count = self.count + 1.0
        moves = count >= EVERY
        seen = EVERY * replicas * ops.cast(ops.shape(logits)[0], "float32")
        moved = self.value + ops.sign(signs / EVERY - self.target) * seen / self.images
        self.value.assign(ops.where(moves, ops.clip(moved, 0.0, 1.0), ops.convert_to_tensor(self.value)))
        self.signs.assign(ops.where(moves, 0.0, signs))
        self.count.assign(ops.where(moves, 0.0, count))
