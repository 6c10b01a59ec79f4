"""The output of a generator for one fixed input, at a few places: it shows whether it still paints the same.

A card of a pretrained generator holds it, so that whoever loads the generator elsewhere can compare.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ganzoo.core.kinds import one_or_all
from ganzoo.generators import keras_network, pretrained, provenance
from ganzoo.lite import latents

if TYPE_CHECKING:
    import keras

SIDE = 64
"""Height and width of the picture for networks that take any."""
PLACES = 8
"""Rows and columns of the lattice."""
TOLERANCE = 1e-3
"""The largest difference in a value that another machine's rounding may make."""


def networks(name: str) -> "dict[str, keras.Model]":
    """Returns a generator's deployed networks by short name: `generator`, `classifier`; of two, `ab` and `ba`."""
    return {found.name.removeprefix("generator_"): found.model for found in pretrained.find_all(name)}


def describe(networks: "Mapping[str, keras.Model]") -> dict:
    """Returns the card's entry for `networks`: `{input, lattice}`, lattices by name where there are several.

    {"input": "seed 0", "lattice": rows} or {"input": …, "lattice": {"ab": rows, "ba": rows}}, rows as of `lattice`.
    """
    made = {
        name: lattice(network(one_or_all(fixed_inputs(network)), training=False)) for name, network in networks.items()
    }
    first = next(iter(networks.values()))
    return {
        "input": "waves" if "image" in _taken(first) else "seed 0",
        "lattice": made if len(made) > 1 else next(iter(made.values())),
    }


def fixed_inputs(network: "keras.Model") -> list[np.ndarray]:
    """Returns what a network is given, in order, each of a batch of 1.

    That is the latents of seed 0, (1, length), `waves` in the network's range, (1, H, W, C), and of whole numbers,
    labels or tokens, 0.

    Raises:
        UsageError: for a network that takes something else.
    """
    return [
        _fixed_input(network, kind, tensor.shape[1:])
        for kind, tensor in zip(_taken(network), network.inputs, strict=True)
    ]


def _fixed_input(network: "keras.Model", kind: str, shape: tuple[int | None, ...]) -> np.ndarray:
    if kind == "latents":
        return latents.draw(0, 1, shape[0])
    if kind == "image":
        height, width, channels = shape
        low, high = keras_network.input_range(network)
        return (low + (high - low) * waves(height or SIDE, width or SIDE, channels)[None]).astype("float32")
    return np.zeros((1, *shape), "int32")


def waves(height: int, width: int, channels: int) -> np.ndarray:
    """Returns a smooth picture in [0, 1], (height, width, channels): waves of another direction in each channel."""
    rows, columns, channel = np.ogrid[:height, :width, :channels]
    phase = (channel + 1) * rows / height + (3 - channel) * columns / width
    return 0.5 + 0.5 * np.sin(2 * np.pi * phase)


def lattice(output) -> list[list[float]]:
    """Returns the values at 8 x 8 places spread evenly over an image: 64 rows of its channels, rounded to 5 digits.

    Args:
        output: (1, H, W, C) or (H, W, C); or numbers (1, N) that are no image, each a row then.
    """
    if np.ndim(output) == 2:
        return np.round(np.asarray(output, "float64"), 5).reshape(-1, 1).tolist()
    image = np.asarray(output, "float64").reshape(np.shape(output)[-3:])
    places = [((2 * np.arange(PLACES) + 1) * side) // (2 * PLACES) for side in image.shape[:2]]
    return np.round(image[np.ix_(*places)], 5).reshape(-1, image.shape[2]).tolist()


def _taken(network: "keras.Model") -> tuple[str, ...]:
    return keras_network.signature_of(network, provenance.of_model(network)).kinds
