"""What a file takes and gives, read from the `card.json` beside it: an app needs no guess.

A card describes the files of one folder. `files` has an entry for each, by name:

    model                     the name of the Keras model that it was made of
    sha256, bytes             of the file; of a SavedModel, of its files in the order of their paths
    format                    `tflite` or `savedmodel`
    quantization              `none`, `float16`, `dynamic`, `int8` or `int16x8`
    signature                 the name of the signature to call
    input                     name, kind (`image` or `latents`), shape, dtype, mean, std, range
    output                    name, kind (`image`), shape, dtype, mean, std, range
    scale                     how many times larger a picture comes out
    multiple                  heights and widths it takes are multiples of this; null: those of `input.shape` alone
    any_size                  how a picture of another size is run: in `tiles`, or resized and run `whole`
    hints                     how many dabs of the colors that are wanted, at most, lay under a drawing's black lines
                              (as if multiplied by it) when it was trained; 0, or missing: it takes no such hints

and, for people:

    quality                   how near it paints to the Keras model, found by running it: examples, psnr_mean and
                              psnr_worst in dB (peak 2, 200 for equal pictures), largest_difference (in [-1, 1]), floor,
                              passed, allowed_below (a lower floor that its maker let it off to, or null), proven_on,
                              calibrated_on (for people: which images, or latents)
    evaluation                what `ganzoo evaluate` found of the file: protocol, data, results, skipped, versions
    anatomy, latency          of a TFLite file: operators, parameters, multiplications, delegates; speed and memory
    made_with                 versions

Shapes are [1, height, width, channels] with null where any size will do, or [1, length] for latents, which are drawn
from a standard normal distribution. A picture's values of 0 to 255 go in as (pixel - mean) / std, and come out as
value * std + mean, rounded and clipped.
"""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from .errors import RunError

NAME = "card.json"
VERSION = 1


class ModelError(RunError):
    """What is wrong with a model or its card."""


@dataclasses.dataclass(frozen=True)
class Tensor:
    """One input or output."""

    name: str
    kind: str
    """`image` or `latents`."""
    shape: tuple[int | None, ...]
    dtype: str
    """`float32` or `uint8`."""
    mean: float = 0.0
    std: float = 1.0
    range: tuple[float, float] | None = None
    """Lowest and highest value of an image; None for latents."""


@dataclasses.dataclass(frozen=True)
class Interface:
    """How to run one file."""

    signature: str
    input: Tensor
    output: Tensor
    scale: int = 1
    multiple: int | None = None
    any_size: str = "tiles"
    hints: int = 0


def read(path: Path) -> dict[str, Any]:
    """The entry of the file, or SavedModel, at `path`.

    Raises:
        ModelError: when there is no card beside it, the card is none, or it describes another file.
    """
    place = path.parent / NAME
    if not place.is_file():
        raise ModelError(f"{path}: no {NAME} beside it; copy the one that was exported with it")
    try:
        document = json.loads(place.read_text("utf-8"))
        version, files = document["card_version"], document["files"]
        names = sorted(files.keys())
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ModelError(f"{place}: not the card of an exported model; copy the one beside the file") from None
    if version != VERSION:
        raise ModelError(
            f"{place}: card version {version}; this release reads version {VERSION}, export the model again"
        )
    if path.name not in names:
        raise ModelError(f"{place}: says nothing of {path.name}, but of {', '.join(names) or 'no file'}")
    entry = files[path.name]
    if not isinstance(entry, dict) or entry.get("sha256") != digest(path):
        raise ModelError(
            f"{path}: not the file that {place} describes (its SHA-256 differs); copy both again, together"
        )
    return entry


def interface(entry: dict[str, Any], where: Path) -> Interface:
    """How to run the file of an entry. Raises ModelError when the entry lacks something."""
    try:
        found = Interface(
            signature=entry["signature"],
            input=_tensor(entry["input"]),
            output=_tensor(entry["output"]),
            scale=int(entry["scale"]),
            multiple=entry["multiple"],
            any_size=entry["any_size"],
            hints=entry.get("hints", 0),
        )
        _check(found)
    except KeyError as error:
        raise ModelError(f"{where}: its entry in {NAME} lacks {error}; export the model again") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{where}: its entry in {NAME} is garbled ({error}); export the model again") from None
    return found


def digest(path: Path) -> str:
    """SHA-256 of a file; of a folder, of its files' paths and contents in order."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    total = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        total.update(f"{file.relative_to(path).as_posix()} {digest(file)}\n".encode())
    return total.hexdigest()


def size(path: Path) -> int:
    """Bytes of a file; of a folder, of its files."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def _tensor(values: dict[str, Any]) -> Tensor:
    limits = values.get("range")
    return Tensor(
        name=values["name"],
        kind=values["kind"],
        shape=tuple(values["shape"]),
        dtype=values["dtype"],
        mean=float(values.get("mean", 0.0)),
        std=float(values.get("std", 1.0)),
        range=None if limits is None else (float(limits[0]), float(limits[1])),
    )


def _check(found: Interface) -> None:
    """Raises ValueError for what no exported file has."""
    takes, gives = found.input, found.output
    sizes = takes.shape[1:3] if takes.kind == "image" else ()
    allowed = {
        "kind": takes.kind in ("image", "latents") and gives.kind == "image",
        "shape": len(takes.shape) == (4 if takes.kind == "image" else 2) and len(gives.shape) == 4,
        "channels": None not in (takes.shape[-1], gives.shape[-1]),
        "dtype": {takes.dtype, gives.dtype} <= {"float32", "uint8"},
        "std": takes.std > 0 and gives.std > 0,
        "scale": found.scale >= 1,
        "multiple": found.multiple is None or (isinstance(found.multiple, int) and found.multiple >= 1),
        "size": found.multiple is not None or None not in sizes,
        "any_size": found.any_size in ("tiles", "whole"),
        "hints": isinstance(found.hints, int) and found.hints >= 0,
    }
    wrong = [name for name, right in allowed.items() if not right]
    if wrong:
        raise ValueError(", ".join(wrong))
