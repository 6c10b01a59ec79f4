"""What an evaluation measures with: a feature network and perceptual distances, as far as they can be had."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ganzoo.errors import UsageError
from ganzoo.evaluation.results import Skipped

if TYPE_CHECKING:
    from ganzoo.metrics.networks import FeatureNetwork
    from ganzoo.metrics.perceptual_distance import PerceptualDistance

PERCEPTUAL = {"vgg16": "VGG16 distance", "lpips": "LPIPS"}


@dataclasses.dataclass(frozen=True)
class Instruments:
    """What is there to measure with."""

    network: "FeatureNetwork | None" = None
    distances: "tuple[PerceptualDistance, ...]" = ()
    skipped: tuple[Skipped, ...] = ()


def open_instruments(
    network: str, perceptual: Sequence[str] | None, *, features: bool = True, must: bool = False
) -> Instruments:
    """Opens what there is.

    Args:
        network: the feature network, as `ganzoo.metrics.networks.open_feature_network` takes it.
        perceptual: names of perceptual distances, which are fetched where they are missing; None: those whose weights
            are on this machine.
        features: whether a feature network is of use.
        must: fail when the feature network can't be had, rather than go without.

    Raises:
        UsageError: when one that was asked for can't be had, saying what to install or where to put which file.
    """
    from ganzoo.metrics import perceptual_distance
    from ganzoo.metrics.networks import open_feature_network

    skipped, opened, distances = [], None, []
    if features:
        try:
            opened = open_feature_network(network)
        except UsageError as error:
            if must:
                raise
            skipped.append(Skipped("distribution metrics", str(error)))
    for kind in PERCEPTUAL if perceptual is None else perceptual:
        if perceptual is not None or perceptual_distance.is_on_disk(kind):
            distances.append(perceptual_distance.open_perceptual_distance(kind))
        else:
            reason = f"its weights are not on this machine; --perceptual {kind} fetches them, or says how to get them"
            skipped.append(Skipped(PERCEPTUAL[kind], reason))
    return Instruments(opened, tuple(distances), tuple(skipped))


def check_names(network: str | None, perceptual: Iterable[str] | None) -> None:
    """Raises a UsageError for a feature network or perceptual distance that there is not. Imports no Keras."""
    from ganzoo.metrics.networks import check_name

    if network is not None:
        check_name(network)
    for kind in perceptual or ():
        if kind not in PERCEPTUAL:
            raise UsageError(f"perceptual: found {kind!r}; allowed are {', '.join(PERCEPTUAL)}")
