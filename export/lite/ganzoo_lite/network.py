"""A generator that is ready to run, be it TFLite, a SavedModel or Keras: from pixels or latents to pixels."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from . import card, latents
from .errors import UsageError

SAMPLES_AT_ONCE = 16


@dataclasses.dataclass(frozen=True)
class Network:
    """How a generator is called, and what it is called with."""

    name: str
    """What to call it in errors."""
    interface: card.Interface
    call: Callable[[np.ndarray | Mapping[str, np.ndarray]], np.ndarray]
    """Takes a batch as `interface.inputs` say, by name, or the array alone where there is one input; gives one as
    `interface.output` says."""

    @property
    def takes_latents(self) -> bool:
        """Whether it makes something of noise, whatever else it takes, and not of a picture or a clip."""
        return self.interface.input.kind not in ("image", "clip")

    @property
    def size(self) -> tuple[int, int] | None:
        """The one height and width that it takes; None: those that are multiples of `interface.multiple`."""
        return self.interface.input.shape[1:3] if self.interface.multiple is None else None


def paint(network: Network, pixels: np.ndarray) -> np.ndarray:
    """One picture, of a size that the network takes.

    Args:
        network: of images.
        pixels: uint8 (h, w, c).

    Returns:
        Float32 (h * scale, w * scale, c') from 0 to 255, not rounded yet.

    Raises:
        ModelError: when the network paints another size than its card says.
    """
    takes = network.interface.input
    values = pixels[None]
    if takes.dtype != "uint8":
        values = ((values.astype("float32") - takes.mean) / takes.std).astype(takes.dtype)
    painted = _to_pixels(network, network.call(values))[0]
    scale = network.interface.scale
    if painted.shape[:2] != (pixels.shape[0] * scale, pixels.shape[1] * scale):
        found = f"{painted.shape[0]}x{painted.shape[1]} of {pixels.shape[0]}x{pixels.shape[1]}"
        raise card.ModelError(f"{network.name}: paints {found}, where scale {scale} is given; export the model again")
    return painted


def sample(network: Network, count: int, seed: int = 0) -> np.ndarray:
    """Pictures from the latents of a seed, uint8 (count, H, W, C). The first are the same whatever the count."""
    return paint_latents(network, latents.draw(seed, count, latent_length(network)))


def paint_latents(network: Network, points: np.ndarray) -> np.ndarray:
    """Pictures of latents (N, length), uint8 (N, H, W, C)."""
    return np.concatenate(list(painted_latents(network, points)))


def painted_latents(network: Network, points: np.ndarray) -> Iterator[np.ndarray]:
    """The same in batches, as they are painted."""
    return (rounded(_to_pixels(network, network.call(batch))) for batch in _batches(network, points))


def rounded(pixels: np.ndarray) -> np.ndarray:
    """Floats from 0 to 255 as uint8. They are rounded in place."""
    return np.rint(pixels, out=pixels).astype("uint8")


def latent_length(network: Network) -> int:
    """How many numbers a latent has. Raises UsageError when the network takes images."""
    if not network.takes_latents:
        raise UsageError(f"{network.name} translates images and was given none: name images, or a folder of them")
    return network.interface.input.shape[-1]


def _batches(network: Network, points: np.ndarray) -> Iterator[np.ndarray]:
    at_once = network.interface.input.shape[0] or SAMPLES_AT_ONCE
    return (points[first : first + at_once] for first in range(0, len(points), at_once))


def _to_pixels(network: Network, values: np.ndarray) -> np.ndarray:
    """What lies outside is clipped, what is not a number is black."""
    gives = network.interface.output
    pixels = np.asarray(values, dtype="float32") * gives.std + gives.mean
    return np.clip(np.nan_to_num(pixels, nan=0.0), 0.0, 255.0)
