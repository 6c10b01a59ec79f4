"""A Keras generator as files: a SavedModel, and from it TFLite in each precision."""

import dataclasses
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from ganzoo.exporting import anatomy, calibration, quantisation, saved_model, tflite
from ganzoo.exporting.convolutions import rearrange
from ganzoo.exporting.precisions import FORMATS, PLAIN, STATIC, name_of
from ganzoo.lite import card


@dataclasses.dataclass(frozen=True)
class File:
    """One exported file, or SavedModel directory."""

    path: Path
    format: str
    quantization: str
    interface: card.Interface
    counts: Mapping[str, int | None] = dataclasses.field(default_factory=dict)
    """`parameters` and `macs` of the network; a file whose convolutions are rearranged has more, of zeros."""


def convert(
    model: keras.Model,
    stem: str,
    folder: Path,
    interface: card.Interface,
    values: card.Interface,
    *,
    formats: Sequence[str] = FORMATS,
    quantize: Sequence[str] = PLAIN,
    examples: Mapping[str, np.ndarray] | None = None,
    count: bool = False,
) -> list[File]:
    """Writes the files into `folder`; nothing is proven yet.

    Args:
        model: of the size that the files shall have.
        stem: what their names begin with.
        folder: is there, and holds none of them.
        interface: what the files shall take and give.
        values: what the model itself takes and gives, as `interface.at_size` says.
        formats: of `FORMATS`.
        quantize: of `PRECISIONS`; for TFLite.
        examples: to calibrate on, in the form that the files take: (N, ...) by the names of the inputs. For `int8` and
            `int16x8`.
        count: count the network's parameters and multiplications.

    Raises:
        RunError: when the model needs more than TFLite's own operators.
    """
    suffix = "_uint8" if "uint8" in (tensor.dtype for tensor in (*interface.inputs, *interface.outputs)) else ""
    whole = folder / f"{stem}_savedmodel{suffix}"
    saved_model.write(model, interface, values, whole)
    files = [File(whole, "savedmodel", "none", interface)] if "savedmodel" in formats else []
    if "tflite" in formats:
        source = folder / f".{stem}.tflite"
        source.write_bytes(tflite.convert(whole, interface.signature))
        found = anatomy.describe(source, gpu=False) if count else {}
        counts = {name: found[name] for name in ("parameters", "macs") if name in found}
        rearrange(source)
        for precision, content in _precisions(source, quantize, examples):
            path = folder / f"{stem}_{name_of(precision)}{suffix}.tflite"
            path.write_bytes(content)
            tflite.annotate(path, interface, precision)
            files.append(File(path, "tflite", precision, interface, counts))
        source.unlink()
    if "savedmodel" not in formats:
        shutil.rmtree(whole)
    return files


def _precisions(source: Path, quantize: Sequence[str], examples) -> Iterator[tuple[str, bytes]]:
    seen = None
    if not STATIC.keys().isdisjoint(quantize):
        seen = calibration.observe(source, calibration.one_by_one(examples))
    for precision in quantize:
        if precision == "none":
            yield precision, source.read_bytes()
        else:
            ranges = calibration.ranges(seen, clip=precision == "int8") if precision in STATIC else None
            yield precision, quantisation.quantise(source, precision, ranges)
