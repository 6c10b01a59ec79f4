"""How near images are to what each should be: PSNR, SSIM and perceptual distances, over the pairs of a set."""

import dataclasses
import math
import statistics
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ganzoo.errors import UsageError
from ganzoo.evaluation.results import Column, Result, Skipped
from ganzoo.metrics import pairs
from ganzoo.metrics.perceptual_distance import PerceptualDistance

WHOLE = 1024
"""Pixels a side that perceptual distances see, the middle of larger images: VGG16 takes a gigabyte for these."""

EQUAL = f"mean over images, of which equal ones count {pairs.EQUAL:g} dB"


@dataclasses.dataclass(frozen=True)
class Metric:
    """A number for a pair of images, uint8 (H, W, C) each."""

    key: str
    name: str
    better: str
    how: str
    measure: Callable[[np.ndarray, np.ndarray], float]
    unit: str = ""
    network: str | None = None
    sha256: str | None = None


def _mean_difference(first: np.ndarray, second: np.ndarray) -> float:
    return np.abs(first.astype("float64") - second).mean()


CYCLE_ERROR = Metric(
    "cycle_error",
    "cycle error",
    "lower",
    "mean absolute difference of 8-bit values after there and back",
    _mean_difference,
    unit="of 255",
)
"""Compares what came back from the other domain with what had gone there."""


COLOR_KEYS = ("psnr", "ssim", "ms_ssim")
"""The keys of `color_metrics`, but for perceptual distances."""
LUMINANCE_KEYS = ("psnr", "ssim")
"""The keys of `luminance_metrics`, but for perceptual distances."""


def color_metrics(distances: Sequence[PerceptualDistance]) -> tuple[Metric, ...]:
    """PSNR, SSIM and MS-SSIM of all channels, and the perceptual distances."""
    how = "all channels, 8 bits"
    return (
        Metric("psnr", "PSNR", "higher", f"{how}; {EQUAL}", pairs.psnr, unit="dB"),
        Metric("ssim", "SSIM", "higher", how, pairs.ssim),
        Metric("ms_ssim", "MS-SSIM", "higher", how, pairs.ms_ssim),
        *map(_perceptual, distances),
    )


def luminance_metrics(distances: Sequence[PerceptualDistance], border: int) -> tuple[Metric, ...]:
    """PSNR and SSIM as the literature on super-resolution has them, and the perceptual distances.

    Args:
        border: pixels that are cut from each edge.
    """

    def of_luminance(measure: Callable) -> Callable[[np.ndarray, np.ndarray], float]:
        def measured(*images: np.ndarray) -> float:
            return measure(*(pairs.crop_border(_luma(image), border) for image in images))

        return measured

    how = f"luminance (BT.601), {border} pixels cut from each edge, 8 bits before"
    return (
        Metric("psnr", "PSNR (Y)", "higher", f"{how}; {EQUAL}", of_luminance(pairs.psnr), unit="dB"),
        Metric("ssim", "SSIM (Y)", "higher", how, of_luminance(pairs.ssim)),
        *map(_perceptual, distances),
    )


class PairScores:
    """The numbers of each pair, gathered one pair after the other.

    Args:
        metrics: what to measure. One that can't take an image, because it is too small, is left out for all.
        column: what the images are, and what they should be.
    """

    def __init__(self, metrics: Sequence[Metric], column: Column):
        self.metrics, self.column = metrics, column
        self.values: dict[str, list[float]] = {metric.key: [] for metric in metrics}
        self.left_out: dict[str, str] = {}

    def add(self, name: str, made: np.ndarray, target: np.ndarray) -> None:
        """Measures one pair.

        Raises:
            UsageError: when the sizes differ.
        """
        if made.shape != target.shape:
            shapes = ["x".join(map(str, (image.shape[1], image.shape[0], image.shape[2]))) for image in (made, target)]
            raise UsageError(
                f"{name}: the {self.column.of} is {shapes[0]}, and what it should be {shapes[1]}; they must match"
            )
        for metric in self.metrics:
            if metric.key not in self.left_out:
                try:
                    self.values[metric.key].append(float(metric.measure(made, target)))
                except UsageError as error:
                    # The first image is like the others.
                    self.left_out[metric.key] = f"{name}: {error}" if self.values[metric.key] else str(error)

    def results(self) -> Iterator[Result | Skipped]:
        """The mean of each metric, with its standard error."""
        for metric in self.metrics:
            if metric.key in self.left_out:
                yield Skipped(metric.name, self.left_out[metric.key])
                continue
            values = self.values[metric.key]
            yield Result(
                self.column.key(metric.key),
                metric.name,
                self.column,
                value=statistics.fmean(values),
                better=metric.better,
                images=len(values),
                how=metric.how,
                unit=metric.unit,
                standard_error=statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None,
                network=metric.network,
                sha256=metric.sha256,
            )


def _perceptual(distance: PerceptualDistance) -> Metric:
    def measure(*images: np.ndarray) -> float:
        return distance.call(*(_middle(image)[None] for image in images))[0]

    return Metric(
        distance.key,
        distance.name,
        "lower",
        f"{distance.preparation}; of images larger than {WHOLE} pixels the middle",
        measure,
        network=distance.name,
        sha256=distance.sha256,
    )


def _luma(image: np.ndarray) -> np.ndarray:
    """Returns the luminance, which is the same of a gray image as of one of three equal channels."""
    return pairs.luma(np.broadcast_to(image, (*image.shape[:2], 3)))


def _middle(image: np.ndarray) -> np.ndarray:
    top, left = (max(side - WHOLE, 0) // 2 for side in image.shape[:2])
    return image[top : top + WHOLE, left : left + WHOLE]
