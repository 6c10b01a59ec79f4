"""Images of noise and a class that is named (BigGAN): their distribution, that of each class, and whether they show it.

A reader of features, by linear discriminant analysis, learns the classes of real training images. Its own errors on the
test images stand beside how often it reads samples as what they were to be. A reader that learns from samples instead
is tested on real images (Ravuri and Vinyals 2019, "Classification Accuracy Score").
"""

import numpy as np

from ganzoo.data.fields import Image, Label, fields_of, keys_of
from ganzoo.evaluation import distribution
from ganzoo.evaluation.memorizing import memorized
from ganzoo.evaluation.protocol import register
from ganzoo.evaluation.results import Column, Result
from ganzoo.evaluation.setting import (
    Found,
    Setting,
    first,
    inputs_of_samples,
    makes_of_a_class,
    sampler,
)
from ganzoo.evaluation.splits import Images
from ganzoo.metrics.kernel import kernel_distance
from ganzoo.metrics.reading import learn

SHOWN = 30
"""The most classes whose distances are told one by one."""
LEAST = 10
"""Samples, and test images, of a class that its distance takes at least."""
OF_SAMPLES = Column("samples", "the test images")
HOW = "by linear discriminant analysis of features, which learned from {}"


@register("conditional", fits=makes_of_a_class, metrics=("named_share", "cas"), distribution=True, train=True)
def conditional(setting: Setting) -> Found:
    """Yields the distribution of samples, and how they show their classes."""
    config, count = setting.recipe.model, setting.recipe.evaluation.samples
    name, network = first(setting)
    signature, image, label = config.deployed[name], next(keys_of(config, Image)), next(keys_of(config, Label))

    draw = sampler(network, signature, setting.test)
    painted = setting.watch(draw(count), count, "samples")
    generated = yield from distribution.measured(setting, painted, count, image, OF_SAMPLES)
    if generated is not None:
        tensor = network.interface.taken("label")
        inputs = inputs_of_samples(network, signature, setting.test, count)
        samples = generated.kept, inputs[tensor.name][: len(generated.kept)]
        yield from _by_class(
            setting, samples, image, label, tensor.names or range(getattr(config, fields_of(config)[label].classes))
        )
    yield from memorized(setting, image, draw)


def _by_class(setting: Setting, samples: tuple, image: str, label: str, names) -> Found:
    """Yields what features tell of classes. `samples`: features (N, D), and the labels they were to show (N,)."""
    from ganzoo.metrics import reference

    network, classes = setting.instruments.network, len(names)
    origin = {"network": network.name, "sha256": network.sha256}
    real = setting.features_of(image).kept
    known = _labels(setting.test.sets[label], len(real))

    def share(key: str, metric: str, right: np.ndarray, how: str, column: Column = OF_SAMPLES) -> Result:
        error = float(right.std(ddof=1) / len(right) ** 0.5) if len(right) > 1 else None
        value = float(right.mean())
        return Result(key, metric, column, value, "higher", len(right), how, standard_error=error, **origin)

    if setting.train is not None:
        others = setting.train.sets[image].at_most(setting.recipe.evaluation.samples).shuffled()
        labels = setting.train.sets[label].at_most(setting.recipe.evaluation.samples)
        features = reference(network, others.read, len(others)).kept
        reader = learn(features, _labels(labels, len(features)), classes)
        how = HOW.format(f"{len(features):,} training images")
        yield share("named_share", "read as named", reader.read(samples[0]) == samples[1], how)
        usual = Column("test split", "their labels")
        yield share(usual.key("named_share"), "read as named", reader.read(real) == known, how, usual)
    reader = learn(*samples, classes)
    how = HOW.format(f"{len(samples[1]):,} samples") + "; share of test images"
    yield share("cas", "accuracy score (CAS)", reader.read(real) == known, how)
    for number, name in enumerate(names if classes <= SHOWN else ()):
        one, other = real[known == number], samples[0][samples[1] == number]
        if min(len(one), len(other)) >= LEAST:
            found = kernel_distance(one, other)
            yield Result(
                f"{network.kernel_name.lower().replace('-', '_')}_of_{name}",
                f"{network.kernel_name} of {name}",
                OF_SAMPLES,
                found.value,
                "lower",
                len(other),
                f"{network.preparation}; unbiased, subsets of {found.size:,}",
                real_images=len(one),
                **origin,
            )


def _labels(labels: Images, count: int) -> np.ndarray:
    """Returns the first labels of a set, in the order of its features."""
    known = labels.shuffled()
    return np.array([known.read(index) for index in range(count)])
