"""Exported files with their proof: what they are made of, how near they come, and what the card says of each."""

import dataclasses
import importlib.metadata
import json
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ganzoo.core.kinds import one_or_all
from ganzoo.errors import RunError
from ganzoo.exporting import anatomy, conversion, latency, proof
from ganzoo.exporting.precisions import STATIC
from ganzoo.exporting.publishing import write_card
from ganzoo.generators import inference, programs
from ganzoo.generators.generator import Generator
from ganzoo.lite import card, network

if TYPE_CHECKING:
    import keras

MADE_WITH = ("keras-ganzoo", "keras", "tensorflow", "ai-edge-litert", "litert-quantizer")
FAINT = 0.02
"""Deviation, in [-1, 1], of pictures that show nothing."""

Inputs = Mapping[str, np.ndarray]
"""Examples, as whoever uses a file has them, by the names of its inputs."""


@dataclasses.dataclass(frozen=True)
class Proven:
    """A file, how near it comes to the Keras model, and on what data."""

    generator: Generator
    file: conversion.File
    quality: proof.Quality
    data: Mapping[str, str]


def fed(inputs: Inputs, interface: card.Interface) -> dict[str, np.ndarray]:
    """Examples as a file takes them, by the names of its inputs."""
    return {tensor.name: network.taken(tensor, inputs[tensor.name]) for tensor in interface.inputs}


def outputs(
    model: "keras.Model", inputs: Sequence[np.ndarray], pictures: tuple[float, float] | None = None
) -> np.ndarray:
    """What a Keras model makes of examples, one at a time.

    Args:
        model: in inference.
        inputs: of each of its inputs in order (N, ...), as it takes them.
        pictures: the values of black and white, where it makes pictures: these become [-1, 1].
    """
    made = []
    for place in range(len(inputs[0])):
        one = [values[place : place + 1] for values in inputs]
        found = model(one_or_all(one), training=False)
        made.append(np.asarray(found[0] if isinstance(found, list | tuple) else found))
    low, high = pictures or (-1.0, 1.0)
    found = np.concatenate(made)
    return found if (low, high) == (-1.0, 1.0) else (found - low) / (high - low) * 2.0 - 1.0


def check_shows(name: str, expected: np.ndarray, interface: card.Interface, say: Callable[[str], None]) -> None:
    """Tells of pictures that show nothing."""
    if interface.output.kind == "image" and expected.std() < FAINT:
        say(f"{name}: paints almost nothing but one grey, on which faults don't show; train it first")


def proven(
    files: Sequence[conversion.File],
    generator: Generator,
    inputs: Inputs,
    expected: np.ndarray,
    data: Mapping[str, str | None],
    floors: Mapping[str, float],
    allow_below: float | None,
    say: Callable[[str], None],
) -> Iterator[Proven]:
    """How near files come to the Keras model.

    Args:
        files: as they were converted, all in one folder.
        generator: which they are made of.
        inputs: examples.
        expected: what the Keras model makes of them.
        data: `proven_on` and `calibrated_on`, in words.
        floors: that its architecture states otherwise, by precision.
        allow_below: a mean in dB that will do as well.
        say: is told of each.
    """
    for file in files:
        if file.format == "savedmodel":
            programs.remember(file.path)
        write_card(file.path.parent, {file.path.name: described(file)})
        opened = inference.open_network(file.path)
        quality = proof.measure(
            dataclasses.replace(opened, name=file.path.name),
            inputs,
            expected,
            file.quantization,
            floors,
            allow_below,
        )
        say(f"{file.path.name}: {quality.mean:.1f} dB, floor {quality.floor:g}{_agreement(quality)}")
        told = {key: words for key, words in data.items() if key != "calibrated_on" or file.quantization in STATIC}
        yield Proven(generator, file, quality, told)


def without_short(found: Sequence[Proven]) -> tuple[list[Proven], list[str]]:
    """All but the rounded files that fall short, and the names of these. What is not rounded is wrong if it does."""
    kept, left_out = [], []
    for made in found:
        if made.quality.is_enough or made.file.quantization == "none":
            kept.append(made)
            continue
        left_out.append(made.file.path.name)
        warnings.warn(
            f"{made.file.path.name}: left out, for it has {made.quality.described()}; --quantize "
            f"{made.file.quantization} with --allow-below {math.floor(made.quality.mean)} takes it",
            stacklevel=3,
        )
    return kept, left_out


def check(found: Sequence[Proven]) -> None:
    """Raises RunError, naming the files that fall short, when there are such."""
    short = [made for made in found if not made.quality.is_enough]
    if not short:
        return
    lacking = ", ".join(f"{made.file.path.name} has {made.quality.described()}" for made in short)
    tflite = {made.file.quantization for made in found if made.file.format == "tflite"}
    others = sorted(tflite - {made.file.quantization for made in short})
    advice = f"export {', '.join(others)} alone, " if others else ""
    least = math.floor(min(made.quality.mean for made in short))
    raise RunError(f"nothing exported: {lacking}; {advice}or take them as they are with --allow-below {least}")


def described(file: conversion.File) -> dict:
    """What the card says of a file before it is proven: all that a runner needs."""
    found = {
        "sha256": card.digest(file.path),
        "bytes": card.size(file.path),
        "format": file.format,
        "quantization": file.quantization,
        **dataclasses.asdict(file.interface),
    }
    # As it is when it is read: of lists, not tuples.
    return json.loads(json.dumps(found))


def entry(made: Proven, measure: bool, say: Callable[[str], None]) -> dict:
    """What the card says of a file."""
    file = made.file
    known = {"provenance": made.generator.provenance.to_document()} if made.generator.provenance else {}
    quality = {**made.quality.document(), **made.data}
    document = {"model": made.generator.model.name, **known, **described(file), "quality": quality}
    if measure and file.format == "tflite":
        say(f"{file.path.name}: measuring")
        of_file = anatomy.describe(file.path)
        arranged = {f"{name}_in_file": of_file[name] for name in file.counts}
        document |= {"anatomy": {**of_file, **arranged, **file.counts}, "latency": latency.measure(file.path)}
    document["made_with"] = {name: importlib.metadata.version(name) for name in MADE_WITH}
    return document


def _agreement(quality: proof.Quality) -> str:
    return "" if quality.agreement is None else f", {quality.agreement:.1%} of equal answers"
