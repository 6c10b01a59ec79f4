"""`ganzoo.create`: a GAN from its name and hyperparameters, without a recipe."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ganzoo.config.parsing import create_config
from ganzoo.generators import provenance
from ganzoo.recipes import registry

if TYPE_CHECKING:
    from ganzoo.gan.gan import GAN


def create(name: str, **config: Any) -> "GAN":
    """Returns a compiled GAN with new weights, ready for `fit`. Nothing is fetched.

    Args:
        name: of the architecture, one of `ganzoo.list_architectures()`.
        **config: fields of the architecture's config; what is not given has the paper's value.

    Returns:
        An instance of the architecture's class, a `ganzoo.gan.gan.GAN`, which is a `keras.Model`.

    Raises:
        UsageError: for an unknown architecture or field, or a value that is not allowed.
    """
    architecture = registry.get(name)
    gan = _described(name, architecture(create_config(architecture.config_class, **config)))
    gan.compile()
    return gan


def of_document(name: str, model: Mapping) -> "GAN":
    """Returns the GAN of an architecture and its settings as plain values, with new weights, not compiled.

    Raises:
        UsageError: for an architecture that is not here, or settings that it does not have.
    """
    return _described(name, registry.get(name).from_config({"model": model}))


def _described(name: str, gan: "GAN") -> "GAN":
    """Has the deployed networks say what they are."""
    for key, network in gan.deployed().items():
        network.provenance = provenance.of_config(name, key, gan.config)
    return gan
