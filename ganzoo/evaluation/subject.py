"""What is evaluated: the generators of a model, ready to run, and the recipe that says on what."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo import inference, pretrained, recipes, registry
from ganzoo.config import Recipe, place_of
from ganzoo.errors import RunError, UsageError, quoted
from ganzoo.lite import card
from ganzoo.lite.network import Network
from ganzoo.pretrained import DIRECTIONS, direction_in

if TYPE_CHECKING:
    import keras

BOTH = "both"


@dataclasses.dataclass(frozen=True)
class Files:
    """Where a model's generators lie, and what is known of them without opening one."""

    name: str
    """As the user gave it."""
    paths: Mapping[str, Path]
    """Files that Keras opens, SavedModel directories or `.tflite` files by direction; `ab` where there is one
    generator."""
    recipe: Recipe | None
    """Of the run that they are of; None: they lie in none."""
    run: Path | None
    """The run directory, where the model was given as one."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """Generators that are ready to run, and the recipe that they are evaluated by."""

    name: str
    networks: Mapping[str, Network]
    """By direction; `ab` where there is one generator."""
    sha256: Mapping[str, str | None]
    """Of their files, by direction; None of a model in memory."""
    recipe: Recipe
    own: Recipe | None
    """By which they were trained, where that is known."""

    @property
    def on_own_data(self) -> bool:
        """They are evaluated on the source that they were trained on."""
        return self.own is not None and place_of(self.own.data.source) == place_of(self.recipe.data.source)


def find(model: str | Path, direction: str = BOTH) -> Files:
    """The generators of a pretrained name or a run directory, or the one in a file. Imports no Keras.

    Args:
        direction: `ab`, `ba` or `both`; of a model that has one generator, it is what it is.

    Raises:
        UsageError: when there is no such model or direction.
        RunError: when the files of a name can't be had.
    """
    if direction not in (*DIRECTIONS, BOTH):
        raise UsageError(f"direction: found {quoted(direction)}; allowed are {', '.join((*DIRECTIONS, BOTH))}")
    first = pretrained.find_model(model, DIRECTIONS[0] if direction == BOTH else direction)
    paths = {_direction_of(first): first}
    if direction != BOTH and direction not in paths:
        raise UsageError(f"{model}: is of direction {next(iter(paths))}, not {direction}; leave the direction out")
    place = Path(model).expanduser()
    if direction == BOTH and place != first and first.stem.endswith("_ab"):
        paths["ba"] = pretrained.find_model(model, "ba")
    # A zoo's folder is no place for what is measured.
    run = place if first == place / first.name and first.suffix == ".keras" else None
    return Files(str(model), paths, recipes.of_file(first), run)


def open_files(files: Files, data: str | None) -> Subject:
    """Opens the generators.

    Args:
        data: a source in place of the recipe's; needed where no recipe is known.

    Raises:
        UsageError: when no recipe is known, or the generators don't fit it.
        RunError: when a file can't be read.
    """
    opened = {direction: _open(path) for direction, path in files.paths.items()}
    recipe = files.recipe or _usual_recipe(files.name, next(iter(opened.values())))
    return Subject(
        files.name,
        {direction: one.network for direction, one in opened.items()},
        {direction: card.digest(path) for direction, path in files.paths.items()},
        with_source(recipe, data),
        files.recipe,
    )


def of_model(model: "keras.Model", data: str | None) -> Subject:
    """A Keras model, evaluated by its architecture's default recipe.

    Raises:
        UsageError: when it is no generator of an architecture, or no data is given.
    """
    inference.check_no_gan(model)
    if data is None:
        raise UsageError(f"{model.name}: a model in memory has no test data; give it as data")
    opened, direction = _opened(model), direction_in(model.name)
    recipe = with_source(_usual_recipe(model.name, opened), data)
    return Subject(model.name, {direction: opened.network}, {direction: None}, recipe, own=None)


def with_source(recipe: Recipe, data: str | None) -> Recipe:
    """The recipe on another source, if one is given."""
    if data is None or place_of(data) == place_of(recipe.data.source):
        return recipe
    # What belongs together in it is the other's own.
    evaluation = dataclasses.replace(recipe.evaluation, aligned=False)
    return dataclasses.replace(recipe, data=recipe.data.from_source(data), evaluation=evaluation)


def _direction_of(path: Path) -> str:
    return direction_in(path.name if pretrained.is_saved_model(path) else path.stem)


@dataclasses.dataclass(frozen=True)
class _Opened:
    """A generator that is ready to run, and what its architecture can be told by."""

    network: Network
    name: str
    """Of the Keras model that it is, or was made of."""
    shape: tuple[int | None, ...]
    """(1, H, W, C) of the images that it is for; None where it is for any."""


def _open(path: Path) -> _Opened:
    if pretrained.opens_in_keras(path):
        return _opened(pretrained.load(path))
    network, entry = inference.open_network(path), card.read(path)
    if not isinstance(entry.get("model"), str):
        raise RunError(f"{path}: its {card.NAME} names no model; export it again")
    taken = network.interface.output if network.takes_latents else network.interface.input
    return _Opened(network, entry["model"], taken.shape)


def _opened(model: "keras.Model") -> _Opened:
    network = inference.open_network(model)
    return _Opened(network, model.name, model.output_shape if network.takes_latents else model.input_shape)


def _usual_recipe(where: str, opened: _Opened) -> Recipe:
    """The default recipe of a generator's architecture, at the size that it was built for."""
    name = registry.of_network(opened.name)
    if name is None:
        raise UsageError(
            f"{where}: {quoted(opened.name)} is of no architecture that ganzoo knows ({', '.join(registry.names())}): "
            "there is no protocol to evaluate it by; ganzoo.metrics has the metrics themselves"
        )
    height, width, channels = opened.shape[1:]
    if height != width:
        raise UsageError(
            f"{where}: takes {width}x{height}; its architecture's images are square, evaluate it as trained"
        )
    if registry.config_class(name).task == "super_resolution":
        built = [f"model.scale={opened.network.interface.scale}"]
    else:
        built = [] if height is None else [f"model.image_size={height}"]
    return recipes.load_recipe(name, [*built, f"model.channels={channels}"])
