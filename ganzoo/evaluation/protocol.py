"""Protocols: functions that measure networks, each in a file of its own, which is found by itself.

    @register("pairs", fits=lambda config: …, metrics=("psnr", "ssim"), distribution=True)
    def pairs(setting: Setting) -> Found:
        yield Result(…)

An architecture is measured by the first that fits what it declares in `batch` and `deployed`. A package of one's own
names modules of its protocols as entry points of the group `ganzoo.protocols`, by the names that they are registered
under; what is imported anyway is registered as it is, and comes before ganzoo's own.

Nothing here imports Keras.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence

from ganzoo.config import registration
from ganzoo.config.registration import check_free
from ganzoo.evaluation.instruments import DISTRIBUTION_METRICS, PERCEPTUAL_METRICS
from ganzoo.evaluation.setting import Found, Setting

PACKAGE = "ganzoo.evaluation.protocols"
GROUP = "ganzoo.protocols"
"""The group of entry points."""
REGISTERED: dict[str, "Protocol"] = {}
"""The protocols that are known already, by name."""


@dataclasses.dataclass(frozen=True)
class Protocol:
    """A way to measure networks, and what it takes for it."""

    name: str
    measure: Callable[[Setting], Found]
    fits: Callable[[type], bool]
    """Whether an architecture can be measured so, by its config or the class of it."""
    metrics: tuple[str, ...]
    """The keys of what it measures without a feature network and perceptual distances."""
    distribution: bool
    """Whether it measures sets of images with a feature network."""
    perceptual: bool
    """Whether it measures pairs of images by perceptual distances."""
    train: bool
    """Whether it measures the train split beside."""
    prefixes: Callable[[type], Sequence[str]]
    """The prefixes of the keys of an architecture's metrics, as `a_to_b_`."""

    def keys(self, config) -> dict[str, str]:
        """Returns the metrics that a recipe can ask for in training: each name without its prefix, by its key."""
        bare = (
            *(DISTRIBUTION_METRICS if self.distribution else ()),
            *self.metrics,
            *(PERCEPTUAL_METRICS if self.perceptual else ()),
        )
        return {f"{prefix}{key}": key for prefix in self.prefixes(config) for key in bare}


def register(
    name: str,
    *,
    fits: Callable[[type], bool],
    metrics: Sequence[str] = (),
    distribution: bool = False,
    perceptual: bool = False,
    train: bool = False,
    prefixes: Callable[[type], Sequence[str]] = lambda config: ("",),
):
    """Decorates a function of a `Setting`, which yields results: registers it as the protocol `name`.

    The other arguments are those of `Protocol`.

    Raises:
        UsageError: when another function has the name.
    """

    def decorate(measure: Callable[[Setting], Found]) -> Callable[[Setting], Found]:
        known = REGISTERED.get(name)
        check_free("protocol", name, measure, known and known.measure, modules().get(name))
        REGISTERED[name] = Protocol(name, measure, fits, tuple(metrics), distribution, perceptual, train, prefixes)
        return measure

    return decorate


@functools.cache
def modules() -> dict[str, str]:
    """The module of each protocol that lies in one, by name. None is imported."""
    return {name: module for name, (module, _) in registration.modules("protocol", PACKAGE, GROUP).items()}
