"""The dtypes that JAX has."""

import jax

from ganzoo.backends import keras_private
from ganzoo.errors import UsageError

WHOLE_NUMBERS = "int32"
"""JAX has no larger ones unless it is told to."""
SEEDS = "uint32"

if jax.config.jax_enable_x64:
    keras_private.keep_float64()


def check_precision(precision: str) -> None:
    if precision == "float64" and not jax.config.jax_enable_x64:
        raise UsageError("precision float64: JAX has it only with the environment variable JAX_ENABLE_X64=1; set that")
