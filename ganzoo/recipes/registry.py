"""The architectures by name.

One is a file in `ganzoo/architectures/`, found by itself; a module of another package, which names it as an entry point
of the group `ganzoo.architectures`; or a class registered by hand.

Names and configs can be had without importing Keras, which takes seconds: a wrong key is answered at once.
"""

import ast
import functools
import importlib
import warnings
from pathlib import Path

from ganzoo.config import registration
from ganzoo.config.registration import register
from ganzoo.errors import UsageError, nearest, quoted, reason

__all__ = ["config_class", "get", "names", "register", "summary"]

_SLOW_PACKAGES = ("ganzoo", "jax", "keras", "tensorflow")
_CHEAP_MODULES = ("ganzoo.config.recipe", "ganzoo.data.fields")


def names() -> list[str]:
    """The names of all architectures, sorted."""
    return sorted({*registration.found(), *registration.CLASSES})


def readable() -> dict[str, type]:
    """The config of every architecture that can be read, by name; of one that can't be, a warning says why."""
    found = {}
    for name in names():
        try:
            found[name] = config_class(name)
        except UsageError as error:
            warnings.warn(f"architecture {quoted(name)} is left out: {error}", stacklevel=2)
    return found


def get(name: str) -> type:
    """The architecture's class, a subclass of `ganzoo.gan.gan.GAN`.

    Raises:
        UsageError: for an unknown name, suggesting the nearest; for a module that does not register the name that its
            entry point has.
    """
    _check(name)
    if name not in registration.CLASSES:
        module, _ = registration.found()[name]
        importlib.import_module(module)
        if name not in registration.CLASSES:
            raise UsageError(
                f"architecture {name!r}: {module} registers no class of this name; put @register({name!r}) before its "
                "class, or name the entry point as the class is registered"
            )
    return registration.CLASSES[name]


def config_class(name: str) -> type:
    """The architecture's config, read from its file without running the rest, which would import Keras.

    It is equal to `get(name).config_class` in all but identity.

    Raises:
        UsageError: for an unknown name, suggesting the nearest; for a file that can't be read without the rest.
    """
    _check(name)
    if name in registration.found():
        return _read_config(*registration.found()[name])
    return registration.CLASSES[name].config_class


def summary(name: str) -> str:
    """The first line of the architecture's docstring."""
    _check(name)
    if name in registration.found():
        document = ast.get_docstring(ast.parse(registration.found()[name][1].read_text("utf-8")))
    else:
        document = registration.CLASSES[name].__doc__
    return (document or "").partition("\n")[0]


def _check(name: str) -> None:
    if name not in names():
        raise UsageError(f"unknown architecture {quoted(name)}{nearest(name, names())}")


@functools.cache
def _read_config(module: str, path: Path) -> type:
    """Runs of an architecture's file only the imports that are cheap and the class whose name ends in Config."""
    try:
        tree = ast.parse(path.read_text("utf-8"), filename=str(path))
    except (OSError, ValueError, SyntaxError) as error:
        raise UsageError(f"{path}: can't be read as Python ({reason(error)}); mend it, or uninstall it") from None
    tree.body = [node for node in tree.body if _is_cheap_import(node) or _is_config(node)]
    configs = [node.name for node in tree.body if _is_config(node)]
    if not configs:
        raise UsageError(f"{path}: no class whose name ends in Config; an architecture's file has one, of its settings")
    namespace = {"__name__": module}
    try:
        exec(compile(tree, str(path), "exec"), namespace)
    except NameError as error:
        raise UsageError(
            f"{path}: {configs[0]} uses {error.name!r}, which is not there when settings are read without the rest of "
            f"the file: use what the class itself, {' or '.join(_CHEAP_MODULES)} or an import without Keras has"
        ) from None
    except Exception as error:  # It is another's code, of which anything may come.
        raise UsageError(
            f"{path}: {configs[0]} can't be read ({type(error).__name__}: {reason(error)}); mend it, or uninstall it"
        ) from None
    return namespace[configs[0]]


def _is_config(node: ast.stmt) -> bool:
    return isinstance(node, ast.ClassDef) and node.name.endswith("Config")


def _is_cheap_import(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        modules = [node.module]
    elif isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    else:
        return False
    return all(module in _CHEAP_MODULES or module.split(".")[0] not in _SLOW_PACKAGES for module in modules)
