"""Differentiable augmentation, told from its results: what was drawn is read off the images."""

import numpy as np
import pytest
import small
from keras import ops

from ganzoo.core.augmentation import augment

SIZE = 32


def images(count, size=SIZE, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, size, size, 3)).astype("float32")


def result(x, *policy, seed=1):
    (augmented,) = augment((ops.convert_to_tensor(x),), policy, seed)
    return np.asarray(augmented)


def test_no_policy_changes_nothing():
    x = ops.convert_to_tensor(images(2))
    assert augment((x,), (), 0)[0] is x


def test_color_shifts_brightness_scales_saturation_and_contrast_each_within_its_range():
    x = images(300)
    y = result(x, "color").astype("float64")
    # Saturation and contrast keep an image's mean; saturation keeps each pixel's; contrast scales it about the mean.
    brightness = y.mean((1, 2, 3)) - x.mean((1, 2, 3))
    grey_before, grey_after = (v.mean(3) - v.mean((1, 2, 3))[:, None, None] for v in (x, y))
    contrast = (grey_after * grey_before).sum((1, 2)) / (grey_before**2).sum((1, 2))
    colour_before, colour_after = (v - v.mean(3, keepdims=True) for v in (x, y))
    both = (colour_after * colour_before).sum((1, 2, 3)) / (colour_before**2).sum((1, 2, 3))
    saturation = both / contrast
    rebuilt = (
        (x.mean((1, 2, 3)) + brightness)[:, None, None, None]
        + contrast[:, None, None, None] * grey_before[..., None]
        + both[:, None, None, None] * colour_before
    )
    np.testing.assert_allclose(y, rebuilt, rtol=0, atol=1e-5)
    for drawn, low, high in [(brightness, -0.5, 0.5), (saturation, 0, 2), (contrast, 0.5, 1.5)]:
        # 300 uniform draws: none outside, and ends, mean and deviation where they belong.
        assert low - 1e-4 <= drawn.min() < low + 0.05 * (high - low)
        assert high + 1e-4 >= drawn.max() > high - 0.05 * (high - low)
        assert drawn.mean() == pytest.approx((low + high) / 2, abs=5 * (high - low) / (12 * 300) ** 0.5)
    assert np.abs(np.corrcoef([brightness, saturation, contrast]) - np.eye(3)).max() < 5 / 300**0.5


def test_translation_moves_by_whole_pixels_up_to_an_eighth_and_fills_with_zero():
    x = images(400)
    y = result(x, "translation")
    padded = np.pad(x, [(0, 0), (SIZE, SIZE), (SIZE, SIZE), (0, 0)])
    shifts = []
    for before, after in zip(padded, y, strict=True):
        fitting = [
            (dy, dx)
            for dy in range(-6, 7)
            for dx in range(-6, 7)
            if np.array_equal(before[SIZE - dy : 2 * SIZE - dy, SIZE - dx : 2 * SIZE - dx], after)
        ]
        assert len(fitting) == 1
        shifts += fitting
    rows, columns = np.array(shifts).T
    for drawn in (rows, columns):
        counts = [np.sum(drawn == shift) for shift in range(-6, 7)]
        assert counts[:2] == counts[-2:] == [0, 0]
        # Each of the nine shifts once in nine: 44 of 400, standard deviation 6.3.
        assert all(44 - 32 < count < 44 + 32 for count in counts[2:-2])
    assert abs(np.corrcoef(rows, columns)[0, 1]) < 5 / 400**0.5


def test_cutout_zeroes_a_square_of_half_the_size_that_may_stick_out():
    x = np.ones((400, SIZE, SIZE, 3), "float32")
    y = result(x, "cutout")
    starts = []
    for image in y:
        assert set(np.unique(image)) <= {0.0, 1.0}
        holes = image[..., 0] == 0
        rows, columns = np.flatnonzero(holes.any(1)), np.flatnonzero(holes.any(0))
        assert holes[np.ix_(rows, columns)].all()
        assert holes.sum() == len(rows) * len(columns)
        assert (image == image[..., :1]).all()
        for covered in (rows, columns):
            assert np.array_equal(covered, np.arange(covered[0], covered[-1] + 1))
            first, last = covered[0], covered[-1]
            assert len(covered) == 16 or first == 0 or last == SIZE - 1
            starts.append(first if first else last - 15)
    # Centres are anywhere in the image, so that windows start from -8 to 24: 33 places, 800 draws.
    assert (min(starts), max(starts)) == (-8, 24)
    assert np.mean(starts) == pytest.approx(8, abs=5 * 33 / 12**0.5 / 800**0.5)


def test_an_odd_size_is_translated_and_cut_as_well():
    y = result(np.ones((50, 25, 25, 3), "float32"), "translation", "cutout")
    assert y.shape == (50, 25, 25, 3)
    assert set(np.unique(y)) == {0.0, 1.0}


def test_all_images_of_an_example_share_one_draw_and_examples_do_not():
    x = np.repeat(images(1), 8, axis=0)
    first, second = augment((ops.convert_to_tensor(x), ops.convert_to_tensor(x)), ("color", "translation", "cutout"), 3)
    np.testing.assert_array_equal(first, second)
    assert len({np.asarray(image).tobytes() for image in first}) == 8


def test_rectangular_images_keep_their_axes():
    x = np.random.default_rng(0).normal(size=(4, 16, 40, 1)).astype("float32")
    y = result(x, "translation")
    for before, after in zip(x, y, strict=True):
        inner = after[4:-4, 10:-10]
        places = [
            (row, column)
            for row in range(16 - inner.shape[0] + 1)
            for column in range(40 - inner.shape[1] + 1)
            if np.array_equal(before[row : row + inner.shape[0], column : column + inner.shape[1]], inner)
        ]
        assert len(places) == 1


def test_the_gradient_goes_back_to_where_the_pixels_came_from():
    x = ops.convert_to_tensor(images(4))
    gradient = small.gradient(lambda x: ops.sum(augment((x,), ("translation",), 5)[0] ** 2) / 2, x)
    # Of a shift: 1 times the pixel where it is still to be seen, else 0.
    seen = gradient != 0
    np.testing.assert_array_equal(gradient[seen], np.asarray(x)[seen])
    assert 0.7 < seen.mean() <= 1
    gradient = small.gradient(lambda x: ops.sum(augment((x,), ("color", "cutout"), 5)[0]), x)
    assert np.abs(gradient).max() > 0.1


def test_flip_mirrors_half_of_the_images_left_to_right():
    x = images(400)
    y = result(x, "flip")
    mirrored = np.array([np.array_equal(after, before[:, ::-1]) for before, after in zip(x, y, strict=True)])
    assert all(np.array_equal(after, before) for before, after in zip(x[~mirrored], y[~mirrored], strict=True))
    assert mirrored.mean() == pytest.approx(0.5, abs=5 * 0.5 / 400**0.5)


def test_turn_turns_by_each_number_of_quarters_as_often():
    x = images(400)
    y = result(x, "turn")
    quarters = [
        next(count for count in range(4) if np.array_equal(after, np.rot90(before, count)))
        for before, after in zip(x, y, strict=True)
    ]
    np.testing.assert_allclose(np.bincount(quarters, minlength=4) / 400, 0.25, atol=0.11)


def test_geometry_moves_and_scales_about_the_middle_as_its_normal_numbers_say():
    # A bright square: its middle tells the shift, its sides the factors.
    size, side = 64, 16
    x = np.zeros((500, size, size, 1), "float32")
    x[:, 24:40, 24:40] = 1.0
    y = result(x, "geometry").astype("float64")[..., 0]
    place = np.arange(size) - (size - 1) / 2
    inside = (y[:, [0, -1]].sum((1, 2)) + y[:, :, [0, -1]].sum((1, 2))) == 0
    rows, columns = (y.sum(axis)[inside] / y.sum((1, 2))[inside, None] for axis in (2, 1))
    down, right = (rows @ place, columns @ place)
    heights, widths = (y.max(axis).sum(1)[inside] / side for axis in (2, 1))
    for shift in (down, right):
        assert shift.std() == pytest.approx(size / 8, rel=0.15)
        assert abs(shift.mean()) < 2
    # Rows and columns are of independent size and aspect: their logarithms are so, too.
    of_both, of_one = 0.5 * np.log2(heights * widths), 0.5 * np.log2(heights / widths)
    assert of_both.std() == pytest.approx(0.2, rel=0.15)
    assert of_one.std() == pytest.approx(0.2, rel=0.15)
    assert abs(np.corrcoef(of_both, of_one)[0, 1]) < 0.15
