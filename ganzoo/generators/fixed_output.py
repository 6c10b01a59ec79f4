"""The output of a generator for one fixed input, at a few places: it shows whether it still paints the same.

A card of a pretrained generator holds it, so that whoever loads the generator elsewhere can compare.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ganzoo.generators import keras_network, provenance
from ganzoo.lite import latents

if TYPE_CHECKING:
    import keras

SIDE = 64
"""Height and width of the picture for networks that take any."""
PLACES = 8
"""Rows and columns of the lattice."""
TOLERANCE = 1e-3
"""The largest difference in a value that another machine's rounding may make."""


def describe(networks: "Mapping[str, keras.Model]") -> dict:
    """Returns the card's entry for networks by direction: `{input, lattice}`, lattices by direction for two.

    {"input": "seed 0", "lattice": rows} or {"input": …, "lattice": {"ab": rows, "ba": rows}}, rows as of `lattice`.
    """
    made = {
        direction: lattice(network(fixed_input(network), training=False)) for direction, network in networks.items()
    }
    return {
        "input": "waves" if _takes_a_picture(next(iter(networks.values()))) else "seed 0",
        "lattice": made if len(made) > 1 else next(iter(made.values())),
    }


def fixed_input(network: "keras.Model") -> np.ndarray:
    """The latents of seed 0, float32 (1, length), or `waves` in the network's range, float32 (1, H, W, C).

    Raises:
        UsageError: for a network that takes something else.
    """
    if not _takes_a_picture(network):
        return latents.draw(0, 1, network.input_shape[-1])
    height, width, channels = network.input_shape[1:]
    low, high = keras_network.input_range(network)
    return (low + (high - low) * waves(height or SIDE, width or SIDE, channels)[None]).astype("float32")


def waves(height: int, width: int, channels: int) -> np.ndarray:
    """Returns a smooth picture in [0, 1], (height, width, channels): waves of another direction in each channel."""
    rows, columns, channel = np.ogrid[:height, :width, :channels]
    phase = (channel + 1) * rows / height + (3 - channel) * columns / width
    return 0.5 + 0.5 * np.sin(2 * np.pi * phase)


def lattice(output) -> list[list[float]]:
    """Returns the values at 8 x 8 places spread evenly over an image: 64 rows of its channels, rounded to 5 digits.

    Args:
        output: (1, H, W, C) or (H, W, C).
    """
    image = np.asarray(output, "float64").reshape(np.shape(output)[-3:])
    places = [((2 * np.arange(PLACES) + 1) * side) // (2 * PLACES) for side in image.shape[:2]]
    return np.round(image[np.ix_(*places)], 5).reshape(-1, image.shape[2]).tolist()


def _takes_a_picture(network: "keras.Model") -> bool:
    return keras_network.signature_of(network, provenance.of_model(network)).kinds == ("image",)
