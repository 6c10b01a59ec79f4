"""Initial weights: the same under every backend, and of the distributions that Keras promises."""

import contextlib
import math
import os
import random
import subprocess
import sys
import threading

import keras
import numpy as np
import pytest
from keras import initializers, layers

from ganzoo.core import initial_weights

PROGRAM = """
import hashlib
import keras
import numpy as np
from keras import layers
from ganzoo.core import initial_weights

def build():
    image = keras.Input((8, 8, 3))
    y = layers.Conv2D(16, 3, kernel_initializer="random_normal")(image)
    y = layers.BatchNormalization(gamma_initializer=keras.initializers.RandomNormal(1.0, 0.02))(y)
    y = layers.DepthwiseConv2D(3, depthwise_initializer="glorot_normal")(y)
    y = layers.Conv2DTranspose(8, 4, kernel_initializer="he_normal")(y)
    y = layers.Dense(4)(layers.Flatten()(y))
    return keras.Model(image, layers.Dense(2, kernel_initializer="random_uniform")(y))

def digest(network):
    weights = [np.asarray(value) for value in network.get_weights()]
    return hashlib.sha256(b"".join(value.tobytes() for value in weights)).hexdigest()

with initial_weights.from_seed(7):
    network = build()
    print(digest(network))
    print(digest(keras.models.clone_model(network)))
"""


@pytest.mark.slow  # What test_parity.py trains begins there, too.
def test_both_backends_begin_with_the_same_bits():
    found = {}
    for backend in ("tensorflow", "jax"):
        if backend == "jax":
            pytest.importorskip("jax")
        environment = {**os.environ, "KERAS_BACKEND": backend}
        ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment)
        assert ran.returncode == 0, ran.stderr
        found[backend] = ran.stdout.split()
    assert found["tensorflow"] == found["jax"]
    assert len(set(found["jax"])) == 2


def drawn(make, shape, seed=0):
    """The random weight of a new network of one layer, as float64."""
    with initial_weights.from_seed(seed):
        inputs = keras.Input(shape)
        network = keras.Model(inputs, make()(inputs))
    return np.asarray(network.get_weights()[0], "float64")


def assert_moments(values, mean, variance, fourth):
    """Mean and variance within four standard errors; `fourth` is the distribution's fourth central moment."""
    count = values.size
    assert abs(values.mean() - mean) < 4 * math.sqrt(variance / count)
    assert abs(values.var() - variance) < 4 * math.sqrt((fourth - variance**2) / count)


# Of a standard normal distribution cut at 2, by numerical integration of its density.
GRID = np.linspace(-2, 2, 400_001)
DENSITY = np.exp(-(GRID**2) / 2) / np.trapezoid(np.exp(-(GRID**2) / 2), GRID)
CUT_VARIANCE = np.trapezoid(DENSITY * GRID**2, GRID)
CUT_FOURTH = np.trapezoid(DENSITY * GRID**4, GRID)


def test_the_plain_initializers_keep_their_moments_and_bounds():
    def dense(initializer):
        return drawn(lambda: layers.Dense(500, use_bias=False, kernel_initializer=initializer), (400,))

    assert_moments(dense(initializers.RandomNormal(0.5, 0.1)), 0.5, 0.01, 3e-4)
    values = dense(initializers.RandomUniform(-0.2, 0.6))
    assert_moments(values, 0.2, 0.8**2 / 12, 0.8**4 / 80)
    assert -0.2 <= values.min() < -0.199 and 0.599 < values.max() <= 0.6
    values = dense(initializers.TruncatedNormal(1.0, 0.1))
    assert_moments(values, 1.0, CUT_VARIANCE * 0.01, CUT_FOURTH * 1e-4)
    assert 0.8 <= values.min() < 0.801 and 1.199 < values.max() <= 1.2 + 1e-6


@pytest.mark.parametrize(
    ("layer", "shape", "fan_in", "fan_out"),
    [
        (lambda given: layers.Dense(500, kernel_initializer=given), (400,), 400, 500),
        (lambda given: layers.Conv2D(96, 5, kernel_initializer=given), (8, 8, 40), 25 * 40, 25 * 96),
        # Keras counts the kernel (height, width, out, in) as if it were (height, width, in, out).
        (lambda given: layers.Conv2DTranspose(96, 5, kernel_initializer=given), (8, 8, 40), 25 * 96, 25 * 40),
    ],
)
@pytest.mark.parametrize(
    ("kind", "variance"),
    [
        ("glorot_uniform", lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
        ("glorot_normal", lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
        ("he_uniform", lambda fan_in, fan_out: 2 / fan_in),
        ("he_normal", lambda fan_in, fan_out: 2 / fan_in),
        ("lecun_normal", lambda fan_in, fan_out: 1 / fan_in),
        (initializers.VarianceScaling(3, "fan_out", "untruncated_normal"), lambda fan_in, fan_out: 3 / fan_out),
    ],
    ids=["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_normal", "variance_scaling"],
)
def test_scaled_variances_follow_the_fans_of_the_layer(layer, shape, fan_in, fan_out, kind, variance):
    variance, values = variance(fan_in, fan_out), drawn(lambda: layer(kind), shape)
    if "uniform" in str(kind):
        fourth, bound = 9 / 5, math.sqrt(3)
    elif isinstance(kind, str):
        fourth, bound = CUT_FOURTH / CUT_VARIANCE**2, 2 / math.sqrt(CUT_VARIANCE)
    else:
        fourth, bound = 3, math.inf
    assert_moments(values, 0.0, variance, fourth * variance**2)
    assert abs(values).max() <= bound * math.sqrt(variance) * (1 + 1e-6)


def test_keras_itself_has_the_same_moments():
    # The closed forms above are of Keras's own draws too.
    layer = layers.Conv2DTranspose(96, 5, kernel_initializer="he_normal")
    layer.build((None, 8, 8, 40))
    values = keras.ops.convert_to_numpy(layer.kernel).astype("float64")
    variance = 2 / (25 * 96)
    assert_moments(values, 0.0, variance, CUT_FOURTH / CUT_VARIANCE**2 * variance**2)


def two_layers(seed, dtype="float32"):
    with initial_weights.from_seed(seed):
        image = keras.Input((4, 4, 4), dtype=dtype)
        y = layers.Conv2D(4, 3, kernel_initializer="random_normal", dtype=dtype)(image)
        inner = keras.Sequential([layers.Conv2D(4, 1, padding="same", kernel_initializer="he_normal", dtype=dtype)])
        y = layers.BatchNormalization(dtype=dtype)(inner(y))
        y = layers.PReLU(alpha_initializer=initializers.Constant(0.25), dtype=dtype)(y)
        y = layers.Conv2D(4, 1, padding="same", kernel_initializer="he_normal", dtype=dtype)(y)
        return keras.Model(image, y).get_weights()


def test_a_place_and_a_seed_each_have_their_own_draws_and_always_the_same():
    first, again, others = two_layers(0), two_layers(0), two_layers(1)
    kernels = [value for value in first if value.ndim == 4]
    assert len(kernels) == 3
    # The two of one shape and one initializer.
    assert not np.array_equal(kernels[1], kernels[2])
    assert all(np.array_equal(one, same) for one, same in zip(first, again, strict=True))
    # And all others are not random.
    for one, other in zip(first, others, strict=True):
        assert np.array_equal(one, other) == (one.ndim != 4), one.shape


def test_what_is_filled_is_filled_with_what_the_layer_asks_for():
    others = [value for value in two_layers(0) if value.ndim != 4]
    # Biases, the batch norm's four, the slopes of PReLU.
    assert [np.unique(value).tolist() for value in others] == [[0], [0], [1], [0], [0], [1], [0.25], [0]]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64", "int32", "bool"])
def test_a_constant_of_any_dtype_is_what_keras_makes_of_it(dtype):
    for given in (initializers.Zeros(), initializers.Ones(), initializers.Constant(3), initializers.Constant([1, 2])):
        expected = given((3, 2), dtype)
        with initial_weights.by_numpy():
            found = given((3, 2), dtype)
        assert found.dtype == expected.dtype
        as_numbers = [keras.ops.convert_to_numpy(keras.ops.cast(value, "float32")) for value in (found, expected)]
        np.testing.assert_array_equal(*as_numbers)


def test_half_precision_rounds_what_single_precision_draws():
    with initial_weights.by_numpy():
        single, half = (initializers.RandomNormal(seed=1)((50, 4), dtype) for dtype in ("float32", "bfloat16"))
    assert keras.backend.standardize_dtype(half.dtype) == "bfloat16"
    half = keras.ops.convert_to_numpy(keras.ops.cast(half, "float32"))
    np.testing.assert_allclose(half, keras.ops.convert_to_numpy(single), rtol=2**-8)


@pytest.mark.skipif(keras.config.backend() == "jax", reason="JAX has float64 only where it is told to")
def test_a_float64_network_begins_where_the_float32_one_does():
    for one, other in zip(two_layers(0), two_layers(0, "float64"), strict=True):
        assert other.dtype == "float64"
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=0)


def test_an_initializer_that_draws_in_its_own_way_is_left_alone():
    class Halves(initializers.RandomNormal):
        def __call__(self, shape, dtype=None):
            return keras.ops.full(shape, 0.5, dtype)

    assert (drawn(lambda: layers.Dense(3, kernel_initializer=Halves()), (2,)) == 0.5).all()
    values = drawn(lambda: layers.Dense(6, kernel_initializer="orthogonal"), (6,))
    np.testing.assert_allclose(values @ values.T, np.eye(6), atol=1e-5)


def test_an_initializer_of_ones_own_still_gets_what_it_asks_of_keras():
    class Shifted(initializers.RandomNormal):
        def __call__(self, shape, dtype=None):
            return super().__call__(shape, dtype) + 5

    values = drawn(lambda: layers.Dense(500, kernel_initializer=Shifted(stddev=0.1)), (400,))
    assert_moments(values, 5, 0.01, 3e-4)


def test_numpy_draws_for_keras_by_the_seed_of_the_initializer_and_only_meanwhile():
    given = [initializers.HeNormal(seed) for seed in (1, 1, 2)] + [initializers.RandomUniform(0.0, 1.0, seed=1)]
    before = [keras.ops.convert_to_numpy(one((40, 500))) for one in given]
    with initial_weights.by_numpy():
        drawn = [keras.ops.convert_to_numpy(one((40, 500))) for one in given]
    after = [keras.ops.convert_to_numpy(one((40, 500))) for one in given]
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
    assert not any(np.array_equal(one, other) for one, other in zip(before, drawn, strict=True))
    assert np.array_equal(drawn[0], drawn[1]) and not np.array_equal(drawn[0], drawn[2])
    assert_moments(drawn[2].astype("float64"), 0.0, 2 / 40, CUT_FOURTH / CUT_VARIANCE**2 * (2 / 40) ** 2)
    assert_moments(drawn[3].astype("float64"), 0.5, 1 / 12, 1 / 80)


def test_a_seed_that_counts_its_draws_gives_others_each_time():
    # A `SeedGenerator` is a variable of Keras's: a constant in its stead would give every layer the same weights.
    given = initializers.RandomNormal(seed=keras.random.SeedGenerator(3))
    with initial_weights.by_numpy():
        first, second = (keras.ops.convert_to_numpy(given((4, 4))) for _ in range(2))
    assert not np.array_equal(first, second)


def test_keras_and_the_state_of_random_are_put_back_even_after_an_error():
    random.seed(1)
    state = random.getstate()
    kinds = [initializers.RandomNormal, initializers.VarianceScaling, initializers.Zeros, initializers.Constant]
    calls = [kind.__call__ for kind in kinds]
    with pytest.raises(ZeroDivisionError), initial_weights.from_seed(5), initial_weights.by_numpy():
        inside = random.random()
        assert not any(kind.__call__ is call for kind, call in zip(kinds, calls, strict=True))
        raise ZeroDivisionError
    assert random.getstate() == state
    assert all(kind.__call__ is call for kind, call in zip(kinds, calls, strict=True))
    with initial_weights.from_seed(5):
        assert random.random() == inside
    with initial_weights.from_seed(6):
        assert random.random() != inside


def test_two_threads_that_make_networks_leave_keras_as_it_was():
    before = {kind: kind.__call__ for kind in (initializers.RandomNormal, initializers.Zeros)}
    first_is_in, second_may_leave = threading.Event(), threading.Event()

    def first():
        with initial_weights.by_numpy():
            first_is_in.set()
            second_may_leave.wait(0.2)

    def second():
        first_is_in.wait()
        with initial_weights.by_numpy():
            second_may_leave.set()
            for thread in threads[:1]:
                thread.join(1)

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {kind: kind.__call__ for kind in before} == before


def test_a_spectral_norm_begins_anywhere_but_always_there():
    from ganzoo.core.layers import SpectralConv2D

    def u(seed):
        with initial_weights.from_seed(seed):
            layer = SpectralConv2D(16, 3)
            layer(keras.Input((8, 8, 3)))
        return keras.ops.convert_to_numpy(layer.u)

    np.testing.assert_array_equal(u(0), u(0))
    assert abs(u(0) - u(1)).min() > 0


@pytest.mark.skipif(keras.config.backend() != "jax", reason="only JAX compiles what is done once")
def test_a_network_is_made_without_a_program_for_each_of_its_shapes():
    import jax

    def compiled(width, context):
        seen = []

        def listen(event, *_, **__):
            seen.append(event)

        jax.monitoring.register_event_duration_secs_listener(listen)
        try:
            with context:
                image = keras.Input((8, 8, 3))
                y = layers.BatchNormalization()(layers.Conv2D(width, 3)(image))
                keras.Model(image, layers.Dense(width + 1)(y))
        finally:
            jax.monitoring.unregister_event_duration_listener(listen)
        return sum("backend_compile" in event for event in seen)

    assert compiled(5, contextlib.nullcontext()) > 0
    compiled(6, initial_weights.from_seed(0))
    assert compiled(7, initial_weights.from_seed(0)) == 0
