"""Registers architectures and protocols by name, and finds the modules of those that are not imported yet."""

import functools
import importlib.metadata
import importlib.util
import pkgutil
import warnings
from collections.abc import Callable
from pathlib import Path

from ganzoo.errors import UsageError, quoted

PACKAGE = "ganzoo.architectures"
"""The package of the architectures that come with ganzoo, and the group of entry points of others."""
CLASSES: dict[str, type] = {}
"""The registered architectures, by name."""


def register(name: str):
    """Class decorator: registers a subclass of `ganzoo.gan.gan.GAN` as `name`.

    Raises:
        UsageError: when another class has the name.
    """

    def decorate(architecture: type) -> type:
        module, _ = found().get(name, (None, None))
        check_free("architecture", name, architecture, CLASSES.get(name), module)
        CLASSES[name] = architecture
        return architecture

    return decorate


@functools.cache
def found() -> dict[str, tuple[str, Path]]:
    """Returns module and file of each architecture by name. Imports none of them."""
    return modules("architecture", PACKAGE, PACKAGE)


def check_free(what: str, name: str, thing: Callable, known: Callable | None, module: str | None) -> None:
    """Raises UsageError if a name is taken by something else.

    Args:
        what: kind of thing, for the error.
        name: the name.
        thing: the class or function that is to have it.
        known: what is registered by that name, if anything.
        module: the module that `modules` found for that name, if any.
    """
    home = _home(thing)
    taken_by = _home(known) if known else home
    if module not in (None, thing.__module__):
        taken_by = module
    if taken_by != home:
        raise UsageError(f"{what} {quoted(name)} is already registered, by {taken_by}; give {home} another name")


def modules(what: str, package: str, group: str) -> dict[str, tuple[str, Path]]:
    """Returns module and file of each module in a package of ganzoo and in a group of entry points, by name.

    Entry points whose name is taken, or whose module is missing, are left out with a warning. Imports none of them.

    Args:
        what: kind of thing that the modules hold, for the warnings.
        package: the package.
        group: the group of entry points.
    """
    folder = Path(__file__).parent.parent.joinpath(*package.split(".")[1:])
    names = [module.name for module in pkgutil.iter_modules([str(folder)])]
    there = {name: (f"{package}.{name}", folder / f"{name}.py") for name in names}
    for entry in importlib.metadata.entry_points(group=group):
        file = _source(entry.module)
        module, _ = there.setdefault(entry.name, (entry.module, file)) if file else (None, None)
        if module != entry.module:
            reason = f"the name is taken by {module}" if module else "there is no such module"
            warnings.warn(f"{what} {quoted(entry.name)} of {entry.value} is left out: {reason}", stacklevel=2)
    return there


def _home(thing: Callable) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"


def _source(module: str) -> Path | None:
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(found.origin) if found and found.origin else None
