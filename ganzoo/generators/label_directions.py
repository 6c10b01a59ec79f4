"""Directions that labels name: where samples that show an attribute lie in w, seen from those that don't.

Samples have no labels. A reader of features, by linear discriminant analysis, learns each attribute from labeled
pictures and reads it from samples; the direction goes from the mean code of those without to that of those with it. It
is along what codes differ in anyway, where the normal of a hyperplane (Shen et al. 2020, "InterFaceGAN", section 3.1)
may leave them. Whether it does what it is named after is measured: see `Direction.shown`.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from ganzoo.config.recipe import DataConfig
from ganzoo.data.attributes import LABELED, Attribute, attributes
from ganzoo.data.fields import Image, Stream
from ganzoo.data.opening import of_source, open_source
from ganzoo.data.visits import prepare
from ganzoo.errors import RunError, UsageError
from ganzoo.generators import directions, inference
from ganzoo.generators.directions import Direction
from ganzoo.lite.network import Network

if TYPE_CHECKING:
    from ganzoo.generators.generator import Generator

EXAMPLES = 4_000
"""Labeled pictures, at most, that a reader learns from, and samples that it reads."""
LEAST = 10
"""Examples with and without an attribute, at least, and samples."""
TRIED = 100
"""Samples that are moved along a direction to see what it does."""
FAR = 2.0
NETWORK = "efficientnet-lite0"


def of_labels(generator: "Generator", source: str | None, say: Callable[[str], None]) -> Iterator[Direction]:
    """Yields a direction for each attribute of the pictures of a source. Arguments as for `finding.directions`.

    Raises:
        UsageError, RunError: for a source that was named and can't be opened, or has no labels. Of the data that the
            model was trained on it is only said.
    """
    from ganzoo.metrics import open_feature_network

    opened = generator.network
    try:
        data = _settings(generator, source)
        found = attributes(data)
        if not found:
            raise UsageError(f"{data.source}: has no labels")
        network = open_feature_network(NETWORK)
        names, seen = _features_of_examples(data, opened, network)
    except (UsageError, RunError) as error:
        if source is not None:
            raise
        say(f"principal directions alone: {error}")
        return
    codes = directions.codes(opened, EXAMPLES)
    painted = _features(network, opened, codes)
    for name, attribute in found.items():
        yield from _of_attribute(name, attribute, (names, seen), (codes, painted), opened, network, say)


def _settings(generator: "Generator", source: str | None) -> DataConfig:
    recipe = generator.recipe
    if source is not None:
        return of_source(recipe.data if recipe else DataConfig(source=source), source, LABELED)
    if recipe and generator.unopened:
        raise UsageError(f"{generator.title}: {generator.unopened} is opened where --data names it alone")
    if recipe is None:
        raise UsageError(f"{generator.title}: does not say what it was trained on; name labeled pictures by --data")
    return dataclasses.replace(recipe.data, label=None)


def _features_of_examples(data: DataConfig, opened: Network, network) -> tuple[list[str], np.ndarray]:
    """Returns the names of pictures, spread evenly over a source, and their features, (N, D)."""
    from ganzoo.metrics import reference

    (pictures,) = open_source(data, (Stream(image=Image()),)).sets
    size, channels = opened.interface.output.shape[1], opened.interface.output.shape[-1]
    count = min(EXAMPLES, len(pictures))
    places = [number * len(pictures) // count for number in range(count)]

    def read(number: int) -> np.ndarray:
        example = (pictures.read(places[number]),)
        return prepare(example, size=size, crop=size, channels=channels, resize=data.resize)[0]

    return [pictures.names[place] for place in places], reference(network, read, count).kept


def _features(network, opened: Network, codes: np.ndarray) -> np.ndarray:
    """Returns the features of what codes (N, length) paint, (N, D)."""
    from ganzoo.metrics import extract

    batches = inference.made(opened, inference.spread(opened, codes))
    return extract(network, (image for batch in batches for image in batch)).kept


def _of_attribute(
    name: str, attribute: Attribute, examples, samples, opened: Network, network, say: Callable[[str], None]
) -> Iterator[Direction]:
    """Yields a direction, or says why there is none. `examples`: names and features; `samples`: codes and features."""
    from ganzoo.metrics.reading import learn

    (names, seen), (codes, painted) = examples, samples
    labels = np.array([attribute[example] for example in names])
    if min(labels.sum(), (~labels).sum()) < LEAST:
        say(f"{name}: shown by {labels.sum():,} of {len(labels):,} pictures; too few, or all but a few")
        return
    reader = learn(seen, labels.astype(int), 2)
    shows = reader.read(painted).astype(bool)
    if min(shows.sum(), (~shows).sum()) < LEAST:
        say(f"{name}: shown by {shows.sum():,} of {len(shows):,} samples; too few, or all but a few")
        return
    vector = directions.scaled(codes[shows].mean(axis=0) - codes[~shows].mean(axis=0), codes)
    before, after = (
        reader.read(_features(network, opened, codes[:TRIED] + np.float32(amount) * vector)).mean()
        for amount in (-FAR, FAR)
    )
    yield Direction(name, "label", vector, shown=(float(before), float(shows[:TRIED].mean()), float(after)))
