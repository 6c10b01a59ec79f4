"""Reads what a file takes and gives from the `card.json` beside it, so that an app needs no guess.

A card describes the files of one folder. `files` has an entry for each, by name:

    model                     the name of the Keras model that was exported
    sha256, bytes             of the file; of a SavedModel, of its files in the order of their paths
    format                    `tflite` or `savedmodel`
    quantization              `none`, `float16`, `dynamic`, `int8` or `int16x8`
    signature                 the name of the signature to call
    inputs                    the inputs in order, each with name, kind, shape and dtype, and with mean, std, range,
                              names and rate if its kind has them
    outputs                   the outputs, described alike
    scale                     how many times larger a picture comes out
    multiple                  heights and widths must be multiples of this; null: they must be those of `input.shape`
    any_size                  how to run a picture of another size: in `tiles`, or resized and run `whole`
    hints                     the most dabs of color that lay under a drawing's black lines in training (multiplied by
                              it); 0 or missing: the network takes no such hints

and, for people:

    quality                   how close the file comes to the Keras model, found by running both: metric, examples,
                              floor in dB, passed, allowed_below (a lower floor that the maker allowed, or null),
                              proven_on and calibrated_on (which images, or latents), largest_difference (in values of
                              the Keras model), and depending on `metric`, in dB, 200 for equal examples:
                              `psnr`, for pictures: psnr_mean and psnr_worst (peak 2)
                              `snr`, for clips, codes and logits: snr_mean and snr_worst; for classes also agreement,
                              the share of examples with the same class in both, and agreement_floor
    evaluation                what `ganzoo evaluate` found for the file: protocol, data, results, skipped, versions
    anatomy, latency          for a TFLite file: operators, parameters, multiplications, delegates; speed and memory
    made_with                 versions
    provenance                where the file comes from: architecture, network (its name there), variant, recipe (with
                              the place of its data) and recipe_sha256, step of training, names (of classes and words,
                              by the keys of a batch); missing if unknown

Kinds, each with its shape:

    image      [1, height, width, channels], null if any size will do. Values of 0 to 255 go in as
               (pixel - mean) / std, and come out as value * std + mean, rounded and clipped
    latents    [1, length], drawn from a standard normal distribution; so is an input of kind code
    code       [1, length]: the output of an encoder, the input of a decoder
    label      [1], int32: the number of a class in `names`
    tokens     [1, length], int32: the numbers of a text's words in `names`, padded with 0
    clip       [1, length, 1]: sound from -1 to 1, `rate` values per second
    styles     [1, layers, length]: a code for each layer of what makes a picture of them
    classes    [1, count]: logits of the classes in `names`

`names` is a list of distinct texts. For tokens the first is "", and for classes there is one for each logit. Where
`names` is null, missing or empty, classes are called by their numbers, from 0.

Version 1 had one `input` and one `output` instead of the lists, for images and latents alone; it is still read.
"""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from .errors import LONGEST, RunError, quoted, reason

NAME = "card.json"
VERSION = 2
TAKEN = ("image", "latents", "code", "label", "tokens", "clip", "styles")
GIVEN = ("image", "code", "clip", "classes")
RANKS = {"image": 4, "clip": 3, "label": 1, "styles": 3}
"""The ranks of shapes, by kind; 2 for other kinds."""
WHOLE = ("label", "tokens")
"""Kinds whose values are integers."""
NAMED = ("label", "tokens", "classes")
"""Kinds whose numbers have names."""
LARGEST = 65_536
"""The largest side, number of channels and length of latents."""
LONGEST_CLIP = 100_000_000
"""The most values in a clip and per second."""
LARGEST_MULTIPLE = 4096
"""The largest `multiple`: pictures are padded to it."""
LARGEST_SCALE = 64
LARGEST_NUMBER = 1e6
"""The largest mean, deviation and end of a range; all are about pixels."""


class ModelError(RunError):
    """A model or its card is broken."""


@dataclasses.dataclass(frozen=True)
class Tensor:
    """One input or output."""

    name: str
    kind: str
    """One of `TAKEN` or `GIVEN`."""
    shape: tuple[int | None, ...]
    dtype: str
    """`float32`, `uint8` or, for integers, `int32`."""
    mean: float = 0.0
    std: float = 1.0
    range: tuple[float, float] | None = None
    """The lowest and highest value of an image or a clip; None for other kinds."""
    names: tuple[str, ...] = ()
    """The names of classes or words, in the order of their numbers. If empty, classes are called by their numbers."""
    rate: int | None = None
    """Values per second of a clip."""


@dataclasses.dataclass(frozen=True)
class Interface:
    """How to run one file."""

    signature: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    scale: int = 1
    multiple: int | None = None
    any_size: str = "tiles"
    hints: int = 0

    @property
    def input(self) -> Tensor:
        """The input picture or clip; if there is none, the first input."""
        return next((tensor for tensor in self.inputs if tensor.kind in ("image", "clip")), self.inputs[0])

    @property
    def output(self) -> Tensor:
        """The first output."""
        return self.outputs[0]

    @property
    def takes(self) -> dict[str, tuple[str, ...]]:
        """The kinds of the inputs, each with the names of its numbers."""
        return {tensor.kind: tensor.names for tensor in self.inputs}

    def taken(self, kind: str) -> Tensor | None:
        """Returns the first input of a kind, None if there is none."""
        return next((tensor for tensor in self.inputs if tensor.kind == kind), None)


def read(path: Path) -> dict[str, Any]:
    """Returns the card's entry for the file, or SavedModel, at `path`.

    Raises:
        ModelError: when there is no card beside it, or it is broken or describes another file.
    """
    place = path.parent / NAME
    if not place.is_file():
        raise ModelError(f"{path}: no {NAME} beside it; copy the one that was exported with it")
    try:
        document = json.loads(place.read_text("utf-8"))
        version, files = document["card_version"], document["files"]
        names = sorted(files.keys())
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ModelError(f"{place}: not the card of an exported model; copy the one beside the file") from None
    if version not in (1, VERSION):
        raise ModelError(
            f"{place}: card version {quoted(version)}; this release reads 1 to {VERSION}, export the model again"
        )
    if path.name not in names:
        raise ModelError(f"{place}: says nothing of {path.name}, but of {', '.join(names)[:LONGEST] or 'no file'}")
    entry = files[path.name]
    if not isinstance(entry, dict) or entry.get("sha256") != digest(path):
        raise ModelError(
            f"{path}: not the file that {place} describes (its SHA-256 differs); copy both again, together"
        )
    return entry


def interface(entry: dict[str, Any], where: Path) -> Interface:
    """Returns how to run the file of an entry. Raises ModelError when something is missing or wrong in the entry."""
    try:
        found = Interface(
            signature=entry["signature"],
            inputs=_tensors(entry, "input"),
            outputs=_tensors(entry, "output"),
            scale=entry["scale"],
            multiple=entry["multiple"],
            any_size=entry["any_size"],
            hints=entry.get("hints", 0),
        )
        _check(found)
    except KeyError as error:
        raise ModelError(
            f"{where}: its entry in {NAME} lacks {quoted(error.args[0])}; export the model again"
        ) from None
    except (TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{where}: its entry in {NAME} is garbled ({reason(error)}); export the model again") from None
    return found


def digest(path: Path) -> str:
    """Returns the SHA-256 of a file; for a folder, that of its files' paths and contents in order."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    total = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        total.update(f"{file.relative_to(path).as_posix()} {digest(file)}\n".encode())
    return total.hexdigest()


def size(path: Path) -> int:
    """Returns the bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def _tensors(entry: dict[str, Any], key: str) -> tuple[Tensor, ...]:
    """Returns those under `inputs` or `outputs`; in version 1 the one under `input` or `output`."""
    return tuple(map(_tensor, [entry[key]] if key in entry else entry[f"{key}s"]))


def _tensor(values: dict[str, Any]) -> Tensor:
    limits, names = values.get("range"), values.get("names")
    # A text is a sequence of names, too.
    _demand("names", names is None or isinstance(names, list))
    return Tensor(
        name=values["name"],
        kind=values["kind"],
        shape=tuple(values["shape"]),
        dtype=values["dtype"],
        mean=values.get("mean", 0.0),
        std=values.get("std", 1.0),
        range=None if limits is None else tuple(limits),
        names=tuple(names or ()),
        rate=values.get("rate"),
    )


def _check(found: Interface) -> None:
    """Raises ValueError for what no exported file has. The order matters: later checks rely on earlier ones."""
    for tensors, kinds in ((found.inputs, TAKEN), (found.outputs, GIVEN)):
        _demand("inputs and outputs", len(tensors) > 0)
        for tensor in tensors:
            _demand("kind", tensor.kind in kinds)
            _check_tensor(tensor)
    sizes = found.input.shape[1:3] if found.input.kind == "image" else ()
    _demand("signature", isinstance(found.signature, str))
    _demand("scale", _is_whole(found.scale, LARGEST_SCALE))
    _demand("multiple", found.multiple is None or _is_whole(found.multiple, LARGEST_MULTIPLE))
    _demand("size", found.multiple is not None or None not in sizes)
    _demand("any_size", found.any_size in ("tiles", "whole"))
    _demand("hints", found.hints == 0 or _is_whole(found.hints, LARGEST))


def _check_tensor(tensor: Tensor) -> None:
    _demand("dtype", tensor.dtype in (("int32",) if tensor.kind in WHOLE else ("float32", "uint8")))
    _demand("name", isinstance(tensor.name, str))
    _demand("shape", len(tensor.shape) == RANKS.get(tensor.kind, 2))
    longest = LONGEST_CLIP if tensor.kind == "clip" else LARGEST
    _demand("shape", all(side is None or _is_whole(side, longest) for side in tensor.shape))
    _demand("channels", tensor.kind == "label" or tensor.shape[-1] is not None)
    _demand("mean", _is_number(tensor.mean))
    _demand("std", _is_number(tensor.std) and tensor.std >= 1 / LARGEST_NUMBER)
    _demand("range", tensor.range is None or (len(tensor.range) == 2 and all(map(_is_number, tensor.range))))
    _demand("names", all(isinstance(name, str) for name in tensor.names))
    _demand("rate", (tensor.rate is None and tensor.kind != "clip") or _is_whole(tensor.rate, LONGEST_CLIP))
    if tensor.names:
        _demand("names", len(set(tensor.names)) == len(tensor.names))
        _demand("names", tensor.kind != "classes" or len(tensor.names) == tensor.shape[-1])
        _demand("names", tensor.kind != "tokens" or tensor.names[0] == "")


def _demand(name: str, is_right: bool) -> None:
    if not is_right:
        raise ValueError(name)


def _is_whole(value: Any, most: int) -> bool:
    return type(value) is int and 1 <= value <= most


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= LARGEST_NUMBER
