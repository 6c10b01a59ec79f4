"""The protocols by name, and which one measures what: a file of this package each, or of another package.

See `ganzoo.evaluation.protocol` for what one is. Nothing here imports Keras.
"""

import copy
import dataclasses
import importlib
from collections.abc import Collection

from ganzoo.config.recipe import Recipe
from ganzoo.errors import UsageError, quoted
from ganzoo.evaluation.protocol import REGISTERED, Protocol, modules
from ganzoo.evaluation.setting import Found, Setting


def names() -> list[str]:
    """Returns the names of all protocols: those that are registered by hand, ganzoo's own, those of packages."""
    there = modules()
    return [*(name for name in REGISTERED if name not in there), *there]


def get(name: str) -> Protocol:
    """Returns the protocol of one of the `names`.

    Raises:
        UsageError: when its module registers no protocol of the name.
    """
    if name not in REGISTERED:
        importlib.import_module(modules()[name])
    if name not in REGISTERED:
        raise UsageError(
            f"protocol {quoted(name)}: {modules()[name]} registers none of this name; put @register({name!r}, …) "
            "before its function, or name the entry point as the function is registered"
        )
    return REGISTERED[name]


def protocol_of(recipe: Recipe) -> Protocol:
    """Returns the first protocol that fits the recipe's architecture.

    Raises:
        UsageError: when none does.
    """
    for protocol in map(get, names()):
        if protocol.fits(recipe.model):
            return protocol
    raise UsageError(
        f"{recipe.architecture}: no protocol measures what its networks take and give; there are "
        f"{', '.join(names())}: register one of your own, see docs/evaluation.md"
    )


def for_networks(recipe: Recipe, there: Collection[str]) -> Recipe:
    """Returns the recipe for some of its deployed networks.

    An architecture is measured by what it deploys first. Where that is not there, the recipe's config is as if no other
    network than those that are there were deployed.

    Args:
        there: the names of the networks.

    Raises:
        UsageError: when no protocol measures those that are there.
    """
    deployed = recipe.model.deployed
    first = next(iter(deployed))
    if first in there:
        return recipe
    config = copy.copy(recipe.model)
    # Beside its class, whose networks are all that there may be.
    vars(config)["deployed"] = {name: signature for name, signature in deployed.items() if name in there}
    if not any(protocol.fits(config) for protocol in map(get, names())):
        raise UsageError(
            f"{recipe.architecture}: no protocol measures {' and '.join(config.deployed)} without {first}; give the "
            f"run directory, which has it, or the file of {first}"
        )
    return dataclasses.replace(recipe, model=config)


def measure(setting: Setting) -> Found:
    """Yields everything that the recipe's protocol measures.

    Raises:
        UsageError: when examples or networks don't fit each other.
        RunError: when an example can't be read, or a network gives what is no number.
    """
    return protocol_of(setting.recipe).measure(setting)
