"""Trained generators by name, run directory or file."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.errors import UsageError, near_miss, nearest, quoted
from ganzoo.generators import generator, provenance, zoo
from ganzoo.generators.generator import Generator
from ganzoo.recipes import recipes, registry

if TYPE_CHECKING:
    import keras

DIRECTIONS = ("ab", "ba")
BY_HAND = ("generator_ab", "generator_ba", "generator")
"""Names of files in a folder without a recipe, which were saved by hand."""


def list_pretrained() -> list[str]:
    """The names of the trained generators that `load` takes, sorted: those that come with ganzoo.

    Where the environment variable GANZOO_WEIGHTS names a folder, those in it instead; `zoo` says of what form.
    """
    return zoo.names()


def load(name_or_path: str | Path, direction: str = "ab", *, network: str | None = None) -> "keras.Model":
    """Returns a trained generator to call with latents (batch, latent_dim) or images (batch, height, width, channels).

    One that has a name is built from its recipe, in float32, and given its weights, which are checked against the
    SHA-256 in the manifest; nothing in its files is executed.

    Args:
        name_or_path: a name from `list_pretrained()`, a run directory, or a `.keras` file; or the `.npz` file of a
            generator's weights, the recipe `config.yaml` beside it.
        direction: `ab` or `ba`: which generator of a model that has both. A file is what it is.
        network: the name of one of a model's deployed networks, in place of the direction.

    Raises:
        UsageError: when there is no such model, or it is an exported one, which is no Keras model any more.
        RunError: when the file can't be had or read, or its checksum is another.
    """
    return find(name_or_path, network, direction).model


def find(
    model: "str | Path | keras.Model | Generator", network: str | None = None, direction: str = DIRECTIONS[0]
) -> Generator:
    """Returns the generator that a model stands for. Its file is fetched if it has to be, and not opened yet.

    Args:
        model: a name from `list_pretrained()`, a run directory, a SavedModel directory, a file, or a Keras model. A
            text that is such a name is not taken for a path; put ./ before it to mean the folder.
        network: the name of one of a model's deployed networks, as `generator_ba`. None: by the direction.
        direction: `ab` or `ba`, short for the network whose name ends so; of a model that has none such, `ab` is its
            first. A file is what it is.

    Raises:
        UsageError: when there is no such model or network.
        RunError: when the file of a name can't be had, or its checksum is another.
    """
    if direction not in DIRECTIONS:
        raise UsageError(f"direction {quoted(direction)}{nearest(direction, DIRECTIONS)}")
    if network is not None and direction != DIRECTIONS[0] and not network.endswith(f"_{direction}"):
        raise UsageError(f"network {quoted(network)} and direction {quoted(direction)}: are not the same; give one")
    if isinstance(model, Generator):
        return model
    if not isinstance(model, str | Path):
        return generator.of_model(model)
    path = Path(model).expanduser()
    if is_name(model):
        files = _files(model)
        return Generator(model, zoo.find(model, files[_chosen(model, files, network, direction)]))
    if generator.is_saved_model(path) or (path.is_file() and _is_model(path)):
        if whole := {found.network: found for found in provenance.of_gan(path)}:
            return Generator(str(model), path, of_gan=whole[_chosen(model, whole, network, direction)])
        found = Generator(str(model), path)
        if network is not None and network != found.name:
            raise UsageError(f"{model}: holds {found.name}, and no {quoted(network)}; leave the network out")
        return found
    if path.is_dir():
        return _in_folder(path, network, direction)
    known = list_pretrained()
    raise UsageError(
        f"no model {quoted(str(model))}{near_miss(str(model), known)}; a model is a run directory, a .keras file, "
        f"a SavedModel directory, a .tflite file or a pretrained name ({', '.join(known) or 'there are none'})"
    )


def find_all(model: "str | Path | keras.Model | Generator") -> list[Generator]:
    """Returns all generators of a model, in the order of its architecture. Arguments and errors as `find`."""
    return [find(model, network) for network in networks(model)] or [find(model)]


def networks(model: "str | Path | keras.Model | Generator") -> tuple[str, ...]:
    """The names of the deployed networks of a name, a folder or a file of a whole GAN; of others, none.

    Nothing is fetched but the recipe.
    """
    path = Path(model).expanduser() if isinstance(model, str | Path) else None
    if is_name(model) or (path and path.is_dir()):
        return tuple(_files(model))
    return tuple(found.network for found in provenance.of_gan(path)) if path and path.is_file() else ()


def is_name(name_or_path) -> bool:
    """Returns whether this is the name of a pretrained generator; a `Path` never is."""
    return isinstance(name_or_path, str) and name_or_path in list_pretrained()


def _files(model: str | Path) -> dict[str, str]:
    """The files of a name or a folder that Keras opens, by their networks, in the order of its architecture."""
    if is_name(model):
        there, config = sorted(zoo.weights(model)), zoo.config(model)
    else:
        folder = Path(model).expanduser()
        there = sorted(file.name for file in folder.iterdir() if generator.opens_in_keras(file))
        config = folder / zoo.CONFIG
    by_stem = {Path(file).stem: file for file in reversed(there)}
    run = recipes.run_document(config)
    order = [*(registry.config_class(run["architecture"]).deployed if run else ()), *BY_HAND]
    return {network: by_stem[network] for network in order if network in by_stem}


def _in_folder(path: Path, network: str | None, direction: str) -> Generator:
    files = _files(path)
    if files:
        name = _chosen(path, files, network, direction)
        return Generator(str(path), path / files[name], run=path if files[name].endswith(".keras") else None)
    exported = sorted(found.name for found in path.iterdir() if _is_exported(found))
    if exported:
        raise UsageError(f"{path}: a folder of exported models; name one of them: {', '.join(exported)}")
    recipes.check_installed(path / zoo.CONFIG)
    raise UsageError(f"{path}: no generator in this folder; train one with: ganzoo train RECIPE --run-dir {path}")


def _chosen(where: str | Path, networks: Iterable[str], network: str | None, direction: str) -> str:
    """The name of a network. Raises UsageError for one that is not among a model's deployed networks."""
    known = list(networks)
    if network is not None:
        if network not in known:
            raise UsageError(f"{where}: has no deployed network {quoted(network)}, only {', '.join(known)}")
        return network
    of_direction = [name for name in known if name.endswith(f"_{direction}")]
    if not of_direction and direction != DIRECTIONS[0]:
        has = "has one generator, and" if len(known) == 1 else f"has {', '.join(known)}, and"
        raise UsageError(f"{where}: {has} no direction {quoted(direction)}; leave the direction out")
    return (of_direction or known)[0]


def _is_model(path: Path) -> bool:
    return generator.opens_in_keras(path) or generator.is_tflite(path)


def _is_exported(path: Path) -> bool:
    return generator.is_tflite(path) or generator.is_saved_model(path)
