"""Finds the generators that are to be exported, and examples of the recipe's data to calibrate and prove them on."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np

from ganzoo.config.recipe import DataConfig, Recipe
from ganzoo.data.fields import Crop, Image, Stream, keys_of
from ganzoo.data.opening import of_source
from ganzoo.data.pipeline import Pipeline, of_size, open_pipeline
from ganzoo.errors import RunError, UsageError, quoted
from ganzoo.generators import inference, keras_network, pretrained, zoo
from ganzoo.generators.generator import Generator
from ganzoo.lite import card, latents
from ganzoo.lite.network import DRAWN, WORDS, Network, draw, in_turns
from ganzoo.recipes import recipes, registry

if TYPE_CHECKING:
    import keras

WITHOUT_DATA = (*DRAWN, "label", "styles")
"""Kinds of inputs that need no data."""


def find(model: "str | Path | keras.Model", direction: str, network: str | None = None) -> list[Generator]:
    """Finds the generators that are to be exported, for the direction `both` all that there are. Imports no Keras.

    Raises:
        UsageError: when there is no such model, direction or network, or it is no Keras model any more.
        RunError: when the files of a pretrained name can't be had.
    """
    both = network is None and direction == "both"
    found = pretrained.find_all(model) if both else [pretrained.find(model, network, direction)]
    for generator in found:
        generator.check_keras()
    return found


def keras_values(generator: Generator, inputs: np.ndarray) -> np.ndarray:
    """Returns what the Keras model is given for pixels or latents: by its architecture, whatever a card says."""
    if inputs.dtype != np.uint8:
        return inputs
    low, high = keras_network.input_range(generator.model)
    return (low + inputs.astype("float32") / 255.0 * (high - low)).astype("float32")


@dataclasses.dataclass(frozen=True)
class Examples:
    """Examples that a generator is run on."""

    inputs: Mapping[str, np.ndarray]
    """The inputs by name: pixels, uint8 (N, H, W, C); latents or codes, float32 (N, length) from a standard
    normal distribution; labels, int32 (N,); tokens, int32 (N, length); clips, float32 (N, length, 1)."""
    description: str
    """A description for people: what images of where."""
    source: str = ""
    """The source of the data, as in a recipe; empty where they were drawn."""


def needs_data(interface: card.Interface) -> bool:
    """Returns whether examples for a network must come from data, and can't be drawn."""
    return any(tensor.kind not in WITHOUT_DATA for tensor in interface.inputs)


def inputs(generator: Generator, interface: card.Interface, split: str, count: int, source: str | None) -> Examples:
    """Returns examples of what a generator takes, as whoever uses the file has them.

    Args:
        generator: whose recipe says what data these are of.
        interface: says of what size; where any size will do it is the recipe's.
        split: `train`; or `test`, to prove a file on. Latents of each have another seed.
        count: how many at most.
        source: of images. In the split `train` it is used in place of the recipe's; in `test` where there is no
            recipe, or its data can't be had.

    Raises:
        UsageError: when the images can't be had, or none are known.
        RunError: when a download fails.
    """
    if source is None:
        sources = [None, *_stand_ins(generator)]
    else:
        sources = [None, source] if split == "test" and generator.recipe else [source]
    for place in sources:
        try:
            return _examples(generator, interface, split, count, place)
        except (UsageError, RunError) as error:
            problem = error
    raise problem


def _stand_ins(generator: Generator) -> list[str]:
    """Returns a source to use where the recipe's can't be had, which a pretrained generator doesn't bring along."""
    usual = _usual_recipe(generator) if generator.path and generator.path.suffix == zoo.WEIGHTS else None
    return [usual.data.source] if usual else []


def _usual_recipe(generator: Generator) -> Recipe | None:
    """Returns the default recipe of its architecture, where there is one."""
    if generator.provenance is None:
        return None
    name = registry.config_class(generator.provenance.architecture).default_recipe
    return recipes.load_recipe(name) if name else None


def _examples(generator: Generator, interface: card.Interface, split: str, count: int, source: str | None) -> Examples:
    seed = {"test": 0, "train": 1}[split]
    if interface.taken("styles"):
        whole = generator.whole.network
        return Examples(inference.styles_of(whole, draw(whole, seed, count)), f"styles of latents of seed {seed}")
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
    """Returns the data of `source`, or the recipe's, prepared as in training."""
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
    """Returns what the data is asked for; pictures, where nobody knows."""
    return recipe.model.batch if recipe else (Stream(image=Image()),)


def _pipeline(generator: Generator, interface: card.Interface, data: DataConfig, split: str) -> Pipeline:
    """Opens a pipeline whose batches hold what the generator takes; pictures are of its size if the source has such."""
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
    """Returns pictures of values between limits as uint8 of a size; None: as large as they are."""
    low, high = limits
    pixels = np.rint((values - low) / (high - low) * 255.0).astype("uint8")
    return pixels if size[0] is None else np.stack([_at_size(image, *size) for image in pixels])


def _at_size(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Returns the middle of an image, mirrored outwards where it is smaller."""
    missing = [max(side - have, 0) for side, have in zip((height, width), image.shape, strict=False)]
    image = np.pad(image, [(0, missing[0]), (0, missing[1]), (0, 0)], mode="symmetric")
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]
