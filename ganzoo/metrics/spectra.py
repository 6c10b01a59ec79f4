"""How like real clips generated ones sound: by their power spectra, in dB. NumPy alone."""

from collections.abc import Iterable

import numpy as np

FRAME = 1024
"""Values of a clip that one spectrum is taken of, at most."""
FLOOR = 1e-10
"""Power below which all is silence: -100 dB, about what 16 bits can hold."""


def log_spectrum(clip: np.ndarray) -> np.ndarray:
    """The power of a clip at each frequency, in dB: float64 (F,), F = min(L, 1024) // 2 + 1.

    It is the mean over frames that overlap by half, each under a Hann window (Welch 1967). A sine of amplitude A that
    repeats a whole number of times in a frame has A^2 / 2 at its frequency, and a quarter of it at those beside.

    Args:
        clip: (L,) or (L, 1) in [-1, 1]. Of its end, what fills no half frame is left out.
    """
    clip = np.ravel(clip).astype("float64")
    length = min(len(clip), FRAME)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    frames = np.lib.stride_tricks.sliding_window_view(clip, length)[:: max(length // 2, 1)]
    power = 2 * np.square(np.abs(np.fft.rfft(frames * window))) / window.sum() ** 2
    return 10 * np.log10(np.maximum(power.mean(axis=0), FLOOR))


def log_spectra(clips: Iterable[np.ndarray]) -> np.ndarray:
    """The spectra of clips of one length, (N, F)."""
    return np.stack([log_spectrum(clip) for clip in clips])


def spectral_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Returns how far the mean log spectra of two sets lie apart: the root mean square over frequencies, in dB.

    Args:
        first, second: from `log_spectra`.
    """
    return float(np.sqrt(np.square(first.mean(axis=0) - second.mean(axis=0)).mean()))


def spectral_spread(spectra: np.ndarray) -> float:
    """Returns how much the log spectra of a set differ: their standard deviation, in dB; 0 where all are one.

    The root mean square over frequencies, of N - 1 degrees of freedom.
    """
    return float(np.sqrt(spectra.var(axis=0, ddof=1).mean()))
