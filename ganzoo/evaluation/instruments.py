"""What an evaluation measures with: a feature network and perceptual distances, as far as they can be had."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ganzoo.errors import RunError, UsageError, nearest, quoted
from ganzoo.evaluation.results import Skipped

if TYPE_CHECKING:
    from ganzoo.metrics.networks import FeatureNetwork
    from ganzoo.metrics.perceptual_distance import PerceptualDistance

PERCEPTUAL = {"vgg16": "VGG16 distance", "lpips": "LPIPS"}
PERCEPTUAL_METRICS = {"vgg16_distance": "vgg16", "lpips": "lpips"}
"""The perceptual distance of each key."""
DISTRIBUTION_METRICS = ("fid", "kid", "fd_efflite0", "kd_efflite0", "precision", "recall", "density", "coverage")
OF_OWN_NETWORK = ("fd_", "kd_")
"""What the keys of distances of a `.keras` file begin with."""


@dataclasses.dataclass(frozen=True)
class Instruments:
    """What is there to measure with."""

    network: "FeatureNetwork | None" = None
    distances: "tuple[PerceptualDistance, ...]" = ()
    skipped: tuple[Skipped, ...] = ()


def open_instruments(network: str | None, perceptual: Iterable[str]) -> Instruments:
    """Those that were asked for; weights that are missing are fetched.

    Args:
        network: a feature network, as `ganzoo.metrics.open_feature_network` takes it; None: none.
        perceptual: names of perceptual distances.

    Raises:
        UsageError: when one can't be had, saying what to install or where to put which file.
    """
    from ganzoo.metrics import open_feature_network, open_perceptual_distance

    distances = tuple(open_perceptual_distance(kind) for kind in dict.fromkeys(perceptual))
    return Instruments(open_feature_network(network) if network else None, distances)


def network_if_there(network: str) -> Instruments:
    """A feature network, or why there is none."""
    try:
        return open_instruments(network, ())
    except (UsageError, RunError) as error:
        return Instruments(skipped=(Skipped("distribution metrics", str(error)),))


def own_network_if_there(network: str) -> Instruments:
    """As `network_if_there`, for one that a file names which anyone may have made: no file that it names is opened."""
    from ganzoo.metrics.networks import NAMES

    if network in NAMES:
        return network_if_there(network)
    reason = f"the recipe, which came inside the file, names {quoted(network)}; give that, or another, as --network"
    return Instruments(skipped=(Skipped("distribution metrics", reason),))


def perceptual_if_there() -> Instruments:
    """The perceptual distances whose weights are on this machine, and why not the others. Fetches nothing."""
    from ganzoo.metrics import open_perceptual_distance, perceptual_distance

    distances, skipped = [], []
    for kind, name in PERCEPTUAL.items():
        if not perceptual_distance.is_on_disk(kind):
            reason = f"its weights are not on this machine; --perceptual {kind} fetches them, or says how to get them"
            skipped.append(Skipped(name, reason))
            continue
        try:
            distances.append(open_perceptual_distance(kind))
        except (UsageError, RunError) as error:
            skipped.append(Skipped(name, str(error)))
    return Instruments(None, tuple(distances), tuple(skipped))


def check_names(network: str | None, perceptual: Sequence[str] | None) -> None:
    """Raises a UsageError for a feature network or perceptual distance that there is not. Imports no Keras."""
    from ganzoo.metrics.networks import check_name

    if network is not None:
        check_name(network)
    for kind in perceptual or ():
        if kind not in PERCEPTUAL:
            raise UsageError(f"perceptual: found {quoted(kind)}{nearest(kind, PERCEPTUAL)}")
