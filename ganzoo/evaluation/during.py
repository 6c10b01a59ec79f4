"""Evaluation while a run trains: the metrics that its recipe names, on a few test images."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ganzoo import inference
from ganzoo.config import Recipe, nearest
from ganzoo.errors import UsageError
from ganzoo.evaluation import protocols
from ganzoo.evaluation.distribution import keys as distribution_keys
from ganzoo.evaluation.examples import open_examples
from ganzoo.evaluation.instruments import PERCEPTUAL, Instruments, open_instruments
from ganzoo.evaluation.results import Result
from ganzoo.evaluation.subject import direction_in

if TYPE_CHECKING:
    import keras

Gauge = Callable[[], dict[str, float]]
"""Measures the generators as they are: values by key."""
PAIR_KEYS = ("psnr", "ssim", "ms_ssim")


def open_gauge(recipe: Recipe, generators: "Mapping[str, keras.Model]") -> Gauge | None:
    """What measures the generators of a run by the recipe's `evaluation.metrics`; None where the recipe names none.

    Args:
        recipe: of the run.
        generators: the deployed networks by name; each time they are measured with the weights that they then have.

    Raises:
        UsageError: when a metric is unknown, or what it needs can't be had.
        RunError: when the data can't be had.
    """
    wanted = recipe.evaluation.metrics
    if not wanted:
        return None
    tools = _open_instruments(recipe)
    allowed = _keys(recipe, tools, len(generators))
    for key in wanted:
        if key not in allowed:
            raise UsageError(f"evaluation.metrics: found {key!r}{nearest(key, allowed)}")
    few = dataclasses.replace(recipe.evaluation, samples=min(recipe.evaluation.samples, recipe.evaluation.images))
    setting = protocols.Setting(
        {direction_in(name): inference.live(generator) for name, generator in generators.items()},
        dataclasses.replace(recipe, evaluation=few),
        open_examples(recipe, "test").at_most(recipe.evaluation.images),
        None,
        tools,
    )

    def measure() -> dict[str, float]:
        found = (result for result in protocols.measure(setting) if isinstance(result, Result))
        return {result.key: result.value for result in found if result.key in wanted}

    return measure


def _open_instruments(recipe: Recipe) -> Instruments:
    """Those that the metrics take, and no others: features cost most of the time."""
    wanted = recipe.evaluation.metrics
    pair_keys = (*PAIR_KEYS, "cycle_error", *(f"{kind}_distance" for kind in PERCEPTUAL), *PERCEPTUAL)
    features = any(not key.endswith(pair_keys) for key in wanted)
    perceptual = [kind for kind in PERCEPTUAL if any(key.endswith((kind, f"{kind}_distance")) for key in wanted)]
    return open_instruments(recipe.evaluation.network, perceptual, features=features, must=features)


def _keys(recipe: Recipe, tools: Instruments, generator_count: int) -> list[str]:
    """The keys of what the recipe's protocol measures with these instruments."""
    protocol = protocols.protocol_of(recipe)
    of_pairs = [*PAIR_KEYS, *(distance.key for distance in tools.distances)]
    of_sets = distribution_keys(tools.network) if tools.network else []
    match protocol:
        case "samples":
            return of_sets
        case "pairs":
            return [*of_sets, *of_pairs]
        case "super_resolution":
            return [key for key in of_pairs if key != "ms_ssim"]
        case _:
            ways = ["a_to_b", "b_to_a"][:generator_count]
            return [f"{way}_{key}" for way in ways for key in (*of_sets, *of_pairs, "cycle_error")]
