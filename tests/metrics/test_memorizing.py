"""The nearest training images, and what is told of copies."""

import numpy as np
import pytest

from ganzoo.errors import RunError, UsageError
from ganzoo.metrics.memorizing import Nearest, memorizing, nearest_in_features, nearest_in_pixels, thumbnails


def flat(*values, size=32, channels=3):
    """An image of one value for each value."""
    return np.stack([np.full((size, size, channels), value, "uint8") for value in values])


def noise(count, seed=0, size=32):
    """Images of coarse noise: blocks of size / 16 pixels."""
    blocks = np.random.default_rng(seed).integers(0, 256, (count, 16, 16, 3), "uint8")
    return blocks.repeat(size // 16, axis=1).repeat(size // 16, axis=2)


def with_ratios(*ratios):
    return Nearest(np.zeros(len(ratios), int), np.zeros(len(ratios)), np.array(ratios, float))


@pytest.mark.parametrize("channels", [1, 3])
def test_index_distance_and_ratio_in_pixels_worked_by_hand(channels):
    found = nearest_in_pixels(flat(90, 200, channels=channels), flat(0, 100, 220, channels=channels))
    np.testing.assert_array_equal(found.indices, [1, 2])
    np.testing.assert_allclose(found.distances, [10, 20])
    np.testing.assert_allclose(found.ratios, [10 / 90, 20 / 100])


def test_a_mirrored_copy_is_found():
    training = noise(20)
    found = nearest_in_pixels(training[[3, 17], :, ::-1], training)
    np.testing.assert_array_equal(found.indices, [3, 17])
    np.testing.assert_array_equal(found.distances, 0)
    np.testing.assert_array_equal(found.ratios, 0)


def test_a_second_copy_in_the_training_set_does_not_hide_a_copy():
    training = np.concatenate([noise(20), noise(20)[:, :, ::-1], noise(20) // 8 * 8])
    assert nearest_in_pixels(noise(20) // 4 * 4, training).ratios.max() < 0.05
    features = np.random.default_rng(0).normal(size=(20, 8))
    assert nearest_in_features(features + 0.005, np.concatenate([features, features + 0.01])).ratios.max() < 0.05


def test_every_image_of_many_is_compared_with_all():
    order = np.random.default_rng(0).permutation(600)
    training = noise(600)
    found = nearest_in_pixels(training[order], training)
    np.testing.assert_array_equal(found.indices, order)
    features = np.random.default_rng(0).normal(size=(600, 8))
    np.testing.assert_array_equal(nearest_in_features(features[order], features).indices, order)


def test_index_distance_and_ratio_in_features_worked_by_hand():
    training = np.array([[0, 0], [30, 40], [-60, 80]]) + 1e7
    found = nearest_in_features(np.array([[3, 4]]) + 1e7, training)
    np.testing.assert_array_equal(found.indices, [0])
    np.testing.assert_allclose(found.distances, [5])
    np.testing.assert_allclose(found.ratios, [5 / 45])


def test_features_are_not_mirrored():
    training = np.array([[1.0, 2.0, 3.0], [9.0, 9.0, 9.0]])
    assert nearest_in_features(training[:1, ::-1], training).distances[0] == pytest.approx(8**0.5)


def test_copies_among_samples_are_counted_and_new_images_are_not():
    training, held_out = noise(300), nearest_in_pixels(noise(200, seed=1), noise(300))
    jitter = np.random.default_rng(5).integers(-9, 10, (30, 32, 32, 3))
    copies = np.clip(training[:30].astype(int) + jitter, 0, 255).astype("uint8")
    new = memorizing(nearest_in_pixels(noise(200, seed=3), training), held_out)
    mixed = memorizing(nearest_in_pixels(np.concatenate([copies, noise(200, seed=3)]), training), held_out)
    assert new.copies == pytest.approx(0.05, abs=0.03)
    assert mixed.copies == pytest.approx((30 + 200 * new.copies) / 230)
    assert new.ratio == pytest.approx(new.held_out_ratio, abs=0.02)
    assert memorizing(nearest_in_pixels(copies, training), held_out).ratio < 0.2 < 0.9 < new.ratio
    assert new.note is None


def test_a_copy_is_nearer_than_all_but_one_in_twenty_of_held_out_images():
    # A new image has 40 places among 39 ratios, of which 2 are below the second.
    held_out = with_ratios(*np.arange(1, 40) / 40)
    found = memorizing(with_ratios(0.5 / 40, 1.5 / 40, 2 / 40, 0.9, 0.8), held_out)
    assert found.copies == 2 / 5
    assert (found.ratio, found.held_out_ratio) == (2 / 40, 0.5)


def test_too_few_held_out_images_are_said_to_be_too_few():
    assert memorizing(with_ratios(0.0, 0.0), with_ratios(*[0.9] * 19)).copies == 1
    found = memorizing(with_ratios(0.0, 0.0), with_ratios(*[0.9] * 18))
    assert found.copies is None
    assert found.note == "18 held-out images are too few to tell what only one new image in 20 does; it takes 19"
    assert (found.ratio, found.held_out_ratio) == (0, 0.9)


def test_where_all_training_images_are_alike_there_is_no_number():
    training = noise(1).repeat(5, axis=0)
    samples, held_out = nearest_in_pixels(noise(3, seed=1), training), nearest_in_pixels(noise(200, seed=2), training)
    found = memorizing(samples, held_out)
    assert np.isnan(found.ratio)
    assert found.copies is None
    assert found.note == "all training images are alike"


def test_thumbnails_may_be_given_in_place_of_training_images():
    training = noise(50, size=64)
    whole, once = (nearest_in_pixels(training[:9] // 2, some) for some in (training, thumbnails(training)))
    np.testing.assert_allclose(once.distances, whole.distances)
    np.testing.assert_array_equal(once.indices, whole.indices)


def test_what_can_not_be_compared_gives_no_number():
    with pytest.raises(UsageError, match=r"images of \(32, 32, 3\) and training images of \(32, 32, 1\)"):
        nearest_in_pixels(flat(1), flat(1, 2, channels=1))
    with pytest.raises(UsageError, match="1 training images"):
        nearest_in_pixels(flat(1), flat(1))
    with pytest.raises(UsageError, match="training images: 1 rows, where 2"):
        nearest_in_features(np.zeros((3, 2)), np.zeros((1, 2)))
    with pytest.raises(UsageError, match="must be .N, H, W, C."):
        nearest_in_pixels(flat(1)[0], flat(1, 2))
    with pytest.raises(RunError, match="not finite"):
        nearest_in_features(np.full((3, 2), np.nan), np.zeros((3, 2)))
    with pytest.raises(UsageError, match="0 samples and 2 held-out images"):
        memorizing(with_ratios(), with_ratios(0.5, 0.6))
