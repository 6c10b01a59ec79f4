"""Images that become others of the same thing (Pix2Pix): outputs against targets, pair by pair and as a distribution.

Where the generator takes hints, with 3, and pair by pair with 0 and 10 as well.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np

from ganzoo.core import seeding
from ganzoo.data import drawings
from ganzoo.data.fields import Image
from ganzoo.evaluation import distribution
from ganzoo.evaluation.pair_scores import COLOR_KEYS, PairScores, color_metrics
from ganzoo.evaluation.protocol import register
from ganzoo.evaluation.results import Column
from ganzoo.evaluation.setting import Found, Setting, first, first_signature, together, translator

HINTS = (0, 3, 10)
"""Dabs of the target's color on each drawing, where the generator takes such."""


def pair_of(config) -> tuple[str, str] | None:
    """The keys of what the first network takes, and of the image that stands beside it; None where there is no such."""
    signature = first_signature(config)
    if (*signature.kinds, signature.made) != ("image", "image"):
        return None
    (given,) = signature.takes
    for stream in config.batch:
        images = [key for key, field in stream.fields.items() if type(field) is Image]
        if given in images and len(images) == 2:
            images.remove(given)
            return given, images[0]
    return None


def are_paired(config) -> bool:
    return pair_of(config) is not None


@register("pairs", fits=are_paired, metrics=COLOR_KEYS, distribution=True, perceptual=True, train=True)
def pairs(setting: Setting) -> Found:
    """Outputs against targets, pair by pair and as a distribution."""
    given, wanted = pair_of(setting.recipe.model)
    inputs, targets = setting.test.sets[given], setting.test.sets[wanted]
    most = setting.recipe.data.hints
    shown = min(drawings.SHOWN_HINTS, most)
    hinted = f", {shown} hints given" if most else ""
    column = Column("output", f"its target{hinted}", same=True)
    others = {f"{count} hints": count for count in HINTS if most and count != shown}
    metrics = color_metrics(setting.instruments.distances)
    scores = {of: PairScores(metrics, dataclasses.replace(column, of=of)) for of in ("output", *others)}

    def painted(of: str, hints: int) -> Iterator[np.ndarray]:
        _, network = first(setting)
        paint = translator(network)
        for number, (name, (image, target)) in enumerate(zip(inputs.names, together(inputs, targets), strict=True)):
            if hints:
                image, _ = drawings.with_hints(image, target, hints, seeding.generator(0, "hints", number))
            made = paint(image)
            scores[of].add(name, made, target)
            yield made

    made, against = setting.watch(painted("output", shown), len(inputs), "pairs"), f"the targets{hinted}"
    yield from distribution.measured(setting, made, len(inputs), wanted, dataclasses.replace(column, against=against))
    for of, hints in others.items():
        for _ in setting.watch(painted(of, hints), len(inputs), of):
            pass
    for scored in scores.values():
        yield from scored.results()
