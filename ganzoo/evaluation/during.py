"""Evaluation while a run trains: the metrics that its recipe names, on a few test images."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ganzoo import keras_network
from ganzoo.config import Recipe, nearest
from ganzoo.errors import UsageError, quoted
from ganzoo.evaluation import protocols
from ganzoo.evaluation.examples import open_examples
from ganzoo.evaluation.instruments import PERCEPTUAL, open_instruments
from ganzoo.evaluation.results import Result, Skipped
from ganzoo.generator import direction_of

if TYPE_CHECKING:
    import keras

Gauge = Callable[[], dict[str, float]]
"""Measures the generators as they are: values by key, not a number where they paint none."""
PAIR_METRICS = ("psnr", "ssim", "ms_ssim", "cycle_error", "vgg16_distance", "lpips")
DISTRIBUTION_METRICS = ("fid", "kid", "fd_efflite0", "kd_efflite0", "precision", "recall", "density", "coverage")
OF_OWN_NETWORK = ("fd_", "kd_")
"""What the keys of distances of a `.keras` file begin with."""
TRIAL = 8
"""Test images that are measured once before a run begins."""


def open_gauge(recipe: Recipe, generators: "Mapping[str, keras.Model]") -> Gauge | None:
    """What measures the generators of a run by the recipe's `evaluation.metrics`; None where the recipe names none.

    It is tried once, on very few images, so that what can't be measured is said before the run begins.

    Args:
        recipe: of the run.
        generators: the deployed networks by name; each time they are measured with the weights that they then have.

    Raises:
        UsageError: when a metric is unknown, or can't be measured on this data or machine.
        RunError: when the data can't be had.
    """
    wanted = recipe.evaluation.metrics
    if not wanted:
        return None
    check(recipe)
    named = [_bare(key) for key in wanted]
    distances = [kind for kind in PERCEPTUAL if kind in named or f"{kind}_distance" in named]
    features = any(key not in PAIR_METRICS for key in named)
    setting = protocols.Setting(
        {direction_of(name): keras_network.live(generator) for name, generator in generators.items()},
        recipe,
        open_examples(recipe, "test"),
        open_instruments(recipe.evaluation.network if features else None, distances),
    )
    # An FID takes thousands of images, whatever else does.
    _try(
        _on(setting, recipe.evaluation.images)
        if "fid" in named
        else _on(setting, min(TRIAL, recipe.evaluation.images)),
        wanted,
    )
    setting = _on(setting, recipe.evaluation.images)

    def measure() -> dict[str, float]:
        try:
            found = {one.key: one.value for one in protocols.measure(setting) if isinstance(one, Result)}
        except protocols.NotFinite:
            found = {}
        return {key: found.get(key, math.nan) for key in wanted}

    return measure


def check(recipe: Recipe) -> None:
    """Raises a UsageError for a key in `evaluation.metrics` that nothing has; opens and fetches nothing."""
    ways = ("a_to_b_", "b_to_a_") if recipe.model.task == "unpaired" else ("",)
    allowed = [f"{way}{key}" for way in ways for key in (*DISTRIBUTION_METRICS, *PAIR_METRICS)]
    for key in recipe.evaluation.metrics:
        if key not in allowed and not _bare(key).startswith(OF_OWN_NETWORK):
            raise UsageError(f"evaluation.metrics: found {quoted(key)}{nearest(key, allowed)}")


def _bare(key: str) -> str:
    return key.removeprefix("a_to_b_").removeprefix("b_to_a_")


def _on(setting: protocols.Setting, count: int) -> protocols.Setting:
    """The same on so many images."""
    recipe = setting.recipe
    samples = min(recipe.evaluation.samples, count)
    fewer = dataclasses.replace(recipe, evaluation=dataclasses.replace(recipe.evaluation, samples=samples))
    return dataclasses.replace(setting, recipe=fewer, test=setting.test.at_most(count), known={})


def _try(setting: protocols.Setting, wanted: tuple[str, ...]) -> None:
    """Raises a UsageError when one of the metrics is not among what is measured."""
    measured = list(protocols.measure(setting))
    keys = [one.key for one in measured if isinstance(one, Result)]
    missing = [key for key in wanted if key not in keys]
    if missing:
        reasons = [f"{one.metric}: {one.reason}" for one in measured if isinstance(one, Skipped)]
        why = f" ({'; '.join(reasons)})" if reasons else ""
        raise UsageError(
            f"evaluation.metrics: {quoted(missing[0])} can't be measured here{why}; "
            f"there are {', '.join(keys) or 'none'}"
        )
