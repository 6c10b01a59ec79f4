"""Measures of a run's health, on samples, real examples and training images. NumPy alone.

Images are (B, H, W, C), floats in [-1, 1]; H and W are even. Clips are (B, L, 1), floats in [-1, 1]. What a measure
means, and where the doctor draws the line, is in `docs/doctor.md`.
"""

from collections.abc import Mapping

import numpy as np

from ganzoo.metrics.memorizing import nearest_in_pixels

ALIKE = 0.02
"""Images none of whose values differ by more are one image: 2 levels of 255 are 0.016."""
COARSE = 1 / 16
"""Frequency in cycles a pixel: what is slower is coarse; what is that near to a pattern of 2 pixels belongs to it."""


def diversity(samples: np.ndarray, real: np.ndarray) -> float:
    """Returns how much samples differ, relative to how real ones do: near 1 when healthy, 0 when all are one.

    The ratio of root mean square distances between two images or clips of a set. NaN where a set holds one, or the real
    ones don't differ.
    """
    return _spread(samples) / _spread(real) if largest_difference(real) >= ALIKE else float("nan")


def saturation(samples: np.ndarray) -> float:
    """The share of values at the ends of the range, 0.99 and beyond."""
    return float(np.mean(np.abs(samples) >= 0.99))


def checkerboard(images: np.ndarray, real: np.ndarray) -> float:
    """The share of patterns of 2 pixels in the power of these and of what is coarse in the images; in [0, 1].

    Uneven overlap of transposed convolutions multiplies images by such a pattern (Odena et al. 2016, "Deconvolution and
    Checkerboard Artifacts"), which repeats their low frequencies around the highest: those of rows, of columns, and of
    both. The share is then that of the pattern, whatever the images show: an even kernel of 3 with a stride of 2 gives
    0.19. What is coarse includes the mean of an image, of which mid-grey has none; images that are grey still are given
    a quarter of the contrast of real ones.
    """
    (pattern, coarse), (_, usual) = _powers(images), _powers(real)
    return float(pattern / max(pattern + max(coarse, usual / 16), 1e-12))


def nearest(images: np.ndarray, training_images: np.ndarray) -> float:
    """Returns the distance to the nearest training image over that to the nearest other: 0 for copies, near 1 for new.

    The bare distance would mislead: a blurred image is near to everything. This is the ratio test of Lowe 2004, section
    7.1: a copy is much nearer to one training image than to the rest. Mirror images count as the same image, and so do
    training images that are almost alike. The median over the samples; NaN where all training images are alike.
    Training images may be given as their `ganzoo.metrics.memorizing.thumbnails`, which is quicker where it is often.
    """
    return float(np.median(nearest_in_pixels(images, training_images).ratios))


def measure_samples(
    samples: Mapping[str, np.ndarray], real: Mapping[str, np.ndarray], training_images: np.ndarray | None = None
) -> dict[str, float]:
    """Returns all measures of each column of samples, as `<column>_<measure>`: `a_to_b_diversity`.

    Clips have no patterns of pixels, and are not compared with training images.

    Args:
        samples: generated images or clips by column.
        real: for each column, real ones that it should resemble.
        training_images: training images or their thumbnails, where copying one would be wrong; None: `nearest` is
            left out.
    """
    measures = {}
    for column, values in samples.items():
        name = column.replace(" ", "_")
        measures[f"{name}_real_difference"] = largest_difference(real[column])
        measures[f"{name}_diversity"] = diversity(values, real[column])
        measures[f"{name}_saturation"] = saturation(values)
        if values.ndim != 4:
            continue
        measures[f"{name}_checkerboard"] = checkerboard(values, real[column])
        if training_images is not None:
            measures[f"{name}_nearest"] = nearest(values, training_images)
    return measures


def measure_classes(table: np.ndarray) -> dict[str, float]:
    """Returns how samples of a class differ, and how much the class matters.

    Args:
        table: samples (latents, classes, ...): along a row the same latents, along a column the same class.

    Returns:
        `class_spread`, how far the samples of the class that is `least_diverse_class` lie apart, over what is usual
            for a class: 0 when they are all one; `label_effect`, how far the classes of the same latents lie apart,
            over how far all samples do: 0 when the label changes nothing.
    """
    spreads = np.array([_spread(table[:, number]) for number in range(table.shape[1])])
    usual = np.median(spreads)
    effect = np.sqrt(np.mean([_spread(row) ** 2 for row in table]))
    everything = _spread(table.reshape(-1, *table.shape[2:]))
    return {
        "class_spread": float(spreads.min() / usual) if usual else float("nan"),
        "least_diverse_class": int(spreads.argmin()),
        "label_effect": float(effect / everything) if everything else float("nan"),
    }


def largest_difference(examples: np.ndarray) -> float:
    """Returns the largest difference between two images or clips in any value. NaN for one."""
    return float(np.ptp(examples, axis=0).max()) if len(examples) > 1 else float("nan")


def _spread(examples):
    """Root mean square distance of a value from its mean over the examples."""
    if len(examples) < 2:
        return float("nan")
    return float(np.sqrt(examples.astype(np.float64).var(axis=0, ddof=1).mean()))


def _powers(images):
    """(power of patterns of 2 pixels, power of what is coarse) of a mean image, in luminance."""
    luminance = images.astype(np.float64).mean(axis=3)
    power = np.square(np.abs(np.fft.fft2(luminance, norm="forward"))).mean(axis=0)
    frequencies = [np.abs(np.fft.fftfreq(side)) for side in power.shape]
    (low_rows, high_rows), (low_columns, high_columns) = ((f <= COARSE, f >= 0.5 - COARSE) for f in frequencies)
    patterns = ((high_rows, low_columns), (low_rows, high_columns), (high_rows, high_columns))
    return sum(power[np.ix_(*places)].sum() for places in patterns), power[np.ix_(low_rows, low_columns)].sum()
