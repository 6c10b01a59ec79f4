"""The protocols by name, and which one measures what: a file of this package each, or of another package.

See `ganzoo.evaluation.protocol` for what one is. Nothing here imports Keras.
"""

import copy
import dataclasses
import importlib
from collections.abc import Collection

from ganzoo.config.recipe import Recipe
from ganzoo.errors import UsageError, nearest, quoted
from ganzoo.evaluation.protocol import REGISTERED, Protocol, modules
from ganzoo.evaluation.setting import Found, Setting


def names() -> list[str]:
    """The names of all protocols, ganzoo's own first."""
    return list(dict.fromkeys([*modules(), *REGISTERED]))


def get(name: str) -> Protocol:
    """The protocol of a name.

    Raises:
        UsageError: for an unknown name, suggesting the nearest; for a module that registers no protocol of the name.
    """
    if name not in names():
        raise UsageError(f"evaluation.protocol: found {quoted(name)}{nearest(name, names())}")
    if name not in REGISTERED:
        importlib.import_module(modules()[name])
    if name not in REGISTERED:
        raise UsageError(
            f"protocol {quoted(name)}: {modules()[name]} registers none of this name; put @register({name!r}, …) "
            "before its function, or name the entry point as the function is registered"
        )
    return REGISTERED[name]


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


def for_networks(recipe: Recipe, there: Collection[str]) -> Recipe:
    """The recipe for some of its deployed networks.

    An architecture is measured by what it deploys first. Where that is not there, the recipe's config is as if no other
    network than those that are there were deployed, and a protocol that is not theirs is left out.

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
    fitting = [protocol.name for protocol in map(get, names()) if protocol.fits(config)]
    if not fitting:
        raise UsageError(
            f"{recipe.architecture}: no protocol measures {' and '.join(config.deployed)} without {first}; give the "
            f"run directory, which has it, or the file of {first}"
        )
    named = recipe.evaluation.protocol
    evaluation = dataclasses.replace(recipe.evaluation, protocol=named if named in fitting else None)
    return dataclasses.replace(recipe, model=config, evaluation=evaluation)


def measure(setting: Setting) -> Found:
    """Everything that the recipe's protocol measures.

    Raises:
        UsageError: when examples or networks don't fit each other.
        RunError: when an example can't be read, or a network gives what is no number.
    """
    return protocol_of(setting.recipe).measure(setting)
