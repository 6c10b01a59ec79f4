"""The proof: a file makes what the Keras model makes, in decibels, or it is not exported.

Pictures are compared by their PSNR, and all else by the signal-to-noise ratio of its values; classifiers, besides, by
the share of examples for which both find the same class.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ganzoo.core.kinds import one_or_all
from ganzoo.errors import RunError
from ganzoo.exporting.calibrate import one_by_one
from ganzoo.lite import card
from ganzoo.lite.network import Network, called

if TYPE_CHECKING:
    import keras

EXAMPLES = {"classes": 256}
"""The number of examples by the kind of output: a share of equal answers is known to a hundredth only of many."""
USUAL_EXAMPLES = 16
PEAK = 2.0
"""The width of the range of a picture, [-1, 1]."""
EQUAL = 200.0
"""Stands for the ratio of equal examples, which has no finite value, and JSON no infinite one."""
FLOORS = {"none": 100.0, "float16": 75.0, "dynamic": 48.0, "int8": 45.0, "int16x8": 48.0}
"""The mean PSNR in dB below which a file is not what it claims to be. An architecture may state others.

That of int16x8 is dynamic's: both have weights of 8 bits, and activations that cost little besides.
"""
SNR_FLOORS = {"none": 80.0, "float16": 55.0, "dynamic": 25.0, "int8": 20.0, "int16x8": 25.0}
"""The mean signal-to-noise ratio in dB of clips, codes and logits below which a file is not what it claims to be.

Noise is measured by the signal there, and not by a peak that few values reach, so that these are lower. Rounding
weights to float16 costs all above some 73 dB in each layer, to 8 bits above 43, activations to 8 bits above 41; the
noise of ten layers in a row adds 10 dB to that; the rest is for values that are not spread evenly.
"""
AGREEMENT = {"none": 1.0, "float16": 1.0, "dynamic": 0.98, "int8": 0.98, "int16x8": 0.98}
"""The share of examples for which a classifier's file must find the class that the Keras model finds."""
ROUNDING = 54.0
"""The highest floor of a file that gives 8 bits: rounding to 1 / 127.5 alone may cost all above 54.1 dB."""


@dataclasses.dataclass(frozen=True)
class Quality:
    """The distance between what a file makes and what the Keras model makes."""

    metric: str
    """`psnr` or `snr`."""
    examples: int
    mean: float
    worst: float
    """Both in dB."""
    largest_difference: float
    """In the units of the Keras model; for pictures in those of the range [-1, 1]."""
    floor: float
    """The mean in dB that it must reach."""
    allowed_below: float | None = None
    """The floor that its maker let it off to; None where it stands by the usual one."""
    agreement: float | None = None
    """The share of examples that both find the same class for; None where there are no classes."""
    agreement_floor: float | None = None

    @property
    def passed(self) -> bool:
        """Whether it reaches its floors."""
        return self.mean >= self.floor and (self.agreement is None or self.agreement >= self.agreement_floor)

    @property
    def is_enough(self) -> bool:
        """Whether it passed, or reaches what its maker allowed."""
        return self.passed or (self.allowed_below is not None and self.mean >= self.allowed_below)

    def described(self) -> str:
        """Returns what it has, and what its floor is."""
        wanted = self.floor if self.allowed_below is None else min(self.allowed_below, self.floor)
        if self.mean >= wanted and self.agreement is not None:
            return f"{self.agreement:.1%} of equal answers where {self.agreement_floor:.0%} are its floor"
        return f"{self.mean:.1f} dB where {wanted:g} are its floor"

    def document(self) -> dict[str, Any]:
        """Returns what the card says of it, rounded."""
        document = {
            "metric": self.metric,
            "examples": self.examples,
            f"{self.metric}_mean": round(self.mean, 2),
            f"{self.metric}_worst": round(self.worst, 2),
            "largest_difference": round(self.largest_difference, 7),
            "floor": self.floor,
            "passed": self.passed,
            "allowed_below": self.allowed_below,
        }
        if self.agreement is not None:
            document |= {"agreement": round(self.agreement, 4), "agreement_floor": self.agreement_floor}
        return document


def example_count(interface: card.Interface) -> int:
    """Returns how many examples a file is run on."""
    return EXAMPLES.get(interface.output.kind, USUAL_EXAMPLES)


def floor_of(precision: str, interface: card.Interface, floors: Mapping[str, float]) -> float:
    """Returns the floor of a file in dB, with what its architecture states otherwise."""
    found = floors.get(precision, (FLOORS if interface.output.kind == "image" else SNR_FLOORS)[precision])
    return min(found, ROUNDING) if interface.output.dtype == "uint8" else found


def measure(
    network: Network,
    inputs: Mapping[str, np.ndarray],
    expected: np.ndarray,
    precision: str,
    floors: Mapping[str, float],
    allowed_below: float | None = None,
) -> Quality:
    """Runs a file on every example, one at a time, and compares.

    Args:
        network: the file.
        inputs: by the names of its inputs, as `ganzoo.lite.network.made` takes them.
        expected: what the Keras model makes of them, (N, ...); pictures in [-1, 1].
        precision: of the file.
        floors: those that its architecture states otherwise, in dB, by precision.
        allowed_below: a lower one, in dB, that will do as well.

    Raises:
        RunError: when the file makes what is no number.
    """
    tensor = network.interface.output
    metric = "psnr" if tensor.kind == "image" else "snr"
    ratios, largest, same = [], 0.0, 0
    for example, wanted in zip(one_by_one(inputs), expected, strict=True):
        found = np.asarray(called(network, example)[0], "float64")
        if tensor.kind == "image":
            found = (found * tensor.std + tensor.mean) / 127.5 - 1.0
            wanted = np.clip(wanted, -1.0, 1.0) if tensor.dtype == "uint8" else wanted
        _check(network.name, found, wanted)
        ratios.append(decibels(metric, found, wanted))
        largest = max(largest, float(np.abs(found - wanted).max()))
        same += int(np.argmax(found) == np.argmax(wanted))
    is_of_classes = tensor.kind == "classes"
    return Quality(
        metric=metric,
        examples=len(ratios),
        mean=float(np.mean(ratios)),
        worst=min(ratios),
        largest_difference=largest,
        floor=floor_of(precision, network.interface, floors),
        allowed_below=allowed_below,
        agreement=same / len(ratios) if is_of_classes else None,
        agreement_floor=AGREEMENT[precision] if is_of_classes else None,
    )


def decibels(metric: str, found: np.ndarray, wanted: np.ndarray) -> float:
    """Returns a ratio of signal to noise in dB, from `-EQUAL` to `EQUAL`.

    Args:
        metric: `psnr`, of two pictures in [-1, 1]; or `snr`, whose signal is what was wanted.
        found: an example, of any shape.
        wanted: of the same shape.
    """
    wanted = wanted.astype("float64")
    signal = PEAK**2 if metric == "psnr" else float(np.mean(wanted**2))
    noise = float(np.mean((found - wanted) ** 2))
    if not noise:
        return EQUAL
    return max(-EQUAL, min(EQUAL, 10 * math.log10(signal / noise))) if signal else -EQUAL


def outputs(
    model: "keras.Model", inputs: Sequence[np.ndarray], pictures: tuple[float, float] | None = None
) -> np.ndarray:
    """Returns what a Keras model makes of examples, one at a time, (N, ...).

    Args:
        model: which is run in inference.
        inputs: of each of its inputs in order (N, ...), as it takes them.
        pictures: the values of black and white, where it makes pictures: these become [-1, 1].
    """
    made = []
    for place in range(len(inputs[0])):
        found = model(one_or_all([values[place : place + 1] for values in inputs]), training=False)
        made.append(np.asarray(found[0] if isinstance(found, list | tuple) else found))
    low, high = pictures or (-1.0, 1.0)
    found = np.concatenate(made)
    return found if (low, high) == (-1.0, 1.0) else (found - low) / (high - low) * 2.0 - 1.0


def _check(name: str, found: np.ndarray, wanted: np.ndarray) -> None:
    if found.shape != wanted.shape:
        raise RunError(f"{name}: makes {found.shape}, where the Keras model makes {wanted.shape}")
    if not (np.isfinite(found).all() and np.isfinite(wanted).all()):
        raise RunError(
            f"{name}: it, or the Keras model, makes values that are no numbers; look at the run with: "
            "ganzoo doctor RUN_DIR"
        )
