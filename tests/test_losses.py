"""Losses against numbers worked out by hand."""

import math

import numpy as np
import pytest
import small
from keras import ops

from ganzoo.config.recipe import GANConfig
from ganzoo.core.losses import ADVERSARIAL_LOSSES, gradient_penalty, l1, l2, r1_penalty

# Logits whose sigmoids are 1/2 and 3/4.
LOGITS = np.array([[0.0], [math.log(3)]], "float32")
LOG3 = math.log(3)


@pytest.mark.parametrize(
    ("family", "real", "fake", "generator"),
    [
        # -log 1/2 and -log 3/4; -log 1/2 and -log 1/4.
        ("non_saturating", (math.log(2) + math.log(4 / 3)) / 2, (math.log(2) + math.log(4)) / 2, "real"),
        ("lsgan", (1 + (LOG3 - 1) ** 2) / 2, LOG3**2 / 2, "real"),
        # log 3 is beyond the margin on the real side: 1 and 0; 1 and 1 + log 3.
        ("hinge", 0.5, (2 + LOG3) / 2, -LOG3 / 2),
        ("wasserstein", -LOG3 / 2, LOG3 / 2, -LOG3 / 2),
    ],
)
def test_adversarial_losses_by_hand(family, real, fake, generator):
    loss = ADVERSARIAL_LOSSES[family]
    assert float(loss.real(LOGITS)) == pytest.approx(real, rel=1e-6)
    assert float(loss.fake(LOGITS)) == pytest.approx(fake, rel=1e-6)
    assert float(loss.generator(LOGITS)) == pytest.approx(real if generator == "real" else generator, rel=1e-6)


def test_hinge_gives_nothing_beyond_the_margin_on_either_side():
    hinge = ADVERSARIAL_LOSSES["hinge"]
    assert float(hinge.real(np.array([1.0, 5.0], "float32"))) == 0
    assert float(hinge.fake(np.array([-1.0, -5.0], "float32"))) == 0
    assert float(hinge.real(np.array([-3.0], "float32"))) == 4
    assert float(hinge.fake(np.array([3.0], "float32"))) == 4


def test_the_generator_of_the_non_saturating_loss_learns_when_the_discriminator_is_sure():
    # The saturating loss log(1 - D) has a gradient of sigmoid(-20) there, which is 2e-9.
    logits = ops.convert_to_tensor([[-20.0]])
    gradient = small.gradient(ADVERSARIAL_LOSSES["non_saturating"].generator, logits)
    assert gradient[0, 0] == pytest.approx(-1, abs=1e-6)


def test_large_logits_do_not_overflow():
    large = np.array([[1000.0], [-1000.0]], "float32")
    loss = ADVERSARIAL_LOSSES["non_saturating"]
    assert [float(part(large)) for part in loss[:3]] == [500, 500, 500]


@pytest.mark.parametrize("family", ADVERSARIAL_LOSSES)
def test_a_patch_counts_as_much_as_an_image(family):
    patches = np.random.default_rng(0).normal(size=(2, 3, 3, 1)).astype("float32")
    for part in ADVERSARIAL_LOSSES[family][:3]:
        one_by_one = [float(part(np.array([[logit]]))) for logit in patches.ravel()]
        assert float(part(patches)) == pytest.approx(np.mean(one_by_one), rel=1e-5)


def test_config_offers_the_losses_that_there_are():
    assert GANConfig.__annotations__["adversarial_loss"].__args__ == tuple(ADVERSARIAL_LOSSES)


# Two examples of 1x2 pixels and one channel, of norms 5 and 13.
GRADIENTS = np.array([[[[3.0], [4.0]]], [[[5.0], [12.0]]]], "float32")


def test_gradient_penalty_takes_the_norm_of_each_example():
    # Over the whole batch, or per pixel, it would be another number.
    assert float(gradient_penalty(GRADIENTS)) == pytest.approx((4**2 + 12**2) / 2, rel=1e-6)


def test_gradient_penalty_can_be_differentiated_where_the_gradient_is_zero():
    zeros = ops.zeros((2, 2, 2, 1))
    assert float(gradient_penalty(zeros)) == pytest.approx(1, abs=1e-5)
    assert np.isfinite(small.gradient(gradient_penalty, zeros)).all()


def test_r1_penalty_is_half_the_squared_norm():
    assert float(r1_penalty(GRADIENTS)) == pytest.approx((25 + 169) / 4, rel=1e-6)


def test_pixel_losses_are_means_over_all_values():
    images = np.array([[[[1.0, -1.0, 0.5]]], [[[0.0, 0.0, 0.0]]]], "float32")
    targets = np.array([[[[0.0, 1.0, 0.5]]], [[[0.0, 3.0, 0.0]]]], "float32")
    assert float(l1(images, targets)) == pytest.approx((1 + 2 + 0 + 0 + 3 + 0) / 6)
    assert float(l2(images, targets)) == pytest.approx((1 + 4 + 0 + 0 + 9 + 0) / 6)
