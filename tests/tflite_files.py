"""Small TFLite files of single operators, made by the real converter."""

from pathlib import Path

import numpy as np
import tensorflow as tf


def write(path: Path, function, **inputs) -> Path:
    """Returns `function` of these inputs, shapes by name, as a float32 file with a signature."""
    return _convert(path, function, inputs, lambda converter: None)


def write_with_others(path: Path, function, **inputs) -> Path:
    """The same, with TensorFlow's own and custom operators where TFLite has none."""

    def allow(converter):
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
        converter.allow_custom_ops = True

    return _convert(path, function, inputs, allow)


def write_int8(path: Path, function, **inputs) -> Path:
    """The same in static int8, as far as the converter goes."""

    def quantise(converter):
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: [{name: numbers(*shape) for name, shape in inputs.items()}]

    return _convert(path, function, inputs, quantise)


def _convert(path: Path, function, inputs, setting) -> Path:
    # Of one length alone: numbers of classes.
    dtypes = {name: "int32" if len(shape) == 1 else "float32" for name, shape in inputs.items()}
    specs = [tf.TensorSpec(shape, dtypes[name], name=name) for name, shape in inputs.items()]
    module = tf.Module()
    module.serve = tf.function(function, input_signature=specs)
    saved = path.with_suffix("")
    tf.saved_model.save(module, str(saved), signatures=module.serve.get_concrete_function())
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
    setting(converter)
    path.write_bytes(converter.convert())
    return path


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")
