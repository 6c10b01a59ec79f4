"""The layers of networks with styles, in two kits that take the same calls: those to train with, and stock ones.

Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", section 2.2. Images are channels-last.
"""

from keras import layers, ops

from ganzoo.core.equalized import (
    EPSILON,
    EqualizedConv2D,
    EqualizedDense,
    MeanStyle,
    ModulatedConv2D,
    NoiseAndBias,
)
from ganzoo.core.layers import SLOPE


class Trained:
    """The layers that networks are trained with."""

    def dense(self, x, units: int, name: str, **options):
        return EqualizedDense(units, name=name, **options)(x)

    def conv(self, x, units: int, kernel: int, name: str, **options):
        return EqualizedConv2D(units, kernel, name=name, **options)(x)

    def modulated(self, x, style, units: int, name: str, doubles: bool = False):
        """Returns what a modulated convolution gives, with noise and bias."""
        x = ModulatedConv2D(units, 3, doubles, name=name)([x, style])
        return leaky(NoiseAndBias(name=f"{name}_noise")(blurred(x) if doubles else x), name)

    def centered(self, x, decay: float):
        return MeanStyle(decay, name="mean_style")(x)


class Stock:
    """Stock layers that compute the same without noise, of w less its mean."""

    def dense(self, x, units: int, name: str, **options):
        return layers.Dense(units, name=name)(x)

    def conv(self, x, units: int, kernel: int, name: str, **options):
        return layers.Conv2D(units, kernel, padding="same", name=name)(x)

    def modulated(self, x, style, units: int, name: str, doubles: bool = False):
        conv = layers.Conv2DTranspose if doubles else layers.Conv2D
        options = {"strides": 2, "padding": "valid"} if doubles else {"padding": "same"}
        x = scaled(x, style, f"{name}_in")
        x = conv(units, 3, use_bias=False, name=name, **options)(x)
        scale = ops.rsqrt(layers.Dense(units, name=f"{name}_energy")(ops.square(style)))
        x = scaled(blurred(x) if doubles else x, scale, f"{name}_out")
        return leaky(layers.BatchNormalization(scale=False, name=f"{name}_noise")(x), name)

    def centered(self, x, decay: float):
        return layers.BatchNormalization(center=False, scale=False, name="mean_style")(x)


def scaled(x, scale, name: str):
    """Multiplies each channel of (B, H, W, channels) by its scale, (B, channels)."""
    scale = layers.Reshape((1, 1, scale.shape[-1]), name=f"{name}_1x1")(scale)
    return layers.Multiply(name=name)([x, scale])


def leaky(x, name: str):
    """Applies the leaky ReLU of a layer that has the gain for it."""
    return layers.LeakyReLU(SLOPE, name=f"{name}_activation")(x)


def blurred(x, pad: int = 1, strides: int = 1):
    """Applies the filter [1, 3, 3, 1] / 8 both ways, which is thrice the mean of two, with zeros around."""
    x = layers.ZeroPadding2D(pad)(x)
    for stride in (1, 1, strides):
        x = layers.AveragePooling2D(2, stride)(x)
    return x


def normalized(x):
    """Scales each example to a mean square of 1."""
    return x * ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + EPSILON)


def unscaled(norm: layers.BatchNormalization, mean) -> list:
    """Returns the statistics by which a batch norm only takes away a mean."""
    return [mean, ops.ones_like(mean) - norm.epsilon]
