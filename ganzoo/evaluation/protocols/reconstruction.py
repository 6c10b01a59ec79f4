"""Images that an encoder makes codes of, and a decoder images again: how near they are to what they were."""

from ganzoo.data.fields import fields_of
from ganzoo.evaluation.pair_scores import COLOR_KEYS, PairScores, color_metrics
from ganzoo.evaluation.protocol import register
from ganzoo.evaluation.results import Column, Skipped
from ganzoo.evaluation.setting import Found, Setting, checked, first_signature, together
from ganzoo.lite.network import Network, made


def decoder_of(config) -> str | None:
    """The name of the network that makes images of the first one's codes; None where there is none."""
    encoder = first_signature(config)
    if encoder.kinds != ("image",) or encoder.made != "code" or not encoder.takes.keys() <= fields_of(config).keys():
        return None
    codes = list(encoder.gives.values())
    return next(
        (name for name, one in config.deployed.items() if list(one.takes.values()) == codes and one.made == "image"),
        None,
    )


def has_decoder(config) -> bool:
    return decoder_of(config) is not None


@register("reconstruction", fits=has_decoder, metrics=COLOR_KEYS, perceptual=True)
def reconstruction(setting: Setting) -> Found:
    """Compares decoded codes of the test images with these images."""
    config = setting.recipe.model
    names = next(iter(config.deployed)), decoder_of(config)
    missing = [name for name in names if name not in setting.networks]
    if missing:
        yield Skipped(
            "reconstruction", f"it takes {' and '.join(names)}, and {missing[0]} is not there: a run directory"
        )
        return
    encoder, decoder = (checked(setting.networks[name]) for name in names)
    images = setting.test.sets[next(iter(first_signature(config).takes))]
    scores = PairScores(color_metrics(setting.instruments.distances), Column("output", "the image that was encoded"))
    examples = setting.watch(together(images), len(images), "images")
    for name, (image,) in zip(images.names, examples, strict=True):
        code = _one(encoder, image)
        scores.add(name, _one(decoder, code), image)
    yield from scores.results()


def _one(network: Network, value):
    """Returns what the network makes of one example."""
    (tensor,) = network.interface.inputs
    (made_of_it,) = made(network, {tensor.name: value[None]})
    return made_of_it[0]
