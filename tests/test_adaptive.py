"""ADA: the strength of augmentation is steered by the signs of the discriminator's logits (Karras et al. 2020)."""

import numpy as np
import pytest
import small
from keras import ops

from ganzoo.core.augmentation import augment
from ganzoo.errors import UsageError
from ganzoo.gan.adaptive import Strength

SETTINGS = {"augmentation": ("flip", "color"), "augmentation_target": 0.6, "adversarial_loss": "non_saturating"}


def looked(strength, means, count: int = 16):
    """The strength after batches of `count` logits, of whose signs these are the means."""
    for mean in means:
        logits = np.where(np.arange(count) < count * (1 + mean) / 2, 3.0, -0.5)
        strength.look(ops.convert_to_tensor(logits.astype("float32")), 0.0, 1)
    return float(strength.value.value)


def test_the_strength_moves_every_fourth_batch_by_the_images_seen_over_those_of_its_whole_way():
    strength = Strength("discriminator", 0.6, 6400)
    assert looked(strength, [1.0] * 3) == 0.0
    assert looked(strength, [1.0]) == pytest.approx(4 * 16 / 6400)
    assert looked(strength, [1.0] * 8) == pytest.approx(3 * 4 * 16 / 6400)
    assert looked(strength, [0.0] * 4) == pytest.approx(2 * 4 * 16 / 6400)


def test_it_goes_by_the_mean_of_four_and_stays_between_0_and_1():
    strength = Strength("discriminator", 0.6, 64)
    assert looked(strength, [1.0, 1.0, 1.0, -1.0]) == 0.0
    assert looked(strength, [1.0, 1.0, 1.0, -0.5]) == 1.0
    assert looked(strength, [1.0] * 4) == 1.0


@pytest.mark.parametrize(("strength", "share"), [(0.0, 0.0), (0.3, 0.3), (1.0, 1.0)])
def test_each_augmentation_has_the_strength_as_its_probability_for_each_example(strength, share):
    images = np.random.default_rng(0).uniform(-1, 1, (600, 8, 8, 1)).astype("float32")
    (found,) = augment((ops.convert_to_tensor(images),), ("cutout",), 3, strength)
    changed = np.abs(np.asarray(found) - images).max((1, 2, 3)) > 0
    assert changed.mean() == pytest.approx(share, abs=4 * (0.25 / 600) ** 0.5 if 0 < share < 1 else 0)


def test_the_strength_is_state_that_a_step_moves_and_logs():
    gan = small.create("dcgan", **SETTINGS, augmentation_images=64)
    state = [name for name in gan.state() if name.startswith("strengths/")]
    assert len(state) == 3
    for _ in range(4):
        logs = gan.train_step(small.batch(gan, count=4))
        signs = float(gan.state()[state[1]].value)
    value = float(gan.state()[state[0]].value)
    assert value in (0.0, 0.25) and signs == 0.0
    assert float(logs["health/discriminator_augmentation"]) == value


def test_a_target_without_augmentations_is_refused_in_a_line():
    with pytest.raises(UsageError, match="augmentation_target=0.6 has nothing to steer: give augmentation as well"):
        small.create("dcgan", augmentation_target=0.6)


def test_a_target_without_a_boundary_is_refused_in_a_line():
    changes = {**SETTINGS, "adversarial_loss": "wasserstein", "penalty": "gradient", "discriminator_norm": "none"}
    with pytest.raises(UsageError, match="augmentation_target=0.6 makes no sense with adversarial_loss=wasserstein"):
        small.create("dcgan", **changes)
