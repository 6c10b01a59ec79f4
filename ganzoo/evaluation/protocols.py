"""What is measured of a generator, by the task that it does: its outputs on a test split, and with what they compare.

samples            (DCGAN) the distribution of samples, and whether they copy training images
pairs              (Pix2Pix) outputs against targets, pair by pair and as a distribution; where the generator takes
                   hints, with 3, and pair by pair with 0 and 10 as well
translation        (CycleGAN) each direction as a distribution, the error of there and back, and pair by pair where the
                   two domains are aligned, beside the unchanged image and the one whose colours alone were matched
super_resolution   (SRGAN) whole images against the originals, on luminance, beside Pillow's bicubic

Where the data has a train split, as many of its images, or all that there are, are measured as a distribution against
the test split too: that is what real images score.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ganzoo import inference, pictures, seeding
from ganzoo.config import Recipe
from ganzoo.data import drawings, images
from ganzoo.errors import RunError, UsageError, quoted
from ganzoo.evaluation import colour_matching, distribution
from ganzoo.evaluation.examples import Examples, Images
from ganzoo.evaluation.instruments import Instruments
from ganzoo.evaluation.pair_scores import CYCLE_ERROR, PairScores, colour_metrics, luminance_metrics
from ganzoo.evaluation.results import Column, Result, Skipped
from ganzoo.lite import latents
from ganzoo.lite import network as lite_network
from ganzoo.lite.network import Network

if TYPE_CHECKING:
    from ganzoo.metrics import Features

OF_TASK = {"latent": "samples", "paired": "pairs", "unpaired": "translation", "super_resolution": "super_resolution"}
"""The protocol of a task, where the recipe names none."""
AT_ONCE = 64
"""Samples that are drawn at a time."""
SHOWN = 8
"""Samples in the picture of nearest training images."""
COMPARED = 1_000
"""Samples, and test images, that are compared with training images."""
REMEMBERED = 10_000
"""Training images that they are compared with, at most."""
COUNTED = 1_000
"""Training images of each domain whose colours are counted, at most."""

HINTS = (0, 3, 10)
"""Dabs of the target's color on each drawing, where the generator takes such."""
UNCHANGED, MATCHED = "unchanged", "matched colours"
"""What a translation is to be read against: columns of the table."""

Found = Iterator[Result | Skipped]
Watch = Callable[[Iterable, int, str], Iterable]
"""Shows how far the going through of something is: (what, its length, title for people) -> what."""


class NotFinite(RunError):
    """A generator paints values that are no numbers."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """All that a protocol works with."""

    networks: Mapping[str, Network]
    """The generators by direction; `ab` where there is one."""
    recipe: Recipe
    test: Examples
    instruments: Instruments
    train: Examples | None = None
    """Other real images of the same source, as far as there are."""
    own: tuple[Examples, Examples] | None = None
    """The test and train split that the generators were trained by, where both are known."""
    watch: Watch = lambda items, length, title: items
    show: Callable[[str, Image.Image], None] = lambda name, picture: None
    """Keeps a picture that is a part of the results, by name."""
    known: dict[str, "Features"] = dataclasses.field(default_factory=dict)
    """Features of the test images by key, once they were taken."""

    def features_of(self, key: str) -> "Features":
        """Those of the test images of a key."""
        from ganzoo.metrics import reference

        if key not in self.known:
            real = self.test.sets[key].shuffled()
            self.known[key] = reference(self.instruments.network, real.read, len(real))
        return self.known[key]


def protocol_of(recipe: Recipe) -> str:
    """The name of a recipe's protocol.

    Raises:
        UsageError: when it is none for the architecture's task.
    """
    usual = OF_TASK[recipe.model.task]
    named = recipe.evaluation.protocol or usual
    if named != usual:
        raise UsageError(
            f"evaluation.protocol: found {quoted(named)}; {recipe.architecture} is evaluated by {quoted(usual)}"
        )
    return named


def measure(setting: Setting) -> Found:
    """Everything that the recipe's protocol measures.

    Raises:
        UsageError: when images or generators don't fit each other.
        RunError: when an image can't be decoded.
    """
    return PROTOCOLS[protocol_of(setting.recipe)](setting)


def samples(setting: Setting) -> Found:
    """The distribution of samples, and their nearest training images."""
    network = _checked(_only(setting))
    count = setting.recipe.evaluation.samples
    made = setting.watch(_sampled(network, count), count, "samples")
    yield from _distribution(setting, made, count, "image", Column("samples", "the test images"))
    yield from _memorising(setting, network)


def pairs(setting: Setting) -> Found:
    """Outputs against targets, pair by pair and as a distribution."""
    most = setting.recipe.data.hints
    shown = min(drawings.SHOWN_HINTS, most)
    given = f", {shown} hints given" if most else ""
    column = Column("output", f"its target{given}", same=True)
    others = {f"{count} hints": count for count in HINTS if most and count != shown}
    metrics = colour_metrics(setting.instruments.distances)
    scores = {of: PairScores(metrics, dataclasses.replace(column, of=of)) for of in ("output", *others)}

    def painted(of: str, hints: int) -> Iterator[np.ndarray]:
        paint = _translator(_only(setting))
        inputs, targets = setting.test.sets["input"], setting.test.sets["target"]
        for number, (name, (image, target)) in enumerate(zip(inputs.names, _together(inputs, targets), strict=True)):
            if hints:
                image, _ = drawings.with_hints(image, target, hints, seeding.generator(0, "hints", number))
            made = paint(image)
            scores[of].add(name, made, target)
            yield made

    count = len(setting.test.sets["input"])
    made = setting.watch(painted("output", shown), count, "pairs")
    yield from _distribution(setting, made, count, "target", dataclasses.replace(column, against=f"the targets{given}"))
    for of, hints in others.items():
        for _ in setting.watch(painted(of, hints), count, of):
            pass
    for scored in scores.values():
        yield from scored.results()


def translation(setting: Setting) -> Found:
    """Each direction that there is a generator for."""
    known = setting.test if setting.test.in_training else setting.train
    if known is None:
        yield Skipped(MATCHED, "they take the colours of training images, and there is no train split")
    colours = {key: _colours(images) for key, images in known.sets.items()} if known else {}
    for direction in setting.networks:
        yield from _one_direction(setting, colours, *direction)


def super_resolution(setting: Setting) -> Found:
    """Whole images, enlarged by the generator and by Pillow's bicubic, against the originals."""
    low, high = setting.test.sets["low"], setting.test.sets["high"]
    enlarge, scale = _translator(_only(setting)), setting.recipe.model.scale
    metrics = luminance_metrics(setting.instruments.distances, border=scale)
    output = PairScores(metrics, Column("output", "the original"))
    bicubic = PairScores(metrics, Column("bicubic", "the original"))
    examples = setting.watch(_together(low, high), len(low), "images")
    for name, (small, original) in zip(low.names, examples, strict=True):
        output.add(name, enlarge(small), original)
        height, width = original.shape[:2]
        bicubic.add(name, images.resize(small, width, height), original)
    yield from output.results()
    yield from bicubic.results()


PROTOCOLS = {
    "samples": samples,
    "pairs": pairs,
    "translation": translation,
    "super_resolution": super_resolution,
}


def _only(setting: Setting) -> Network:
    """The generator of a task that has one."""
    (network,) = setting.networks.values()
    return network


def _translator(network: Network) -> Callable[[np.ndarray], np.ndarray]:
    return inference.translator(_checked(network))


def _checked(network: Network) -> Network:
    """The network, which fails where painting would make black of what is no number."""

    def call(batch: np.ndarray) -> np.ndarray:
        painted = np.asarray(network.call(batch))
        if not np.isfinite(painted).all():
            raise NotFinite(f"{network.name}: paints values that are not finite: there is nothing to measure")
        return painted

    return dataclasses.replace(network, call=call)


def _together(*sets: Images) -> Iterator[tuple[np.ndarray, ...]]:
    """The images of each place in the sets, decoded by threads a little ahead."""
    from ganzoo.metrics.features import decoded

    return decoded(lambda index: tuple(some.read(index) for some in sets), len(sets[0]))


def _one_direction(setting: Setting, colours: Mapping[str, np.ndarray], start: str, goal: str) -> Found:
    """From domain `start` to domain `goal`: `a` and `b`, or the other way."""
    direction, aligned = f"{start} to {goal}", setting.test.aligned
    inputs, targets = setting.test.sets[start], setting.test.sets[goal]
    metrics, baselines = colour_metrics(setting.instruments.distances), _baselines(colours, start, goal)
    scores = {of: PairScores(metrics, Column(of, f"the same in {goal}", direction)) for of in ("output", *baselines)}
    begun = Column("output", f"the images of {start} that it began with", direction)
    there_and_back = PairScores((CYCLE_ERROR,), begun)
    there, back = (
        _translator(setting.networks[way]) if way in setting.networks else None for way in (start + goal, goal + start)
    )

    def painted() -> Iterator[np.ndarray]:
        for name, (image, *target) in zip(inputs.names, _together(inputs, *[targets] * aligned), strict=True):
            made = there(image)
            for of, scored in scores.items() if aligned else ():
                scored.add(name, baselines[of](image) if of in baselines else made, *target)
            if back:
                there_and_back.add(name, back(made), image)
            yield made

    column = Column("output", f"images of {goal}", direction, same=aligned)
    made = setting.watch(painted(), len(inputs), direction)
    yield from _distribution(setting, made, len(inputs), goal, column)
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


def _colours(known: Images) -> np.ndarray:
    return colour_matching.histograms(image for (image,) in _together(known.at_most(COUNTED)))


def _baselines(colours: Mapping[str, np.ndarray], start: str, goal: str) -> dict[str, Callable]:
    """What needs no generator, from image to image by name: none at all, and the colours of the other domain."""
    baselines = {UNCHANGED: lambda image: image}
    if colours:
        maps = colour_matching.colour_map(colours[start], colours[goal])
        baselines[MATCHED] = lambda image: colour_matching.matched(image, maps)
    return baselines


def _of_baseline(setting: Setting, start: str, goal: str, column: Column, baseline: Callable) -> Found:
    """The distribution of what a baseline makes of the test images."""
    from ganzoo.metrics import extract

    network = setting.instruments.network
    # Features of the images as they are serve the other direction too, and are kept on the disk.
    unchanged = column.of == UNCHANGED
    made = (baseline(image) for (image,) in _together(setting.test.sets[start]))
    features = setting.features_of(start) if unchanged else extract(network, made)
    yield from distribution.compare(network, setting.features_of(goal), features, column)


def _sampled(network: Network, count: int) -> Iterator[np.ndarray]:
    """The samples of seed 0, made a few at a time."""
    points = latents.draw(0, count, lite_network.latent_length(network))
    for first in range(0, count, AT_ONCE):
        yield from lite_network.paint_latents(network, points[first : first + AT_ONCE])


def _distribution(setting: Setting, made: Iterable[np.ndarray], count: int, key: str, column: Column) -> Found:
    """Goes through what was made, and compares it, and as many other real images, with the test images of a key.

    Args:
        made: `count` images.
    """
    network = setting.instruments.network
    if network is None:
        for _ in made:
            pass
        return
    from ganzoo.metrics import extract, reference

    generated, real, usual = extract(network, made), setting.features_of(key), None
    if setting.train is not None:
        others = setting.train.sets[key].at_most(count).shuffled()
        if len(others) > 1:
            usual = reference(network, others.read, len(others))
    for found in distribution.compare(network, real, generated, column):
        if isinstance(found, Result):
            found = distribution.with_bias(found, network, real, generated, usual)
        yield found
    if usual is not None:
        yield from distribution.compare(network, real, usual, Column("train split", column.against, column.direction))


def _memorising(setting: Setting, network: Network) -> Found:
    """How much nearer to training images samples are than test images are, in pixels and in features."""
    if setting.own is None:
        yield Skipped(
            "copies of training images",
            "it takes the images that it was trained on, and others of their kind: a run directory whose data has a "
            "train and a test split",
        )
        return
    from ganzoo.metrics import extract, memorising, reference

    test, train = (split.sets["image"] for split in setting.own)
    train, test = train.at_most(REMEMBERED), test.at_most(COMPARED)
    made = np.stack(list(_sampled(network, min(COMPARED, setting.recipe.evaluation.samples))))
    new = np.stack([image for (image,) in _together(test)])
    small = np.concatenate([memorising.thumbnails(image[None]) for (image,) in _together(train)])
    nearest = {"pixels": tuple(memorising.nearest_in_pixels(some, small) for some in (made, new))}
    features = setting.instruments.network
    if features is not None:
        known = reference(features, train.read, len(train)).kept
        nearest["features"] = tuple(
            memorising.nearest_in_features(extract(features, iter(some)).kept, known) for some in (made, new)
        )
    for space, (ours, theirs) in nearest.items():
        yield from _copying(space, ours, theirs, len(train), features if space == "features" else None)
    picture = _nearest_picture(made, train, {space: ours for space, (ours, _) in nearest.items()})
    setting.show("nearest_training_images", picture)


def _copying(space: str, ours, theirs, train_count: int, network) -> Found:
    from ganzoo.metrics.memorising import memorising

    found = memorising(ours, theirs)
    how = {
        "pixels": "thumbnails of 16 pixels, mirror images counted as one",
        "features": network.preparation if network else "",
    }[space]
    against = f"{train_count:,} training images"
    ratio_how = f"median of the distance to the nearest training image over that to another; {how}"
    weights = {"network": network.name if network else None, "sha256": network.sha256 if network else None}
    metric = f"nearest in training, {space}"
    for of, value, some in (("samples", found.ratio, ours), ("test split", found.held_out_ratio, theirs)):
        column = Column(of, against)
        yield Result(
            column.key(f"nearest in {space}"),
            metric,
            column,
            value=value,
            better="higher",
            images=len(some.ratios),
            how=ratio_how,
            **weights,
        )
    if found.copies is None:
        yield Skipped(f"copies, {space}", found.note)
        return
    column = Column("samples", against)
    yield Result(
        column.key(f"copies in {space}"),
        f"copies, {space}",
        column,
        value=found.copies,
        better="lower",
        images=len(ours.ratios),
        how=f"share that is nearer to a training image than all but 5% of test images are; {how}",
        **weights,
    )


def _nearest_picture(made: np.ndarray, train: Images, nearest: Mapping) -> Image.Image:
    """The samples that are most like a training image first, each beside the nearest in pixels and in features."""
    order = np.argsort(next(iter(nearest.values())).ratios)[:SHOWN]
    columns = {"sample": made[order]}
    for space, found in nearest.items():
        columns[f"in {space}"] = np.stack([train.read(int(index)) for index in found.indices[order]])
    return pictures.grid(columns)
