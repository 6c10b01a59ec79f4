"""`ganzoo.export`: a trained network as files that are proven to make what it makes."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.backends import backend
from ganzoo.backends.quiet import import_keras
from ganzoo.errors import UsageError
from ganzoo.exporting import checks, publishing
from ganzoo.exporting.precisions import FORMATS, PLAIN, STATIC
from ganzoo.files import redaction
from ganzoo.generators import pretrained

if TYPE_CHECKING:
    import keras

    from ganzoo.exporting.proving import Proven
    from ganzoo.generators.generator import Generator


@dataclasses.dataclass(frozen=True)
class Report:
    """What was exported."""

    folder: Path
    files: Mapping[str, dict]
    """By name, what `card.json` says of each."""


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
    files that are still there.

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
    from ganzoo.exporting import generators

    formats, by_name = checks.each_once(formats), quantize is not None
    quantize = checks.each_once(quantize if by_name else PLAIN)
    size = checks.size_of(formats, quantize, size, io, allow_below, direction)
    out = Path(out_dir).expanduser()
    publishing.check_place(out)
    found = generators.find(model, direction, network)
    backend.check_tensorflow("export")
    import_keras()
    from ganzoo.exporting import proving

    options = {"formats": formats, "quantize": quantize, "size": size, "io": io, "calibration": calibration}
    options |= {"measure": measure, "allow_below": allow_below}
    with publishing.staging(out) as folder:
        proven = [made for generator in found for made in _proven(generator, folder, options, say)]
        left_out = []
        if not by_name:
            proven, left_out = proving.without_short(proven)
        proving.check(proven)
        entries = {made.file.path.name: proving.entry(made, measure, say) for made in proven}
        publishing.publish(folder, out, entries, left_out)
    for other in sorted(set(pretrained.networks(model)) - {generator.name for generator in found}):
        say(f"{model}: its {found[0].name} alone is exported; --network {other} exports another, --direction both all")
    return Report(out, entries)


def _proven(
    generator: "Generator", folder: Path, options: Mapping[str, Any], say: Callable[[str], None]
) -> "Iterator[Proven]":
    """The files of one generator, written into the folder, and how near they come to it."""
    from ganzoo.exporting import calibration, conversion, generators, proof, proving
    from ganzoo.exporting import interface as interfaces
    from ganzoo.generators import keras_network

    signature = keras_network.signature_of(generator.model, generator.provenance)
    model, values = interfaces.at_size(generator.model, options["size"], signature, generator.names, generator.config)
    values = dataclasses.replace(values, hints=generators.hints(generator))
    interface = interfaces.with_uint8(values) if options["io"] == "uint8" else values
    name, source = generator.model.name, options["calibration"]
    if source is not None and not generators.needs_data(interface):
        raise UsageError(f"calibration: {name} paints from latents and needs no images; leave it out")
    test = generators.test_inputs(generator, interface, proof.example_count(interface), source)
    train = None
    if source is not None or ("tflite" in options["formats"] and not STATIC.keys().isdisjoint(options["quantize"])):
        count = calibration.example_count(interface.output.shape)
        train = generators.inputs(generator, interface, "train", count, source)
    count = len(next(iter(test.inputs.values())))
    say(f"{name}: converting, to be proven on {count} of {test.description}")
    files = conversion.convert(
        model,
        generators.stem(generator),
        folder,
        interface,
        values,
        formats=options["formats"],
        quantize=options["quantize"],
        examples=None if train is None else proving.fed(train.inputs, interface),
        count=options["measure"],
    )
    # As it was saved, where that takes the size.
    reference = generator.model if any(None in one.shape[1:] for one in generator.model.inputs) else model
    given = [generators.keras_values(generator, test.inputs[tensor.name]) for tensor in interface.inputs]
    pictures = next(iter(signature.gives.values())).range if signature.made == "image" else None
    expected = proving.outputs(reference, given, pictures)
    proving.check_shows(name, expected, interface, say)
    told = {"proven_on": test, "calibrated_on": train}
    data = {key: found and redaction.in_words(found.description, found.source) for key, found in told.items()}
    floors = generators.floors(generator)
    yield from proving.proven(files, generator, test.inputs, expected, data, floors, options["allow_below"], say)
