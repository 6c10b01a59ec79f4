"""`ganzoo.export`: a trained generator as files that are proven to paint what it paints."""

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import json
import math
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from ganzoo import backend, pretrained, programs
from ganzoo.config import nearest
from ganzoo.errors import RunError, UsageError, quoted
from ganzoo.exporting.precisions import FORMATS, PLAIN, PRECISIONS, STATIC
from ganzoo.files import replacing
from ganzoo.lite import card
from ganzoo.pretrained import DIRECTIONS
from ganzoo.quiet import import_keras

if TYPE_CHECKING:
    import keras

    from ganzoo.exporting.conversion import File
    from ganzoo.exporting.proof import Quality
    from ganzoo.generator import Generator

IO = ("float", "uint8")
OLD = ".old-"
"""What the names of files begin with that were moved out of the way."""
MADE_WITH = ("keras-ganzoo", "keras", "tensorflow", "ai-edge-litert", "litert-quantizer")
FAINT = 0.02
"""Deviation, in [-1, 1], of pictures that show nothing."""


@dataclasses.dataclass(frozen=True)
class Proven:
    """A file, how near it comes to the Keras model, and on what data."""

    generator: "Generator"
    file: "File"
    quality: "Quality"
    data: Mapping[str, str]


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
    """Exports a generator to a SavedModel and TFLite files, each with the proof that it paints what Keras paints.

    Every file is run by the runtime it is for on 16 images of the test split, or on latents, and must come as near to
    the Keras model as its precision promises. Where one does not, nothing is written, not even the files that do: a
    folder holds a whole export or what was there before. Precisions that were not asked for by name are left out there,
    with a warning, and the others written; earlier files of theirs go. What the files take and give, and how good and
    fast they are, is in the `card.json` beside them, which keeps what it says of earlier files that are still there.

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
        allow_below: a mean PSNR in dB that will do where a file does not reach its floor; the card says so.
        direction: `ab`, `ba` or `both`, of a run that has two generators.
        network: the name of the one deployed network to export, in place of the direction.
        measure: also take down the operators, the speed and the memory of each file.
        say: is told what is done, a line at a time.

    Raises:
        UsageError: for what can't be done as asked, before anything is written; also where Keras runs on JAX.
        RunError: when a file falls below its floor, or can't be made or written.
    """
    from ganzoo.exporting import generators

    formats, by_name = _each_once(formats), quantize is not None
    quantize = _each_once(quantize if by_name else PLAIN)
    size = _checked(formats, quantize, size, io, allow_below, direction)
    out = Path(out_dir).expanduser()
    _check_place(out)
    found = generators.find(model, direction, network)
    backend.check_tensorflow("export")
    import_keras()
    options = {"formats": formats, "quantize": quantize, "size": size, "io": io, "calibration": calibration}
    options["measure"] = measure
    with _staging(out) as folder:
        proven = [made for generator in found for made in _proven(generator, folder, options, allow_below, say)]
        left_out = []
        if not by_name:
            proven, left_out = _without_short(proven)
        _check(proven)
        entries = {made.file.path.name: _entry(made, measure, say) for made in proven}
        _publish(folder, out, entries, left_out)
    for other in set(pretrained.networks(model)) - {generator.name for generator in found}:
        say(
            f"{model}: its {found[0].name} alone is exported; --network {other} exports the other, --direction both all"
        )
    return Report(out, entries)


def _each_once(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))


def _checked(formats, quantize, size, io, allow_below, direction) -> tuple[int, int] | str | None:
    """The size as a pair, or `free`. Raises UsageError for what is not allowed."""
    for name, given, allowed in (
        ("format", formats, FORMATS),
        ("quantize", quantize, PRECISIONS),
        ("io", [io], IO),
        ("direction", [direction], (*DIRECTIONS, "both")),
    ):
        if not given:
            raise UsageError(f"{name}: none given; allowed are {', '.join(allowed)}")
        for value in given:
            if value not in allowed:
                raise UsageError(f"{name} {quoted(value)} is unknown{nearest(value, allowed)}")
    if "tflite" not in formats and not set(quantize) <= set(PLAIN):
        raise UsageError(f"quantize {', '.join(quantize)}: is of TFLite, and no format is tflite; add it")
    if allow_below is not None and not (isinstance(allow_below, int | float) and math.isfinite(allow_below)):
        raise UsageError(f"allow_below: found {quoted(allow_below)}; give a number of dB, as 40")
    if size is None or size == "free":
        return size
    if isinstance(size, str):
        match = re.fullmatch(r"(\d+)x(\d+)", size)
        size = (int(match[1]), int(match[2])) if match else size
    if isinstance(size, str) or len(size) != 2 or not all(isinstance(side, int) and 0 < side <= 8192 for side in size):
        raise UsageError(f"size: found {quoted(size)}; give height and width in pixels, as 256x256, or free")
    return tuple(size)


def _check_place(out: Path) -> None:
    """Raises UsageError when `out` is a file, or holds a `card.json` that is no card; RunError when it is read-only."""
    place = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not place.is_dir():
        raise UsageError(f"{place}: a file; give a folder as --out")
    if not os.access(place, os.W_OK | os.X_OK):
        raise RunError(f"{place}: no permission to write there; give another --out")
    _entries(out)


def _entries(out: Path) -> dict[str, dict]:
    """What the card in the folder says of its files. Raises UsageError when it is no card."""
    if not (out / card.NAME).exists():
        return {}
    try:
        document = json.loads((out / card.NAME).read_text("utf-8"))
        files, version = dict(document["files"]), document["card_version"]
    except (ValueError, KeyError, TypeError, OSError):
        raise UsageError(f"{out / card.NAME}: not the card of exported files; give another --out") from None
    return files if version == card.VERSION else {}


def _proven(
    generator: "Generator", folder: Path, options: Mapping, allow_below: float | None, say
) -> "Iterator[Proven]":
    """The files of one generator, written into the folder, and how near they come to it."""
    import numpy as np

    from ganzoo import inference
    from ganzoo.exporting import calibration, conversion, generators, proof
    from ganzoo.exporting import interface as interfaces

    model, values = interfaces.at_size(generator.model, options["size"])
    values = dataclasses.replace(values, hints=generators.hints(generator))
    interface = interfaces.with_uint8(values) if options["io"] == "uint8" else values
    source = options["calibration"]
    if source is not None and interface.input.kind == "latents":
        raise UsageError(f"calibration: {generator.model.name} paints from latents and needs no images; leave it out")
    test = generators.test_inputs(generator, interface, proof.EXAMPLES, source)
    train = None
    if source is not None or ("tflite" in options["formats"] and not STATIC.keys().isdisjoint(options["quantize"])):
        count = calibration.example_count(interface.output.shape)
        train = generators.inputs(generator, interface, "train", count, source)
    say(f"{generator.model.name}: converting, to be proven on {len(test.inputs)} of {test.description}")
    files = conversion.convert(
        model,
        generators.stem(generator),
        folder,
        interface,
        values,
        formats=options["formats"],
        quantize=options["quantize"],
        examples=None if train is None else proof.values(train.inputs, interface.input),
        count=options["measure"],
    )
    # As it was saved, where that takes the size.
    reference = generator.model if None in generator.model.input_shape[1:] else model
    keras_inputs = generators.keras_values(generator, test.inputs)
    expected = np.concatenate([reference(one[None], training=False) for one in keras_inputs])
    if expected.std() < FAINT:
        say(f"{generator.model.name}: paints almost nothing but one grey, on which faults don't show; train it first")
    for file in files:
        if file.format == "savedmodel":
            programs.remember(file.path)
        _write_card(folder, {file.path.name: _described(file)})
        floor = proof.floor_of(file.quantization, interface, generators.floors(generator))
        run = inference.open_network(file.path).call
        quality = proof.measure(file.path.name, run, interface, test.inputs, expected, floor, allow_below)
        say(f"{file.path.name}: {quality.psnr_mean:.1f} dB, floor {floor:g}")
        data = {"proven_on": test.description}
        if file.quantization in STATIC:
            data["calibrated_on"] = train.description
        yield Proven(generator, file, quality, data)


def _without_short(proven: "Sequence[Proven]") -> "tuple[list[Proven], list[str]]":
    """All but the rounded files that fall short, and the names of these. What is not rounded is wrong if it does."""
    from ganzoo.exporting import proof

    kept, left_out = [], []
    for made in proven:
        if proof.is_enough(made.quality) or made.file.quantization == "none":
            kept.append(made)
            continue
        left_out.append(made.file.path.name)
        warnings.warn(
            f"{made.file.path.name}: left out, for {made.quality.psnr_mean:.1f} dB are below its floor of "
            f"{_wanted(made.quality):g}; --quantize {made.file.quantization} with --allow-below "
            f"{math.floor(made.quality.psnr_mean)} takes it",
            stacklevel=3,
        )
    return kept, left_out


def _check(proven: "Sequence[Proven]") -> None:
    """Raises RunError, naming the files that fall short, when there are such."""
    from ganzoo.exporting import proof

    short = [made for made in proven if not proof.is_enough(made.quality)]
    if not short:
        return
    found = ", ".join(
        f"{made.file.path.name} has {made.quality.psnr_mean:.1f} dB where {_wanted(made.quality):g} are its floor"
        for made in short
    )
    tflite = {made.file.quantization for made in proven if made.file.format == "tflite"}
    others = sorted(tflite - {made.file.quantization for made in short})
    advice = f"export {', '.join(others)} alone, " if others else ""
    least = math.floor(min(made.quality.psnr_mean for made in short))
    raise RunError(f"nothing exported: {found}; {advice}or take them as they are with --allow-below {least}")


def _wanted(quality: "Quality") -> float:
    return quality.floor if quality.allowed_below is None else min(quality.allowed_below, quality.floor)


def _described(file: "File") -> dict:
    """What the card says of a file before it is proven: all that a runner needs."""
    described = {
        "sha256": card.digest(file.path),
        "bytes": card.size(file.path),
        "format": file.format,
        "quantization": file.quantization,
        **dataclasses.asdict(file.interface),
    }
    # As it is when it is read: of lists, not tuples.
    return json.loads(json.dumps(described))


def _entry(made: "Proven", measure: bool, say) -> dict:
    from ganzoo.exporting import anatomy, latency

    file = made.file
    quality = {**_rounded(dataclasses.asdict(made.quality)), **made.data}
    entry = {"model": made.generator.model.name, **_described(file), "quality": quality}
    if made.generator.provenance:
        entry["provenance"] = made.generator.provenance.to_document()
    if measure and file.format == "tflite":
        say(f"{file.path.name}: measuring")
        of_file = anatomy.describe(file.path)
        arranged = {f"{name}_in_file": of_file[name] for name in file.counts}
        entry |= {"anatomy": {**of_file, **arranged, **file.counts}, "latency": latency.measure(file.path)}
    entry["made_with"] = {name: importlib.metadata.version(name) for name in MADE_WITH}
    return entry


def _rounded(quality: dict) -> dict:
    places = {"psnr_mean": 2, "psnr_worst": 2, "largest_difference": 7}
    return {name: round(value, places[name]) if name in places else value for name, value in quality.items()}


@contextlib.contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """A folder within `out` for files that are not proven yet. At the end it is gone, and `out` too if it is empty."""
    made = [path for path in (out, *out.parents) if not path.exists()]
    out.mkdir(parents=True, exist_ok=True)
    _remove_unfinished(out)
    folder = Path(tempfile.mkdtemp(prefix=f".export-{os.getpid()}-", dir=out))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for path in made:
            with contextlib.suppress(OSError):  # It holds what was exported.
                path.rmdir()


def _remove_unfinished(out: Path) -> None:
    """Removes what a killed process had been writing, and puts back what it had moved out of the way."""
    for left in out.glob(".export-*"):
        process = re.fullmatch(r"\.export-(\d+)-.*", left.name)
        if process and not _is_running(int(process[1])):
            with _locked(out):
                entries = _entries(out)
                for old in left.glob(f"{OLD}*"):
                    name = old.name.removeprefix(OLD)
                    # The card comes last: where it is of the old file, the new ones were not all there yet.
                    if entries.get(name, {}).get("sha256") == card.digest(old):
                        _replace(out / name, left / f".new-{name}")
                        old.rename(out / name)
            shutil.rmtree(left, ignore_errors=True)


def _is_running(process: int) -> bool:
    if os.name == "nt":  # There, signal 0 is Ctrl-C.
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _publish(folder: Path, out: Path, entries: Mapping[str, dict], left_out: Sequence[str]) -> None:
    """Moves the files to their place; all of them with their card, or none. What was left out is not there after."""
    with _locked(out):
        earlier = {name: entry for name, entry in _entries(out).items() if (out / name).exists()}
        _check_places(out, entries, earlier)
        moved = []
        try:
            for name in [*entries, *(name for name in left_out if name in earlier)]:
                moved.append(name)
                _replace(out / name, folder / f"{OLD}{name}")
                if name in entries:
                    (folder / name).rename(out / name)
            _write_card(out, {name: e for name, e in {**earlier, **entries}.items() if name not in left_out})
        except BaseException:
            for name in moved:
                if not (folder / name).exists():
                    (out / name).rename(folder / name)
                _replace(folder / f"{OLD}{name}", out / name)
            raise


def _check_places(out: Path, entries: Mapping[str, dict], earlier: Mapping[str, dict]) -> None:
    """Raises UsageError when a file would replace one that was not exported, or lie beside another model's."""
    foreign = [name for name in entries if (out / name).exists() and name not in earlier]
    if foreign:
        raise UsageError(
            f"{out / foreign[0]}: no card says that this was exported; move it away, or give another --out"
        )
    for name, entry in entries.items():
        for other, found in earlier.items():
            if _stem(other) == _stem(name) and found.get("model", entry["model"]) != entry["model"]:
                raise UsageError(
                    f"{out}: holds {other} of {found['model']}, and this is {entry['model']}; give another --out"
                )


def _stem(name: str) -> str:
    """`generator_ab` of `generator_ab_float32.tflite`."""
    return re.sub(r"_(savedmodel|float32|float16|dynamic|int8|int16x8)(_uint8)?(\.tflite)?$", "", name)


def _replace(path: Path, target: Path) -> None:
    if path.exists():
        path.rename(target)


def _locked(out: Path) -> filelock.FileLock:
    """For one process at a time; the lock lies elsewhere, lest it is taken for part of the export."""
    name = hashlib.sha256(str(out.resolve()).encode()).hexdigest()[:16]
    return filelock.FileLock(Path(tempfile.gettempdir()) / f"ganzoo-export-{name}.lock")


def _write_card(folder: Path, files: Mapping[str, dict]) -> None:
    document = {"card_version": card.VERSION, "files": dict(sorted(files.items()))}
    with replacing(folder / card.NAME) as path:
        path.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", "utf-8")
