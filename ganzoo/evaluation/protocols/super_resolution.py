"""Images that become larger (SRGAN): whole ones against the originals, on luminance, beside Pillow's bicubic."""

from ganzoo.data.fields import Smaller
from ganzoo.evaluation.pair_scores import LUMINANCE_KEYS, PairScores, luminance_metrics
from ganzoo.evaluation.protocol import register
from ganzoo.evaluation.results import Column
from ganzoo.evaluation.setting import Found, Setting, first, first_signature, together, translator
from ganzoo.lite.tiling import resize


def enlarges(config) -> bool:
    signature = first_signature(config)
    return signature.made == "image" and [type(field) for field in signature.takes.values()] == [Smaller]


@register("super_resolution", fits=enlarges, metrics=LUMINANCE_KEYS, perceptual=True)
def super_resolution(setting: Setting) -> Found:
    """Compares whole images, enlarged by the generator and by Pillow's bicubic, with the originals."""
    config = setting.recipe.model
    name, network = first(setting)
    ((given, field),) = config.deployed[name].takes.items()
    low, high = setting.test.sets[given], setting.test.sets[field.of]
    metrics = luminance_metrics(setting.instruments.distances, border=getattr(config, field.by))
    output = PairScores(metrics, Column("output", "the original"))
    bicubic = PairScores(metrics, Column("bicubic", "the original"))
    enlarge = translator(network)
    examples = setting.watch(together(low, high), len(low), "images")
    for name, (small, original) in zip(low.names, examples, strict=True):
        output.add(name, enlarge(small), original)
        height, width = original.shape[:2]
        bicubic.add(name, resize(small, width, height), original)
    yield from output.results()
    yield from bicubic.results()
