"""Moving averages of networks: copies that are sampled and deployed in place of what they are averages of."""

from collections.abc import Mapping

import keras
from keras import ops


def averages_of(networks: Mapping[str, keras.Model]) -> dict[str, keras.Model]:
    """Returns a copy of each network, with its weights, that no phase trains."""
    averages = {name: _clone(network) for name, network in networks.items()}
    for name, average in averages.items():
        average.set_weights(networks[name].get_weights())
        average.trainable = False
    return averages


def _clone(network: keras.Model) -> keras.Model:
    # Layer by layer, for Keras makes nested networks of their configs, and so of stock layers alone.
    return keras.models.clone_model(
        network, clone_function=lambda layer: type(layer).from_config(layer.get_config()), recursive=True
    )


def update(average: keras.Model, network: keras.Model, decay: float, step) -> None:
    """Moves the average of a network towards it, once a step.

    Args:
        decay: the share of the average that stays, once enough steps are done.
        step: how many are.
    """
    step = ops.cast(step, "float32")
    # The first steps count for less, so that the average forgets the initial weights.
    decay = ops.minimum(decay, (1.0 + step) / (10.0 + step))
    for averaged, variable in zip(average.variables, network.variables, strict=True):
        # Batch norm's moving statistics too: those of the last weights don't fit the averaged ones.
        if "float" in variable.dtype:
            averaged.assign(variable + ops.cast(decay, variable.dtype) * (averaged - variable))
