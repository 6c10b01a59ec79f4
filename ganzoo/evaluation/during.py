"""Evaluation while a run trains: the metrics that its recipe names, on a few test images."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ganzoo.config.recipe import Recipe
from ganzoo.data.streams import Names
from ganzoo.errors import UsageError, nearest, quoted
from ganzoo.evaluation import protocols
from ganzoo.evaluation.instruments import OF_OWN_NETWORK, PERCEPTUAL_METRICS, open_instruments
from ganzoo.evaluation.results import Result, Skipped
from ganzoo.evaluation.setting import NotFinite, Setting
from ganzoo.evaluation.splits import open_split
from ganzoo.generators.keras_network import live

if TYPE_CHECKING:
    import keras

Evaluator = Callable[[], dict[str, float]]
"""Measures the networks as they are: values by key, not a number where they give none."""
TRIAL = 8
"""Test images that are measured once before a run begins."""


def open_evaluator(
    recipe: Recipe, generators: "Mapping[str, keras.Model]", names: Names | None = None
) -> Evaluator | None:
    """Returns a function that measures a run's generators by `evaluation.metrics`; None where the recipe names none.

    It is tried once, on very few images, so that what can't be measured is said before the run begins.

    Args:
        recipe: of the run.
        generators: the deployed networks by name; each time they are measured with the weights that they then have.
        names: what labels and tokens stand for in the run.

    Raises:
        UsageError: when a metric is unknown, or can't be measured on this data or machine.
        RunError: when the data can't be had.
    """
    wanted = recipe.evaluation.metrics
    if not wanted:
        return None
    check(recipe)
    named = [_bare(recipe, key) for key in wanted]
    distances = [PERCEPTUAL_METRICS[key] for key in named if key in PERCEPTUAL_METRICS]
    of_their_own = {*protocols.protocol_of(recipe).metrics, *PERCEPTUAL_METRICS}
    setting = Setting(
        {name: live(network, recipe.model.deployed[name], recipe.model) for name, network in generators.items()},
        recipe,
        open_split(recipe, "test", names),
        open_instruments(recipe.evaluation.network if set(named) - of_their_own else None, distances),
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
        except NotFinite:
            found = {}
        return {key: found.get(key, math.nan) for key in wanted}

    return measure


def check(recipe: Recipe) -> None:
    """Raises UsageError for a key in `evaluation.metrics` that the recipe's protocol does not give. Opens nothing."""
    for key in recipe.evaluation.metrics:
        _bare(recipe, key)


def _bare(recipe: Recipe, key: str) -> str:
    """Returns the name of a metric without the direction. Raises UsageError for one that the protocol lacks."""
    protocol = protocols.protocol_of(recipe)
    known = protocol.keys(recipe.model)
    for prefix in protocol.prefixes(recipe.model):
        bare = key.removeprefix(prefix)
        if key.startswith(prefix) and protocol.distribution and bare.startswith(OF_OWN_NETWORK):
            return bare
    if key not in known:
        raise UsageError(f"evaluation.metrics: found {quoted(key)}{nearest(key, known)}")
    return known[key]


def _on(setting: Setting, count: int) -> Setting:
    """Returns the same setting on so many images."""
    recipe = setting.recipe
    samples = min(recipe.evaluation.samples, count)
    fewer = dataclasses.replace(recipe, evaluation=dataclasses.replace(recipe.evaluation, samples=samples))
    return dataclasses.replace(setting, recipe=fewer, test=setting.test.at_most(count), known={})


def _try(setting: Setting, wanted: tuple[str, ...]) -> None:
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
