"""Every private part of Keras that ganzoo reaches into. All were last seen in Keras 3.15.1.

tests/engines/test_private.py tells when one has moved.
"""

from collections.abc import Iterable

import keras


def averages_of(adam: keras.optimizers.Adam, variable: keras.Variable) -> tuple[keras.Variable, keras.Variable]:
    """Returns Adam's averages of the gradients of a variable, and of their squares; each has the variable's shape.

    Reaches for `Optimizer._get_variable_index`, `Adam._momentums` and `Adam._velocities`: `Optimizer.variables` has
    the averages in a row, and does not say of which variable each is.
    """
    index = adam._get_variable_index(variable)
    return adam._momentums[index], adam._velocities[index]


def set_values(variables: Iterable[keras.Variable], values: Iterable) -> None:
    """Makes each value, a JAX array of the variable's shape and dtype, the variable's own, without a look at it.

    Reaches for `Variable._value`, as Keras's own trainer does: `Variable.assign` would convert and check each value
    again, after every step.
    """
    for variable, value in zip(variables, values, strict=True):
        variable._value = value


def keep_float64() -> None:
    """Has Keras compute means and the like in float64 under JAX, where JAX has 64 bits.

    Reaches for `keras.src.backend.common.dtypes.BIT64_TO_BIT32_DTYPE`, by which Keras makes 32 bits of 64 under JAX,
    also where JAX_ENABLE_X64=1 says that 64 are wanted. No setting of Keras turns that off.
    """
    from keras.src.backend.common import dtypes

    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"


class TensorFlowFit:
    """Keras's `fit` under TensorFlow, without the step that Keras tries before the first. A base of a `keras.Model`.

    Overrides `_maybe_symbolic_build`, which fails under strategies of several workers (keras#20585), and which a model
    that is built has no need of. `fit` calls it in any case.
    """

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        pass


class JaxFit:
    """Keras's `fit` under JAX, with variables that keep their values meanwhile. A base of a `keras.Model`.

    Overrides `_symbolic_build`, which a model that is built has no need of, and `_get_jax_state` and `jax_state_sync`,
    of which the last is documented nowhere: Keras would hold the values itself and take them away from the variables,
    so that callbacks that sample or save could not read them. `fit` calls all three in any case.
    """

    def _symbolic_build(self, iterator=None, data_batch=None):
        pass

    def _get_jax_state(self, **kinds):
        return (None,) * 4

    def jax_state_sync(self):
        pass
