"""What is measured of networks, and how: a protocol is a function in a file of its own, which is found by itself.

    @register("pairs", fits=lambda config: …, metrics=("psnr", "ssim"), distribution=True)
    def pairs(setting: Setting) -> Found:
        yield Result(…)

A recipe names one (`evaluation.protocol`), or it is the one that fits what the architecture declares in `batch` and
`deployed`. A package of one's own names modules of its protocols as entry points of the group `ganzoo.protocols`, by
the names that they are registered under; what is imported anyway is registered as it is.

Nothing here imports Keras.
"""

import dataclasses
import functools
import importlib
import importlib.metadata
import pkgutil
import warnings
from collections.abc import Callable, Sequence

from ganzoo.config import Recipe, nearest
from ganzoo.data.fields import Signature
from ganzoo.errors import UsageError, quoted
from ganzoo.evaluation.instruments import DISTRIBUTION_METRICS, PERCEPTUAL_METRICS
from ganzoo.evaluation.setting import Found, Setting

GROUP = "ganzoo.protocols"
"""Of entry points."""
_REGISTERED: dict[str, "Protocol"] = {}


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
    """What stands before the keys of an architecture's metrics, as `a_to_b_`."""

    def keys(self, config) -> dict[str, str]:
        """All that a recipe can ask for during training: the name of each metric without what stands before it."""
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
    """Function decorator: makes a function of a `Setting`, which yields results, known as the protocol `name`.

    The other arguments are those of `Protocol`.

    Raises:
        UsageError: when another function has the name.
    """

    def decorate(measure: Callable[[Setting], Found]) -> Callable[[Setting], Found]:
        known = _REGISTERED.get(name)
        home = _home(measure)
        taken_by = _home(known.measure) if known else home
        if measure.__module__ != _modules().get(name, measure.__module__):
            taken_by = _modules()[name]
        if taken_by != home:
            raise UsageError(f"protocol {quoted(name)} is already registered, by {taken_by}; give {home} another name")
        _REGISTERED[name] = Protocol(name, measure, fits, tuple(metrics), distribution, perceptual, train, prefixes)
        return measure

    return decorate


def names() -> list[str]:
    """The names of all protocols, ganzoo's own first."""
    return list(dict.fromkeys([*_modules(), *_REGISTERED]))


def get(name: str) -> Protocol:
    """The protocol of a name.

    Raises:
        UsageError: for an unknown name, suggesting the nearest; for a module that registers no protocol of the name.
    """
    if name not in names():
        raise UsageError(f"evaluation.protocol: found {quoted(name)}{nearest(name, names())}")
    if name not in _REGISTERED:
        importlib.import_module(_modules()[name])
    if name not in _REGISTERED:
        raise UsageError(
            f"protocol {quoted(name)}: {_modules()[name]} registers none of this name; put @register({name!r}, …) "
            "before its function, or name the entry point as the function is registered"
        )
    return _REGISTERED[name]


def protocol_of(recipe: Recipe) -> Protocol:
    """The protocol that a recipe names, or the first that fits its architecture.

    Raises:
        UsageError: when there is none of the name, it does not fit, or none does.
    """
    named = recipe.evaluation.protocol
    if named is not None and get(named).fits(recipe.model):
        return get(named)
    usual = next((protocol for protocol in map(get, names()) if protocol.fits(recipe.model)), None)
    if usual is None:
        raise UsageError(
            f"{recipe.architecture}: no protocol measures what its networks take and give; there are "
            f"{', '.join(names())}: register one of your own, see CONTRIBUTING.md"
        )
    if named is not None:
        raise UsageError(
            f"evaluation.protocol: found {quoted(named)}; {recipe.architecture} is evaluated by {quoted(usual.name)}"
        )
    return usual


def measure(setting: Setting) -> Found:
    """Everything that the recipe's protocol measures.

    Raises:
        UsageError: when examples or networks don't fit each other.
        RunError: when an example can't be read, or a network gives what is no number.
    """
    return protocol_of(setting.recipe).measure(setting)


def first_signature(config) -> Signature:
    """Of the network that an architecture deploys first, which is what it is for."""
    return next(iter(config.deployed.values()))


@functools.cache
def _modules() -> dict[str, str]:
    """The module of each protocol that lies in one, by name. None is imported."""
    found = {module.name: f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__)}
    for entry in importlib.metadata.entry_points(group=GROUP):
        module = found.setdefault(entry.name, entry.module)
        if module != entry.module:
            reason = f"the name is taken by {module}"
            warnings.warn(f"protocol {quoted(entry.name)} of {entry.value} is left out: {reason}", stacklevel=2)
    return found


def _home(function: Callable) -> str:
    return f"{function.__module__}.{function.__qualname__}"
