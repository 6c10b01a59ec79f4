"""Sound of noise, and of classes and texts besides: how like test clips the samples are, by their power spectra.

Where the data has a train split, as many of its clips are measured against the test split too: that is what real ones
score.
"""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from ganzoo.data.fields import Clip, keys_of
from ganzoo.evaluation.protocol import register
from ganzoo.evaluation.results import Column, Result, Skipped
from ganzoo.evaluation.setting import Found, Setting, first, inputs_of_samples, makes_of_noise, together
from ganzoo.evaluation.splits import Images
from ganzoo.lite.network import made
from ganzoo.metrics import spectra


@register(
    "clips",
    fits=lambda config: makes_of_noise(config, "clip"),
    metrics=("spectral_distance", "spectral_spread"),
    train=True,
)
def clips(setting: Setting) -> Found:
    """The mean spectrum of samples, and how much spectra differ, against those of the test clips."""
    config, count = setting.recipe.model, setting.recipe.evaluation.samples
    name, network = first(setting)
    key = next(keys_of(config, Clip))
    real = spectra.log_spectra(_read(setting.test.sets[key]))
    if len(real) < 2:
        yield Skipped("spectral distance, spectral spread", "there is one test clip; they take 2 or more")
        return
    inputs = inputs_of_samples(network, config.deployed[name], setting.test, count)
    sampled = (clip for batch in made(network, inputs) for clip in batch)
    yield from _compared(setting.watch(sampled, count, "samples"), real, "samples")
    if setting.train is not None and len(setting.train.sets[key]) > 1:
        yield from _compared(_read(setting.train.sets[key].at_most(count)), real, "train split")


def _read(some: Images) -> Iterator[np.ndarray]:
    return (clip for (clip,) in together(some))


def _compared(clips: Iterable[np.ndarray], real: np.ndarray, of: str) -> Found:
    found, column = spectra.log_spectra(clips), Column(of, "the test clips")
    usual = spectra.spectral_spread(real)
    counts = {"images": len(found), "real_images": len(real)}
    how = f"log power of frames of at most {spectra.FRAME:,} values under a Hann window, the mean of each clip"
    yield Result(
        column.key("spectral_distance"),
        "spectral distance",
        column,
        value=spectra.spectral_distance(found, real),
        better="lower",
        how=f"{how}; root mean square over frequencies between the means of both sets",
        unit="dB",
        **counts,
    )
    yield Result(
        column.key("spectral_spread"),
        "spectral spread",
        column,
        value=spectra.spectral_spread(found) / usual if usual else math.nan,
        better="higher",
        how=f"{how}; deviation over clips, over that of the test clips: 1 where they differ as much",
        **counts,
    )
