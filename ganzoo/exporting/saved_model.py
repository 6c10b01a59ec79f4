"""A Keras generator as a SavedModel with one named signature: from there it goes to TFLite."""

from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

from ganzoo.core.kinds import one_or_all
from ganzoo.errors import RunError
from ganzoo.lite import card
from ganzoo.lite.errors import reason

PIXELS_IN, PIXELS_OUT = "pixels_in", "pixels_out"
"""Scopes of the operators that scale pixels: their names begin with these."""


def write(model: keras.Model, interface: card.Interface, values: card.Interface, folder: Path) -> None:
    """Writes the SavedModel.

    Args:
        model: as it is called in inference.
        interface: what the file shall take and give.
        values: what the model itself takes and gives; where the file takes or gives pixels instead, they are scaled
            within it.
        folder: does not exist yet.

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
    """The function that becomes the signature."""

    def serve(*batches):
        scaled = [
            from_pixels(batch, own) if taken.dtype == "uint8" else batch
            for batch, taken, own in zip(batches, interface.inputs, values.inputs, strict=True)
        ]
        made = model(one_or_all(scaled), training=False)
        return {
            given.name: to_pixels(one, own) if given.dtype == "uint8" else one
            for one, given, own in zip(tf.nest.flatten(made), interface.outputs, values.outputs, strict=True)
        }

    return serve


def from_pixels(pixels: tf.Tensor, tensor: card.Tensor) -> tf.Tensor:
    """uint8 to the values that the model takes."""
    with tf.name_scope(PIXELS_IN):
        return tf.cast(pixels, tf.float32) * (1.0 / tensor.std) + (-tensor.mean / tensor.std)


def to_pixels(painted: tf.Tensor, tensor: card.Tensor) -> tf.Tensor:
    """What the model makes to uint8: clipped and rounded."""
    with tf.name_scope(PIXELS_OUT):
        pixels = painted * tensor.std + tensor.mean
        return tf.cast(tf.round(tf.clip_by_value(pixels, 0.0, 255.0)), tf.uint8)
