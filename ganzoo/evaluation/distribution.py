"""How like a set of real images a set of generated ones is: Fréchet and kernel distance, precision, recall and more."""

import dataclasses
from collections.abc import Generator, Iterable, Iterator

import numpy as np

from ganzoo.evaluation.results import Column, Result, Skipped
from ganzoo.evaluation.setting import Setting
from ganzoo.metrics.features import Features
from ganzoo.metrics.frechet import frechet_distance
from ganzoo.metrics.kernel import kernel_distance
from ganzoo.metrics.manifold import density_coverage, precision_recall
from ganzoo.metrics.networks import FeatureNetwork

SUBSET = 1000
"""Images in a subset of the kernel distance (Bińkowski et al. 2018)."""
NOTABLE = 0.05
"""A share of bias in a distance that is warned of."""
ALIKE = 0.9
"""A share of as many images that will do for as many."""
MANIFOLD = 6
"""Images that density and coverage take at least: more than their 5 neighbors."""


def measured(
    setting: Setting, made: Iterable[np.ndarray], count: int, key: str, column: Column
) -> Generator[Result | Skipped, None, Features | None]:
    """Goes through what was made, and compares it, and as many other real images, with the test images of a key.

    Args:
        made: `count` images.
        column: what they are.

    Returns:
        The features of what was made; None where there is no feature network.
    """
    network = setting.instruments.network
    if network is None:
        for _ in made:
            pass
        return None
    from ganzoo.metrics import extract, reference

    generated, real, usual = extract(network, made), setting.features_of(key), None
    if setting.train is not None:
        others = setting.train.sets[key].at_most(count).shuffled()
        if len(others) > 1:
            usual = reference(network, others.read, len(others))
    for found in compare(network, real, generated, column):
        if isinstance(found, Result):
            found = with_bias(found, network, real, generated, usual)
        yield found
    if usual is not None:
        yield from compare(network, real, usual, Column("train split", column.against, column.direction))
    return generated


def compare(network: FeatureNetwork, real: Features, made: Features, column: Column) -> Iterator[Result | Skipped]:
    """The distribution metrics of one set of images against real ones, the bias of the Fréchet distance not yet known.

    Args:
        network: that both were measured with.
        column: what `made` is of.
    """
    fewest = min(real.count, made.count)
    if fewest < 2:
        counts = f"{column.of}: {made.count} and {real.count} images"
        yield Skipped("distribution metrics", f"{counts}; they take 2 or more of each")
        return

    def result(metric: str, value: float, better: str, settings: str = "", **more) -> Result:
        how = f"{network.preparation}{'; ' * bool(settings)}{settings}"
        origin = {"network": network.name, "sha256": network.sha256}
        counts = {"images": len(made.kept), "real_images": len(real.kept)}
        return Result(
            column.key(metric), metric, column, value=value, better=better, how=how, **{**origin, **counts, **more}
        )

    if network.frechet_name == "FID" and fewest < network.length:
        yield Skipped(
            network.frechet_name,
            f"{column.of}: {fewest:,} images are fewer than the {network.length:,} features: most of it would be bias, "
            f"and no other FID would compare; see {network.kernel_name}, which has none, or give more images",
        )
    else:
        value = frechet_distance(real.whole, made.whole)
        yield result(network.frechet_name, value, "lower", images=made.count, real_images=real.count)
    size = min(SUBSET, max(2, fewest // 2))
    kernel = kernel_distance(real.kept, made.kept, size=size)
    yield result(
        network.kernel_name,
        kernel.value,
        "lower",
        f"unbiased, mean of 100 subsets of {kernel.size:,}",
        standard_error=kernel.sampling_error,
        subset_error=kernel.standard_error,
    )
    if fewest < MANIFOLD:
        yield Skipped("precision, recall, density, coverage", f"{column.of}: {fewest} images; they take {MANIFOLD}")
        return
    precision, recall = precision_recall(real.kept, made.kept)
    density, coverage = density_coverage(real.kept, made.kept)
    yield result("precision", precision, "higher", "3 neighbours")
    yield result("recall", recall, "higher", "3 neighbours")
    yield result("density", density, "higher", "5 neighbours")
    yield result("coverage", coverage, "higher", "5 neighbours")


def with_bias(
    result: Result, network: FeatureNetwork, real: Features, made: Features, usual: Features | None
) -> Result:
    """Returns a Fréchet distance with its approximate bias, and a warning where that is much; others as they are.

    Args:
        usual: of other real images, as many as `made` or nearly so, where there are such.
    """
    if result.metric != network.frechet_name:
        return result
    fewest = min(real.count, made.count)
    bias, whence = _bias(network, real, made, usual, result.value, result.column.same)
    warning = None
    if fewest < network.length or (bias is not None and bias > max(NOTABLE * result.value, 1e-6)):
        known = "" if bias is None else f": {whence.format(f'{bias:.3g}')}"
        warning = (
            f"{result.metric} {result.value:.3g} ({result.column.of}) is of {made.count:,} images against "
            f"{real.count:,}, few for {network.length:,} features{known}. Compare it at the same numbers of images "
            "alone"
        )
    return dataclasses.replace(result, bias=None if result.column.same else bias, warning=warning)


def _bias(
    network: FeatureNetwork, real: Features, made: Features, usual: Features | None, value: float, same: bool
) -> tuple[float | None, str]:
    """Returns by how much too few images raise a Fréchet distance, and a sentence that says how that is known."""
    if usual is not None and usual.count >= ALIKE * made.count:
        below = ", though what shows the same things as the real ones may lie below" if same else ""
        return frechet_distance(real.whole, usual.whole), (
            f"{usual.count:,} other real images, which should be at 0, are at {{}}{below}"
        )
    halves = list(zip(real.halves, made.halves, strict=True))
    if any(half.count < 2 for pair in halves for half in pair):
        return None, ""
    if min(real.count, made.count) < network.length:
        if made.count < real.halves[1].count:
            return None, ""
        return frechet_distance(*real.halves), "half of the real ones, which should be at 0 from the rest, are at {}"
    # It falls as 1 / N (Chong and Forsyth 2020, section 3): what halving N adds is what N itself has added.
    doubled = float(np.mean([frechet_distance(*pair) for pair in halves]))
    return doubled - value, "about {} of it is bias, by its fall from half as many"
