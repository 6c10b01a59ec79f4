"""Losses: pure functions of logits and images, each averaged over its batch.

Logits may have any shape with the batch first: (B, 1) of a whole-image discriminator or (B, H, W, 1) of a PatchGAN.
"""

from collections.abc import Callable
from typing import NamedTuple

from keras import ops


class AdversarialLoss(NamedTuple):
    """One family of losses: the discriminator's on real and on fake logits, and the generator's on fake logits."""

    real: Callable
    fake: Callable
    generator: Callable
    boundary: float | None
    """The logit above which the discriminator takes an image for real; None: its scores have no such boundary."""


ADVERSARIAL_LOSSES = {
    # Goodfellow et al. 2014, section 3: -log D for the generator. On logits, -log sigmoid(x) = softplus(-x).
    "non_saturating": AdversarialLoss(
        real=lambda logits: ops.mean(ops.softplus(-logits)),
        fake=lambda logits: ops.mean(ops.softplus(logits)),
        generator=lambda logits: ops.mean(ops.softplus(-logits)),
        boundary=0.0,
    ),
    # Mao et al. 2017, equation 9 without the factor 1/2: targets 1 for real, 0 for fake, 1 for the generator.
    "lsgan": AdversarialLoss(
        real=lambda logits: ops.mean(ops.square(logits - 1)),
        fake=lambda logits: ops.mean(ops.square(logits)),
        generator=lambda logits: ops.mean(ops.square(logits - 1)),
        boundary=0.5,
    ),
    # Lim and Ye 2017; Miyato et al. 2018, equations 16 and 17.
    "hinge": AdversarialLoss(
        real=lambda logits: ops.mean(ops.relu(1 - logits)),
        fake=lambda logits: ops.mean(ops.relu(1 + logits)),
        generator=lambda logits: -ops.mean(logits),
        boundary=0.0,
    ),
    # Arjovsky et al. 2017, algorithm 1.
    "wasserstein": AdversarialLoss(
        real=lambda logits: -ops.mean(logits),
        fake=lambda logits: ops.mean(logits),
        generator=lambda logits: -ops.mean(logits),
        boundary=None,
    ),
}


def gradient_penalty(*gradients):
    """Returns the squared distance of each example's gradient norm from 1 (Gulrajani et al. 2017, equation 3).

    Args:
        *gradients: (B, …), of the summed logits with respect to points between real and fake images; one for each input
            of the discriminator, whose squares are summed.
    """
    # The small constant keeps the derivative of the root finite where a gradient is exactly zero.
    norms = ops.sqrt(sum(map(_sum_of_squares, gradients)) + 1e-12)
    return ops.mean(ops.square(norms - 1))


def r1_penalty(*gradients):
    """Returns half the squared norm of each example's gradient (Mescheder et al. 2018, equation 9).

    Args:
        *gradients: (B, …), of the summed logits with respect to real images; one for each input of the discriminator,
            whose squares are summed.
    """
    return 0.5 * ops.mean(sum(map(_sum_of_squares, gradients)))


def l1(images, targets):
    """Returns the mean absolute difference."""
    return ops.mean(ops.abs(images - targets))


def l2(images, targets):
    """Returns the mean squared difference."""
    return ops.mean(ops.square(images - targets))


def _sum_of_squares(gradients):
    return ops.sum(ops.square(gradients), axis=tuple(range(1, len(gradients.shape))))
