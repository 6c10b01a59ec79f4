"""The map from one histogram to another, worked by hand."""

import numpy as np

from ganzoo.evaluation.color_matching import color_map, histograms, matched


def counts(**of_levels) -> np.ndarray:
    """A histogram of one channel: `_7=2` is two of level 7."""
    found = np.zeros((1, 256), int)
    for level, count in of_levels.items():
        found[0, int(level[1:])] = count
    return found


def test_levels_of_all_images_are_counted_channel_by_channel():
    first = np.array([[[1, 2, 3], [1, 2, 4]]], "uint8")
    second = np.full((2, 2, 3), 255, "uint8")
    found = histograms([first, second])
    assert found.shape == (3, 256) and found.sum(axis=1).tolist() == [6, 6, 6]
    assert found[0, [1, 255]].tolist() == [2, 4] and found[1, [2, 255]].tolist() == [2, 4]
    assert found[2, [3, 4, 255]].tolist() == [1, 1, 4]


def test_each_level_goes_where_as_large_a_share_lies_below():
    start = counts(_0=1, _10=2, _20=1)
    # Up to 0, 10 and 20 lie 1/4, 3/4 and 4/4.
    assert color_map(start, counts(_100=1, _150=2, _200=1))[0, [0, 10, 20]].tolist() == [100, 150, 200]
    assert color_map(start, counts(_100=4, _200=4))[0, [0, 10, 20]].tolist() == [100, 200, 200]
    assert color_map(start, counts(_7=3, _8=9))[0, [0, 10, 20]].tolist() == [7, 8, 8]
    # What no image of the domain has goes with the next level below that some have.
    assert color_map(start, counts(_100=1, _150=2, _200=1))[0, [5, 15, 255]].tolist() == [100, 150, 200]


def test_shares_that_are_equal_are_not_parted_by_rounding():
    # In floating point, 0.1 + 0.1 + 0.1 is more than 0.3.
    tenths = counts(**{f"_{level}": 1 for level in range(10)})
    assert color_map(tenths, counts(_50=3, _60=7))[0, :4].tolist() == [50, 50, 50, 60]


def test_a_channel_goes_by_its_own_map():
    maps = np.stack([np.arange(256), 255 - np.arange(256)]).astype("uint8")
    assert matched(np.array([[[3, 3]]], "uint8"), maps).tolist() == [[[3, 252]]]
