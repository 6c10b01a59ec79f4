"""The proof: a file paints what the Keras model paints, in decibels, or it is not exported."""

import dataclasses
import math
from collections.abc import Callable, Mapping

import numpy as np

from ganzoo.errors import RunError
from ganzoo.lite import card

EXAMPLES = 16
PEAK = 2.0
"""The width of the range of a generator's output, [-1, 1]."""
EQUAL = 200.0
"""What the PSNR of equal pictures is set down as: it has no finite value, and JSON no infinite one."""
FLOORS = {"none": 100.0, "float16": 75.0, "dynamic": 48.0, "int8": 45.0, "int16x8": 48.0}
"""The mean PSNR in dB below which a file is not what it claims to be. An architecture may state others.

That of int16x8 is dynamic's: both have weights of 8 bits, and activations that cost little besides.
"""
ROUNDING = 54.0
"""The highest floor of a file that gives 8 bits: rounding to 1 / 127.5 alone may cost all above 54.1 dB."""


@dataclasses.dataclass(frozen=True)
class Quality:
    """How near what a file paints is to what the Keras model paints."""

    examples: int
    psnr_mean: float
    psnr_worst: float
    largest_difference: float
    """In units of the range [-1, 1]."""
    floor: float
    passed: bool
    """Whether the mean reaches the floor."""
    allowed_below: float | None = None
    """The floor that its maker let it off to; None where it stands by the usual one."""


def floor_of(precision: str, interface: card.Interface, floors: Mapping[str, float]) -> float:
    """The floor of a file in dB, with what its architecture states otherwise."""
    found = floors.get(precision, FLOORS[precision])
    return min(found, ROUNDING) if interface.output.dtype == "uint8" else found


def measure(
    name: str,
    run: Callable[[np.ndarray], np.ndarray],
    interface: card.Interface,
    inputs: np.ndarray,
    expected: np.ndarray,
    floor: float,
    allowed_below: float | None = None,
) -> Quality:
    """Runs a file on every example, one at a time, and compares.

    Args:
        name: of the file, for errors.
        run: takes and gives batches of one, as `interface` says.
        inputs: pixels, uint8 (N, H, W, C), or latents (N, length).
        expected: what the Keras model makes of them, (N, H, W, C) in [-1, 1].
        floor: in dB.
        allowed_below: a lower one that will do as well.

    Raises:
        RunError: when the file paints what is no number.
    """
    psnrs, largest = [], 0.0
    for example, wanted in zip(inputs, expected, strict=True):
        painted = unit(run(values(example[None], interface.input)), interface.output)[0]
        if interface.output.dtype == "uint8":
            wanted = np.clip(wanted, -1.0, 1.0)
        if painted.shape != wanted.shape:
            raise RunError(f"{name}: paints {painted.shape}, where the Keras model paints {wanted.shape}")
        if not (np.isfinite(painted).all() and np.isfinite(wanted).all()):
            raise RunError(
                f"{name}: it, or the Keras model, paints values that are no numbers; look at the run with: "
                "ganzoo doctor RUN_DIR"
            )
        psnrs.append(psnr(painted, wanted))
        largest = max(largest, float(np.abs(painted - wanted).max()))
    mean = float(np.mean(psnrs))
    return Quality(
        examples=len(psnrs),
        psnr_mean=mean,
        psnr_worst=min(psnrs),
        largest_difference=largest,
        floor=floor,
        passed=mean >= floor,
        allowed_below=allowed_below,
    )


def is_enough(quality: Quality) -> bool:
    return quality.passed or (quality.allowed_below is not None and quality.psnr_mean >= quality.allowed_below)


def psnr(image: np.ndarray, other: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of two images in [-1, 1]; `EQUAL` at most."""
    error = float(np.mean((image.astype("float64") - other) ** 2))
    return min(EQUAL, 10 * math.log10(PEAK**2 / error)) if error else EQUAL


def values(batch: np.ndarray, tensor: card.Tensor) -> np.ndarray:
    """Pixels or latents as an input takes them, by what the card says of it."""
    if tensor.kind == "latents" or tensor.dtype == "uint8":
        return batch
    return ((batch.astype("float32") - tensor.mean) / tensor.std).astype("float32")


def unit(batch: np.ndarray, tensor: card.Tensor) -> np.ndarray:
    """What an output gives, in [-1, 1], by what the card says of it."""
    return (np.asarray(batch, "float64") * tensor.std + tensor.mean) / 127.5 - 1.0
