"""Layers that style-based GANs train with: of an equalized rate, modulated, of noise, and one that knows a mean.

Karras et al. 2018, "Progressive Growing of GANs", section 4.1; Karras et al. 2020, "Analyzing and Improving the Image
Quality of StyleGAN", section 2.2. Images are channels-last: (B, H, W, C).
"""

import math

import keras
from keras import layers, ops

from ganzoo.core.layers import wide

EPSILON = 1e-8
GAIN = math.sqrt(2)
"""What a layer before a leaky ReLU multiplies by, so that values keep their size."""


class Equalized(layers.Layer):
    """Keeps a kernel that begins as N(0, 1) and is scaled where it is used, so that all learn at one rate.

    Args:
        units: the number of outputs, the last axis of the kernel.
        gain: what outputs are multiplied by.
        rate: the learning rate over that of other layers.
        bias: the initial bias; None: there is none.
    """

    def __init__(self, units: int, gain: float = 1.0, rate: float = 1.0, bias: float | None = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.units, self.gain, self.rate, self.initial_bias = units, gain, rate, bias

    def add_weights(self, *shape: int) -> None:
        initializer = keras.initializers.RandomNormal(stddev=1.0 / self.rate)
        self.kernel = self.add_weight((*shape, self.units), initializer, name="kernel")
        self.scale = self.gain * self.rate / math.sqrt(math.prod(shape))
        if self.initial_bias is not None:
            constant = keras.initializers.Constant(self.initial_bias / self.rate)
            self.bias = self.add_weight((self.units,), constant, name="bias")

    def used(self) -> list:
        """Returns kernel and bias, if any, as they are used."""
        kernel = ops.convert_to_tensor(self.kernel) * self.scale
        if self.initial_bias is None:
            return [kernel]
        return [kernel, ops.convert_to_tensor(self.bias) * (self.gain * self.rate)]

    def use(self, kernel, bias=None) -> None:
        """Sets the weights to what gives these when they are used: the inverse of `used`."""
        self.kernel.assign(kernel / self.scale)
        if bias is not None:
            self.bias.assign(bias / (self.gain * self.rate))

    def get_config(self):
        own = {"units": self.units, "gain": self.gain, "rate": self.rate, "bias": self.initial_bias}
        return super().get_config() | own


@keras.saving.register_keras_serializable("ganzoo")
class EqualizedDense(Equalized):
    """A dense layer."""

    def build(self, input_shape):
        self.add_weights(input_shape[-1])

    def call(self, inputs):
        kernel, *bias = self.used()
        return sum(bias, ops.matmul(inputs, kernel))


@keras.saving.register_keras_serializable("ganzoo")
class EqualizedConv2D(Equalized):
    """A convolution, with zeros around as many as its kernel needs; with strides without."""

    def __init__(self, units: int, kernel_size: int, strides: int = 1, **kwargs):
        super().__init__(units, **kwargs)
        self.kernel_size, self.strides = kernel_size, strides

    def build(self, input_shape):
        self.add_weights(self.kernel_size, self.kernel_size, input_shape[-1])

    def call(self, inputs):
        kernel, *bias = self.used()
        return sum(bias, ops.conv(inputs, kernel, self.strides, "same" if self.strides == 1 else "valid"))

    def get_config(self):
        return super().get_config() | {"kernel_size": self.kernel_size, "strides": self.strides}


@keras.saving.register_keras_serializable("ganzoo")
class ModulatedConv2D(Equalized):
    """A convolution whose kernel a style scales, for each example and input channel, and is brought to length 1.

    It scales inputs and outputs in place of the kernel, which computes the same (section 2.2). With `doubles` it gives
    twice the size and one more, (B, 2 S + 1, 2 S + 1, units), which is to be blurred.
    """

    def __init__(self, units: int, kernel_size: int, doubles: bool = False, **kwargs):
        super().__init__(units, bias=None, **kwargs)
        self.kernel_size, self.doubles = kernel_size, doubles

    def build(self, input_shape):
        self.add_weights(self.kernel_size, self.kernel_size, input_shape[0][-1])

    def call(self, inputs):
        x, style = inputs
        (kernel,) = self.used()
        x = x * style[:, None, None, :]
        x = ops.conv_transpose(x, swapped(kernel), 2, "valid") if self.doubles else ops.conv(x, kernel, 1, "same")
        scale = ops.rsqrt(ops.matmul(ops.square(wide(style)), energy(wide(kernel))) + EPSILON)
        scale = ops.cast(scale, x.dtype)[:, None, None, :]
        # There are three zeros for each value, among which a blur spreads it.
        return x * (4.0 * scale if self.doubles else scale)

    def get_config(self):
        kept = {key: value for key, value in super().get_config().items() if key != "bias"}
        return kept | {"kernel_size": self.kernel_size, "doubles": self.doubles}


def swapped(kernel):
    """Returns a kernel with inputs and outputs swapped, as transposed convolutions have it."""
    return ops.transpose(kernel, (0, 1, 3, 2))


def energy(kernel):
    """Returns the sum of squares over the places of a kernel, (inputs, outputs)."""
    return ops.sum(ops.square(kernel), axis=(0, 1))


@keras.saving.register_keras_serializable("ganzoo")
class NoiseAndBias(layers.Layer):
    """Adds noise that is the same in all channels, in training alone, by a weight that begins at 0; and a bias.

    All is multiplied by `GAIN`, for what a leaky ReLU takes away.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(0)

    def build(self, input_shape):
        self.strength = self.add_weight((), "zeros", name="strength")
        self.bias = self.add_weight((input_shape[-1],), "zeros", name="bias")

    def call(self, inputs, training=False):
        if training:
            shape = (*ops.shape(inputs)[:3], 1)
            noise = keras.random.normal(shape, dtype=inputs.dtype, seed=self.seed_generator)
            inputs = inputs + noise * ops.convert_to_tensor(self.strength)
        return GAIN * (inputs + ops.convert_to_tensor(self.bias))


@keras.saving.register_keras_serializable("ganzoo")
class MeanStyle(layers.Layer):
    """Gives what it gets, w, and knows the mean of what it gets in training, a moving average."""

    def __init__(self, decay: float, **kwargs):
        super().__init__(**kwargs)
        self.decay = decay

    def build(self, input_shape):
        options = {"trainable": False, "aggregation": "only_first_replica", "name": "mean"}
        self.mean = self.add_weight((input_shape[-1],), "zeros", **options)

    def call(self, inputs, training=False):
        if training:
            found = ops.mean(ops.stop_gradient(inputs), axis=0)
            self.mean.assign(found + self.decay * (self.mean - found))
        return inputs

    def get_config(self):
        return super().get_config() | {"decay": self.decay}
