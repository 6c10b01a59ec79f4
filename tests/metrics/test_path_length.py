"""Path lengths against derivatives worked out by hand, and their mean against scipy's trimmed one."""

import numpy as np
import pytest
from scipy.stats import mstats

from ganzoo.metrics.path_length import path_lengths, trimmed_mean

MATRIX = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, -1.0]])


def squared_difference(first, second):
    return np.square(first.astype("float64") - second).sum(axis=tuple(range(1, first.ndim)))


def test_of_a_linear_network_the_length_is_the_square_of_what_the_line_becomes():
    starts, ends = np.zeros((2, 2)), np.array([[1.0, 0.0], [1.0, 1.0]])
    # (1, 0) becomes (1, 0, 2), and (1, 1) becomes (1, 3, 1), wherever on the line one looks.
    found = path_lengths(lambda codes: codes @ MATRIX, squared_difference, starts, ends, np.array([0.0, 0.75]))
    assert found == pytest.approx([5, 11], rel=2e-3)


def test_of_a_curved_network_it_is_that_of_the_place_on_the_line():
    starts, ends, shares = np.full((3, 1), 1.0), np.full((3, 1), 3.0), np.array([0.0, 0.5, 1.0])
    found = path_lengths(lambda codes: codes.astype("float64") ** 2, squared_difference, starts, ends, shares)
    # The square of 2 w, at w of 1, 2 and 3, times the square of the line's length, 2.
    assert found == pytest.approx([16, 64, 144], rel=5e-3)


def test_codes_of_several_layers_move_together():
    starts, ends = np.zeros((1, 3, 2)), np.ones((1, 3, 2))
    found = path_lengths(lambda codes: codes[:, :, 0], squared_difference, starts, ends, np.array([0.5]))
    assert found == pytest.approx([3], rel=2e-3)


def test_the_shortest_and_longest_hundredth_are_left_out_of_the_mean():
    usual = np.arange(1.0, 197.0)
    lengths = np.random.default_rng(0).permutation([*usual, -1e6, -1e7, 1e8, 1e9])
    value, error = trimmed_mean(lengths)
    assert value == 98.5
    assert error == pytest.approx(mstats.trimmed_stde(lengths, limits=(0.01, 0.01)), rel=1e-9)


def test_of_fewer_than_a_hundred_none_is_left_out():
    value, error = trimmed_mean(np.array([1.0, 2.0, 30.0]))
    assert value == 11 and error == pytest.approx(np.std([1, 2, 30], ddof=1) / 3**0.5)
    assert trimmed_mean(np.array([4.0])) == (4.0, None)
