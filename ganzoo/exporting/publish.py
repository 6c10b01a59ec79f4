"""Brings exported files to their folder: all of them with their card, or none, whatever fails or is killed."""

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock

from ganzoo.errors import RunError, UsageError
from ganzoo.exporting import anatomy, benchmark
from ganzoo.files.atomic import replacing
from ganzoo.generators.generator import Generator
from ganzoo.lite import card

if TYPE_CHECKING:
    from ganzoo.exporting.convert import File

MADE_WITH = ("keras-ganzoo", "keras", "tensorflow", "ai-edge-litert", "litert-quantizer")
OLD = ".old-"
"""Names of files that were moved out of the way begin with this."""


def check_place(out: Path) -> None:
    """Raises UsageError when `out` is a file, or holds a `card.json` that is no card; RunError when it is read-only."""
    place = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not place.is_dir():
        raise UsageError(f"{place}: a file; give a folder as --out")
    if not os.access(place, os.W_OK | os.X_OK):
        raise RunError(f"{place}: no permission to write there; give another --out")
    _entries(out)


def _entries(out: Path) -> dict[str, dict]:
    """Returns what the card in a folder says of its files, as of this version. Raises UsageError when it is no card."""
    if not (out / card.NAME).exists():
        return {}
    try:
        document = json.loads((out / card.NAME).read_text("utf-8"))
        files, version = document["files"].items(), document["card_version"]
        return {name: _as_of_now(entry) for name, entry in files} if version in (1, card.VERSION) else {}
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        raise UsageError(f"{out / card.NAME}: not the card of exported files; give another --out") from None


def _as_of_now(entry: dict) -> dict:
    """Returns an entry as version 2 has it: with lists of inputs and outputs, where version 1 had one of each."""
    of_version_1 = {"input": "inputs", "output": "outputs"}
    return {of_version_1.get(key, key): [value] if key in of_version_1 else value for key, value in entry.items()}


@contextlib.contextmanager
def staging(out: Path) -> Iterator[Path]:
    """Makes a folder within `out` for unproven files. At the end it is gone, and `out` too if it is empty."""
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
    except (OSError, OverflowError) as error:
        return not isinstance(error, ProcessLookupError)
    return True


def publish(folder: Path, out: Path, entries: Mapping[str, dict], left_out: Sequence[str]) -> None:
    """Moves the files to their place: all of them with their card, or none. Files of `left_out` are removed."""
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
            write_card(out, {name: e for name, e in {**earlier, **entries}.items() if name not in left_out})
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
    """Returns the name without what export adds: `generator_ab` of `generator_ab_float32.tflite`."""
    return re.sub(r"_(savedmodel|float32|float16|dynamic|int8|int16x8)(_uint8)?(\.tflite)?$", "", name)


def _replace(path: Path, target: Path) -> None:
    if path.exists():
        path.rename(target)


def _locked(out: Path) -> filelock.FileLock:
    """Returns a lock on a folder, which lies elsewhere, lest it is taken for part of the export."""
    name = hashlib.sha256(str(out.resolve()).encode()).hexdigest()[:16]
    return filelock.FileLock(Path(tempfile.gettempdir()) / f"ganzoo-export-{name}.lock")


def write_card(folder: Path, files: Mapping[str, dict]) -> None:
    """Writes `card.json`, with an entry for each file by name."""
    document = {"card_version": card.VERSION, "files": dict(sorted(files.items()))}
    with replacing(folder / card.NAME) as path:
        path.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", "utf-8")


def described(file: "File") -> dict:
    """Returns what the card says of a file before it is proven: all that a runner needs."""
    found = {
        "sha256": card.digest(file.path),
        "bytes": card.size(file.path),
        "format": file.format,
        "quantization": file.quantization,
        **dataclasses.asdict(file.interface),
    }
    # As it is when it is read: of lists, not tuples.
    return json.loads(json.dumps(found))


def entry(generator: Generator, file: "File", quality: Mapping[str, Any], measure: bool) -> dict:
    """Returns all that the card says of a file.

    Args:
        generator: which the file is made of.
        file: which is proven.
        quality: how near it comes to the Keras model, and on what data.
        measure: also take down a TFLite file's operators, speed and memory.
    """
    known = {"provenance": generator.provenance.to_document()} if generator.provenance else {}
    document = {"model": generator.model.name, **known, **described(file), "quality": quality}
    if measure and file.format == "tflite":
        found = anatomy.describe(file.path)
        in_file = {f"{name}_in_file": found[name] for name in file.counts}
        document |= {"anatomy": {**found, **in_file, **file.counts}, "latency": benchmark.latency(file.path)}
    document["made_with"] = {name: importlib.metadata.version(name) for name in MADE_WITH}
    return document
