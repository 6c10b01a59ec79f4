"""How like a set of real images a set of generated ones is: Fréchet and kernel distance, precision, recall and more."""

from collections.abc import Iterator

import numpy as np

from ganzoo.evaluation.results import Column, Result, Skipped
from ganzoo.metrics.features import Features
from ganzoo.metrics.frechet import frechet_distance
from ganzoo.metrics.kernel import kernel_distance
from ganzoo.metrics.manifold import density_coverage, precision_recall
from ganzoo.metrics.networks import FeatureNetwork

SUBSET = 1000
"""Images in a subset of the kernel distance (Bińkowski et al. 2018)."""
NOTABLE = 0.05
"""A share of bias in a distance that is warned of."""
MANIFOLD = 6
"""Images that density and coverage take at least: more than their 5 neighbours."""


def compare(
    network: FeatureNetwork, real: Features, made: Features, usual: Features | None, column: Column
) -> Iterator[Result | Skipped]:
    """The distribution metrics of one set of images against real ones.

    Args:
        network: that all were measured with.
        usual: of as many other real images as `made` are, which no generator can be expected to better.
        column: what `made` is of.
    """
    fewest = min(real.count, made.count)
    common = {"column": column, "images": made.count, "network": network.name, "sha256": network.sha256}

    def result(metric: str, value: float, better: str, how: str = "", **more) -> Result:
        how = f"{network.preparation}{'; ' * bool(how)}{how}"
        return Result(column.key(metric), metric, value=value, better=better, how=how, **common, **more)

    if fewest < 2:
        yield Skipped(
            "distribution metrics", f"{column.of}: {made.count} and {real.count} images; they take 2 or more of each"
        )
        return
    if network.name == "inception" and fewest < network.length:
        yield Skipped(
            network.frechet_name,
            f"{column.of}: {fewest:,} images are fewer than the {network.length:,} features: most of it would be bias, "
            f"and no other FID would compare; see {network.kernel_name}, which has none, or give more images",
        )
    else:
        yield _frechet(network, real, made, usual, result)
    size = min(SUBSET, max(2, fewest // 2))
    kernel = kernel_distance(real.kept, made.kept, size=size)
    how = (
        f"unbiased, 100 subsets of {kernel.size:,}, over which its standard error is {kernel.standard_error:.2g}; "
        "standard_error is that of drawing the images"
    )
    yield result(network.kernel_name, kernel.value, "lower", how, standard_error=kernel.sampling_error)
    if fewest < MANIFOLD:
        yield Skipped(
            "precision, recall, density, coverage", f"{column.of}: {fewest} images; they take {MANIFOLD} or more"
        )
        return
    precision, recall = precision_recall(real.kept, made.kept)
    density, coverage = density_coverage(real.kept, made.kept)
    yield result("precision", precision, "higher", "3 neighbours")
    yield result("recall", recall, "higher", "3 neighbours")
    yield result("density", density, "higher", "5 neighbours")
    yield result("coverage", coverage, "higher", "5 neighbours")


def keys(network: FeatureNetwork) -> list[str]:
    """The keys of what `compare` finds of what a generator made."""
    names = (network.frechet_name, network.kernel_name, "precision", "recall", "density", "coverage")
    return [Column("output", "").key(name) for name in names]


def _frechet(network: FeatureNetwork, real: Features, made: Features, usual: Features | None, result) -> Result:
    value, fewest = frechet_distance(real.whole, made.whole), min(real.count, made.count)
    few = f"{fewest:,} images are few for {network.length:,} features; compare it at the same numbers of images alone"
    if usual is not None:
        bias = value if usual is made else frechet_distance(real.whole, usual.whole)
        why = f"so far are as many other real images, which should be at 0: {few}"
    else:
        bias = _extrapolated(real, made, value)
        why = f"by its fall from half as many images to all of them: {few}"
    warning = None
    if bias is not None and bias > NOTABLE * value:
        about = "at least" if usual is None and fewest < network.length else "about"
        warning = f"of {network.frechet_name} {value:.3g} for {made.count:,} images {about} {bias:.3g} is bias, {why}"
    return result(network.frechet_name, value, "lower", bias=bias, warning=warning)


def _extrapolated(real: Features, made: Features, value: float) -> float | None:
    """By how much too few images raise a Fréchet distance: as much as it is higher at half their number.

    It falls as 1 / N (Chong and Forsyth 2020, "Effectively Unbiased FID and Inception Score", section 3), so what
    halving N adds is what N itself has added; below the number of features it falls more slowly, and this is too low.
    """
    halves = list(zip(real.halves, made.halves, strict=True))
    if any(half.count < 2 for pair in halves for half in pair):
        return None
    return float(np.mean([frechet_distance(*pair) for pair in halves])) - value
