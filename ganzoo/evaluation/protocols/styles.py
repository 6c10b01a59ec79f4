"""Images of noise by way of styles (StyleGAN2): as samples, and how evenly they change from one to another.

Networks in two parts: the first makes a code w of the noise, the second an image of w. The perceptual path length is
that in w of whole lines (Karras et al. 2019, section 4.1: "w, full"), by a distance that is not LPIPS, and is named
after that.
"""

import math
from collections.abc import Iterator

import numpy as np

from ganzoo.core import seeding
from ganzoo.errors import UsageError
from ganzoo.evaluation.protocol import register
from ganzoo.evaluation.protocols.samples import of_noise_or_texts, samples
from ganzoo.evaluation.results import Column, Result, Skipped
from ganzoo.evaluation.setting import Found, Setting, checked, first, first_signature, inputs_of_samples
from ganzoo.generators import inference
from ganzoo.lite import latents
from ganzoo.lite.network import DRAWN, SAMPLES_AT_ONCE, Network, called

METRIC, KEY = "path length (EffLite0)", "path_length_efflite0"
PAIRS = 1_000
"""Pairs of codes, at most: the error is then some 5 % of the length, and on a slow processor it takes a minute."""


def in_two_parts(config) -> bool:
    """Returns whether an architecture makes images of noise, with or without texts, by way of a code."""
    return of_noise_or_texts(config) and bool(first_signature(config).parts)


@register("styles", fits=in_two_parts, metrics=(KEY,), distribution=True, train=True)
def styles(setting: Setting) -> Found:
    """The distribution of samples, their nearest training images, and their path length in w."""
    yield from samples(setting)
    yield from path_length(setting)


def path_length(setting: Setting) -> Found:
    """Yields the perceptual path length of as many pairs as there are samples, or `PAIRS`."""
    from ganzoo.metrics import efficientnet_distance, efficientnet_lite
    from ganzoo.metrics.path_length import LEFT_OUT, STEP, trimmed_mean

    _, network = first(setting)
    if not network.parts:
        yield Skipped(METRIC, f"it takes both parts of {network.name}, in Keras: a run directory or a .keras file")
        return
    try:
        distance = efficientnet_distance.open_distance()
    except UsageError as error:
        yield Skipped(METRIC, str(error))
        return
    count = min(PAIRS, setting.recipe.evaluation.samples)
    batches = math.ceil(count / SAMPLES_AT_ONCE)
    lengths = np.concatenate(list(setting.watch(_lengths(setting, network, distance, count), batches, METRIC)))
    value, error = trimmed_mean(lengths)
    yield Result(
        KEY,
        METRIC,
        Column("samples", f"the same, moved by {STEP:g} of a line in w"),
        value,
        "lower",
        count,
        f"in w, full: at a place uniform on the whole line between two codes, not truncated; distance over "
        f"{STEP:g}², mean without the {LEFT_OUT:.0%} at either end; pictures not cut to [-1, 1], "
        f"{efficientnet_distance.PREPARATION}; not LPIPS: it compares with its own alone",
        standard_error=error,
        network="efficientnet-lite0",
        sha256=efficientnet_lite.SHA256,
    )


def _lengths(setting: Setting, network: Network, distance, count: int) -> Iterator[np.ndarray]:
    """Yields the path length of each pair, some at a time."""
    from ganzoo.metrics.path_length import path_lengths

    synthesis = checked(network.parts[1])
    taken = synthesis.interface.input.name
    starts, ends = (_codes(setting, network, count, end)[taken] for end in ("start", "end"))
    shares = seeding.generator(0, "path length").random(count)
    for begin in range(0, count, SAMPLES_AT_ONCE):
        some = slice(begin, begin + SAMPLES_AT_ONCE)
        yield path_lengths(
            lambda codes: called(synthesis, {taken: codes}), distance, starts[some], ends[some], shares[some]
        )


def _codes(setting: Setting, network: Network, count: int, end: str) -> inference.Inputs:
    """Returns the codes at one end of each line, for all layers, by the name of the second part's input."""
    name, _ = first(setting)
    inputs = inputs_of_samples(network, setting.recipe.model.deployed[name], setting.test, count)
    noise = {
        tensor.name: latents.draw(0, count, tensor.shape[-1], f"{end} of a path, {tensor.name}")
        for tensor in network.interface.inputs
        if tensor.kind in DRAWN
    }
    # Texts are the same at both ends.
    return inference.styles_of(network, {**inputs, **noise})
