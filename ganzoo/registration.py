"""What architectures call to be known by a name, and where those lie that have not been imported yet."""

import functools
import importlib.metadata
import importlib.util
import pkgutil
import warnings
from pathlib import Path

from ganzoo.errors import UsageError, quoted

PACKAGE = "ganzoo.architectures"
"""The package of those that come with ganzoo, and the group of entry points of others."""
CLASSES: dict[str, type] = {}
"""Those that are registered, by name."""


def register(name: str):
    """Class decorator: makes a subclass of `ganzoo.gan.GAN` known as `name`.

    Raises:
        UsageError: when another class has the name.
    """

    def decorate(architecture: type) -> type:
        home = f"{architecture.__module__}.{architecture.__qualname__}"
        known = CLASSES.get(name)
        taken_by = f"{known.__module__}.{known.__qualname__}" if known else None
        if architecture.__module__ != found().get(name, (architecture.__module__,))[0]:
            taken_by = found()[name][0]
        if taken_by not in (None, home):
            raise UsageError(
                f"architecture {quoted(name)} is already registered, by {taken_by}; give {home} another name"
            )
        CLASSES[name] = architecture
        return architecture

    return decorate


@functools.cache
def found() -> dict[str, tuple[str, Path]]:
    """Module and file of each architecture that lies in one, by name. None is run, only found."""
    folder = Path(__file__).parent / "architectures"
    names = [module.name for module in pkgutil.iter_modules([str(folder)])]
    modules = {name: (f"{PACKAGE}.{name}", folder / f"{name}.py") for name in names}
    for entry in importlib.metadata.entry_points(group=PACKAGE):
        file = _source(entry.module)
        module, _ = modules.setdefault(entry.name, (entry.module, file)) if file else (None, None)
        if module != entry.module:
            reason = f"the name is taken by {module}" if module else "there is no such module"
            warnings.warn(f"architecture {quoted(entry.name)} of {entry.value} is left out: {reason}", stacklevel=2)
    return modules


def _source(module: str) -> Path | None:
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(found.origin) if found and found.origin else None
