"""Functions that TensorFlow compiles."""

import tensorflow as tf


def call_of(function, variables, inputs):
    """Returns a call that is traced once, for all lengths."""
    signature = [tf.TensorSpec(shape, dtype) for shape, dtype in inputs]
    traced = tf.function(function, input_signature=signature, autograph=False)
    # Called as it is, it would warn where many are made.
    concrete = traced.get_concrete_function()

    def call(*batches):
        return concrete(*(tf.constant(batch, dtype) for batch, (_, dtype) in zip(batches, inputs, strict=True))).numpy()

    # A trace alone doesn't keep the variables that it reads.
    call.variables = variables
    return call
