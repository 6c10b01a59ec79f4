"""Images of one domain that become images of another (CycleGAN), each direction that there is a generator for.

As a distribution, the error of there and back, and pair by pair where the two domains are aligned, beside the unchanged
image and the one whose colors alone were matched.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from ganzoo.data.fields import Image, fields_of
from ganzoo.evaluation import color_matching, distribution
from ganzoo.evaluation.pair_scores import COLOR_KEYS, CYCLE_ERROR, PairScores, color_metrics
from ganzoo.evaluation.protocol import register
from ganzoo.evaluation.results import Column, Skipped
from ganzoo.evaluation.setting import Found, Setting, first_signature, together, translator
from ganzoo.evaluation.splits import Images
from ganzoo.lite.network import Network

COUNTED = 1_000
"""Training images of each domain whose colors are counted, at most."""
UNCHANGED, MATCHED = "unchanged", "matched colours"
"""Columns of the table that a translation is compared with."""


def of_two_domains(config) -> bool:
    signature = first_signature(config)
    two = [[type(field) for field in stream.fields.values()] for stream in config.batch] == [[Image], [Image]]
    return two and signature.takes.keys() <= fields_of(config).keys() and signature.made == "image"


def ways(config) -> dict[str, tuple[str, str]]:
    """Returns the domains that each network goes from and to, by its name."""
    domains = list(fields_of(config))
    starts = {name: next(iter(signature.takes)) for name, signature in config.deployed.items()}
    return {name: (start, domains[1 - domains.index(start)]) for name, start in starts.items()}


def in_words(start: str, goal: str) -> str:
    return f"{start} to {goal}"


def prefixes(config) -> list[str]:
    return [Column("output", "", in_words(*way)).key("") + "_" for way in ways(config).values()]


@register(
    "translation",
    fits=of_two_domains,
    metrics=(*COLOR_KEYS, CYCLE_ERROR.key),
    distribution=True,
    perceptual=True,
    train=True,
    prefixes=prefixes,
)
def translation(setting: Setting) -> Found:
    """Measures each direction that there is a generator for."""
    known = setting.test if setting.test.in_training else setting.train
    if known is None:
        yield Skipped(MATCHED, "they take the colors of training images, and there is no train split")
    colors = {key: _colors(images) for key, images in known.sets.items()} if known else {}
    named = ways(setting.recipe.model)
    networks = {named[name]: network for name, network in setting.networks.items()}
    for start, goal in networks:
        yield from _one_direction(setting, networks, colors, start, goal)


def _one_direction(
    setting: Setting,
    networks: Mapping[tuple[str, str], Network],
    colors: Mapping[str, np.ndarray],
    start: str,
    goal: str,
) -> Found:
    """From domain `start` to domain `goal`."""
    direction, aligned = in_words(start, goal), setting.test.aligned
    inputs, targets = setting.test.sets[start], setting.test.sets[goal]
    metrics, baselines = color_metrics(setting.instruments.distances), _baselines(colors, start, goal)
    scores = {of: PairScores(metrics, Column(of, f"the same in {goal}", direction)) for of in ("output", *baselines)}
    begun = Column("output", f"the images of {start} that it began with", direction)
    there_and_back = PairScores((CYCLE_ERROR,), begun)
    there, back = (translator(networks[way]) if way in networks else None for way in ((start, goal), (goal, start)))

    def painted() -> Iterator[np.ndarray]:
        for name, (image, *target) in zip(inputs.names, together(inputs, *[targets] * aligned), strict=True):
            made = there(image)
            for of, scored in scores.items() if aligned else ():
                scored.add(name, baselines[of](image) if of in baselines else made, *target)
            if back:
                there_and_back.add(name, back(made), image)
            yield made

    column = Column("output", f"images of {goal}", direction, same=aligned)
    made = setting.watch(painted(), len(inputs), direction)
    yield from distribution.measured(setting, made, len(inputs), goal, column)
    for of, baseline in baselines.items() if setting.instruments.network else ():
        yield from _of_baseline(setting, start, goal, dataclasses.replace(column, of=of), baseline)
    if aligned:
        for scored in scores.values():
            yield from scored.results()
    else:
        yield Skipped("pair metrics", f"which images of {start} and {goal} belong together is not known")
    if back:
        yield from there_and_back.results()
    else:
        yield Skipped("cycle error", "it takes the generators of both ways: a run directory, without --direction")


def _colors(known: Images) -> np.ndarray:
    return color_matching.histograms(image for (image,) in together(known.at_most(COUNTED)))


def _baselines(colors: Mapping[str, np.ndarray], start: str, goal: str) -> dict[str, Callable]:
    """Returns functions from image to image that need no generator: the same image, and one with matched colors."""
    baselines = {UNCHANGED: lambda image: image}
    if colors:
        maps = color_matching.color_map(colors[start], colors[goal])
        baselines[MATCHED] = lambda image: color_matching.matched(image, maps)
    return baselines


def _of_baseline(setting: Setting, start: str, goal: str, column: Column, baseline: Callable) -> Found:
    """The distribution of what a baseline makes of the test images."""
    from ganzoo.metrics import extract

    network = setting.instruments.network
    # Features of the images as they are serve the other direction too, and are kept on the disk.
    unchanged = column.of == UNCHANGED
    made = (baseline(image) for (image,) in together(setting.test.sets[start]))
    features = setting.features_of(start) if unchanged else extract(network, made)
    yield from distribution.compare(network, setting.features_of(goal), features, column)
