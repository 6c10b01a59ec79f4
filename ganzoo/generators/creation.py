"""`ganzoo.create`: a GAN from its name and hyperparameters, without a recipe."""

from ganzoo.config.parsing import create_config
from ganzoo.generators import provenance
from ganzoo.recipes import registry


def create(name: str, **config):
    """A compiled GAN with new weights: ready for `fit`. Nothing is fetched.

    Args:
        name: of the architecture, one of `ganzoo.list_architectures()`.
        **config: fields of the architecture's config; what is not given has the paper's value.

    Returns:
        An instance of the architecture's class, a `ganzoo.gan.gan.GAN`, which is a `keras.Model`.

    Raises:
        UsageError: for an unknown architecture or field, or a value that is not allowed.
    """
    architecture = registry.get(name)
    gan = architecture(create_config(architecture.config_class, **config))
    gan.compile()
    for key, network in gan.deployed().items():
        network.provenance = provenance.of_config(name, key, gan.config)
    return gan
