"""Building blocks that two or more architectures use. Images are channels-last: (B, H, W, C).

What goes into a generator is made of stock Keras layers and `keras.ops`: a saved generator opens without ganzoo.
"""

import keras
from keras import layers, ops


def normal_initializer():
    """N(0, 0.02), of DCGAN, Pix2Pix and CycleGAN."""
    return keras.initializers.RandomNormal(stddev=0.02)


def output_dtype() -> str:
    """The dtype of a network's last activation: full precision also under a mixed policy."""
    return "float64" if keras.config.dtype_policy().compute_dtype == "float64" else "float32"


def instance_norm(x, epsilon=1e-5):
    """Each channel of each image to mean 0 and variance 1, without scale or offset (Ulyanov et al. 2016).

    Kept in rank 4, which on-device delegates take; `GroupNormalization(groups=-1)` goes through rank 5.
    """
    centred = x - ops.mean(x, axis=(1, 2), keepdims=True)
    variance = ops.mean(centred * centred, axis=(1, 2), keepdims=True)
    return centred * ops.rsqrt(variance + epsilon)


def batch_norm(x, name: str):
    """Batch normalisation as in Torch, which the papers' code uses: momentum 0.9, epsilon 1e-5, scale N(1, 0.02)."""
    return layers.BatchNormalization(
        momentum=0.9,
        epsilon=1e-5,
        gamma_initializer=keras.initializers.RandomNormal(mean=1.0, stddev=0.02),
        synchronized=True,
        name=name,
    )(x)


def normalise(x, kind: str, name: str):
    """The norm of a discriminator: `batch`, `instance` or `none`."""
    if kind == "batch":
        return batch_norm(x, name)
    return instance_norm(x) if kind == "instance" else x


def reflection_pad(x, size: int):
    """Mirrors `size` pixels at each border, the border itself not repeated.

    Slices and concatenations, whose lengths are counted from both ends: it serves any height and width above `size`,
    and on-device delegates take it, unlike a mirror pad.
    """
    rows = [x[:, i : i + 1] for i in range(size, 0, -1)], [x[:, -i - 1 : -i] for i in range(1, size + 1)]
    x = ops.concatenate([*rows[0], x, *rows[1]], axis=1)
    columns = [x[:, :, i : i + 1] for i in range(size, 0, -1)], [x[:, :, -i - 1 : -i] for i in range(1, size + 1)]
    return ops.concatenate([*columns[0], x, *columns[1]], axis=2)


def discriminator_conv(x, filters: int, *, kernel=4, strides=1, pad=1, use_bias=True, spectral_norm=False, name: str):
    """A convolution with `pad` zeros on every side, as Torch counts padding; Keras's "same" differs at stride 1."""
    layer = SpectralConv2D if spectral_norm else layers.Conv2D
    if pad:
        x = layers.ZeroPadding2D(pad, name=f"{name}_pad")(x)
    return layer(filters, kernel, strides, use_bias=use_bias, kernel_initializer=normal_initializer(), name=name)(x)


@keras.saving.register_keras_serializable("ganzoo")
class SpectralConv2D(layers.Conv2D):
    """A convolution whose kernel is divided by its largest singular value (Miyato et al. 2018, algorithm 1).

    The kernel is seen as a matrix of (height * width * in, out). One power iteration runs in each training call; the
    gradient flows through the division, and the stored kernel stays as the optimizer left it.
    """

    def build(self, input_shape):
        super().build(input_shape)
        self.u = self.add_weight(
            shape=(1, self.filters),
            initializer=keras.initializers.RandomNormal(),
            trainable=False,
            aggregation="only_first_replica",
            name="u",
        )

    def call(self, inputs, training=False):
        kernel = ops.convert_to_tensor(self.kernel)
        matrix = ops.reshape(kernel, (-1, self.filters))
        u, v = self._power_iteration(ops.stop_gradient(matrix))
        if training:
            self.u.assign(u)
        sigma = ops.sum(ops.matmul(v, matrix) * u)
        outputs = self.convolution_op(inputs, kernel / sigma)
        return outputs + ops.convert_to_tensor(self.bias) if self.use_bias else outputs

    def _power_iteration(self, matrix):
        u = ops.cast(self.u, matrix.dtype)
        v = ops.normalize(ops.matmul(u, ops.transpose(matrix)), axis=-1)
        return ops.normalize(ops.matmul(v, matrix), axis=-1), v
