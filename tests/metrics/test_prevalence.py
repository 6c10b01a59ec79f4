"""Shares that a reader with known errors tells, against numbers worked out by hand and many draws."""

import numpy as np
import pytest

from ganzoo.errors import UsageError
from ganzoo.metrics.prevalence import prevalence


def of(count: int, share: float) -> np.ndarray:
    return np.arange(count) < round(count * share)


def known(right: float, wrong: float, shown: int = 100, others: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """What a reader reads from examples that show it and others, and whether they do."""
    return np.concatenate([of(shown, right), of(others, wrong)]), np.repeat([True, False], [shown, others])


def test_a_rare_thing_that_is_read_more_often_by_mistake_than_rightly_is_found_rare():
    # Of 1,000 that 5 % show it, 45 are read rightly and 95 by mistake.
    found = prevalence(of(1000, 0.14), *known(0.9, 0.1))
    assert found.value == pytest.approx(0.05) and found.read == 0.14
    assert (found.true_positives, found.false_positives) == (0.9, 0.1)
    variance = (0.14 * 0.86 / 1000 + 0.05**2 * 0.9 * 0.1 / 100 + 0.95**2 * 0.1 * 0.9 / 200) / 0.8**2
    assert found.standard_error == pytest.approx(variance**0.5)


def test_fewer_than_are_read_by_mistake_is_none_and_more_than_are_read_rightly_is_all():
    assert prevalence(of(100, 0.05), *known(0.9, 0.1)).value == 0
    assert prevalence(of(100, 0.95), *known(0.9, 0.1)).value == 1


def test_the_standard_error_is_how_far_estimates_lie_apart():
    random = np.random.default_rng(0)

    def once():
        shown, others = random.random(150) < 0.8, random.random(400) < 0.2
        truth = random.random(500) < 0.3
        read = np.where(truth, random.random(500) < 0.8, random.random(500) < 0.2)
        return prevalence(read, np.concatenate([shown, others]), np.repeat([True, False], [150, 400]))

    found = [once() for _ in range(2000)]
    assert np.mean([one.value for one in found]) == pytest.approx(0.3, abs=0.005)
    apart = np.std([one.value for one in found])
    assert np.mean([one.standard_error for one in found]) == pytest.approx(apart, rel=0.06)


def test_a_reader_that_tells_nothing_and_one_of_which_nothing_is_known_are_refused():
    with pytest.raises(UsageError, match="reads it from 50% of examples that show it, and 50% of others"):
        prevalence(of(100, 0.5), *known(0.5, 0.5))
    with pytest.raises(UsageError, match="100 examples, 0 known to show it and 200 not to"):
        prevalence(of(100, 0.5), *known(0.5, 0.5, shown=0))
