"""Line drawings to color: their outlines, pens, and the dabs that say which color."""

import numpy as np
import pytest
from batches import CUT_OUT, ONE, PAIR, TWO, opened

from ganzoo.config.recipe import DataConfig
from ganzoo.core.seeding import generator
from ganzoo.data import drawings
from ganzoo.errors import UsageError

RED, BLUE, WHITE = (220, 20, 20), (20, 20, 220), (255, 255, 255)


def flag(size=64):
    """A red and a blue half on white, and its drawing."""
    colored = np.full((size, size, 3), 255, np.uint8)
    colored[16:48, 8:32], colored[16:48, 32:56] = RED, BLUE
    return drawings.outlines(colored), drawings.outlined(colored)


def differs(first, second):
    return (first != second).any(axis=2)


def test_outlines_are_black_where_colors_meet_and_white_elsewhere():
    ink, _ = flag()
    assert set(np.unique(ink)) == {0, 255}
    assert (ink[30, 31:33] == 0).all() and (ink[15:17, 20] == 0).all() and (ink[30, 7:9] == 0).all()
    assert (ink[20:44, 12:28] == 255).all() and (ink[20:44, 36:52] == 255).all() and (ink[:12] == 255).all()


def test_a_colored_drawing_keeps_its_lines_and_its_colors():
    ink, colored = flag()
    assert (colored[ink == 0] == 0).all()
    assert (colored[30, 20] == RED).all() and (colored[30, 44] == BLUE).all() and (colored[5, 5] == WHITE).all()


@pytest.mark.parametrize("seed", range(20))
def test_dabs_stay_in_the_region_whose_color_they_have_and_leave_the_lines_black(seed):
    ink, colored = flag()
    given, target = drawings.with_hints(ink, colored, 3, generator(seed, "hints"))
    assert target is colored
    dabs = differs(given, ink)
    assert dabs.any() and not dabs[ink[..., 0] == 0].any()
    assert (given[dabs] == colored[dabs]).all()


def test_dabs_reach_every_region_and_are_of_several_sizes():
    ink, colored = flag()
    given = [drawings.with_hints(ink, colored, 1, generator(seed, "hints"))[0] for seed in range(100)]
    areas = np.array([differs(one, ink).sum() for one in given])
    red = np.mean([(one == RED).all(axis=2).any() for one in given])
    assert 0.3 < red < 0.7
    assert areas.min() < 12 and areas.max() > 60


def test_where_there_is_nothing_to_color_no_dab_is_laid():
    blank = np.full((32, 32, 3), 255, np.uint8)
    assert (drawings.with_hints(blank, blank, 5, generator(0, "hints"))[0] == 255).all()


def test_a_redrawn_drawing_still_fits_its_target():
    ink, colored = flag()
    sizes, weights = set(), set()
    for seed in range(60):
        drawn, target = drawings.redrawn(ink, colored, generator(seed, "redraw"))
        assert (target[(drawn == 0).all(axis=2)] < 32).all(), "a black line is not black in the target"
        colors = (np.ptp(target.astype(int), axis=2) > 150).sum()
        sizes.add(round(colors / (np.ptp(colored.astype(int), axis=2) > 150).sum(), 1))
        weights.add(round((drawn < 128).all(axis=2).sum() / colors, 1))
    assert min(sizes) < 0.5 and max(sizes) > 0.9
    assert len(weights) > 4


def test_recolored_pictures_keep_their_grays_and_have_other_hues_half_of_the_time():
    colors = np.array([[(0, 0, 0), (120, 120, 120), WHITE, (200, 100, 100)]], np.uint8)
    pictures = [drawings.recolored(colors, generator(seed, "recolor"))[0] for seed in range(400)]
    assert all((picture[:3] == colors[0, :3]).all() for picture in pictures)
    reds = np.array([picture[3] for picture in pictures])
    assert 0.4 < (reds == colors[0, 3]).all(axis=1).mean() < 0.6
    # A turned color is as light and as far from gray as before; of all hues some are mostly green, some mostly blue.
    assert np.abs(reds.astype(int).sum(axis=1) - 400).max() <= 2
    assert np.abs(np.linalg.norm(reds - reds.mean(axis=1, keepdims=True), axis=1) - 81.65).max() < 1.5
    assert set(np.argmax(reds, axis=1)) == {0, 1, 2}


def test_a_third_of_a_turn_makes_red_another_of_the_three_primaries():
    turned = drawings.rotation_about_gray(2 * np.pi / 3) @ RED
    assert np.allclose(np.sort(turned), np.sort(RED)) and not np.allclose(turned, RED)


def test_a_fifth_of_the_visits_has_no_hint_and_none_has_too_many():
    counts = [drawings.count_of_hints(4, generator(seed, "count")) for seed in range(1000)]
    assert 0.15 < np.mean(np.array(counts) == 0) < 0.25
    assert set(counts) == {0, 1, 2, 3, 4}


def hints(**data):
    config = DataConfig(**{"source": "embedded:emoji", "domains": ("ink", "outlined"), "hints": 6, **data})
    return opened(PAIR, config, image_size=64, channels=3, batch_size=2, seed=0)


def test_hints_are_a_function_of_seed_and_visit_alone():
    once, again = hints(), hints()
    assert np.array_equal(once.batch(7)["input"], again.batch(7)["input"])
    epoch = len(once) // 2
    first, second = once.batch(0), next(b for n in range(epoch, 2 * epoch) if same(b := once.batch(n), once.batch(0)))
    assert not np.array_equal(first["input"], second["input"])


def test_what_is_recolored_has_dabs_of_its_new_colors_and_pictures_without_hints_are_not_recolored():
    plain, turned = hints(hints=0), hints(recolor=True)
    changed = 0
    for step in range(20):
        one, other = plain.batch(step), turned.batch(step)
        for n in range(2):
            drawing, target = other["input"][n], other["target"][n]
            dabs = (np.ptp(drawing, axis=2) > 0.5) & (one["input"][n] == 1).all(axis=2)
            recolored = np.abs(one["target"][n] - target).max() > 0.2
            changed += recolored
            assert dabs.any() or not recolored
            assert {tuple(color) for color in drawing[dabs]} <= {tuple(color) for color in target.reshape(-1, 3)}
    assert 8 < changed < 24


def same(batch, other):
    return any(np.array_equal(one, two) for one in batch["target"] for two in other["target"])


def test_samples_have_the_same_few_hints_at_every_call():
    plain, few = hints(hints=0).fixed(6), hints().fixed(6)
    assert np.array_equal(few["input"], hints().fixed(6)["input"])
    assert all((one != other).any() for one, other in zip(few["input"], plain["input"], strict=True))
    assert np.array_equal(few["target"], plain["target"])


@pytest.mark.parametrize(("batch", "keys"), [(ONE, "image"), (TWO, "a, b"), (CUT_OUT, "low, high")])
@pytest.mark.parametrize("setting", [{"hints": 3}, {"redraw": True}])
def test_hints_and_redrawing_are_refused_without_pairs(batch, keys, setting):
    (name,) = setting
    with pytest.raises(UsageError, match=rf"data\.{name}: .*pairs.*found a batch of {keys} with"):
        opened(batch, DataConfig(**setting), image_size=64, channels=3, batch_size=2, seed=0)


def test_recoloring_without_hints_is_refused():
    with pytest.raises(UsageError, match=r"data\.recolor: .*set data\.hints"):
        opened(PAIR, DataConfig(recolor=True), image_size=64, channels=3, batch_size=2, seed=0)


def test_hints_without_color_are_refused():
    with pytest.raises(UsageError, match="1 channels"):
        opened(PAIR, DataConfig(hints=3), image_size=64, channels=1, batch_size=2, seed=0)
