"""The instruments of an evaluation: a feature network and perceptual distances, as far as they can be had."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from ganzoo.errors import RunError, UsageError, nearest, quoted
from ganzoo.evaluation.results import Skipped

if TYPE_CHECKING:
    from ganzoo.evaluation.protocol import Protocol
    from ganzoo.metrics.networks import FeatureNetwork
    from ganzoo.metrics.perceptual_distance import PerceptualDistance

PERCEPTUAL = {"vgg16": "VGG16 distance", "lpips": "LPIPS"}
PERCEPTUAL_METRICS = {"vgg16_distance": "vgg16", "lpips": "lpips"}
"""The perceptual distance of each key."""
DISTRIBUTION_METRICS = ("fid", "kid", "fd_efflite0", "kd_efflite0", "precision", "recall", "density", "coverage")
OF_OWN_NETWORK = ("fd_", "kd_")
"""The first letters of the keys of distances by the features of a `.keras` file."""


@dataclasses.dataclass(frozen=True)
class Instruments:
    """The networks that an evaluation measures with, and why others are missing."""

    network: "FeatureNetwork | None" = None
    distances: "tuple[PerceptualDistance, ...]" = ()
    skipped: tuple[Skipped, ...] = ()


def open_instruments(network: str | None, perceptual: Iterable[str]) -> Instruments:
    """Opens the networks that were asked for; weights that are missing are fetched.

    Args:
        network: a feature network, as `ganzoo.metrics.open_feature_network` takes it; None: none.
        perceptual: names of perceptual distances.

    Raises:
        UsageError: when one can't be had, saying what to install or where to put which file.
    """
    from ganzoo.metrics import open_feature_network, open_perceptual_distance

    distances = tuple(open_perceptual_distance(kind) for kind in dict.fromkeys(perceptual))
    return Instruments(open_feature_network(network) if network else None, distances)


def choose(
    protocol: "Protocol", network: str | None, perceptual: Sequence[str] | None, usual: str, travelled: bool
) -> Instruments:
    """Opens what was asked for, which must be had, and else what the protocol takes and can be had here.

    Args:
        network: the feature network that was asked for; None: the usual one, if it can be had.
        perceptual: the perceptual distances that were asked for; None: those whose weights are on this machine.
        usual: the recipe's feature network.
        travelled: the recipe came inside a file that anyone may have made, so that no file which it names is opened.

    Raises:
        UsageError: when something that was asked for can't be had, or is of no use to the protocol.
    """
    if network and not protocol.distribution:
        raise UsageError(f"network: {protocol.name} has no distribution metrics; leave it out")
    if perceptual and not protocol.perceptual:
        raise UsageError(f"perceptual: {protocol.name} have nothing to be compared with, one by one; leave it out")
    found, skipped = open_instruments(network, perceptual or ()), []

    def attempt(name: str, opened: Callable):
        try:
            return opened()
        except (UsageError, RunError) as error:
            skipped.append(Skipped(name, str(error)))

    if protocol.distribution and network is None:
        opened = attempt("distribution metrics", lambda: _usual_network(usual, travelled))
        found = dataclasses.replace(found, network=opened)
    if protocol.perceptual and perceptual is None:
        tried = [attempt(name, functools.partial(_from_disk, kind)) for kind, name in PERCEPTUAL.items()]
        found = dataclasses.replace(found, distances=tuple(filter(None, tried)))
    return dataclasses.replace(found, skipped=tuple(skipped))


def _usual_network(network: str, travelled: bool) -> "FeatureNetwork":
    from ganzoo.metrics.networks import NAMES

    if travelled and network not in NAMES:
        raise UsageError(
            f"the recipe, which came inside the file, names {quoted(network)}; give that, or another, as --network"
        )
    return open_instruments(network, ()).network


def _from_disk(kind: str) -> "PerceptualDistance":
    """Returns a perceptual distance. Raises UsageError where its weights would have to be fetched."""
    from ganzoo.metrics import open_perceptual_distance, perceptual_distance

    if not perceptual_distance.is_on_disk(kind):
        raise UsageError(
            f"its weights are not on this machine; --perceptual {kind} fetches them, or says how to get them"
        )
    return open_perceptual_distance(kind)


def check_names(network: str | None, perceptual: Sequence[str] | None) -> None:
    """Raises a UsageError for a feature network or perceptual distance that there is not. Imports no Keras."""
    from ganzoo.metrics.networks import check_name

    if network is not None:
        check_name(network)
    for kind in perceptual or ():
        if kind not in PERCEPTUAL:
            raise UsageError(f"perceptual: found {quoted(kind)}{nearest(kind, PERCEPTUAL)}")
