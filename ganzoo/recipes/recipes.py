"""Recipes by name or file: what `ganzoo.zoo_configs` holds, and any YAML file of the same form.

Nothing here imports TensorFlow, so that a wrong name, key or value is answered at once.
"""

import contextlib
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from ganzoo.config.parsing import override, parse_recipe
from ganzoo.config.recipe import SECTIONS, Recipe
from ganzoo.errors import UsageError, nearest, quoted
from ganzoo.files.documents import FASTEST, read_yaml
from ganzoo.recipes import registry

_SUFFIXES = (".yaml", ".yml")
_RUN_CONFIG = "config.yaml"
"""The file of a run beside its generators."""


def list_recipes() -> list[str]:
    """The names of the recipes that come with ganzoo, sorted."""
    return sorted(Path(file.name).stem for file in _folder().iterdir() if file.name.endswith(_SUFFIXES))


def load_recipe(name_or_path: str | Path, overrides: Iterable[str] = (), data: str | None = None) -> Recipe:
    """The recipe, with every key and value checked.

    Args:
        name_or_path: a name from `list_recipes()`; an architecture's name, short for its config's
            `default_recipe`; or the path of a YAML file.
        overrides: `section.key=value` assignments, applied last.
        data: a source in place of the recipe's.

    Raises:
        UsageError: names what is unknown, misspelt or out of range, and what is allowed.
    """
    where = recipe_name(name_or_path)
    document = _parse(_text(name_or_path), where)
    if data is not None:
        document = _with_source(document, data)
    document = _with_sections(override(document, overrides), where)
    if "architecture" not in document:
        raise UsageError(f"{where}: no architecture; add a line 'architecture: {registry.names()[0]}' or another")
    with _naming(where):
        config_class = registry.config_class(document["architecture"])
    return parse_recipe(document, config_class, where)


def recipe_name(name_or_path: str | Path) -> str:
    """The recipe's full name: `pix2pix_avatars` of `pix2pix`; of a YAML file its name without the suffix.

    Raises:
        UsageError: for an unknown name, suggesting the nearest.
    """
    name = str(name_or_path)
    if name.endswith(_SUFFIXES):
        return Path(name).stem
    names = {recipe: recipe for recipe in list_recipes()} | _defaults()
    if name not in names:
        raise UsageError(f"unknown recipe {quoted(name)}{nearest(name, names)}")
    return names[name]


def _defaults() -> dict[str, str]:
    """The default recipe of each architecture that declares one."""
    found = {name: config.default_recipe for name, config in registry.readable().items()}
    return {name: recipe for name, recipe in found.items() if recipe}


def run_of(path: Path) -> tuple[Path, dict] | None:
    """The `config.yaml` of the run that a network's file is of, and what it holds, unchecked.

    It is of a run if it lies at its top, or among its checkpoints as the best. None for a file that lies elsewhere.
    """
    folders = [path.parent, *(parent.parent for parent in path.parents if parent.name == "checkpoints")]
    documents = ((folder / _RUN_CONFIG, run_document(folder / _RUN_CONFIG)) for folder in folders[:2])
    return next(((config, document) for config, document in documents if document), None)


def run_document(config: Path) -> dict | None:
    """Returns what a run's `config.yaml` holds, unchecked; None where there is none of a known architecture."""
    document = _document(config)
    return document if document.get("architecture") in registry.names() else None


def check_installed(config: Path) -> None:
    """Raises UsageError for the `config.yaml` of a run whose architecture is not installed here."""
    name = _document(config).get("architecture")
    if isinstance(name, str) and name not in registry.names():
        known = nearest(name, registry.names())
        raise UsageError(f"{config}: architecture {quoted(name)} is not installed here{known}; install its package")


def _document(config: Path) -> dict:
    try:
        document = read_yaml(config.read_text("utf-8"), FASTEST) if config.is_file() else None
    except ValueError:
        document = None
    return document if isinstance(document, dict) else {}


def header(name_or_path: str | Path) -> str:
    """The comment at the head of a recipe: what it does, the command, how long it takes on what, what to expect."""
    lines = []
    for line in _text(name_or_path).splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").removeprefix(" "))
    return "\n".join(lines).strip()


def _folder():
    return resources.files("ganzoo.zoo_configs")


def _text(name_or_path: str | Path) -> str:
    if not str(name_or_path).endswith(_SUFFIXES):
        return (_folder() / f"{recipe_name(name_or_path)}.yaml").read_text("utf-8")
    path = Path(name_or_path).expanduser()
    if not path.is_file():
        raise UsageError(
            f"recipe {name_or_path}: no such file; give a YAML file, or one of {', '.join(list_recipes())}"
        )
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"recipe {name_or_path}: not text in UTF-8; a recipe is a YAML file") from None


def _parse(text: str, where: str) -> dict:
    try:
        document = read_yaml(text)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None
    if not isinstance(document, dict):
        raise UsageError(f"{where}: found {quoted(document)}; a recipe has the sections {', '.join(SECTIONS)}")
    return _with_sections(document, where)


def _with_sections(document: dict, where: str) -> dict:
    """The document without sections that are empty. Raises UsageError for one that is no section."""
    for section in SECTIONS[1:]:
        if not isinstance(document.get(section) or {}, dict):
            raise UsageError(f"{where}: {section}: found {quoted(document[section])}; allowed are keys with values")
    return {key: value for key, value in document.items() if value is not None}


def _with_source(document: dict, source: str) -> dict:
    # These are names within the recipe's own source; in another they mean nothing.
    section = {key: value for key, value in document.get("data", {}).items() if key not in ("domains", "label")}
    return {**document, "data": {**section, "source": source}}


@contextlib.contextmanager
def _naming(where: str):
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
