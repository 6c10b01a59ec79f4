"""The subject of an evaluation: the networks of a model, ready to run, and the recipe that says on what."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.config.recipe import DataConfig, Recipe, TrainingConfig, place_of
from ganzoo.data.fields import Label, Smaller, fields_of
from ganzoo.data.opening import of_source
from ganzoo.data.streams import Names
from ganzoo.errors import UsageError, quoted
from ganzoo.evaluation.protocols import for_networks
from ganzoo.generators import pretrained
from ganzoo.generators.generator import Generator
from ganzoo.generators.pretrained import DIRECTIONS
from ganzoo.lite import card
from ganzoo.lite.network import Network
from ganzoo.recipes import recipes, registry

if TYPE_CHECKING:
    import keras

BOTH = "both"


@dataclasses.dataclass(frozen=True)
class Files:
    """A model's networks, and what is known of them without opening one."""

    name: str
    """The name that the user gave."""
    generators: tuple[Generator, ...]

    @property
    def paths(self) -> Mapping[str, Path]:
        """Their files, or SavedModel directories, by name."""
        return {generator.name: generator.path for generator in self.generators}

    @property
    def recipe(self) -> Recipe | None:
        """The recipe by which the networks here were trained; None where it is unknown."""
        found = self.generators[0].recipe
        return found and for_networks(found, self.paths)

    @property
    def names(self) -> Names:
        """Tells what labels and tokens stand for in the networks."""
        return self.generators[0].names

    @property
    def unopened(self) -> str | None:
        """The source of their recipe, where only a user may name it; see `Provenance.unopened`."""
        return self.generators[0].unopened

    @property
    def run(self) -> Path | None:
        """The run directory, where the model was given as one. A zoo's folder is no place for what is measured."""
        return self.generators[0].run


@dataclasses.dataclass(frozen=True)
class Subject:
    """Networks that are ready to run, and the recipe that they are evaluated by."""

    name: str
    networks: Mapping[str, Network]
    """The networks, by their names among the deployed ones."""
    sha256: Mapping[str, str | None]
    """The digests of their files, by direction, or by name where that tells none; None for a model in memory."""
    recipe: Recipe
    own: Recipe | None
    """The recipe by which they were trained; None where it is unknown or its data may not be opened."""
    travelled: bool
    """The recipe came inside a file that anyone may have made."""
    names: Names
    """Tells what labels and tokens stand for in the networks."""

    @property
    def on_own_data(self) -> bool:
        """They are evaluated on the source that they were trained on."""
        return self.own is not None and place_of(self.own.data.source) == place_of(self.recipe.data.source)


def find(model: str | Path, direction: str = BOTH) -> Files:
    """The networks of a pretrained name or a run directory, or the one in a file. Imports no Keras.

    Args:
        direction: `ab`, `ba` or `both`, which are all; of a model that has one network, it is what it is.

    Raises:
        UsageError: when there is no such model or direction.
        RunError: when the files of a name can't be had.
    """
    if direction not in (*DIRECTIONS, BOTH):
        raise UsageError(f"direction: found {quoted(direction)}; allowed are {', '.join((*DIRECTIONS, BOTH))}")
    if direction == BOTH:
        return Files(str(model), tuple(pretrained.find_all(model)))
    found = pretrained.find(model, direction=direction)
    if found.direction != direction:
        raise UsageError(f"{model}: is of direction {found.direction}, not {direction}; leave the direction out")
    return Files(str(model), (found,))


def open_files(files: Files, data: str | None) -> Subject:
    """Opens the networks.

    Args:
        data: a source in place of the recipe's; needed where no recipe is known.

    Raises:
        UsageError: when no recipe is known, or the networks don't fit it.
        RunError: when a file can't be read.
    """
    networks = {generator.name: generator.network for generator in files.generators}
    recipe = files.recipe or for_networks(_usual_recipe(files.name, files.generators[0]), networks)
    sha256 = {_key(name, networks): card.digest(path) for name, path in files.paths.items()}
    return _subject(files.name, networks, sha256, with_source(recipe, data), files.generators[0])


def of_model(model: "keras.Model", data: str | None) -> Subject:
    """Returns a Keras model to evaluate by its recipe or, where that is unknown, its architecture's default.

    Raises:
        UsageError: when it is no network of an architecture, or no data is given.
    """
    found = pretrained.find(model)
    if data is None:
        raise UsageError(f"{model.name}: a model in memory has no test data; give it as data")
    networks = {found.name: found.network}
    own = found.recipe and for_networks(found.recipe, networks)
    recipe = own or for_networks(_usual_recipe(model.name, found), networks)
    return _subject(model.name, networks, {_key(found.name, networks): None}, with_source(recipe, data), found)


def _subject(name: str, networks: Mapping, sha256: Mapping, recipe: Recipe, found: Generator) -> Subject:
    travelled = found.provenance is not None and found.provenance.travelled
    own = None if found.unopened or found.recipe is None else for_networks(found.recipe, networks)
    return Subject(name, networks, sha256, recipe, own, travelled, found.names)


def with_source(recipe: Recipe, data: str | None) -> Recipe:
    """The recipe on another source, if one is given. Raises UsageError or RunError where that can't be had."""
    if data is None or place_of(data) == place_of(recipe.data.source):
        return recipe
    # What belongs together in it is the other's own.
    evaluation = dataclasses.replace(recipe.evaluation, aligned=False)
    return dataclasses.replace(recipe, data=of_source(recipe.data, data, recipe.model.batch), evaluation=evaluation)


def _key(name: str, names: Mapping) -> str:
    """Returns the key of a network in results: `ab` or `ba`, `ab` for one alone, or else its name."""
    direction = name.rpartition("_")[2]
    return direction if direction in DIRECTIONS else DIRECTIONS[0] if len(names) == 1 else name


def _usual_recipe(where: str, found: Generator) -> Recipe:
    """The default recipe of a network's architecture, at the size that it was built for; its config, if it has none."""
    if found.provenance is None:
        name = found.entry.get("model") if found.is_exported else found.model.name
        raise UsageError(
            f"{where}: {quoted(name)} is of no architecture that ganzoo knows ({', '.join(registry.names())}): "
            "there is no protocol to evaluate it by; ganzoo.metrics has the metrics themselves"
        )
    name = found.provenance.architecture
    if registry.config_class(name).default_recipe is None:
        return Recipe(name, found.config, DataConfig(), TrainingConfig(steps=1, batch_size=1))
    height, width, channels = _picture(found) or (None, None, None)
    if height != width:
        raise UsageError(
            f"{where}: takes {width}x{height}; its architecture's images are square, evaluate it as trained"
        )
    smaller = [field for field in fields_of(registry.config_class(name)).values() if isinstance(field, Smaller)]
    built = [f"model.{field.by}={found.network.interface.scale}" for field in smaller]
    if not smaller and height is not None:
        built.append(f"model.image_size={height}")
    if found.config is not None:
        labels = [field for field in fields_of(found.config).values() if isinstance(field, Label)]
        built += [f"model.{field.classes}={getattr(found.config, field.classes)}" for field in labels]
    if channels is not None:
        built.append(f"model.channels={channels}")
    return recipes.load_recipe(name, built)


def _picture(found: Generator) -> tuple[int | None, int | None, int] | None:
    """Height, width and channels of the picture that a network takes or else makes, None where any size will do; None
    for a network without pictures."""
    tensors = [*found.network.interface.inputs, *found.network.interface.outputs]
    # A model's own sizes, not those that it can be run at.
    own = tensors if found.is_exported else [*found.model.inputs, *found.model.outputs]
    shapes = (one.shape for tensor, one in zip(tensors, own, strict=False) if tensor.kind == "image")
    return next((shape[1:] for shape in shapes), None)
