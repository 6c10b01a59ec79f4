"""The generators that are to be exported, and images for them: of the recipe's data, to calibrate and prove on."""

import contextlib
import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np

from ganzoo import inference, pretrained, recipes, registry, zoo
from ganzoo.config import DataConfig, Recipe
from ganzoo.data.fields import Crop, Image, Stream, keys_of
from ganzoo.data.pipeline import Pipeline, of_size, open_pipeline
from ganzoo.errors import RunError, UsageError
from ganzoo.lite import card, latents

if TYPE_CHECKING:
    import keras

    from ganzoo.gan import GAN

MOBILE = "_mobile_"
"""Within the name of a small variant's model."""


@dataclasses.dataclass(frozen=True)
class Generator:
    """A trained generator and what is known of it."""

    model: "keras.Model"
    stem: str
    """What names of its files begin with."""
    architecture: "type[GAN] | None"
    """None: one that ganzoo does not know."""
    recipe: Recipe | None
    """Of its run, or else its architecture's default; None where there is neither."""
    has_run: bool
    """The recipe is that of its own run."""
    stand_in: str | None = None
    """A source of images where those of the recipe can't be had, which a pretrained generator doesn't bring along."""

    @property
    def floors(self) -> dict[str, float]:
        """Where its architecture's floors differ from those of all."""
        return self.recipe.model.floors if self.recipe and MOBILE not in self.model.name else {}

    @property
    def hints(self) -> int:
        """How many dabs of color a drawing had at most in its own run; 0 where there were none, or nobody knows."""
        return self.recipe.data.hints if self.has_run else 0


def find(model: str | Path, direction: str) -> list[Path]:
    """The files that Keras opens which a model stands for: two with the direction `both`. Imports no Keras.

    Raises:
        UsageError: when there is no such model or direction.
        RunError: when the files of a pretrained name can't be had.
    """
    directions = pretrained.DIRECTIONS if direction == "both" else (direction,)
    found = [pretrained.find_generator(model, one) for one in directions]
    return list(dict.fromkeys(found))


def open_generator(path: Path) -> Generator:
    """The generator in a file that Keras opens. Raises RunError when it can't be read."""
    generator = of_model(pretrained.load(path), path)
    if generator.recipe is None or path.suffix != zoo.WEIGHTS:
        return generator
    usual = recipes.load_recipe(generator.recipe.architecture)
    return dataclasses.replace(generator, stand_in=usual.data.source)


def of_model(model: "keras.Model", path: Path | None = None) -> Generator:
    """The same of a Keras model, which was read from `path` where that is given.

    Raises:
        UsageError: when it is no generator.
    """
    inference.check_no_gan(model)
    if not getattr(model, "built", False) or not hasattr(model, "output_shape"):
        raise UsageError(f"{model!r}: no Keras model that is ready to be called; give a generator, a run or a file")
    name = registry.of_network(model.name)
    recipe = recipes.of_file(path) if path else None
    has_run = recipe is not None
    if not has_run and name and f"{name}_emoji" in recipes.list_recipes():
        recipe = recipes.load_recipe(name)
    architecture = registry.get(name) if name else None
    return Generator(model, path.stem if path else "generator", architecture, recipe, has_run)


def keras_values(generator: Generator, inputs: np.ndarray) -> np.ndarray:
    """What the Keras model is given for pixels or latents: by its architecture, whatever a card says."""
    if inputs.dtype != np.uint8:
        return inputs
    low, high = _input_range(generator)
    return (low + inputs.astype("float32") / 255.0 * (high - low)).astype("float32")


def _input_range(generator: Generator) -> tuple[float, float]:
    return inference.input_range(generator.model)


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
    if interface.input.kind == "latents":
        seed = {"test": 0, "train": 1}[split]
        return Examples(latents.draw(seed, count, interface.input.shape[-1]), f"latents of seed {seed}")
    height, width, channels = interface.input.shape[1:]
    wanted = {"split": split, "size": max(height or 0, width or 0), "channels": channels}
    try:
        pipeline, key = _images(generator, source, **wanted)
    except (UsageError, RunError):
        if source or generator.stand_in is None:
            raise
        pipeline, key = _images(generator, generator.stand_in, **wanted)
    low, high = _input_range(generator)
    pixels = np.rint((pipeline.fixed(count)[key] - low) / (high - low) * 255.0).astype("uint8")
    if height is not None:
        pixels = np.stack([_at_size(image, height, width) for image in pixels])
    return Examples(pixels, pipeline.description)


def test_inputs(generator: Generator, interface: card.Interface, count: int, source: str | None) -> Examples:
    """Examples to prove a file on: of its run's own data, or of `source` where those can't be had or there is no run.

    Raises:
        UsageError, RunError: as `inputs`.
    """
    if source is not None and generator.has_run:
        # What the user gave comes before what stands in for data that isn't there.
        own = dataclasses.replace(generator, stand_in=None)
        with contextlib.suppress(UsageError, RunError):
            return inputs(own, interface, "test", count, None)
    return inputs(generator, interface, "test", count, source)


def _images(generator: Generator, source: str | None, split: str, size: int, channels: int) -> tuple[Pipeline, str]:
    """A pipeline whose batches hold images for the generator, of `size` if the source has such; and their key."""
    recipe = generator.recipe
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
    """Under which key of a batch a generator finds what it takes."""
    deployed = generator.recipe.model.deployed if generator.recipe else {}
    for name, signature in deployed.items():
        if generator.model.name.endswith(name):
            return next(iter(signature.takes))
    return next(iter(pipeline.shapes))


def _at_size(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The middle of an image, mirrored outwards where it is smaller."""
    missing = [max(side - have, 0) for side, have in zip((height, width), image.shape, strict=False)]
    image = np.pad(image, [(0, missing[0]), (0, missing[1]), (0, 0)], mode="symmetric")
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]
