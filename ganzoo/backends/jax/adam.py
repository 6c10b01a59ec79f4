"""Adam, as JAX compiles it."""

import keras
from keras import ops

from ganzoo.backends import keras_private


class Adam(keras.optimizers.Adam):
    """Adam as Kingma and Ba 2015, algorithm 1, and PyTorch have it: epsilon is added to the corrected average's root.

    Keras adds it before the correction. Compiled, it is one program over all weights.
    """

    def update_step(self, gradient, variable, learning_rate):
        dtype = variable.dtype
        beta_1, beta_2, epsilon = (ops.cast(value, dtype) for value in (self.beta_1, self.beta_2, self.epsilon))
        update, gradient = ops.cast(self.iterations + 1, dtype), ops.cast(gradient, dtype)
        unbias, unbias_squares = 1 - ops.power(beta_1, update), 1 - ops.power(beta_2, update)
        m, v = keras_private.averages_of(self, variable)
        m.assign(m + (1 - beta_1) * (gradient - m))
        v.assign(v + (1 - beta_2) * (ops.square(gradient) - v))
        step = (m / unbias) / (ops.sqrt(v / unbias_squares) + epsilon)
        variable.assign(variable - ops.cast(learning_rate, dtype) * step)
