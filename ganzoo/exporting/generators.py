"""The generators that are to be exported, and images for them: of the recipe's data, to calibrate and prove on."""

import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np

from ganzoo import keras_network, pretrained, recipes, registry, zoo
from ganzoo.config import DataConfig, Recipe
from ganzoo.data.fields import Crop, Image, Stream, keys_of
from ganzoo.data.pipeline import Pipeline, of_size, open_pipeline
from ganzoo.errors import RunError, UsageError
from ganzoo.generator import Generator
from ganzoo.lite import card, latents

if TYPE_CHECKING:
    import keras


def find(model: "str | Path | keras.Model", direction: str, network: str | None = None) -> list[Generator]:
    """The generators that are to be exported: with the direction `both` all that there are. Imports no Keras.

    Raises:
        UsageError: when there is no such model, direction or network, or it is no Keras model any more.
        RunError: when the files of a pretrained name can't be had.
    """
    if network is None and direction == "both":
        found = pretrained.find_all(model)
    else:
        found = [pretrained.find(model, network, direction)]
    for generator in found:
        generator.check_keras()
    return found


def stem(generator: Generator) -> str:
    """What names of its files begin with."""
    return generator.path.stem if generator.path else "generator"


def floors(generator: Generator) -> dict[str, float]:
    """Where its architecture's floors differ from those of all."""
    return generator.provenance.floors if generator.provenance else {}


def hints(generator: Generator) -> int:
    """How many dabs of color a drawing had at most in its own run; 0 where there were none, or nobody knows."""
    return generator.recipe.data.hints if generator.recipe else 0


def keras_values(generator: Generator, inputs: np.ndarray) -> np.ndarray:
    """What the Keras model is given for pixels or latents: by its architecture, whatever a card says."""
    if inputs.dtype != np.uint8:
        return inputs
    low, high = keras_network.input_range(generator.model)
    return (low + inputs.astype("float32") / 255.0 * (high - low)).astype("float32")


@dataclasses.dataclass(frozen=True)
class Examples:
    """What a generator is run on."""

    inputs: np.ndarray
    """Pixels, uint8 (N, H, W, C), or latents, float32 (N, length) from a standard normal distribution."""
    description: str
    """For people: what images of where."""


def inputs(generator: Generator, interface: card.Interface, split: str, count: int, source: str | None) -> Examples:
    """Examples of what a generator takes, as whoever uses the file has them: pixels, or latents.

    Args:
        generator: whose recipe says what images these are.
        interface: says of what size; where any size will do it is the recipe's.
        split: `train` or `test`; of latents, it is another seed.
        count: how many at most.
        source: of images, in place of the recipe's.

    Raises:
        UsageError: when the images can't be had, or none are known.
        RunError: when a download fails.
    """
    return _tried(generator, interface, split, count, [source] if source else [None, *_stand_ins(generator)])


def test_inputs(generator: Generator, interface: card.Interface, count: int, source: str | None) -> Examples:
    """Examples to prove a file on: of its run's own data, or of `source` where those can't be had or there is no run.

    Raises:
        UsageError, RunError: as `inputs`.
    """
    if source is None or generator.recipe is None:
        return inputs(generator, interface, "test", count, source)
    return _tried(generator, interface, "test", count, [None, source])


def _tried(
    generator: Generator, interface: card.Interface, split: str, count: int, sources: Sequence[str | None]
) -> Examples:
    """Examples of the first of several sources that has some; None is the recipe's. Raises what is wrong with the last.

    What the user gave comes before what stands in for data that isn't there.
    """
    *others, last = sources
    for source in others:
        with contextlib.suppress(UsageError, RunError):
            return _examples(generator, interface, split, count, source)
    return _examples(generator, interface, split, count, last)


def _stand_ins(generator: Generator) -> list[str]:
    """A source of images where those of the recipe can't be had, which a pretrained generator doesn't bring along."""
    usual = _usual_recipe(generator) if generator.path and generator.path.suffix == zoo.WEIGHTS else None
    return [usual.data.source] if usual else []


def _usual_recipe(generator: Generator) -> Recipe | None:
    """The default recipe of its architecture, where there is one."""
    if generator.provenance is None:
        return None
    name = registry.config_class(generator.provenance.architecture).default_recipe
    return recipes.load_recipe(name) if name else None


def _examples(generator: Generator, interface: card.Interface, split: str, count: int, source: str | None) -> Examples:
    if interface.input.kind == "latents":
        seed = {"test": 0, "train": 1}[split]
        return Examples(latents.draw(seed, count, interface.input.shape[-1]), f"latents of seed {seed}")
    height, width, channels = interface.input.shape[1:]
    pipeline, key = _images(generator, source, split, max(height or 0, width or 0), channels)
    low, high = keras_network.input_range(generator.model)
    pixels = np.rint((pipeline.fixed(count)[key] - low) / (high - low) * 255.0).astype("uint8")
    if height is not None:
        pixels = np.stack([_at_size(image, height, width) for image in pixels])
    return Examples(pixels, pipeline.description)


def _images(generator: Generator, source: str | None, split: str, size: int, channels: int) -> tuple[Pipeline, str]:
    """A pipeline whose batches hold images for the generator, of `size` if the source has such; and their key."""
    recipe = generator.recipe or _usual_recipe(generator)
    if recipe is None and source is None:
        raise UsageError(
            f"{generator.model.name}: of no architecture that ganzoo has a recipe for, so no images are known to prove "
            "the export on; give a source as --calibration"
        )
    data = recipe.data if recipe else DataConfig()
    if source is not None:
        data = data.from_source(source)
    model = recipe.model if recipe else SimpleNamespace(batch=(Stream(image=Image()),))
    scale = getattr(recipe.model, "scale", 1) if recipe else 1
    smallest = recipe.model.image_size if recipe else size
    wanted = size * scale or smallest
    while True:
        try:
            pipeline = open_pipeline(
                of_size(model, wanted, channels),
                dataclasses.replace(data, load_size=None),
                batch_size=1,
                seed=0,
                split=split,
            )
        except UsageError:
            # Super-resolution takes images as they are, and they may be smaller.
            if not any(keys_of(model, Crop)) or wanted <= smallest:
                raise
            wanted = max(wanted // 2, smallest)
        else:
            return pipeline, _key(generator, pipeline)


def _key(generator: Generator, pipeline: Pipeline) -> str:
    """Under which key of a batch a generator finds the picture that it takes."""
    taken = generator.signature.takes.items() if generator.signature else ()
    return next((key for key, field in taken if field.kind == "image"), next(iter(pipeline.shapes)))


def _at_size(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The middle of an image, mirrored outwards where it is smaller."""
    missing = [max(side - have, 0) for side, have in zip((height, width), image.shape, strict=False)]
    image = np.pad(image, [(0, missing[0]), (0, missing[1]), (0, 0)], mode="symmetric")
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]
