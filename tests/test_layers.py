"""Layers against NumPy, in loops where that is plainer than the formula in the code."""

import keras
import numpy as np
import pytest
import small
from keras import ops

from ganzoo.core import layers


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_instance_norm_is_over_each_channel_of_each_image_alone():
    x = noise(2, 5, 7, 3) * [1, 10, 0.001] + [0, 50, -3]
    expected = np.empty_like(x)
    for image in range(2):
        for channel in range(3):
            values = x[image, :, :, channel]
            expected[image, :, :, channel] = (values - values.mean()) / np.sqrt(values.var() + 1e-5)
    np.testing.assert_allclose(layers.instance_norm(x.astype("float32")), expected, rtol=0, atol=2e-4)


def test_instance_norm_keeps_precision_far_from_zero():
    # The variance as mean of squares minus square of the mean would be rounding errors only.
    x = noise(1, 16, 16, 1)
    np.testing.assert_allclose(layers.instance_norm(x + 4096), layers.instance_norm(x), rtol=0, atol=2e-3)


def test_instance_norm_of_a_constant_image_is_zero_and_has_a_finite_gradient():
    x = ops.full((1, 4, 4, 2), 3.0)
    assert np.all(np.asarray(layers.instance_norm(x)) == 0)
    gradient = small.gradient(lambda x: ops.sum(layers.instance_norm(x) * noise(1, 4, 4, 2)), x)
    assert np.isfinite(gradient).all()


def test_batch_norm_has_torchs_momentum_and_epsilon():
    image = keras.Input((4, 4, 2))
    model = keras.Model(image, layers.batch_norm(image, "norm"))
    norm = model.get_layer("norm")
    x = noise(8, 4, 4, 2) * np.sqrt(1e-5).astype("float32") + 0.01
    y = np.asarray(model(x, training=True))
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    # The variance is of the size of epsilon: another epsilon would show.
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(variance + 1e-5) * norm.gamma.numpy(), rtol=0, atol=1e-4)
    np.testing.assert_allclose(norm.moving_mean.numpy(), 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(norm.moving_variance.numpy(), 0.9 + 0.1 * variance, rtol=1e-5)
    assert np.all(norm.beta.numpy() == 0)


def test_batch_norm_scale_starts_around_1_with_deviation_0_02():
    image = keras.Input((1, 1, 20_000))
    gamma = keras.Model(image, layers.batch_norm(image, "norm")).get_layer("norm").gamma.numpy()
    assert gamma.mean() == pytest.approx(1, abs=5 * 0.02 / 20_000**0.5)
    assert gamma.std() == pytest.approx(0.02, rel=5 / 40_000**0.5)


def test_initializer_is_a_whole_normal_distribution_of_deviation_0_02():
    values = np.asarray(layers.normal_initializer()((100, 1000)))
    assert values.std() == pytest.approx(0.02, rel=5 / 200_000**0.5)
    # 0.27 % lie beyond three deviations; of a truncated normal, which Keras also has, none beyond two.
    assert np.mean(np.abs(values) > 0.06) == pytest.approx(0.0027, abs=0.001)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("fixed", [True, False])
def test_reflection_pad_mirrors_without_repeating_the_border(size, fixed):
    x = noise(2, 5, 4, 3)
    image = keras.Input((5, 4, 3) if fixed else (None, None, 3))
    model = keras.Model(image, layers.reflection_pad(image, size))
    expected = np.pad(x, [(0, 0), (size, size), (size, size), (0, 0)], mode="reflect")
    np.testing.assert_array_equal(model(x), expected)


@pytest.mark.parametrize(
    ("kernel", "strides", "pad", "size", "out"), [(4, 2, 1, 8, 4), (4, 1, 1, 8, 7), (3, 2, 1, 7, 4), (4, 1, 0, 4, 1)]
)
def test_discriminator_conv_counts_padding_as_torch_does(kernel, strides, pad, size, out):
    x = noise(1, size, size, 2)
    image = keras.Input((size, size, 2))
    y = layers.discriminator_conv(image, 3, kernel=kernel, strides=strides, pad=pad, name="conv")
    model = keras.Model(image, y)
    model.set_weights([noise(kernel, kernel, 2, 3, seed=1), noise(3, seed=2)])
    weights, bias = model.get_weights()
    padded = np.pad(x[0], [(pad, pad), (pad, pad), (0, 0)])
    expected = np.zeros((out, out, 3))
    for row in range(out):
        for column in range(out):
            top, left = row * strides, column * strides
            expected[row, column] = np.tensordot(padded[top : top + kernel, left : left + kernel], weights, 3) + bias
    assert model.output_shape == (None, out, out, 3)
    np.testing.assert_allclose(model(x)[0], expected, rtol=0, atol=1e-4)


def test_discriminator_conv_can_do_without_bias():
    image = keras.Input((8, 8, 1))
    model = keras.Model(image, layers.discriminator_conv(image, 2, use_bias=False, name="conv"))
    assert [tuple(weight.shape) for weight in model.weights] == [(4, 4, 1, 2)]


@pytest.fixture
def spectral():
    image = keras.Input((6, 6, 3))
    y = layers.discriminator_conv(image, 5, strides=2, pad=1, spectral_norm=True, name="conv")
    model = keras.Model(image, y)
    layer = model.get_layer("conv")
    layer.kernel.assign(noise(4, 4, 3, 5))
    layer.bias.assign(noise(5, seed=3))
    return model, layer


def plain(layer, x, scale):
    """Returns what a convolution with kernel / scale gives."""
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    return ops.conv(padded, layer.kernel.numpy() / scale, 2, "valid") + layer.bias.numpy()


def test_spectral_norm_divides_by_the_largest_singular_value(spectral):
    model, layer = spectral
    x = noise(2, 6, 6, 3, seed=1)
    for _ in range(60):
        model(x, training=True)
    sigma = np.linalg.svd(noise(4, 4, 3, 5).reshape(48, 5), compute_uv=False)[0]
    np.testing.assert_allclose(model(x), plain(layer, x, sigma), rtol=0, atol=1e-4)
    np.testing.assert_array_equal(layer.kernel.numpy(), noise(4, 4, 3, 5))


def test_spectral_norm_takes_one_power_iteration_in_each_training_call(spectral):
    model, layer = spectral
    x, matrix = noise(2, 6, 6, 3, seed=1), noise(4, 4, 3, 5).reshape(48, 5)
    u = layer.u.numpy()[0]
    for _ in range(3):
        v = matrix @ u
        v /= np.linalg.norm(v)
        u = matrix.T @ v
        u /= np.linalg.norm(u)
        y = model(x, training=True)
        np.testing.assert_allclose(layer.u.numpy()[0], u, rtol=0, atol=1e-5)
        np.testing.assert_allclose(y, plain(layer, x, v @ matrix @ u), rtol=0, atol=1e-4)


def test_spectral_norm_does_not_change_in_inference(spectral):
    model, layer = spectral
    before = layer.u.numpy()
    first, second = model(noise(1, 6, 6, 3)), model(noise(1, 6, 6, 3))
    np.testing.assert_array_equal(layer.u.numpy(), before)
    np.testing.assert_array_equal(first, second)


def test_the_gradient_flows_through_the_spectral_norm(spectral):
    # The output does not change with the kernel's scale, so that the gradient along the kernel itself is zero. With
    # the norm taken for a constant it would be the sum of outputs weighted by g.
    model, layer = spectral
    layer.bias.assign(np.zeros(5))
    x, g = noise(1, 6, 6, 3, seed=1), noise(1, 3, 3, 5, seed=2)
    for _ in range(60):
        model(x, training=True)

    def loss(kernel):
        with keras.StatelessScope([(layer.kernel, kernel)]):
            return ops.sum(model(x, training=True) * g)

    gradient = small.gradient(loss, ops.convert_to_tensor(layer.kernel.numpy()))
    along = np.sum(gradient * layer.kernel.numpy())
    assert abs(float(loss(ops.convert_to_tensor(layer.kernel.numpy())))) > 0.3
    assert along == pytest.approx(0, abs=1e-4)
    assert np.abs(gradient).max() > 0.01


def test_spectral_norm_is_finite_in_half_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        image = keras.Input((8, 8, 3))
        model = keras.Model(image, layers.discriminator_conv(image, 4, spectral_norm=True, name="conv"))
    finally:
        keras.config.set_dtype_policy(before)
    # DCGAN's deviation of 0.02: squares of such numbers are near the smallest that half precision holds.
    for _ in range(30):
        y = model(noise(1, 8, 8, 3), training=True)
    sigma = np.linalg.svd(model.get_layer("conv").kernel.numpy().reshape(48, 4), compute_uv=False)[0]
    expected = ops.conv(
        np.pad(noise(1, 8, 8, 3), [(0, 0), (1, 1), (1, 1), (0, 0)]),
        model.get_layer("conv").kernel.numpy() / sigma,
        1,
        "valid",
    )
    np.testing.assert_allclose(ops.cast(y, "float32"), expected, rtol=0, atol=0.05 * np.abs(expected).max())
