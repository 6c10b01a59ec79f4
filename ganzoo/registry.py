"""The architectures by name.

One is a file in `ganzoo/architectures/`, found by itself; a module of another package, which names it as an entry point
of the group `ganzoo.architectures`; or a class registered by hand.

Names and configs can be had without importing Keras, which takes seconds: a wrong key is answered at once.
"""

import ast
import functools
import importlib
import importlib.metadata
import importlib.util
import pkgutil
import warnings
from pathlib import Path

from ganzoo.config import nearest
from ganzoo.errors import UsageError, quoted

_PACKAGE = "ganzoo.architectures"
_SLOW_PACKAGES = ("ganzoo", "jax", "keras", "tensorflow")
_CHEAP_MODULES = ("ganzoo.config", "ganzoo.data.fields")
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
        if architecture.__module__ != _found().get(name, (architecture.__module__,))[0]:
            taken_by = _found()[name][0]
        if taken_by not in (None, home):
            raise UsageError(
                f"architecture {quoted(name)} is already registered, by {taken_by}; give {home} another name"
            )
        _REGISTERED[name] = architecture
        return architecture

    return decorate


def names() -> list[str]:
    """The names of all architectures, sorted."""
    return sorted({*_found(), *_REGISTERED})


def get(name: str) -> type:
    """The architecture's class, a subclass of `ganzoo.gan.GAN`.

    Raises:
        UsageError: for an unknown name, suggesting the nearest; for a module that does not register the name that its
            entry point has.
    """
    _check(name)
    if name not in _REGISTERED:
        importlib.import_module(_found()[name][0])
    if name not in _REGISTERED:
        raise UsageError(
            f"architecture {name!r}: {_found()[name][0]} registers no class of this name; put @register({name!r}) "
            "before its class, or name the entry point as the class is registered"
        )
    return _REGISTERED[name]


def config_class(name: str) -> type:
    """The architecture's config, read from its file without running the rest, which would import Keras.

    It is equal to `get(name).config_class` in all but identity.

    Raises:
        UsageError: for an unknown name, suggesting the nearest.
    """
    _check(name)
    if name in _found():
        return _read_config(*_found()[name])
    return _REGISTERED[name].config_class


def of_network(name: str) -> str | None:
    """The architecture whose networks' names begin as `name` does; None where there is none."""
    return next((known for known in names() if name.startswith(f"{known}_")), None)


def summary(name: str) -> str:
    """The first line of the architecture's docstring."""
    _check(name)
    if name in _found():
        document = ast.get_docstring(ast.parse(_found()[name][1].read_text("utf-8")))
    else:
        document = _REGISTERED[name].__doc__
    return (document or "").partition("\n")[0]


def _check(name: str) -> None:
    if name not in names():
        raise UsageError(f"unknown architecture {quoted(name)}{nearest(name, names())}")


@functools.cache
def _found() -> dict[str, tuple[str, Path]]:
    """Module and file of each architecture that lies in one, by name. None is run, only found."""
    folder = Path(__file__).parent / "architectures"
    names = [module.name for module in pkgutil.iter_modules([str(folder)])]
    found = {name: (f"{_PACKAGE}.{name}", folder / f"{name}.py") for name in names}
    for entry in importlib.metadata.entry_points(group=_PACKAGE):
        file = _source(entry.module)
        module, _ = found.setdefault(entry.name, (entry.module, file)) if file else (None, None)
        if module != entry.module:
            reason = f"the name is taken by {module}" if module else "there is no such module"
            warnings.warn(f"architecture {quoted(entry.name)} of {entry.value} is left out: {reason}", stacklevel=2)
    return found


def _source(module: str) -> Path | None:
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(found.origin) if found and found.origin else None


@functools.cache
def _read_config(module: str, path: Path) -> type:
    """Runs of an architecture's file only the imports that are cheap and the class whose name ends in Config."""
    tree = ast.parse(path.read_text("utf-8"), filename=str(path))
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
            "the file: use what the class itself, {' or '.join(_CHEAP_MODULES)} or an import without Keras has"
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
