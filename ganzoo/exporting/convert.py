"""Converts a Keras generator into a SavedModel, and that into TFLite in each precision, with its interface inside."""

import dataclasses
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ganzoo.core.kinds import one_or_all
from ganzoo.errors import RunError, reason
from ganzoo.exporting import anatomy, calibrate, litert_private
from ganzoo.exporting.calibrate import one_by_one
from ganzoo.exporting.quantize import PIXELS_IN, PIXELS_OUT, STATIC, name_of, quantize
from ganzoo.exporting.rewrite import rewrite
from ganzoo.lite import card

METADATA = "ganzoo"
"""The metadata buffer of a file that says in JSON what its card says of its inputs and outputs."""


@dataclasses.dataclass(frozen=True)
class File:
    """One exported file, or SavedModel directory."""

    path: Path
    format: str
    quantization: str
    interface: card.Interface
    counts: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """`parameters` and `macs` of the network; a file whose convolutions are rewritten has more, of zeros."""


def convert(
    model: keras.Model,
    stem: str,
    folder: Path,
    interface: card.Interface,
    values: card.Interface,
    *,
    formats: Sequence[str],
    precisions: Sequence[str] = (),
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
        formats: `savedmodel`, `tflite` or both.
        precisions: of TFLite, among `quantize.PRECISIONS`.
        examples: to calibrate on, in the form that the files take: (N, ...) by the names of the inputs. For `int8` and
            `int16x8`.
        count: count the network's parameters and multiplications.

    Returns:
        The files, the SavedModel first.

    Raises:
        RunError: when the model needs more than TFLite's own operators.
    """
    suffix = "_uint8" if "uint8" in (tensor.dtype for tensor in (*interface.inputs, *interface.outputs)) else ""
    whole = folder / f"{stem}_savedmodel{suffix}"
    write_saved_model(model, interface, values, whole)
    files = [File(whole, "savedmodel", "none", interface)]
    if "tflite" in formats:
        source = folder / f".{stem}.tflite"
        source.write_bytes(to_tflite(whole, interface.signature))
        found = anatomy.describe(source, gpu=False) if count else {}
        counts = {name: found[name] for name in ("parameters", "macs") if name in found}
        rewrite(source)
        seen = None if STATIC.keys().isdisjoint(precisions) else calibrate.observe(source, one_by_one(examples))
        for precision in precisions:
            path = folder / f"{stem}_{name_of(precision)}{suffix}.tflite"
            ranges = calibrate.ranges(seen, clip=precision == "int8") if precision in STATIC else None
            path.write_bytes(source.read_bytes() if precision == "none" else quantize(source, precision, ranges))
            annotate(path, interface, precision)
            files.append(File(path, "tflite", precision, interface, counts))
        source.unlink()
    if "savedmodel" not in formats:
        shutil.rmtree(files.pop(0).path)
    return files


def write_saved_model(model: keras.Model, interface: card.Interface, values: card.Interface, folder: Path) -> None:
    """Writes a model as a SavedModel with one named signature. Arguments as for `convert`.

    Raises:
        RunError: when it can't be written.
    """
    archive = keras.export.ExportArchive()
    # Without `track(model)`: Keras 3.15 finds the variables in the signature, and would save them a second time.
    archive.add_endpoint(
        interface.signature,
        serving(model, interface, values),
        input_signature=[tf.TensorSpec(taken.shape, taken.dtype, name=taken.name) for taken in interface.inputs],
    )
    try:
        archive.write_out(str(folder), verbose=False)
    except tf.errors.OpError as error:
        raise RunError(f"{folder}: can't be written ({reason(error)})") from error


def serving(model: keras.Model, interface: card.Interface, values: card.Interface) -> Callable:
    """Returns the function that becomes the signature. It scales pixels where the file has them and the model not."""

    def serve(*batches):
        scaled = [
            _from_pixels(batch, own) if taken.dtype == "uint8" else batch
            for batch, taken, own in zip(batches, interface.inputs, values.inputs, strict=True)
        ]
        made = model(one_or_all(scaled), training=False)
        return {
            given.name: _to_pixels(one, own) if given.dtype == "uint8" else one
            for one, given, own in zip(tf.nest.flatten(made), interface.outputs, values.outputs, strict=True)
        }

    return serve


def _from_pixels(pixels: tf.Tensor, tensor: card.Tensor) -> tf.Tensor:
    with tf.name_scope(PIXELS_IN):
        return tf.cast(pixels, tf.float32) * (1.0 / tensor.std) + (-tensor.mean / tensor.std)


def _to_pixels(painted: tf.Tensor, tensor: card.Tensor) -> tf.Tensor:
    with tf.name_scope(PIXELS_OUT):
        pixels = painted * tensor.std + tensor.mean
        return tf.cast(tf.round(tf.clip_by_value(pixels, 0.0, 255.0)), tf.uint8)


def to_tflite(saved_model: Path, signature: str) -> bytes:
    """Converts a SavedModel into a float32 TFLite file, of built-in operators alone.

    Raises:
        RunError: when the model needs an operator that TFLite does not have built in.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model), signature_keys=[signature])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    try:
        return converter.convert()
    except Exception as error:  # The converter raises an error of its own, of no public class.
        lacking = sorted(set(re.findall(r"'tf\.(\w+)' op is neither", str(error))))
        why = f"it needs {', '.join(lacking)}, which TFLite does not have built in" if lacking else reason(error)
        raise RunError(f"{saved_model.name}: can't be converted to TFLite: {why}") from error


def annotate(path: Path, interface: card.Interface, quantization: str) -> None:
    """Puts the interface into a TFLite file, under `METADATA`: an app that lost the card can read it there.

    A free size is stated for inputs and outputs as well.
    """
    model = litert_private.read(path)
    graph, (signature,) = model.subgraphs[0], model.signatureDefs
    for tensors, found in ((interface.inputs, signature.inputs), (interface.outputs, signature.outputs)):
        places = {entry.name.decode(): entry.tensorIndex for entry in found}
        for tensor in tensors:
            if None in tensor.shape:  # litert-quantizer forgets it, of tensors that it puts its own beside.
                graph.tensors[places[tensor.name]].shapeSignature = [side or -1 for side in tensor.shape]
    document = {"card_version": card.VERSION, "quantization": quantization, **dataclasses.asdict(interface)}
    schema = litert_private.schema()
    model.buffers.append(schema.BufferT(data=json.dumps(document).encode()))
    entry = schema.MetadataT(name=METADATA, buffer=len(model.buffers) - 1)
    model.metadata = [*(model.metadata or []), entry]
    litert_private.write(model, path)
