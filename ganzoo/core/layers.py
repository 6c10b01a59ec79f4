"""Building blocks of two or more architectures. Images are channels-last: (B, H, W, C).

Those for generators use only stock Keras layers and `keras.ops`, so that a saved generator opens without ganzoo.
"""

import keras
import numpy as np
from keras import layers, ops

SLOPE = float(np.float32(0.2))
"""The slope of leaky ReLUs: 0.2 as TensorFlow rounds it, so that other backends compute the same in float64."""


def normal_initializer():
    """Returns N(0, 0.02), the initial weights of DCGAN, Pix2Pix and CycleGAN."""
    return keras.initializers.RandomNormal(stddev=0.02)


def output_dtype() -> str:
    """Returns the dtype of a network's last activation: full precision, also under a mixed policy."""
    return "float64" if keras.config.dtype_policy().compute_dtype == "float64" else "float32"


def wide(x):
    """Returns a tensor in float32 where it is of half precision, in which squares overflow from 256 up."""
    return ops.cast(x, "float32") if keras.backend.standardize_dtype(x.dtype) in ("float16", "bfloat16") else x


def instance_norm(x, epsilon=1e-5):
    """Normalizes each channel of each image to mean 0 and variance 1, without scale or offset (Ulyanov et al. 2016).

    Stays in rank 4, which on-device delegates take; `GroupNormalization(groups=-1)` goes through rank 5.
    """
    if wide(x) is not x:
        return ops.cast(instance_norm(wide(x), epsilon), x.dtype)
    centered = x - _mean(x)
    return centered * ops.rsqrt(_mean(centered * centered) + epsilon)


def _mean(x):
    """Averages over all pixels, row by row: one sum of 65,536 numbers loses digits, and others on each platform.

    So CycleGAN at 256 pixels agrees in Keras and TFLite to 118 dB; with a single mean it was 74 dB.
    """
    return ops.mean(ops.mean(x, axis=2, keepdims=True), axis=1, keepdims=True)


def batch_norm(x, name: str):
    """Applies batch normalization with Torch's momentum 0.9 and epsilon 1e-5, and DCGAN's initial scale, N(1, 0.02)."""
    return layers.BatchNormalization(
        momentum=0.9,
        epsilon=1e-5,
        gamma_initializer=keras.initializers.RandomNormal(mean=1.0, stddev=0.02),
        name=name,
    )(x)


def leaky_relu(x, name: str):
    """Applies a leaky ReLU of slope 0.2, as in every discriminator here; Keras's default is 0.3."""
    return layers.LeakyReLU(SLOPE, name=name)(x)


def normalize(x, kind: str, name: str):
    """Applies a norm: `batch`, `instance` or `none`."""
    if kind == "batch":
        return batch_norm(x, name)
    return instance_norm(x) if kind == "instance" else x


def conv_relu(x, filters: int, kernel: int, name: str, strides=1):
    """Applies a convolution and a ReLU, for mobile generators without norms: hence the weights of He et al. (2015)."""
    x = layers.Conv2D(filters, kernel, strides, padding="same", kernel_initializer="he_normal", name=f"{name}_conv")(x)
    return layers.ReLU(name=f"{name}_activation")(x)


def norm_relu6(x, name: str):
    """Applies batch norm and a ReLU that ends at 6: for so small a range, 8 bits are fine enough."""
    return layers.ReLU(6.0, name=f"{name}_activation")(batch_norm(x, f"{name}_norm"))


def clipped(x):
    """Clips to [-1, 1], the end of mobile generators: unlike tanh it reaches both ends, also in 8 bits.

    A device fuses it with a convolution or a sum right before it, and spends none of the 8 bits on values outside.
    """
    return layers.Activation("hard_tanh", dtype=output_dtype(), name="output")(x)


def reflection_pad(x, size: int):
    """Mirrors `size` pixels at each border, without repeating the border itself.

    Uses slices, counted from both ends, and concatenations of at most 5 parts: these work for any height and width
    above `size`, and on-device delegates take them, unlike a mirror pad.
    """
    for axis in (1, 2):
        before = [_line(x, axis, i) for i in range(size, 0, -1)]
        after = [_line(x, axis, -i - 1) for i in range(1, size + 1)]
        lines = [*before, x, *after]
        if len(lines) > 5:
            lines = [ops.concatenate([*before, x], axis=axis), *after]
        x = ops.concatenate(lines, axis=axis)
    return x


def _line(x, axis: int, index: int):
    """Returns one row (axis 1) or column (axis 2)."""
    lines = slice(index, index + 1)
    return x[:, lines] if axis == 1 else x[:, :, lines]


def discriminator_conv(x, filters: int, *, kernel=4, strides=1, pad=1, use_bias=True, spectral_norm=False, name: str):
    """Applies a convolution with `pad` zeros on every side, as Torch does; Keras's "same" differs at stride 1."""
    layer = SpectralConv2D if spectral_norm else layers.Conv2D
    if pad:
        x = layers.ZeroPadding2D(pad, name=f"{name}_pad")(x)
    return layer(filters, kernel, strides, use_bias=use_bias, kernel_initializer=normal_initializer(), name=name)(x)


def discriminator_dense(x, units: int, *, spectral_norm=False, name: str):
    """Applies a dense layer. A convolution over all pixels computes the same, several times as slowly."""
    layer = SpectralDense if spectral_norm else layers.Dense
    return layer(units, kernel_initializer=normal_initializer(), name=name)(x)


def patch_gan(
    input_name: str, channels: int, *, image_size: int, base_filters: int, norm: str, spectral_norm: bool, name: str
) -> keras.Model:
    """Builds the 70x70 PatchGAN: C64-C128-C256-C512 and one logit per patch (Isola et al. 2017, section 6.1.2).

    (B, S, S, channels) in [-1, 1] -> logits (B, S/8 - 2, S/8 - 2, 1), 30x30 at 256. No norm on the first layer.
    """
    x = image = keras.Input((image_size, image_size, channels), name=input_name)
    for block, (multiple, strides) in enumerate([(1, 2), (2, 2), (4, 2), (8, 1)], start=1):
        normed = block > 1
        x = discriminator_conv(
            x,
            base_filters * multiple,
            strides=strides,
            use_bias=not normed or norm != "batch",
            spectral_norm=spectral_norm,
            name=f"conv{block}",
        )
        x = normalize(x, norm, f"norm{block}") if normed else x
        x = leaky_relu(x, f"activation{block}")
    x = discriminator_conv(x, 1, spectral_norm=spectral_norm, name="conv5")
    logits = layers.Activation("linear", dtype=output_dtype(), name="logits")(x)
    return keras.Model(image, logits, name=name)


class _SpectralNorm:
    """Divides a layer's kernel by its largest singular value (Miyato et al. 2018, algorithm 1).

    The kernel is seen as a matrix of (inputs of a unit or filter, units or filters). One power iteration runs in each
    training call. The gradient flows through the division; the stored kernel is not divided.
    """

    def build(self, input_shape):
        super().build(input_shape)
        self.u = self.add_weight(
            shape=(1, self.kernel.shape[-1]),
            initializer=keras.initializers.RandomNormal(),
            trainable=False,
            aggregation="only_first_replica",
            name="u",
        )

    def call(self, inputs, training=False):
        outputs = self.apply_kernel(inputs, self.normalized_kernel(training))
        return outputs + ops.convert_to_tensor(self.bias) if self.use_bias else outputs

    def normalized_kernel(self, training=False):
        """Returns the kernel over its largest singular value, as a call takes it."""
        kernel = ops.convert_to_tensor(self.kernel)
        matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))
        u, v = self._power_iteration(ops.stop_gradient(matrix))
        if training:
            self.u.assign(u)
        return kernel / ops.sum(ops.matmul(v, matrix) * u)

    def settle(self, iterations=50):
        """Finds the largest singular value of a kernel that was given, by so many power iterations."""
        matrix = ops.reshape(ops.convert_to_tensor(self.kernel), (-1, self.kernel.shape[-1]))
        for _ in range(iterations):
            self.u.assign(self._power_iteration(matrix)[0])

    # A layer of Keras saves the variables that it knows of, and so leaves `u` out.

    def save_own_variables(self, store):
        layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store):
        layers.Layer.load_own_variables(self, store)

    def _power_iteration(self, matrix):
        u = ops.cast(self.u, matrix.dtype)
        v = ops.normalize(ops.matmul(u, ops.transpose(matrix)), axis=-1)
        return ops.normalize(ops.matmul(v, matrix), axis=-1), v


@keras.saving.register_keras_serializable("ganzoo")
class SpectralConv2D(_SpectralNorm, layers.Conv2D):
    """A convolution with spectral norm."""

    def apply_kernel(self, inputs, kernel):
        return self.convolution_op(inputs, kernel)


@keras.saving.register_keras_serializable("ganzoo")
class SpectralDense(_SpectralNorm, layers.Dense):
    """A dense layer with spectral norm."""

    def apply_kernel(self, inputs, kernel):
        return ops.matmul(inputs, kernel)


def layers_within(network: keras.Model, place: str = ""):
    """Yields (place, layer) of all layers, also of nested models. A place is a path of names: "mapping/dense1"."""
    for layer in network.layers:
        yield place + layer.name, layer
        if isinstance(layer, keras.Model):
            yield from layers_within(layer, f"{place}{layer.name}/")
