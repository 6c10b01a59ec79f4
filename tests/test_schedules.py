"""Learning rates by hand."""

import numpy as np
import pytest

from ganzoo.config.recipe import Schedule
from ganzoo.core.schedules import multiplier


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Schedule(), {0: 1, 10**6: 1}),
        # CycleGAN: constant, then linear to 0; no jump at the start, nothing negative after the end.
        (Schedule(kind="linear", start=100, end=200), {0: 1, 100: 1, 101: 0.99, 150: 0.5, 199: 0.01, 200: 0, 500: 0}),
        (Schedule(kind="linear", start=0, end=4), {0: 1, 1: 0.75, 4: 0}),
        # SRGAN: a tenth from the boundary on.
        (Schedule(kind="steps", boundaries=(100,)), {0: 1, 99: 1, 100: 0.1, 10**6: 0.1}),
        (Schedule(kind="steps", boundaries=(2, 4, 6), factor=0.5), {1: 1, 2: 0.5, 3: 0.5, 4: 0.25, 6: 0.125}),
    ],
)
def test_multiplier_at_and_beside_each_boundary(schedule, expected):
    found = {step: float(multiplier(schedule, np.float32(step))) for step in expected}
    assert found == pytest.approx(expected, abs=1e-6)
