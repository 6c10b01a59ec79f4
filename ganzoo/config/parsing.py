"""Converts documents to recipes and back, with errors that name the key and what is allowed there.

Imports no Keras, so that a wrong key is answered at once.
"""

import dataclasses
import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pydantic
from pydantic import TypeAdapter

from ganzoo.config.recipe import SECTIONS, DataConfig, EvaluationConfig, Recipe, TrainingConfig
from ganzoo.errors import LONGEST, UsageError, nearest, quoted
from ganzoo.files.documents import read_yaml

RECORDS = ("versions", "run")
"""The keys of a run's `config.yaml` that are no part of a recipe; the file can be trained again as one."""
ONCE_AUTO = ("precision", "jit_compile", "steps_per_execution")
"""Settings that could be `auto`, which meant their default everywhere: recipes that say so are still read."""
RENAMED = {"training.rematerialise": "training.rematerialize"}
"""Old names of settings, which are still read, and their names now."""


def parse_recipe(document: Mapping, config_class, where: str) -> Recipe:
    """Returns the recipe in a YAML document.

    Args:
        document: the values of the YAML.
        config_class: the config of the document's architecture.
        where: the recipe's name, for errors.

    Raises:
        UsageError: for the first key or value that is not allowed, naming it.
    """
    document = _renamed(document, where)
    unknown = [key for key in document if key not in (*SECTIONS, *RECORDS)]
    if unknown:
        if home := _home(unknown[0], config_class):
            raise UsageError(f"{where}: unknown section {quoted(unknown[0])}; the setting is {home}")
        raise UsageError(f"{where}: unknown section {quoted(unknown[0])}{nearest(unknown[0], SECTIONS)}")
    training = parse_section(TrainingConfig, document.get("training"), f"{where}: training")
    model = document.get("model") or {}
    if not isinstance(model, Mapping):
        raise UsageError(f"{where}: model: found {quoted(model)}; allowed are keys with values")
    if "seed" in model:
        raise UsageError(f"{where}: model.seed is training.seed in a recipe; set that")
    evaluation = parse_section(EvaluationConfig, document.get("evaluation"), f"{where}: evaluation")
    if evaluation.every % training.log_every:
        raise UsageError(
            f"{where}: evaluation.every: found {evaluation.every}; it must be a multiple of training.log_every, "
            f"{training.log_every}, whose lines it goes into"
        )
    if training.best_metric in evaluation.metrics and training.checkpoint_every % evaluation.every:
        raise UsageError(
            f"{where}: training.checkpoint_every: found {training.checkpoint_every}; to keep the best by "
            f"{training.best_metric} it must be a multiple of evaluation.every, {evaluation.every}"
        )
    return Recipe(
        architecture=document["architecture"],
        model=parse_section(config_class, {**model, "seed": training.seed}, f"{where}: model"),
        data=parse_section(DataConfig, document.get("data"), f"{where}: data"),
        training=training,
        evaluation=evaluation,
    )


def parse_section(config_class, values: Mapping | None, where: str):
    """Makes a config of `config_class` from a mapping. Raises UsageError that names the key and what is allowed."""
    if values is not None and not isinstance(values, Mapping):
        raise UsageError(f"{where}: found {quoted(values)}; allowed are keys with values")
    values = {key: value for key, value in (values or {}).items() if key not in ONCE_AUTO or value != "auto"}
    if config_class is EvaluationConfig:
        # It named the protocol that the architecture's declaration decides on.
        values.pop("protocol", None)
    try:
        return TypeAdapter(config_class).validate_python(values)
    except pydantic.ValidationError as error:
        raise UsageError(f"{where}{_first_problem(config_class, error)}") from None


def create_config(config_class, **values):
    """Makes the config of `ganzoo.create(name, **values)`. Raises UsageError as `parse_section` does."""
    return parse_section(config_class, values, config_class.__name__)


def to_document(recipe: Recipe) -> dict:
    """Converts a recipe to plain values with every default, the content of `config.yaml`. Inverse of `parse_recipe`."""
    document = {"architecture": recipe.architecture}
    for section in SECTIONS[1:]:
        config = getattr(recipe, section)
        document[section] = TypeAdapter(type(config)).dump_python(config, mode="json")
    del document["model"]["seed"]
    return document


def override(document: Mapping, assignments: Iterable[str]) -> dict:
    """Returns the document with `a.b=value` assignments applied; values are read as YAML.

    Raises:
        UsageError: when an assignment has no `=` or goes through something that has no keys.
    """
    result = dict(document)
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path:
            raise UsageError(f"--set {quoted(assignment)}: found no key=value; write it as training.steps=1000")
        path = RENAMED.get(path.strip(), path.strip())
        *parents, key = path.split(".")
        section = result
        for parent in parents:
            if not isinstance(section.get(parent, {}), dict):
                raise UsageError(f"--set {path}: {quoted(parent)} is a value, not a section")
            # A copy: the document is not ours.
            section[parent] = dict(section.get(parent, {}))
            section = section[parent]
        try:
            section[key] = read_yaml(text)
        except ValueError:
            raise UsageError(f"--set {path}: {quoted(text)} is no YAML value") from None
        for old in (old.rpartition(".")[2] for old, new in RENAMED.items() if new == path):
            section.pop(old, None)
    return result


def _renamed(document: Mapping, where: str) -> dict:
    """Returns the document with old names replaced. Raises UsageError when a setting is given by both names."""
    result = dict(document)
    for old, new in RENAMED.items():
        section, key = old.split(".")
        values, name = result.get(section), new.partition(".")[2]
        if isinstance(values, Mapping) and key in values:
            if name in values:
                raise UsageError(f"{where}: found both {old} and {new}, its new name; remove {old}")
            result[section] = {name if given == key else given: value for given, value in values.items()}
    return result


def _home(word: Any, config_class) -> str | None:
    """Returns the full name of the setting that a word is, or nearly is; None if there is none."""
    if not isinstance(word, str):
        return None
    sections = {"model": config_class, "data": DataConfig, "training": TrainingConfig, "evaluation": EvaluationConfig}
    # A key in two sections belongs to the last: `seed` to `training`.
    homes = {
        field.name: f"{section}.{field.name}" for section, c in sections.items() for field in dataclasses.fields(c)
    }
    matches = difflib.get_close_matches(word, [*homes, *SECTIONS], n=1, cutoff=0.8)
    return homes.get(matches[0]) if matches else None


def _first_problem(config_class, error: pydantic.ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    *parents, key = problem["loc"] or ("",)
    path = ".".join(str(part)[:LONGEST] for part in problem["loc"])
    found = problem.get("input")
    match problem["type"]:
        case "unexpected_keyword_argument":
            return f".{path}: unknown key{nearest(key, _keys_at(config_class, parents))}"
        case "missing" | "missing_argument" | "missing_keyword_only_argument":
            return f".{path}: missing; give it a value"
        case "value_error":
            return f"{'.' + path if path else ''}: {problem['ctx']['error']}"
        case _:
            return f".{path}: found {quoted(found)}; {problem['msg'][0].lower()}{problem['msg'][1:]}"


def _keys_at(config_class, parents: Sequence[str]) -> list[str]:
    for part in parents:
        config_class = next(f.type for f in dataclasses.fields(config_class) if f.name == part)
    return [field.name for field in dataclasses.fields(config_class) if field.name != "seed" or parents]
