"""The trained networks that a run begins from or learns from: those that `--init` and `model.teacher` name."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.errors import UsageError
from ganzoo.files import npz
from ganzoo.gan.gan import GAN
from ganzoo.generators import generator, pretrained, weight_files, zoo
from ganzoo.training import checkpoints
from ganzoo.training.run_directory import RunDirectory

if TYPE_CHECKING:
    import keras


def teach(gan: GAN) -> None:
    """Hands the GAN the networks of its config's teacher, if it has one that counts.

    Raises:
        UsageError: when there is no such teacher, or it takes or makes something of another shape.
        RunError: when its file can't be read.
    """
    if gan.config.teacher is not None and gan.config.distillation_weight:
        try:
            gan.teach(load_networks(gan.config.teacher, gan.deployed_names))
        except UsageError as error:
            raise UsageError(f"model.teacher: {error}") from None


def initialize(gan: GAN, model: str) -> None:
    """Sets the deployed networks to the weights of `model`: a pretrained name, a run directory or, for a single
    network, a `.keras` file. So are discriminators, which a run's newest checkpoint has and a pretrained name may have,
    where they have the same shapes; else they begin anew.

    Raises:
        UsageError: when it is no model, or one of other shapes.
        RunError: when its files can't be had.
    """
    try:
        sources = load_networks(model, gan.deployed_names)
    except UsageError as error:
        raise UsageError(f"--init {model}: {error}") from None
    stock = gan.released()
    for name, source in sources.items():
        wanted, found = ([tuple(weight.shape) for weight in one.weights] for one in (stock[name], source))
        if wanted != found:
            raise UsageError(
                f"--init {model}: its {name} has {len(found)} arrays that don't fit the {len(wanted)} of this "
                "recipe's; give a model that was trained with the same model settings"
            )
        for network in {id(n): n for n in (gan.networks()[name], gan.deployed()[name])}.values():
            gan.adopt(name, source, network)
    for name in gan.networks().keys() - sources.keys():
        take_over(name, gan.networks()[name], model)


def take_over(name: str, network: "keras.Model", model: str) -> bool:
    """Sets the weights of a network that is not deployed; returns False where the model has none of these shapes.

    Args:
        name: of the network in its GAN.
        model: a pretrained name, which may have the network besides; or a run directory: in its newest whole
            checkpoint.
    """
    if pretrained.is_name(model):
        file = f"{name}{zoo.WEIGHTS}"
        path = zoo.find(model, file) if file in zoo.weights(model) else None
        if path is None or not weight_files.fits(path, network):
            return False
        weight_files.unpack(path, network)
        return True
    variables = {f"networks/{name}/{place:03d}/{one.name}": one for place, one in enumerate(network.variables)}
    # What dropout draws is of this run.
    wanted = {key: one for key, one in variables.items() if any(one is weight for weight in network.weights)}
    for path in reversed(checkpoints.list_checkpoints(RunDirectory(Path(model).expanduser()).checkpoints)):
        # One that is damaged, or gone by now, is passed over.
        with contextlib.suppress(npz.Damaged, OSError):
            if npz.shapes(path, *wanted) != {key: tuple(one.shape) for key, one in wanted.items()}:
                return False
            for key, array in npz.read(path, *wanted).items():
                wanted[key].assign(array)
            return True
    return False


def load_networks(model: str, names: Sequence[str]) -> "dict[str, keras.Model]":
    """Returns a model's networks of these names, or its first where one alone is wanted.

    Args:
        model: a pretrained name, a run directory or, for a single network, a file that Keras opens.
        names: as in `GAN.deployed()`.

    Raises:
        UsageError: when it is no model, or lacks one of the networks.
        RunError: when its files can't be had.
    """
    if len(names) == 1:
        return {names[0]: pretrained.find(model).model}
    if generator.opens_in_keras(Path(model)):
        raise UsageError(f"{model}: holds one network; give a run directory, with {' and '.join(names)}")
    return {name: pretrained.find(model, name).model for name in names}
