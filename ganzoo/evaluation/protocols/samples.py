"""Images of noise, and of classes and texts besides (DCGAN): their distribution, and whether they copy training images.

Where the data has a train split, as many of its images, or all that there are, are measured against the test split too:
that is what real images score. Where it is labeled, too, a reader tells how many samples show what labels name. Samples
of classes and texts have those of the test split.
"""

from ganzoo.data.fields import Image, keys_of
from ganzoo.evaluation import distribution
from ganzoo.evaluation.memorizing import memorized
from ganzoo.evaluation.protocol import register
from ganzoo.evaluation.results import Column
from ganzoo.evaluation.setting import Found, Setting, first, first_signature, makes_of_a_class, makes_of_noise, sampler
from ganzoo.evaluation.shares import shares


def of_noise_or_texts(config) -> bool:
    """Returns whether an architecture makes images of noise, with or without texts."""
    return makes_of_noise(config, "image") and not makes_of_a_class(config)


def in_one_part(config) -> bool:
    """Returns whether it does so without a code in between, of which the protocol `styles` tells more."""
    return of_noise_or_texts(config) and not first_signature(config).parts


@register("samples", fits=in_one_part, distribution=True, train=True)
def samples(setting: Setting) -> Found:
    """The distribution of samples, what they show, and their nearest training images."""
    config, count = setting.recipe.model, setting.recipe.evaluation.samples
    name, network = first(setting)
    signature = config.deployed[name]
    real = next(keys_of(config, Image))

    draw = sampler(network, signature, setting.test)
    painted = setting.watch(draw(count), count, "samples")
    generated = yield from distribution.measured(setting, painted, count, real, Column("samples", "the test images"))
    if generated is not None:
        yield from shares(setting, real, generated)
    yield from memorized(setting, real, draw)
