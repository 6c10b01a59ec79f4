"""Painting with a trained generator, be it of Keras, a SavedModel or TFLite: samples from latents, images of any size.

Imports no Keras until a model needs it: a TFLite file runs without.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganzoo.errors import UsageError, reason
from ganzoo.files import npz
from ganzoo.generators import keras_network, pretrained
from ganzoo.generators.generator import Generator
from ganzoo.lite import network, painting, tiling
from ganzoo.lite.network import Network

if TYPE_CHECKING:
    import keras


def open_network(model: "str | Path | keras.Model | Generator | Network", direction: str = "ab") -> Network:
    """Returns a model of any kind, ready to run. Arguments and errors as for `pretrained.find` and `Generator.network`.

    A network that is ready is given back as it is.
    """
    return model if isinstance(model, Network) else pretrained.find(model, direction=direction).network


def sample(
    model,
    count: int,
    seed: int = 0,
    truncation: float = 1.0,
    *,
    classes: Sequence[str] | None = None,
    texts: Sequence[str] | None = None,
) -> np.ndarray:
    """Images from latents N(0, 1), uint8 (count, H, W, C); or clips, float32 (count, length, 1) in [-1, 1].

    The first ones are the same whatever the count.

    Args:
        model: anything that `open_network` takes, of latents.
        count: how many.
        seed: of the latents.
        truncation: ψ in (0, 1]: how far from the average image, 1 being as in training. Less of it makes simpler
            images, that are more alike; below about 0.5 a DCGAN's fade, for it never saw latents so short.
        classes: names of classes, which the samples take in turns; None: all, where the model takes a class.
        texts: which the samples take in turns; a model that takes a text needs one.

    It scales the latents or, of a network in two parts, the code w less its mean, which is what the first part gives:
    StyleGAN's truncation (Karras et al. 2019, appendix B). In a DCGAN the first layer's output W z is what has a moving
    average μ: that of its batch norm. As E[W z] = 0, μ + ψ (W z - μ) is ψ W z, but for the error of μ: in the trained
    recipe 0.02 of the standard deviation, and 39 dB between what both ways paint at ψ = 0.7. Scaling does the same for
    an exported file.

    Raises:
        UsageError: when the model takes images, for a class or a word that it does not know, or for a truncation that
            is not in (0, 1].
    """
    opened = open_network(model)
    return _all(made(opened, drawn(opened, seed, count, classes, texts), truncation))


def sample_seeds(model, seeds: Sequence[int], truncation: float = 1.0, **conditions) -> np.ndarray:
    """Returns the first sample of each seed, uint8 (len(seeds), H, W, C). Arguments and errors as for `sample`."""
    opened = open_network(model)
    return _all(made(opened, first_of(opened, seeds, **conditions), truncation))


def interpolate(model, count: int, seeds: Sequence[int], truncation: float = 1.0, **conditions) -> np.ndarray:
    """Returns images on the way from the first sample of one seed to that of the next, uint8 (count, H, W, C).

    The way is the great circle, on which latents keep the length that the generator was trained with; of a network in
    two parts the straight line between their codes. Of classes and texts all are of the first. Arguments and errors as
    for `sample`.

    Args:
        seeds: the stops, two or more. The images are spread evenly over the whole way, the first and the last at its
            ends; the stops between are met where count - 1 is a multiple of the number of legs.
    """
    opened = open_network(model)
    return _all(made(opened, way(opened, count, seeds, **conditions), truncation))


Inputs = Mapping[str, np.ndarray]
"""The inputs of a network for samples, by name."""


def drawn(
    opened: Network,
    seed: int,
    count: int,
    classes: Sequence[str] | None = None,
    texts: Sequence[str] | None = None,
) -> Inputs:
    """Returns the inputs for the samples of a seed. Arguments and errors as for `sample`."""
    labels = network.class_numbers(opened, classes) if classes else None
    return network.draw(opened, seed, count, labels=labels, texts=texts)


def first_of(opened: Network, seeds: Sequence[int], **conditions) -> Inputs:
    """Returns the inputs for the first sample of each seed."""
    each = [drawn(opened, seed, 1, **conditions) for seed in seeds]
    noise = {name: np.concatenate([one[name] for one in each]) for name in _noise(opened)}
    return {**drawn(opened, 0, len(seeds), **conditions), **noise}


def way(opened: Network, count: int, seeds: Sequence[int], **conditions) -> Inputs:
    """Returns the inputs for the images of `interpolate`."""
    if len(seeds) < 2:
        raise UsageError(f"a way needs two seeds or more, found {list(seeds)}")
    network.latent_length(opened)  # Raises where there are none.
    stops = first_of(opened, seeds, **conditions)
    places = np.linspace(0.0, len(seeds) - 1, count)
    if opened.parts:
        of_one = {
            name: values if name in _noise(opened) else values[:1].repeat(len(seeds), 0)
            for name, values in stops.items()
        }
        ((name, stops),) = styles_of(opened, of_one).items()
        return {name: np.stack([_on_the_line(stops, place) for place in places])}
    return {
        name: np.stack([_on_the_way(values, place) for place in places])
        if name in _noise(opened)
        else np.repeat(values[:1], count, axis=0)
        for name, values in stops.items()
    }


def there_and_back(opened: Network, count: int, seeds: Sequence[int], **conditions) -> Inputs:
    """Returns the inputs of a loop: where it begins again, it goes on at the same pace. Either end is there once."""
    there = way(opened, count // 2 + 1, seeds, **conditions)
    back = way(opened, count - count // 2 + 1, seeds[::-1], **conditions)
    return {name: np.concatenate([values, back[name][1:-1]]) for name, values in there.items()}


def stored(opened: Network, path: Path) -> Inputs:
    """Returns the inputs for samples that are in a file: latents, (N, length), or styles, (N, layers, length).

    Raises:
        UsageError: when the file can't be read, or holds none that the network takes.
    """
    noise = [tensor for tensor in opened.interface.inputs if tensor.kind in network.DRAWN]
    taken = [*noise, *(part.interface.input for part in opened.parts[1:])]
    allowed = " or ".join(f"{tensor.name} (N, {', '.join(map(str, tensor.shape[1:]))})" for tensor in taken)
    try:
        found = npz.shapes(path)
        fitting = [tensor.name for tensor in taken if found.get(tensor.name, (0,))[1:] == tensor.shape[1:]]
        arrays = npz.read(path, fitting[0]) if fitting else {}
    except (npz.Damaged, OSError) as error:
        raise UsageError(f"--latents {path}: can't be read ({reason(error)}); give an .npz file of {allowed}") from None
    if not arrays or not len(next(iter(arrays.values()))):
        shapes = ", ".join(f"{name} {shape}" for name, shape in found.items()) or "nothing"
        raise UsageError(f"--latents {path}: found {shapes}; {opened.name} takes {allowed or 'none'}")
    ((name, values),) = arrays.items()
    # Labels, where it takes some, are all classes in turns.
    others = drawn(opened, 0, len(values)) if name in _noise(opened) else {}
    return {**others, name: values.astype("float32")}


def codes_of(opened: Network, inputs: Inputs) -> np.ndarray:
    """Returns what the first part of a network gives, float32 (N, length): the code of each example less their mean."""
    first = opened.parts[0]
    return _all(network.made(first, {tensor.name: inputs[tensor.name] for tensor in first.interface.inputs}))


def spread(opened: Network, codes: np.ndarray) -> Inputs:
    """Returns the input of the second part of a network, by name: each code, (N, length), for all of its layers."""
    taken = opened.parts[1].interface.input
    return {taken.name: np.repeat(codes[:, None], taken.shape[1], axis=1)}


def styles_of(opened: Network, inputs: Inputs) -> Inputs:
    """Returns the input of the second part of a network, by name: the code of each example for all of its layers."""
    return spread(opened, codes_of(opened, inputs))


def as_styles(opened: Network, inputs: Inputs) -> Inputs:
    """Returns the input of the second part of a network, by name, be `inputs` that already or of the whole."""
    return inputs if opened.parts[1].interface.input.name in inputs else styles_of(opened, inputs)


def made(opened: Network, inputs: Inputs, truncation: float = 1.0) -> Iterator[np.ndarray]:
    """Yields what a network makes in batches: images, uint8 (n, H, W, C), or clips. Errors as for `sample`.

    Args:
        inputs: of the network or, where it is in two parts, of the second.
    """
    if not 0 < truncation <= 1:
        raise UsageError(f"truncation: found {truncation}; give a number above 0, up to 1")
    if opened.parts:
        ((name, styles),) = as_styles(opened, inputs).items()
        return network.made(opened.parts[1], {name: (truncation * styles).astype("float32")})
    noise = {name: (truncation * inputs[name]).astype("float32") for name in _noise(opened)}
    return network.made(opened, {**inputs, **noise})


def _noise(opened: Network) -> list[str]:
    """The names of the inputs that are drawn from a normal distribution."""
    return [tensor.name for tensor in opened.interface.inputs if tensor.kind in network.DRAWN]


def _all(batches: Iterator[np.ndarray]) -> np.ndarray:
    return np.concatenate(list(batches))


def _on_the_line(stops: np.ndarray, place: float) -> np.ndarray:
    """The point on straight lines at a place from 0, the first stop, to len(stops) - 1, the last."""
    leg = min(int(place), len(stops) - 2)
    share = place - leg
    return (1 - share) * stops[leg] + share * stops[leg + 1]


def _on_the_way(stops: np.ndarray, place: float) -> np.ndarray:
    """The latent at a place from 0, the first stop, to len(stops) - 1, the last."""
    leg = min(int(place), len(stops) - 2)
    start, end, share = stops[leg], stops[leg + 1], place - leg
    cosine = start @ end / (np.linalg.norm(start) * np.linalg.norm(end))
    angle = math.acos(np.clip(cosine, -1.0, 1.0))
    if math.sin(angle) < 1e-6:  # No circle, or many.
        return _on_the_line(stops, place)
    return (math.sin((1 - share) * angle) * start + math.sin(share * angle) * end) / math.sin(angle)


def translate(
    model, image: np.ndarray, values: tuple[float, float] | None = None, *, tiles: bool = False
) -> np.ndarray:
    """Returns an image of any size as a translating or enlarging generator makes it.

    A network that works at any size is run at the image's, in tiles that overlap and blend where the image is large.
    One that was built for a size and sees a picture as a whole, as a U-Net down to one pixel does, is run at that size:
    elsewhere it paints nonsense. The image is resized to it and what it paints is resized back, so that fine detail is
    lost; where an image has no whole, as maps and textures, `tiles=True` runs it in tiles.

    Args:
        model: anything that `open_network` takes; images (N, H, W, C) to images (N, H * scale, W * scale, C').
        image: uint8 (H, W, C).
        values: the range of the values that a Keras model takes; by default that of its architecture.
        tiles: run a network of one size in tiles, instead of resizing the image.

    Returns:
        uint8 (H * scale, W * scale, C').
    """
    return translator(model, values, tiles=tiles)(image)


def translator(
    model, values: tuple[float, float] | None = None, *, tiles: bool = False
) -> Callable[[np.ndarray], np.ndarray]:
    """Returns a function that translates one image after the other; the model is prepared once."""
    opened = keras_network.of_model(model, None, values) if values else open_network(model)
    painting.input_channels(opened)
    return lambda image: np.concatenate(list(tiling.strips(opened, image, tiles=tiles)))
