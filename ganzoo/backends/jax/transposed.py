"""Transposed convolutions whose gradients are fast under JAX.

XLA computes the gradient of one by its kernel as a convolution that is dilated in two ways, on a CPU by plain loops:
three quarters of a DCGAN step. It is, all the same, that of an ordinary convolution by its kernel, and so it is
written here; the numbers are the same.
"""

import functools

import jax
import keras
from jax import lax
from keras import layers, ops

from ganzoo.core.layers import layers_within

DIMENSIONS = ("NHWC", "HWIO", "NHWC")


def quicken(network: keras.Model) -> None:
    """Has the transposed convolutions of a network compute in this way, those of nested networks too."""
    for _, layer in layers_within(network):
        if type(layer) is layers.Conv2DTranspose and _is_plain(layer):
            layer.call = functools.partial(_call, layer)


def _is_plain(layer: layers.Conv2DTranspose) -> bool:
    """Returns whether a layer has no options but those that architectures here use."""
    overlapping = all(size >= stride for size, stride in zip(layer.kernel_size, layer.strides, strict=True))
    usual = layer.output_padding is None and layer.dilation_rate == (1, 1) and layer.data_format == "channels_last"
    return overlapping and usual


def _call(layer: layers.Conv2DTranspose, inputs):
    outputs = transposed(inputs, ops.convert_to_tensor(layer.kernel), layer.strides, _cropped(layer))
    if layer.use_bias:
        outputs = outputs + ops.convert_to_tensor(layer.bias)
    return layer.activation(outputs) if layer.activation else outputs


def _cropped(layer: layers.Conv2DTranspose) -> tuple[tuple[int, int], ...]:
    """Rows and columns that are cut off before and after; "same" leaves as many as there were, times the stride."""
    if layer.padding == "valid":
        return ((0, 0), (0, 0))
    surplus = [max(size - stride, 0) for size, stride in zip(layer.kernel_size, layer.strides, strict=True)]
    return tuple((cut // 2, cut - cut // 2) for cut in surplus)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def transposed(inputs, kernel, strides, cropped):
    """Returns a transposed convolution with strides: (B, h, w, in) by (height, width, out, in) -> (B, H, W, out)."""
    padding = [(size - 1 - a, size - 1 - b) for size, (a, b) in zip(kernel.shape[:2], cropped, strict=True)]
    return lax.conv_transpose(inputs, kernel, strides, padding, dimension_numbers=DIMENSIONS, transpose_kernel=True)


def _forward(inputs, kernel, strides, cropped):
    return transposed(inputs, kernel, strides, cropped), (inputs, kernel)


def _backward(strides, cropped, kept, gradients):
    inputs, kernel = kept

    def convolution(images, kernel):
        return lax.conv_general_dilated(images, kernel, strides, cropped, dimension_numbers=DIMENSIONS)

    of_inputs, pull_back = jax.vjp(lambda kernel: convolution(gradients, kernel), kernel)
    return of_inputs, *pull_back(inputs)


transposed.defvjp(_forward, _backward)
