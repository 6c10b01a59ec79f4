"""The measures on samples, against numbers worked out by hand."""

import tracemalloc

import numpy as np
import pytest

from ganzoo.metrics.memorizing import thumbnails
from ganzoo.training import doctor, health

X = np.arange(32)


def flat(*values, size=32):
    """An image of one value for each value."""
    return np.stack([np.full((size, size, 3), value, "float32") for value in values])


def painted(row, column=None):
    """An image of 32 x 32 whose values are the product of one of the row and one of the column."""
    return np.repeat(np.outer(row, np.ones(32) if column is None else column)[None, :, :, None], 3, axis=3)


def noise(count, seed=0, size=32):
    """Images of coarse noise: blocks of size / 16 pixels."""
    blocks = np.random.default_rng(seed).uniform(-1, 1, (count, 16, 16, 3)).astype("float32")
    return blocks.repeat(size // 16, axis=1).repeat(size // 16, axis=2)


def test_diversity_is_the_ratio_of_how_far_images_lie_apart():
    assert health.diversity(flat(0.0, 0.5), flat(-1.0, 1.0)) == pytest.approx(0.25)
    # Distances between two of three: 1, 1, 2, root mean square sqrt(2); of two: 2.
    assert health.diversity(flat(-1.0, 0.0, 1.0), flat(-1.0, 1.0)) == pytest.approx(2**-0.5)
    assert health.diversity(flat(0.3, 0.3, 0.3), flat(-1.0, 1.0)) == 0


def test_one_image_has_no_diversity_to_tell_of():
    assert np.isnan(health.diversity(flat(0.3), flat(-1.0, 1.0)))
    assert np.isnan(health.diversity(flat(-1.0, 1.0), flat(0.3)))


def test_a_class_that_is_all_alike_and_the_effect_of_the_label_by_hand():
    # Of two latents and two classes: the first class varies by 2, the second not at all.
    table = np.array([[0.0, 1.0], [2.0, 1.0]])[:, :, None, None, None]
    found = health.measure_classes(table)
    assert (found["class_spread"], found["least_diverse_class"]) == (0, 1)
    # The variance of the classes of one latent is 1/2, that of all 2/3.
    assert found["label_effect"] == pytest.approx(0.75**0.5)
    alike = np.repeat(table[:, :1], 2, axis=1)
    assert health.measure_classes(alike)["label_effect"] == 0
    assert health.measure_classes(alike)["class_spread"] == 1


def test_saturation_counts_values_at_both_ends():
    assert health.saturation(flat(-1.0, 0.995, 0.98, 0.0)) == pytest.approx(0.5)


UNEVEN = np.where(X % 2, 1.0, 0.5)
"""The gains of the outputs of an even transposed convolution of kernel 3 and stride 2, in one direction."""


@pytest.mark.parametrize("content", [np.ones(32), -np.ones(32), np.cos(2 * np.pi * X / 32)], ids=["1", "-1", "wave"])
def test_uneven_overlap_is_measured_alike_whatever_it_lies_on(content):
    # The means of the four gains 1, 1/2, 1/2, 1/4 against (+ + + +), (+ + - -), (+ - + -), (+ - - +): 9/16 for what is
    # coarse; 3/16, 3/16 and 1/16 for the patterns. (9 + 9 + 1) / (81 + 9 + 9 + 1) = 0.19.
    assert health.checkerboard(painted(content * UNEVEN, UNEVEN), flat(1.0)) == pytest.approx(0.19)


def test_a_bare_pattern_is_all_pattern():
    alternating = (-1.0) ** X
    for images in (painted(alternating), painted(np.ones(32), alternating), painted(alternating, alternating)):
        assert health.checkerboard(images, flat(0.0)) == pytest.approx(1)


def test_a_pattern_on_grey_samples_counts_by_the_contrast_of_real_images():
    faint = painted(0.25 * (-1.0) ** X)
    # Power 1/16 in the pattern; a quarter of the contrast of real images has 1/16 of their power, which is 1, or 1/9.
    assert health.checkerboard(faint, flat(1.0, -1.0)) == pytest.approx(1 / 2)
    assert health.checkerboard(faint, flat(1 / 3)) == pytest.approx(9 / 10)
    # They are that coarse themselves.
    assert health.checkerboard(faint + 0.5, flat(1.0)) == pytest.approx(1 / 5)


def test_coarse_images_fine_detail_of_other_periods_and_nothing_have_no_pattern():
    period_4 = 0.8 + 0.2 * np.cos(np.pi * X / 2)
    for images in (painted(np.cos(2 * np.pi * X / 16)), painted(period_4), flat(0.7), flat(0.0)):
        assert health.checkerboard(images, flat(0.0)) == pytest.approx(0, abs=1e-9)


def test_sharp_edges_and_noise_are_no_pattern_of_2_pixels():
    square = ((X > 8) & (X < 22)).astype("float32")
    fine = np.random.default_rng(0).uniform(-0.5, 0.5, (16, 32, 32, 3))
    for images in (1 - 2 * painted(square, square), flat(*[0.8] * 16) + fine):
        assert health.checkerboard(images, flat(0.0)) < doctor.PATTERN / 2


def test_nearest_is_the_ratio_of_the_distances_to_two_training_images():
    training = flat(-1.0, 1.0)
    assert health.nearest(flat(-0.5), training) == pytest.approx(1 / 3, abs=1e-3)
    assert health.nearest(flat(0.0), training) == pytest.approx(1, abs=1e-3)


def test_nearest_is_the_median_over_the_samples():
    assert health.nearest(flat(-1.0, -0.5, 0.0), flat(-1.0, 1.0)) == pytest.approx(1 / 3, abs=1e-3)


@pytest.mark.parametrize("size", [16, 32, 64])
def test_copies_are_nearest_at_0_mirrored_or_with_other_detail(size):
    training = noise(20, size=size)
    assert health.nearest(training[:5], training) < 0.01
    assert health.nearest(training[:5, :, ::-1], training) < 0.01
    if size > 16:
        detail = 0.3 * (-1.0) ** np.arange(size)[:, None, None]
        assert health.nearest(training[:5] + detail.astype("float32"), training) < 0.01


def test_new_images_are_nearest_at_about_1():
    assert health.nearest(noise(20, seed=1), noise(20)) > 0.9


def test_duplicates_among_the_training_images_do_not_hide_copies():
    training = noise(20)
    doubled = np.concatenate([training, training + 0.02, training[:, :, ::-1]])
    assert health.nearest(training[:5] + 0.01, doubled) < 0.05


def test_new_images_among_training_images_of_few_kinds_are_no_copies():
    random = np.random.default_rng(0)
    kinds = random.uniform(-1, 1, (20, 8, 8, 3))

    def draw(count):
        images = kinds[random.integers(0, 20, count)] + 0.25 * random.normal(size=(count, 8, 8, 3))
        return images.repeat(4, axis=1).repeat(4, axis=2)

    assert health.nearest(draw(32), draw(600)) > 0.9


@pytest.mark.parametrize("side", [32, 40, 47])
def test_thumbnails_may_be_given_in_place_of_training_images(side):
    training = np.random.default_rng(0).uniform(-1, 1, (150, side, side, 3)).astype("float32")
    once = health.nearest(0.9 * training[:5], thumbnails(training))
    assert once == pytest.approx(health.nearest(0.9 * training[:5], training), rel=1e-4)
    assert once < 0.5


def test_thumbnails_are_made_without_a_copy_of_all_images():
    # Of 47 pixels 46 are looked at: a part of an array that is itself a part of one.
    images = noise(600, size=48)[:, :47, :47]
    tracemalloc.start()
    made = thumbnails(images)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(made) == 600
    assert most < images.nbytes / 2


def test_a_side_that_is_no_multiple_of_the_thumbnail_is_compared():
    training = np.random.default_rng(0).uniform(-1, 1, (9, 38, 20, 1)).astype("float32")
    assert health.nearest(training[:3], training) < 0.01
    assert health.nearest(-training[:3], training) > 0.9


def test_where_all_training_images_are_alike_there_is_no_nearest():
    assert np.isnan(health.nearest(flat(0.3), flat(0.5, 0.5, 0.5)))


def test_each_column_is_measured_against_its_own_real_images():
    samples = {"a to b": flat(-1.0, 1.0), "b to a": flat(0.0, 0.5)}
    real = {"a to b": flat(0.0, 2.0), "b to a": flat(0.0, 1.0)}
    measures = health.measure_samples(samples, real)
    kinds = ("real_difference", "diversity", "saturation", "checkerboard")
    assert measures.keys() == {f"{column}_{kind}" for column in ("a_to_b", "b_to_a") for kind in kinds}
    assert (measures["a_to_b_diversity"], measures["b_to_a_diversity"]) == pytest.approx((1.0, 0.5))
    assert (measures["a_to_b_saturation"], measures["b_to_a_saturation"]) == (1, 0)


def test_samples_are_compared_with_training_images_where_these_are_given():
    training = noise(9)
    measures = health.measure_samples({"sample": training[:3]}, {"sample": training}, training)
    assert measures["sample_nearest"] < 0.01


def sines(*amplitudes):
    """Clips of one tone."""
    tone = np.sin(2 * np.pi * 8 * np.arange(64) / 64)
    return np.stack([amplitude * tone for amplitude in amplitudes]).astype("float32")[..., None]


def test_clips_are_measured_without_what_only_pictures_have():
    training = np.zeros((4, 16, 16, 3), "float32")
    found = health.measure_samples({"sound": sines(0.1, 0.2)}, {"sound": sines(0.4, 0.8)}, training)
    assert found == {
        "sound_real_difference": pytest.approx(0.4),
        "sound_diversity": pytest.approx(0.25),
        "sound_saturation": 0,
    }
    # A sine of 1 is at its end once in each half period of 8 values: in 2 of 8.
    assert health.saturation(sines(1.0)) == pytest.approx(0.25)
