"""Trained generators by name, run directory or file."""

import dataclasses
import difflib
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo import recipes, registry, zoo
from ganzoo.config import Recipe, nearest
from ganzoo.errors import RunError, UsageError, quoted
from ganzoo.lite import card
from ganzoo.lite.errors import reason

if TYPE_CHECKING:
    import keras

DIRECTIONS = ("ab", "ba")


def list_pretrained() -> list[str]:
    """The names of the trained generators that `load` takes, sorted: those that come with ganzoo.

    Where the environment variable GANZOO_WEIGHTS names a folder, those in it instead; `ganzoo.zoo` says of what form.
    """
    return zoo.names()


def load(name_or_path: str | Path, direction: str = "ab") -> "keras.Model":
    """A trained generator, ready to call: latents (batch, latent_dim), or images (batch, height, width, channels).

    One that has a name is built from its recipe, in float32, and given its weights, which are checked against the
    SHA-256 in the manifest; nothing in its files is executed.

    Args:
        name_or_path: a name from `list_pretrained()`, a run directory, or a `.keras` file; or the `.npz` file of a
            generator's weights, the recipe `config.yaml` beside it.
        direction: `ab` or `ba`: which generator of a model that has both. A file is what it is.

    Raises:
        UsageError: when there is no such model, or it is an exported one, which is no Keras model any more.
        RunError: when the file can't be had or read, or its checksum is another.
    """
    path = find_generator(name_or_path, direction)
    if path.suffix == zoo.WEIGHTS:
        return _with_weights(path)
    import keras

    from ganzoo import initial_weights

    try:
        # Keras gives layers weights before it reads those of the file; they had better be made quickly.
        with initial_weights.by_numpy():
            return keras.models.load_model(path, compile=False)
    except MemoryError:
        raise
    except Exception as error:  # Keras raises anything from KeyError to BadZipFile at a broken file.
        raise RunError(f"{path}: can't be read as a Keras model ({reason(error)})") from error


def find_generator(name_or_path: str | Path, direction: str = "ab") -> Path:
    """The file that `load` reads. Raises UsageError when there is none, saying what there is."""
    path = find_model(name_or_path, direction)
    if opens_in_keras(path):
        return path
    raise UsageError(
        f"{path}: an exported model, to be run by `ganzoo generate` or, TFLite, by ganzoo-lite; "
        "give the run directory or .keras file that it was exported from"
    )


def find_model(name_or_path: str | Path, direction: str = "ab") -> Path:
    """The file that a model stands for, or its SavedModel directory; that of a name is fetched if it has to be.

    Args:
        name_or_path: a name from `list_pretrained()`, a run directory, a SavedModel directory, or a file. A text that
            is such a name is not taken for a path; put ./ before it to mean the folder.
        direction: which generator of a model that has two.

    Raises:
        UsageError: when there is no such model.
        RunError: when the file of a name can't be had, or its checksum is another.
    """
    if direction not in DIRECTIONS:
        raise UsageError(f"direction {quoted(direction)}{nearest(direction, DIRECTIONS)}")
    if is_name(name_or_path):
        return zoo.find(name_or_path, _in_zoo(name_or_path, direction))
    path = Path(name_or_path).expanduser()
    if is_saved_model(path) or (path.is_file() and (opens_in_keras(path) or is_tflite(path))):
        return path
    if path.is_dir():
        return _in_folder(path, direction)
    raise UsageError(
        f"no model {quoted(str(name_or_path))}{_near(name_or_path)}; a model is a run directory, a .keras file, "
        "a SavedModel directory, a .tflite file or a pretrained name "
        f"({', '.join(list_pretrained()) or 'there are none'})"
    )


def is_name(name_or_path: str | Path) -> bool:
    """Whether this is the name of a pretrained generator; a `Path` never is."""
    return isinstance(name_or_path, str) and name_or_path in list_pretrained()


def directions(name_or_path: str | Path) -> tuple[str, ...]:
    """`ab` and `ba` of a name or a folder that holds a generator of each; of others, none. Nothing is fetched."""
    path = Path(name_or_path)
    if is_name(name_or_path):
        files = zoo.weights(name_or_path)
    else:
        files = [found.name for found in path.iterdir()] if path.is_dir() else []
    stems = {Path(file).stem for file in files if opens_in_keras(Path(file))}
    return tuple(direction for direction in DIRECTIONS if f"generator_{direction}" in stems)


def opens_in_keras(path: Path) -> bool:
    """Whether a file, by its name, holds a generator that runs in Keras: as Keras saved it, or as weights."""
    return path.suffix in (".keras", zoo.WEIGHTS)


def is_tflite(path: Path) -> bool:
    return path.suffix == ".tflite"


def is_saved_model(path: Path) -> bool:
    return (path / "saved_model.pb").is_file()


def takes_latents(path: Path) -> bool | None:
    """Whether the generator in a file that `find_model` found takes latents, and not images; None where it isn't told.

    Keras is not loaded. What is wrong with a file, or with its card, is said by what opens it.
    """
    if is_tflite(path) or is_saved_model(path):
        try:
            return card.interface(card.read(path), path).input.kind == "latents"
        except RunError:
            return None
    if path.suffix == zoo.WEIGHTS:
        recipe = recipes.of_file(path)
        return recipe and recipe.model.task == "latent"
    try:
        with zipfile.ZipFile(path) as archive:
            layers = json.loads(archive.read("config.json"))["config"]["layers"]
        shapes = [layer["config"]["batch_shape"] for layer in layers if layer["class_name"] == "InputLayer"]
        return len(shapes[0]) == 2 if len(shapes) == 1 else None
    except (OSError, zipfile.BadZipFile, ValueError, LookupError, TypeError):
        return None


def direction_in(name: str) -> str:
    """The direction of a generator, by the name of its network or file."""
    return "ba" if "_ba_" in f"{name}_" else "ab"


def untrained(recipe: Recipe) -> "dict[str, keras.Model]":
    """The generators that a recipe trains, with new weights, in float32: by name, as in `GAN.deployed()`."""
    model = dataclasses.replace(recipe.model, ema_decay=0.0, precision="float32")
    return registry.get(recipe.architecture)(model).deployed()


def _near(name: str | Path) -> str:
    close = difflib.get_close_matches(str(name), list_pretrained(), n=1)
    return f"; did you mean {quoted(close[0])}?" if close else ""


def _with_weights(path: Path) -> "keras.Model":
    """The generator whose weights are in a file beside its recipe."""
    recipe = recipes.of_file(path)
    if recipe is None:
        raise UsageError(f"{path}: weights alone; the config.yaml of the run that they are of must lie beside them")
    networks = untrained(recipe)
    network = networks.get(path.stem)
    if network is None:
        raise RunError(f"{path}: {recipe.architecture} has no {path.stem}; its generators are {', '.join(networks)}")
    from ganzoo import weight_files  # NumPy takes a fifth of a second, and the commands import this module.

    weight_files.unpack(path, network)
    return network


def _in_zoo(name: str, direction: str) -> str:
    """Which of its files a name stands for."""
    there = sorted(zoo.weights(name))
    found = _of_direction(name, there, direction)
    if found is None:
        raise UsageError(f"{name}: has no generator of direction {quoted(direction)}, only {', '.join(there)}")
    return found


def _in_folder(path: Path, direction: str) -> Path:
    there = sorted(found.name for found in path.iterdir())
    found = _of_direction(path, [name for name in there if opens_in_keras(Path(name))], direction)
    if found:
        return path / found
    exported = [name for name in there if is_tflite(Path(name)) or is_saved_model(path / name)]
    if exported:
        raise UsageError(f"{path}: a folder of exported models; name one of them: {', '.join(exported)}")
    raise UsageError(f"{path}: no generator in this folder; train one with: ganzoo train RECIPE --run-dir {path}")


def _of_direction(where: str | Path, files: list[str], direction: str) -> str | None:
    """Among a model's files that of the generator of this direction, or of the only one; None where there is none."""
    by_stem = {Path(file).stem: file for file in reversed(files)}
    if f"generator_{direction}" in by_stem:
        return by_stem[f"generator_{direction}"]
    if "generator" in by_stem and direction != DIRECTIONS[0]:
        raise UsageError(f"{where}: has one generator, and no direction {quoted(direction)}; leave the direction out")
    return by_stem.get("generator")
