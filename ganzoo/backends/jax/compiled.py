"""Functions that JAX compiles."""

import jax
import keras
import numpy as np


def call_of(function, variables, inputs):
    """Returns a call that is compiled for each length that it meets."""

    # Left where they are, their values would become constants of the program, and stay what they were.
    @jax.jit
    def stateless(values, *batches):
        with keras.StatelessScope(zip(variables, values, strict=True)):
            return function(*batches)

    def call(*batches):
        arrays = (np.asarray(batch, dtype) for batch, (_, dtype) in zip(batches, inputs, strict=True))
        return np.asarray(stateless([variable.value for variable in variables], *arrays))

    return call
