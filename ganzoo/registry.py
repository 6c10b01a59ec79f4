"""The architectures by name. One is a file in `ganzoo/architectures/`, found by itself, or a class registered by hand.

Names and configs can be had without importing Keras, which takes seconds: a wrong key is answered at once.
"""

import ast
import functools
import importlib
import pkgutil
from pathlib import Path

from ganzoo.config import nearest
from ganzoo.errors import UsageError

_PACKAGE = "ganzoo.architectures"
_SLOW_PACKAGES = ("ganzoo", "jax", "keras", "tensorflow")
_REGISTERED: dict[str, type] = {}


def register(name: str):
    """Class decorator: makes a subclass of `ganzoo.gan.GAN` known as `name`.

    Raises:
        UsageError: when another class has the name.
    """

    def decorate(architecture: type) -> type:
        home = f"{architecture.__module__}.{architecture.__qualname__}"
        known = _REGISTERED.get(name)
        taken_by = f"{known.__module__}.{known.__qualname__}" if known else None
        if name in _files() and architecture.__module__ != f"{_PACKAGE}.{name}":
            taken_by = f"{_PACKAGE}.{name}"
        if taken_by not in (None, home):
            raise UsageError(f"architecture {name!r} is already registered, by {taken_by}; give {home} another name")
        _REGISTERED[name] = architecture
        return architecture

    return decorate


def names() -> list[str]:
    """The names of all architectures, sorted."""
    return sorted({*_files(), *_REGISTERED})


def get(name: str) -> type:
    """The architecture's class, a subclass of `ganzoo.gan.GAN`.

    Raises:
        UsageError: for an unknown name, suggesting the nearest.
    """
    _check(name)
    if name not in _REGISTERED:
        importlib.import_module(f"{_PACKAGE}.{name}")
    return _REGISTERED[name]


def config_class(name: str) -> type:
    """The architecture's config, read from its file without running the rest, which would import Keras.

    It is equal to `get(name).config_class` in all but identity.

    Raises:
        UsageError: for an unknown name, suggesting the nearest.
    """
    _check(name)
    if name in _files():
        return _read_config(_files()[name])
    return _REGISTERED[name].config_class


def of_network(name: str) -> str | None:
    """The architecture whose networks' names begin as `name` does; None where there is none."""
    return next((known for known in names() if name.startswith(f"{known}_")), None)


def summary(name: str) -> str:
    """The first line of the architecture's docstring."""
    _check(name)
    if name in _files():
        document = ast.get_docstring(ast.parse(_files()[name].read_text("utf-8")))
    else:
        document = _REGISTERED[name].__doc__
    return (document or "").partition("\n")[0]


def _check(name: str) -> None:
    if name not in names():
        raise UsageError(f"unknown architecture {name!r}{nearest(name, names())}")


def _files() -> dict[str, Path]:
    folder = Path(__file__).parent / "architectures"
    return {module.name: folder / f"{module.name}.py" for module in pkgutil.iter_modules([str(folder)])}


@functools.cache
def _read_config(path: Path) -> type:
    """Runs of an architecture's file only the imports that are cheap and the class whose name ends in Config."""
    tree = ast.parse(path.read_text("utf-8"), filename=str(path))
    tree.body = [node for node in tree.body if _is_cheap_import(node) or _is_config(node)]
    namespace = {"__name__": f"{_PACKAGE}.{path.stem}"}
    exec(compile(tree, str(path), "exec"), namespace)
    return namespace[next(node.name for node in tree.body if _is_config(node))]


def _is_config(node: ast.stmt) -> bool:
    return isinstance(node, ast.ClassDef) and node.name.endswith("Config")


def _is_cheap_import(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        modules = [node.module]
    elif isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    else:
        return False
    return all(module == "ganzoo.config" or module.split(".")[0] not in _SLOW_PACKAGES for module in modules)
