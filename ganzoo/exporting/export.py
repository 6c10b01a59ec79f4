"""`ganzoo.export`: writes a trained network as files that are proven to make what it makes."""

import dataclasses
import math
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganzoo.backends import backend
from ganzoo.backends.quiet import import_keras
from ganzoo.errors import RunError, UsageError, nearest, quoted
from ganzoo.exporting import calibrate, examples, proof, publish
from ganzoo.exporting.quantize import PLAIN, PRECISIONS, STATIC
from ganzoo.files import redaction
from ganzoo.generators import directions, inference, keras_network, pretrained, programs
from ganzoo.lite import card

if TYPE_CHECKING:
    import keras

    from ganzoo.exporting.convert import File
    from ganzoo.generators.generator import Generator

FORMATS = ("savedmodel", "tflite")
IO = ("float", "uint8")
FAINT = 0.02
"""The standard deviation, in [-1, 1], of pictures that show nothing."""


@dataclasses.dataclass(frozen=True)
class Report:
    """The report of an export."""

    folder: Path
    files: Mapping[str, dict]
    """The entry in `card.json` of each file, by name."""


@dataclasses.dataclass(frozen=True)
class Proven:
    """A file, how near it comes to the Keras model, and on what data."""

    generator: "Generator"
    file: "File"
    quality: proof.Quality
    data: Mapping[str, str]

    @property
    def is_short(self) -> bool:
        """Whether it neither passed nor reaches what its maker allowed."""
        return not self.quality.is_enough


def export(
    model: "str | Path | keras.Model",
    out_dir: str | Path,
    formats: Sequence[str] = FORMATS,
    quantize: Sequence[str] | None = None,
    *,
    size: "tuple[int, int] | str | None" = None,
    io: str = "float",
    calibration: str | None = None,
    allow_below: float | None = None,
    direction: str = "ab",
    network: str | None = None,
    measure: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> Report:
    """Exports a network to a SavedModel and TFLite files, each with the proof that it makes what Keras makes.

    Every file is run by the runtime it is for on examples of the test split, or on latents, and must come as near to
    the Keras model as its precision promises: see `ganzoo.exporting.proof`. Where one does not, nothing is written, not
    even the files that do: a folder holds a whole export or what was there before. Precisions that were not asked for
    by name are left out there, with a warning, and the others written; earlier files of theirs go. What the files take
    and give, and how good and fast they are, is in the `card.json` beside them, which keeps what it says of earlier
    files that are still there. A network in two parts is exported as a whole, and each part by itself; the directions
    that were found for it are copied beside them.

    Args:
        model: a run directory, a `.keras` file, a pretrained name, or a Keras model.
        out_dir: where the files go; made where it is missing.
        formats: `savedmodel`, `tflite`.
        quantize: the precisions of TFLite: `none` (float32), `float16`, `dynamic`, `int8`, `int16x8`. None: the first
            three, or of them those that reach their floor.
        size: height and width of the pictures, as (64, 64) or "64x64"; "free" for any, which SRGAN takes. None: those
            that the network was trained at, or 128x128 for one that has none of its own.
        io: `uint8` puts the scaling of pixels into the files: they take and give values from 0 to 255.
        calibration: a source of images to calibrate `int8` and `int16x8` on, in place of the recipe's. The proof is on
            its test split too where a model has no run, or the images of its run are gone.
        allow_below: a mean PSNR, or of what is no picture SNR, in dB that will do where a file does not reach its
            floor; the card says so.
        direction: `ab`, `ba` or `both`, of a run that has two generators.
        network: the name of the one deployed network to export, in place of the direction.
        measure: also take down the operators, the speed and the memory of each file.
        say: is told what is done, a line at a time.

    Raises:
        UsageError: for what can't be done as asked, before anything is written; also where Keras runs on JAX.
        RunError: when a file falls below its floor, or can't be made or written.
    """
    formats, by_name = _each_once(formats), quantize is not None
    precisions = _each_once(quantize if by_name else PLAIN)
    _check_choices(formats, precisions, io, allow_below, direction)
    sides = _sides(size)
    out = Path(out_dir).expanduser()
    publish.check_place(out)
    found = examples.find(model, direction, network)
    backend.check_tensorflow("export")
    import_keras()
    options = {"formats": formats, "precisions": precisions, "size": sides, "io": io, "calibration": calibration}
    options |= {"allow_below": allow_below, "measure": measure}
    for generator in found:
        directions.read(generator)  # What is broken is told before hours of work.
    parts = [part for generator in found for part in generator.parts()]
    with publish.staging(out) as folder:
        proven = [made for generator in (*found, *parts) for made in _proven(generator, folder, options, say)]
        left_out = [made for made in proven if not by_name and made.is_short and made.file.quantization != "none"]
        kept = [made for made in proven if made not in left_out]
        _warn(left_out)
        _check(kept)
        entries = {}
        for made in kept:
            name, quality = made.file.path.name, {**made.quality.document(), **made.data}
            if measure and made.file.format == "tflite":
                say(f"{name}: measuring")
            entries[name] = publish.entry(made.generator, made.file, quality, measure)
        publish.publish(folder, out, entries, [made.file.path.name for made in left_out])
        for generator in found:
            directions.copy(generator, out)
    for other in sorted(set(pretrained.networks(model)) - {generator.name for generator in found}):
        say(f"{model}: its {found[0].name} alone is exported; --network {other} exports another, --direction both all")
    return Report(out, entries)


def _each_once(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))


def _check_choices(
    formats: Sequence[str], precisions: Sequence[str], io: str, allow_below: float | None, direction: str
) -> None:
    """Raises UsageError for what is not allowed."""
    for name, given, allowed in (
        ("format", formats, FORMATS),
        ("quantize", precisions, PRECISIONS),
        ("io", [io], IO),
        ("direction", [direction], (*pretrained.DIRECTIONS, "both")),
    ):
        if not given:
            raise UsageError(f"{name}: none given; allowed are {', '.join(allowed)}")
        for value in given:
            if value not in allowed:
                raise UsageError(f"{name} {quoted(value)} is unknown{nearest(value, allowed)}")
    if "tflite" not in formats and not set(precisions) <= set(PLAIN):
        raise UsageError(f"quantize {', '.join(precisions)}: is of TFLite, and no format is tflite; add it")
    if allow_below is not None and not (isinstance(allow_below, int | float) and math.isfinite(allow_below)):
        raise UsageError(f"allow_below: found {quoted(allow_below)}; give a number of dB, as 40")


def _sides(size: "tuple[int, int] | str | None") -> "tuple[int, int] | str | None":
    """Returns the size as a pair, `free` or None. Raises UsageError for any other."""
    if size is None or size == "free":
        return size
    if isinstance(size, str) and (match := re.fullmatch(r"(\d+)x(\d+)", size)):
        size = (int(match[1]), int(match[2]))
    if isinstance(size, str) or len(size) != 2 or not all(isinstance(side, int) and 0 < side <= 8192 for side in size):
        raise UsageError(f"size: found {quoted(size)}; give height and width in pixels, as 256x256, or free")
    return tuple(size)


def _proven(
    generator: "Generator", folder: Path, options: Mapping[str, Any], say: Callable[[str], None]
) -> Iterator[Proven]:
    """Writes the files of one generator into the folder, and yields how near each comes to it."""
    from ganzoo.exporting import convert
    from ganzoo.exporting import interface as interfaces

    name, source = generator.model.name, options["calibration"]
    signature = keras_network.signature_of(generator.model, generator.provenance)
    model, values = interfaces.at_size(generator.model, options["size"], signature, generator.names, generator.config)
    values = dataclasses.replace(values, hints=generator.recipe.data.hints if generator.recipe else 0)
    interface = interfaces.with_uint8(values) if options["io"] == "uint8" else values
    if source is not None and not examples.needs_data(interface):
        raise UsageError(f"calibration: {name} paints from latents and needs no images; leave it out")
    test = examples.inputs(generator, interface, "test", proof.example_count(interface), source)
    train = None
    if source is not None or ("tflite" in options["formats"] and not STATIC.keys().isdisjoint(options["precisions"])):
        count = calibrate.example_count(interface.output.shape)
        train = examples.inputs(generator, interface, "train", count, source)
    say(f"{name}: converting, to be proven on {len(next(iter(test.inputs.values())))} of {test.description}")
    files = convert.convert(
        model,
        generator.path.stem if generator.path else generator.name if generator.whole else "generator",
        folder,
        interface,
        values,
        formats=options["formats"],
        precisions=options["precisions"],
        examples=None if train is None else calibrate.fed(train.inputs, interface),
        count=options["measure"],
    )
    expected = _expected(generator, model, interface, test.inputs)
    if interface.output.kind == "image" and expected.std() < FAINT:
        say(f"{name}: paints almost nothing but one grey, on which faults don't show; train it first")
    floors = generator.provenance.floors if generator.provenance else {}
    proven_on, calibrated_on = (one and redaction.in_words(one.description, one.source) for one in (test, train))
    for file in files:
        quality = proof.measure(_opened(file), test.inputs, expected, file.quantization, floors, options["allow_below"])
        agreement = "" if quality.agreement is None else f", {quality.agreement:.1%} of equal answers"
        say(f"{file.path.name}: {quality.mean:.1f} dB, floor {quality.floor:g}{agreement}")
        calibrated = {"calibrated_on": calibrated_on} if file.quantization in STATIC else {}
        yield Proven(generator, file, quality, {"proven_on": proven_on, **calibrated})


def _expected(
    generator: "Generator", model: "keras.Model", interface: card.Interface, inputs: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Returns what the network makes of examples: as it was saved, where that takes their size, else as `model`."""
    reference = generator.model if any(None in one.shape[1:] for one in generator.model.inputs) else model
    given = [examples.keras_values(generator, inputs[tensor.name]) for tensor in interface.inputs]
    signature = keras_network.signature_of(generator.model, generator.provenance)
    pictures = next(iter(signature.gives.values())).range if signature.made == "image" else None
    return proof.outputs(reference, given, pictures)


def _opened(file: "File"):
    """Returns a file as its users open it, by a card that describes it alone."""
    if file.format == "savedmodel":
        programs.remember(file.path)
    publish.write_card(file.path.parent, {file.path.name: publish.described(file)})
    return dataclasses.replace(inference.open_network(file.path), name=file.path.name)


def _warn(left_out: Sequence[Proven]) -> None:
    """Tells of precisions that nobody asked for by name, and that fall short."""
    for made in left_out:
        warnings.warn(
            f"{made.file.path.name}: left out, for it has {made.quality.described()}; --quantize "
            f"{made.file.quantization} with --allow-below {math.floor(made.quality.mean)} takes it",
            stacklevel=3,
        )


def _check(found: Sequence[Proven]) -> None:
    """Raises RunError, naming the files that fall short, when there are such."""
    short = [made for made in found if made.is_short]
    if not short:
        return
    lacking = ", ".join(f"{made.file.path.name} has {made.quality.described()}" for made in short)
    tflite = {made.file.quantization for made in found if made.file.format == "tflite"}
    others = sorted(tflite - {made.file.quantization for made in short})
    advice = f"export {', '.join(others)} alone, " if others else ""
    least = math.floor(min(made.quality.mean for made in short))
    raise RunError(f"nothing exported: {lacking}; {advice}or take them as they are with --allow-below {least}")
