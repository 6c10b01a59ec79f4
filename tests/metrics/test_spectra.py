"""Spectra of sines of known amplitude, and against SciPy's."""

import numpy as np
import pytest
from scipy import signal

from ganzoo.metrics.spectra import log_spectra, log_spectrum, spectral_distance, spectral_spread

DOUBLED = 20 * np.log10(2)
"""dB of twice the amplitude."""


def sine(amplitude: float, length: int = 64, periods: int = 8) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * periods * np.arange(length) / length)).astype("float32")[:, None]


def test_a_sine_has_half_its_squared_amplitude_at_its_frequency_and_a_quarter_of_that_beside():
    found = log_spectrum(sine(0.5))
    assert found.shape == (33,)
    assert found[7:10] == pytest.approx(10 * np.log10(np.array([0.25, 1, 0.25]) / 8), abs=1e-4)
    assert (np.delete(found, [7, 8, 9]) == -100).all()


def test_silence_is_no_minus_infinity():
    assert (log_spectrum(np.zeros((64, 1), "float32")) == -100).all()


def test_long_clips_are_measured_in_frames_as_scipy_does():
    clip = np.random.default_rng(1).uniform(-1, 1, 5000)
    _, power = signal.welch(clip, nperseg=1024, noverlap=512, scaling="spectrum", detrend=False)
    # SciPy counts what has no mirror image, the ends, once.
    assert log_spectrum(clip)[1:-1] == pytest.approx(10 * np.log10(power)[1:-1], abs=1e-9)


def test_twice_as_loud_is_six_db_away_where_there_is_sound():
    loud, soft = (log_spectra([sine(amplitude)] * 2) for amplitude in (1.0, 0.5))
    assert spectral_distance(loud, soft) == pytest.approx(DOUBLED * np.sqrt(3 / 33), abs=1e-4)
    assert spectral_distance(loud, loud) == 0


def test_spread_is_the_deviation_over_clips_and_none_where_all_are_one():
    # Two that lie d apart deviate by d / sqrt(2).
    found = spectral_spread(log_spectra([sine(1.0), sine(0.5)]))
    assert found == pytest.approx(DOUBLED / np.sqrt(2) * np.sqrt(3 / 33), abs=1e-4)
    assert spectral_spread(log_spectra([sine(1.0)] * 3)) == 0
