"""What is measured of a generator, by the task that it does: its outputs on a test split, and with what they compare.

samples            (DCGAN) the distribution of samples, and whether they copy training images
pairs              (Pix2Pix) outputs against targets, pair by pair and as a distribution
translation        (CycleGAN) each direction as a distribution, the error of there and back, and pair by pair where the
                   two domains are aligned, beside the unchanged image
super_resolution   (SRGAN) whole images against the originals, on luminance, beside Pillow's bicubic

Where the data has a train split, as many of its images are measured as a distribution against the test split too: what
real images score, which no generator can be expected to better.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from ganzoo import inference, pictures
from ganzoo.config import Recipe
from ganzoo.data import images
from ganzoo.errors import UsageError
from ganzoo.evaluation import distribution
from ganzoo.evaluation.examples import Examples, Images
from ganzoo.evaluation.instruments import Instruments
from ganzoo.evaluation.pair_scores import PairScores, colour_metrics, luminance_metrics
from ganzoo.evaluation.results import Column, Result, Skipped
from ganzoo.lite import latents
from ganzoo.lite import network as lite_network
from ganzoo.lite.network import Network

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

Found = Iterator[Result | Skipped]
Watch = Callable[[Iterable, int, str], Iterable]
"""Shows how far the going through of something is: (what, its length, title for people) -> what."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """All that a protocol works with."""

    networks: Mapping[str, Network]
    """The generators by direction; `ab` where there is one."""
    recipe: Recipe
    test: Examples
    train: Examples | None
    """None: there is no split apart from the test images."""
    instruments: Instruments
    watch: Watch = lambda items, length, title: items
    show: Callable[[str, object], None] = lambda name, picture: None
    """Keeps a picture that is a part of the results, by name."""


def protocol_of(recipe: Recipe) -> str:
    """The name of a recipe's protocol.

    Raises:
        UsageError: when it is none for the architecture's task.
    """
    usual = OF_TASK[recipe.model.task]
    named = recipe.evaluation.protocol or usual
    if named != usual:
        raise UsageError(f"evaluation.protocol: found {named!r}; {recipe.architecture} is evaluated by {usual!r}")
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
    (network,) = setting.networks.values()
    count = setting.recipe.evaluation.samples
    real, train = setting.test.sets["image"], setting.train.sets["image"] if setting.train else None
    made = setting.watch(_sampled(network, count), count, "samples")
    yield from _distribution(setting, made, count, real, train, Column("samples", "the test images"))
    if train is not None and len(train) > 1:
        yield from _memorising(setting, network, real, train)


def pairs(setting: Setting) -> Found:
    """Outputs against targets, pair by pair and as a distribution."""
    (network,) = setting.networks.values()
    scores = PairScores(colour_metrics(setting.instruments.distances), Column("output", "its target"))
    inputs, targets = setting.test.sets["input"], setting.test.sets["target"]
    made = setting.watch(_scored(network, inputs, targets, scores), len(inputs), "pairs")
    train = setting.train.sets["target"] if setting.train else None
    yield from _distribution(setting, made, len(inputs), targets, train, Column("output", "the targets"))
    yield from scores.results()


def translation(setting: Setting) -> Found:
    """Each direction that there is a generator for."""
    for direction in setting.networks:
        yield from _one_direction(setting, *direction)


def super_resolution(setting: Setting) -> Found:
    """Whole images, enlarged by the generator and by Pillow's bicubic, against the originals."""
    (network,) = setting.networks.values()
    low, high = setting.test.sets["low"], setting.test.sets["high"]
    enlarge, scale = inference.translator(network), setting.recipe.model.scale
    metrics = luminance_metrics(setting.instruments.distances, border=scale)
    output = PairScores(metrics, Column("output", "the original"))
    bicubic = PairScores(metrics, Column("bicubic", "the original"))
    for index in setting.watch(range(len(low)), len(low), "images"):
        small, original = low.read(index), high.read(index)
        output.add(low.names[index], enlarge(small), original)
        height, width = original.shape[:2]
        bicubic.add(low.names[index], images.resize(small, width, height), original)
    yield from output.results()
    yield from bicubic.results()


PROTOCOLS = {
    "samples": samples,
    "pairs": pairs,
    "translation": translation,
    "super_resolution": super_resolution,
}


def _one_direction(setting: Setting, start: str, goal: str) -> Found:
    """From domain `start` to domain `goal`: `a` and `b`, or the other way."""
    there, back = setting.networks[start + goal], setting.networks.get(goal + start)
    direction, aligned = f"{start} to {goal}", setting.test.aligned
    inputs, targets = setting.test.sets[start], setting.test.sets[goal]
    metrics = colour_metrics(setting.instruments.distances)
    scores, unchanged = (
        PairScores(metrics, Column(of, f"the same in {goal}", direction)) for of in ("output", "unchanged")
    )
    circle = _Circle(inference.translator(back) if back else None)
    made = _translated(there, inputs, targets if aligned else None, scores, unchanged, circle)
    train = setting.train.sets[goal] if setting.train else None
    column = Column("output", f"the images of {goal}", direction)
    yield from _distribution(setting, setting.watch(made, len(inputs), direction), len(inputs), targets, train, column)
    if aligned:
        yield from scores.results()
        yield from unchanged.results()
    else:
        yield Skipped("pair metrics", f"which images of {start} and {goal} belong together is not known")
    if back:
        yield circle.result(Column("output", f"the images of {start} that it began with", direction))
    else:
        yield Skipped("cycle error", "the generator of the way back is not there; give the run directory")


class _Circle:
    """The error of there and back: mean absolute differences from the image that it began with."""

    def __init__(self, back: Callable[[np.ndarray], np.ndarray] | None):
        self.back, self.errors = back, []

    def add(self, image: np.ndarray, made: np.ndarray) -> None:
        if self.back:
            returned = self.back(made).astype("float64")
            self.errors.append(float(np.abs(returned - image).mean()))

    def result(self, column: Column) -> Result:
        return Result(
            column.key("cycle error"),
            "cycle error",
            column,
            value=float(np.mean(self.errors)),
            better="lower",
            images=len(self.errors),
            how="mean absolute difference of 8-bit values after there and back",
            unit="of 255",
            standard_error=float(np.std(self.errors, ddof=1) / len(self.errors) ** 0.5) if self.errors[1:] else None,
        )


def _sampled(network: Network, count: int) -> Iterator[np.ndarray]:
    """The samples of seed 0, made a few at a time."""
    points = latents.draw(0, count, lite_network.latent_length(network))
    for first in range(0, count, AT_ONCE):
        yield from lite_network.paint_latents(network, points[first : first + AT_ONCE])


def _scored(network: Network, inputs: Images, targets: Images, scores: PairScores) -> Iterator[np.ndarray]:
    """What the network makes of each input, once it is compared with its target."""
    paint = inference.translator(network)
    for index, name in enumerate(inputs.names):
        made = paint(inputs.read(index))
        scores.add(name, made, targets.read(index))
        yield made


def _translated(network, inputs, targets, scores, unchanged, circle) -> Iterator[np.ndarray]:
    paint = inference.translator(network)
    for index, name in enumerate(inputs.names):
        image = inputs.read(index)
        made = paint(image)
        circle.add(image, made)
        if targets is not None:
            target = targets.read(index)
            scores.add(name, made, target)
            unchanged.add(name, image, target)
        yield made


def _distribution(
    setting: Setting, made: Iterable[np.ndarray], count: int, real: Images, train: Images | None, column: Column
) -> Found:
    """Goes through what was made, `count` images, and compares it, and as many of the train split, with real ones."""
    network = setting.instruments.network
    if network is None:
        for _ in made:
            pass
        return
    from ganzoo.metrics.features import extract, reference

    generated = extract(network, made)
    known = reference(network, real.read, len(real))
    usual = None
    if train is not None:
        some = train.at_most(count)
        usual = reference(network, some.read, len(some))
    yield from distribution.compare(network, known, generated, usual, column)
    if usual is not None:
        for found in distribution.compare(network, known, usual, usual, dataclasses.replace(column, of="train split")):
            # That all of it is bias is what it is there to show.
            yield dataclasses.replace(found, warning=None) if isinstance(found, Result) else found


def _memorising(setting: Setting, network: Network, real: Images, train: Images) -> Found:
    """How much nearer to training images samples are than test images are, in pixels and in features."""
    from ganzoo.metrics import memorising

    train, real = train.at_most(REMEMBERED), real.at_most(COMPARED)
    made = np.stack(list(_sampled(network, min(COMPARED, setting.recipe.evaluation.samples))))
    new = np.stack([real.read(index) for index in range(len(real))])
    small = np.concatenate([memorising.thumbnails(train.read(index)[None]) for index in range(len(train))])
    nearest = {"pixels": tuple(memorising.nearest_in_pixels(some, small) for some in (made, new))}
    features = setting.instruments.network
    if features is not None:
        from ganzoo.metrics.features import extract, reference

        known = reference(features, train.read, len(train)).kept
        nearest["features"] = tuple(
            memorising.nearest_in_features(extract(features, iter(some)).kept, known) for some in (made, new)
        )
    for space, (ours, theirs) in nearest.items():
        yield from _copying(space, ours, theirs, len(train), features if space == "features" else None)
    setting.show("nearest_training_images", _nearest_picture(made, train, {k: v[0] for k, v in nearest.items()}))


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
    metric = f"nearest training image, in {space}"
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
        yield Skipped(f"copies, in {space}", found.note)
        return
    column = Column("samples", against)
    yield Result(
        column.key(f"copies in {space}"),
        f"copies, in {space}",
        column,
        value=found.copies,
        better="lower",
        images=len(ours.ratios),
        how=f"share that is nearer to a training image than all but 5% of test images are; {how}",
        **weights,
    )


def _nearest_picture(made: np.ndarray, train: Images, nearest: Mapping):
    """The samples that are most like a training image first, each beside the nearest in pixels and in features."""
    order = np.argsort(next(iter(nearest.values())).ratios)[:SHOWN]
    columns = {"sample": made[order]}
    for space, found in nearest.items():
        columns[f"in {space}"] = np.stack([train.read(int(index)) for index in found.indices[order]])
    return pictures.grid(columns)
