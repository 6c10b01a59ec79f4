"""The generators that are to be exported, and images for them: of the recipe's data, to calibrate and prove on."""

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np

from ganzoo.config.recipe import DataConfig, Recipe
from ganzoo.data.fields import Crop, Image, Stream, keys_of
from ganzoo.data.opening import of_source
from ganzoo.data.pipeline import Pipeline, of_size, open_pipeline
from ganzoo.errors import RunError, UsageError, quoted
from ganzoo.generators import keras_network, pretrained, zoo
from ganzoo.generators.generator import Generator
from ganzoo.lite import card, latents
from ganzoo.lite.network import DRAWN, WORDS, Network, draw, in_turns
from ganzoo.recipes import recipes, registry

if TYPE_CHECKING:
    import keras

WITHOUT_DATA = (*DRAWN, "label")
"""Kinds of inputs that need no data."""


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

    inputs: Mapping[str, np.ndarray]
    """By the names of its inputs: pixels, uint8 (N, H, W, C); latents or codes, float32 (N, length) from a standard
    normal distribution; labels, int32 (N,); tokens, int32 (N, length); clips, float32 (N, length, 1)."""
    description: str
    """For people: what images of where."""
    source: str = ""
    """Of what data, as in a recipe; empty where they were drawn."""


def needs_data(interface: card.Interface) -> bool:
    """Whether examples of what a network takes are of some data, and not drawn."""
    return any(tensor.kind not in WITHOUT_DATA for tensor in interface.inputs)


def inputs(generator: Generator, interface: card.Interface, split: str, count: int, source: str | None) -> Examples:
    """Examples of what a generator takes, as whoever uses the file has them.

    Args:
        generator: whose recipe says what data these are of.
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
    seed = {"test": 0, "train": 1}[split]
    if not needs_data(interface):
        drawn = draw(Network(generator.title, interface, call=dict), seed, count)
        return Examples(drawn, f"latents of seed {seed}")
    signature = keras_network.signature_of(generator.model, generator.provenance)
    data = _data(generator, source)
    pipeline = _pipeline(generator, interface, data, split)
    found, fixed = {}, pipeline.fixed(count)
    count = len(next(iter(fixed.values())))
    for tensor, (key, field) in zip(interface.inputs, signature.takes.items(), strict=True):
        # A network may call a picture otherwise than the batch does.
        same = [name for name, other in pipeline.fields.items() if other.kind == field.kind]
        if tensor.kind in DRAWN:
            values = latents.draw(seed, count, tensor.shape[-1])
        elif key in fixed or (same and tensor.kind != "label"):
            values = fixed[key if key in fixed else same[0]]
        elif tensor.kind == "label":
            values = in_turns(tensor, count)
        else:
            raise UsageError(
                f"{generator.title}: takes {WORDS[tensor.kind]}, {key}, of which its architecture's batch has none to "
                "prove the export on; put it into the batch"
            )
        found[tensor.name] = _pixels(values, field.range, tensor.shape[1:3]) if tensor.kind == "image" else values
    return Examples(found, pipeline.description, data.source)


def _data(generator: Generator, source: str | None) -> DataConfig:
    """What data the examples are of: those of `source`, or the recipe's, prepared as in training."""
    recipe = generator.recipe or _usual_recipe(generator)
    if source is None and recipe is None:
        raise UsageError(
            f"{generator.model.name}: of no architecture that ganzoo has a recipe for, so no images are known to prove "
            "the export on; give a source as --calibration"
        )
    if source is None and generator.unopened:
        raise UsageError(
            f"{generator.title}: trained on {quoted(generator.unopened)}, by a recipe that came inside the file, and "
            "what such a one names is not opened by itself; give data to prove the export on as --calibration SOURCE"
        )
    data = dataclasses.replace(recipe.data if recipe else DataConfig(), load_size=None)
    return data if source is None else of_source(data, source, _batch(recipe))


def _batch(recipe: Recipe | None) -> tuple[Stream, ...]:
    """What the data is asked for; pictures, where nobody knows."""
    return recipe.model.batch if recipe else (Stream(image=Image()),)


def _pipeline(generator: Generator, interface: card.Interface, data: DataConfig, split: str) -> Pipeline:
    """A pipeline whose batches hold what the generator takes; pictures are of its size if the source has such."""
    recipe = generator.recipe or _usual_recipe(generator)
    model = recipe.model if recipe else SimpleNamespace(batch=_batch(recipe))
    options = {"batch_size": 1, "seed": 0, "split": split, "names": generator.names}
    picture = interface.taken("image")
    if picture is None:
        return open_pipeline(model, data, **options)
    height, width, channels = picture.shape[1:]
    largest = max(height or 0, width or 0)
    smallest = recipe.model.image_size if recipe else largest
    wanted = largest * getattr(model, "scale", 1) or smallest
    while True:
        try:
            return open_pipeline(of_size(model, wanted, channels), data, **options)
        except UsageError:
            # What is cut out of pictures is of their size, and they may be smaller.
            if not any(keys_of(model, Crop)) or wanted <= smallest:
                raise
            wanted = max(wanted // 2, smallest)


def _pixels(values: np.ndarray, limits: tuple[float, float], size: tuple[int | None, int | None]) -> np.ndarray:
    """Pictures of values between limits, as uint8 of a size; None: as large as they are."""
    low, high = limits
    pixels = np.rint((values - low) / (high - low) * 255.0).astype("uint8")
    return pixels if size[0] is None else np.stack([_at_size(image, *size) for image in pixels])


def _at_size(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The middle of an image, mirrored outwards where it is smaller."""
    missing = [max(side - have, 0) for side, have in zip((height, width), image.shape, strict=False)]
    image = np.pad(image, [(0, missing[0]), (0, missing[1]), (0, 0)], mode="symmetric")
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]
