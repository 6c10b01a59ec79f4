"""Adam, as one operation of TensorFlow's a weight."""

import keras
import tensorflow as tf
from keras import ops

from ganzoo.backends import keras_private


class Adam(keras.optimizers.Adam):
    """Adam as Kingma and Ba 2015, algorithm 1, and PyTorch have it: epsilon is added to the corrected average's root.

    Keras adds it before the correction. Each update is one operation of TensorFlow's: Keras writes a dozen over all
    weights.
    """

    def update_step(self, gradient, variable, learning_rate):
        dtype = variable.dtype
        momentum, velocity = keras_private.averages_of(self, variable)
        beta_1, beta_2 = ops.cast(self.beta_1, dtype), ops.cast(self.beta_2, dtype)
        update = ops.cast(self.iterations + 1, dtype)
        beta_1_power, beta_2_power = ops.power(beta_1, update), ops.power(beta_2, update)
        tf.raw_ops.ResourceApplyAdam(
            var=_handle(variable),
            m=_handle(momentum),
            v=_handle(velocity),
            beta1_power=beta_1_power,
            beta2_power=beta_2_power,
            lr=ops.cast(learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            # The operation adds it before the correction, too.
            epsilon=ops.cast(self.epsilon, dtype) * ops.sqrt(1 - beta_2_power),
            grad=tf.cast(tf.convert_to_tensor(gradient), dtype),
        )


def _handle(variable) -> tf.Tensor:
    """Returns the handle that TensorFlow's operations take for a variable of Keras or of TensorFlow."""
    return (variable.value if isinstance(variable, keras.Variable) else variable).handle
