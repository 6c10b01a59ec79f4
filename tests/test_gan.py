"""The engine, against numbers worked out in NumPy on two networks of a few weights: under each backend."""

import collections
import dataclasses
import functools
import os
import random
import re
import warnings
from typing import ClassVar

import keras
import numpy as np
import pytest
import small
from keras import layers, ops
from linear import Linear, LinearConfig, linear, pixels

import ganzoo
from ganzoo.backends import backend
from ganzoo.config.parsing import create_config
from ganzoo.config.recipe import frozen_config
from ganzoo.data.fields import Code, Image, Signature
from ganzoo.errors import UsageError
from ganzoo.gan.gan import Phase
from ganzoo.training import checkpoints

BACKEND = keras.config.backend()
of_tensorflow = functools.partial(pytest.mark.skipif, BACKEND != "tensorflow")
IN_FLOAT64 = pytest.mark.skipif(
    BACKEND == "jax" and os.environ.get("JAX_ENABLE_X64") != "1", reason="JAX has float64 only with JAX_ENABLE_X64=1"
)

B1, B2, EPSILON = 0.5, 0.999, 1e-8
"""Adam's constants, those of the config."""


def set_loss_scale(gan, scale: float, phase: str = "") -> None:
    """Sets the loss scale of one phase, or of all. Keras begins at 32768, and halves it where gradients overflow."""
    for name, variable in gan.state().items():
        if name.startswith(f"optimizers/{phase}") and name.endswith("dynamic_scale"):
            variable.assign(scale)


class Adam:
    """Kingma and Ba 2015, algorithm 1, as PyTorch has it."""

    def __init__(self, rate, epsilon=EPSILON):
        self.rate, self.epsilon, self.m, self.v, self.t = rate, epsilon, 0.0, 0.0, 0

    def update(self, weight, gradient, multiplier=1.0):
        self.t += 1
        self.m = B1 * self.m + (1 - B1) * gradient
        self.v = B2 * self.v + (1 - B2) * gradient**2
        m, v = self.m / (1 - B1**self.t), self.v / (1 - B2**self.t)
        return weight - multiplier * self.rate * m / (np.sqrt(v) + self.epsilon)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def numpy_steps(kernel, w, batches, *, rate, d_rate, d_weight, n_critic, ema, multiplier):
    """The non-saturating GAN of `Linear`, with gradients derived by hand. Yields (kernel, w, average) of each step."""
    g_adam, d_adam, average = Adam(rate), Adam(d_rate), kernel
    for step, batch in enumerate(batches):
        pixels = batch.reshape(-1, 2).astype("float64")
        for part in range(n_critic):
            x = pixels[part::n_critic]
            y = x @ kernel
            gradient = -(x * sigmoid(-(x @ w))).mean(0)[:, None] + (y * sigmoid(y @ w)).mean(0)[:, None]
            w = d_adam.update(w, d_weight * gradient, multiplier(step))
        # The generator learns through the discriminator as it is now, with the fakes that were made before.
        by_output = -sigmoid(-(y @ w)) * w.T / len(x) + 3 * 2 * (y - x) / y.size
        kernel = g_adam.update(kernel, x.T @ by_output, multiplier(step))
        decay = min(ema, (1 + step) / (10 + step))
        average = kernel + decay * (average - kernel)
        yield kernel, w, average


@IN_FLOAT64
def test_adam_adds_epsilon_after_its_correction_so_that_small_gradients_count_as_in_torch():
    # By hand, the first update of a gradient g is rate g / (|g| + epsilon): half the rate where |g| is epsilon. Keras's
    # place for it would make that 3 %.
    random = np.random.default_rng(0)
    gradients = [[1e-8, -1e-8, 1e-6, -1.0], *(random.normal(size=4) * [1e-8, 1e-7, 1e-4, 1.0] for _ in range(5))]
    variable = keras.Variable(np.ones(4), dtype="float64", name="w")
    # Keras holds rates in float32: this one fits.
    optimizer = backend.adam.Adam(0.25, beta_1=np.float64(B1), beta_2=np.float64(B2), epsilon=np.float64(EPSILON))
    optimizer.build([variable])
    reference, expected, first = Adam(0.25), np.ones(4), None
    for gradient in gradients:
        optimizer.apply([ops.convert_to_tensor(np.asarray(gradient), "float64")], [variable])
        first = ops.convert_to_numpy(variable) if first is None else first
        expected = reference.update(expected, np.asarray(gradient))
    by_hand = 1 - 0.25 * np.array([0.5, -0.5, 1 / 1.01, -1 / (1 + 1e-8)])
    np.testing.assert_allclose(first, by_hand, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ops.convert_to_numpy(variable), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("epsilon", [1e-8, 0.5])
def test_the_epsilon_of_the_config_is_the_optimizers_and_that_of_its_health(epsilon):
    gan = linear(learning_rate=0.01, epsilon=epsilon)
    before = gan.discriminator.get_weights()[0]
    gan.train_step(ops.convert_to_tensor(pixels(4)))
    gradient = momentum(gan, "discriminator") / (1 - B1)
    update = 0.01 * gradient / (np.abs(gradient) + epsilon)
    after = gan.discriminator.get_weights()[0]
    np.testing.assert_allclose((before - after)[:, 0], update, rtol=1e-4)
    ratio = np.linalg.norm(update) / np.linalg.norm(after)
    assert gan.health()["discriminator_update_ratio"] == pytest.approx(ratio, rel=1e-4)


@pytest.mark.parametrize("n_critic", [1, 2])
def test_steps_agree_with_numpy(n_critic):
    gan = linear(
        learning_rate=0.02,
        discriminator_learning_rate=0.05,
        discriminator_weight=0.5,
        n_critic=n_critic,
        ema_decay=0.15,
        schedule={"kind": "linear", "start": 1, "end": 5},
    )
    batches = [pixels(4 * n_critic, seed) for seed in range(4)]
    kernel, w = (network.get_weights()[0].astype("float64") for network in gan.networks().values())
    steps = numpy_steps(
        kernel[0, 0],
        w,
        batches,
        rate=0.02,
        d_rate=0.05,
        d_weight=0.5,
        n_critic=n_critic,
        ema=0.15,
        multiplier=[1, 1, 0.75, 0.5].__getitem__,
    )
    for batch, (kernel, w, average) in zip(batches, steps, strict=True):
        gan.train_step(ops.convert_to_tensor(batch))
        np.testing.assert_allclose(gan.generator.get_weights()[0][0, 0], kernel, rtol=0, atol=2e-6)
        np.testing.assert_allclose(gan.discriminator.get_weights()[0], w, rtol=0, atol=2e-6)
        np.testing.assert_allclose(gan.deployed()["generator"].get_weights()[0][0, 0], average, rtol=0, atol=2e-6)
    assert int(gan.step) == 4
    assert int(gan.optimizers["discriminator"].iterations) == 4 * n_critic
    assert int(gan.optimizers["generator"].iterations) == 4


def test_the_terms_that_are_logged_are_weighted_and_those_of_the_updated_discriminator():
    gan = linear(learning_rate=0.5, discriminator_weight=0.25, adversarial_loss="lsgan")
    x = pixels(4)
    y, w = np.asarray(gan.generator(x)).reshape(-1, 2), gan.discriminator.get_weights()[0]
    logs = small.terms(gan.train_step(ops.convert_to_tensor(x)))
    updated = gan.discriminator.get_weights()[0]
    flat = x.reshape(-1, 2)
    assert logs == pytest.approx(
        {
            "discriminator_real": 0.25 * ((flat @ w - 1) ** 2).mean(),
            "discriminator_fake": 0.25 * ((y @ w) ** 2).mean(),
            "generator_adversarial": ((y @ updated - 1) ** 2).mean(),
            "generator_pixels": 3 * ((y - flat) ** 2).mean(),
        },
        rel=1e-5,
    )
    assert abs(((y @ w - 1) ** 2).mean() - ((y @ updated - 1) ** 2).mean()) > 0.1


def test_r1_penalty_is_of_the_real_images_and_its_gradient_reaches_the_discriminator():
    # The logit is (x·w)²/2, its gradient in x is (x·w) w: half the mean of (x·w)² |w|², of which
    # d/dw = mean of (x·w) |w|² x + (x·w)² w.
    gan = linear(logit="square", penalty="r1", penalty_weight=4.0, discriminator_weight=0.0, learning_rate=0.01)
    x, w = pixels(4), gan.discriminator.get_weights()[0][:, 0].astype("float64")
    logs = gan.train_step(ops.convert_to_tensor(x))
    flat = x.reshape(-1, 2)
    along, norm = flat @ w, w @ w
    assert float(logs["discriminator_penalty"]) == pytest.approx(4 * 0.5 * np.mean(along**2 * norm), rel=1e-5)
    gradient = 4 * ((along * norm) @ flat + np.sum(along**2) * w) / 4
    assert momentum(gan, "discriminator") / (1 - B1) == pytest.approx(gradient, rel=1e-4)


def test_gradient_penalty_is_of_points_between_real_and_fake():
    # The gradient of (x·w)²/2 is (x·w) w. With w = (1, 0) its norm is |x₀|: 3 for real images, 2 for fakes.
    gan = linear(logit="square", penalty="gradient", penalty_weight=1.0)
    gan.discriminator.set_weights([np.array([[1.0], [0.0]], "float32")])
    gan.generator.set_weights([np.array([[[[2 / 3, 0], [0, 1]]]], "float32")])
    real, norms = ops.full((1, 1, 1, 2), 3.0), []
    for step in range(200):
        gan.step.assign(step)
        terms = gan.discriminator_terms("discriminator", real=(real,), fake=(gan.generator(real),))
        norms.append(1 + float(terms["discriminator_penalty"]) ** 0.5)
    assert min(norms) >= 2
    assert max(norms) <= 3
    # Uniform between the two: standard error of the mean 0.02.
    assert np.mean(norms) == pytest.approx(2.5, abs=0.08)
    assert np.std(norms) == pytest.approx(np.sqrt(1 / 12), abs=0.05)


def test_gradient_penalty_draws_a_point_for_each_image():
    gan = linear(logit="square", penalty="gradient", penalty_weight=1.0, learning_rate=1e-8, discriminator_weight=0.0)
    gan.discriminator.set_weights([np.array([[1.0], [0.0]], "float32")])
    gan.generator.set_weights([np.zeros((1, 1, 2, 2), "float32")])
    logs = gan.train_step(ops.ones((400, 1, 1, 2)))
    # Norms are uniform in [0, 1]: the mean of (norm - 1)² is 1/3, its standard error 0.3/20. One draw for all would
    # give anything in [0, 1].
    assert float(logs["discriminator_penalty"]) == pytest.approx(1 / 3, abs=0.06)


@IN_FLOAT64
def test_gradient_penalty_in_float64_takes_images_in_float32():
    gan = linear(penalty="gradient", precision="float64")
    logs = gan.train_step(ops.convert_to_tensor(pixels(4)))
    norm = np.linalg.norm(linear(precision="float64").discriminator.get_weights()[0])
    assert float(logs["discriminator_penalty"]) == pytest.approx(10 * (norm - 1) ** 2, rel=1e-5)


def momentum(gan, phase: str) -> np.ndarray:
    """Adam's average gradient of a phase's only weight; after one step (1 - beta_1) times the gradient."""
    (found,) = [v for n, v in small.arrays(gan).items() if re.fullmatch(f"optimizers/{phase}/.*_momentum", n)]
    return found.squeeze()


FORWARDS = {
    "dcgan": {"generator": 1, "discriminator": 3},
    "pix2pix": {"generator": 1, "discriminator": 3},
    "srgan": {"generator": 1, "discriminator": 3},
    # Translation, cycle and identity; each discriminator on what it is to be fooled with, on real and on pooled images.
    "cyclegan": {"generator_ab": 3, "generator_ba": 3, "discriminator_a": 3, "discriminator_b": 3},
}


@pytest.mark.parametrize("name", small.each(FORWARDS))
def test_no_network_computes_more_often_than_its_losses_need(name, monkeypatch):
    assert forwards(small.create(name), monkeypatch) == FORWARDS[name]


def test_each_critic_update_costs_one_forward_of_the_generator(monkeypatch):
    expected = {"generator": 3, "discriminator": 3 * 2 + 1}
    assert forwards(small.create("dcgan", n_critic=3), monkeypatch) == expected


def forwards(gan, monkeypatch) -> dict[str, float]:
    """How often each network computes in a step, gradients apart. The GAN is of no use afterwards."""
    batch = small.batch(gan, gan.config.n_critic * 2)
    return convolutions(gan, batch) if BACKEND == "tensorflow" else calls(gan, batch, monkeypatch)


def calls(gan, batch, monkeypatch) -> dict[str, int]:
    """How often each network is called while a step is traced: all that is traced is computed once."""
    import jax

    names = {id(network): name for name, network in gan.networks().items()}
    network_class, found = type(next(iter(gan.networks().values()))), []
    call = network_class.__call__

    def record(network, *arguments, **keywords):
        found.append(names[id(network)])
        return call(network, *arguments, **keywords)

    monkeypatch.setattr(network_class, "__call__", record)
    jax.eval_shape(gan.train_step, batch)
    return collections.Counter(found)


def convolutions(gan, batch) -> dict[str, float]:
    """How often each network's convolutions stand in the graph of a step."""
    import tensorflow as tf

    signature = {name: tf.TensorSpec(value.shape, value.dtype) for name, value in batch.items()}
    operations = tf.function(gan.train_step).get_concrete_function(signature).graph.get_operations()
    found = [
        operation.name
        for operation in operations
        # A transposed convolution is computed as the gradient of a convolution.
        if operation.type in ("Conv2D", "Conv2DBackpropInput") and not operation.name.startswith("gradient_tape/")
    ]
    counts = {}
    for key, network in gan.networks().items():
        own = [name for name in found if re.match(rf"{network.name}(_\d+)?/", name)]
        counts[key] = len(own) / sum("Conv2D" in type(layer).__name__ for layer in network.layers)
        found = [name for name in found if name not in own]
    assert found == []
    return counts


def observe_forward(gan, title: str) -> None:
    """Has each round of a step log what becomes of the batch's first key, and of the output `title`, as one number."""
    forward, weights = gan.forward, {}

    def number(values):
        random = np.random.default_rng(0)
        return ops.mean(values * weights.setdefault(values.shape, random.normal(size=values.shape).astype("float32")))

    def observed(part):
        outputs = forward(part)
        gan.observe(f"taken {gan.now.round}", number(next(iter(part.values()))))
        gan.observe(f"made {gan.now.round}", number(outputs[title]))
        return outputs

    observed.number = number
    gan.forward = observed


def test_critic_updates_see_different_parts_of_the_batch_and_fresh_fakes():
    gan = small.create("dcgan", n_critic=2)
    observe_forward(gan, "image")
    batch = small.batch(gan, 4)
    seen = health(gan.train_step(batch))
    # Every other image: as a batch is shared by replicas as it lies, so is each part.
    for number in (0, 1):
        expected = float(gan.forward.number(batch["image"][number::2]))
        assert seen[f"taken {number}"] == pytest.approx(expected, abs=1e-6)
    assert abs(seen["taken 0"] - seen["taken 1"]) > 1e-4
    assert abs(seen["made 0"] - seen["made 1"]) > 1e-5


def test_dropout_noise_changes_from_step_to_step_and_from_round_to_round():
    gan = small.create("pix2pix", n_critic=2)
    observe_forward(gan, "output")
    same = {name: ops.repeat(value[:1], 2, axis=0) for name, value in small.batch(gan).items()}
    steps = []
    for optimizer in gan.optimizers.values():
        optimizer.learning_rate = 0.0
    for step in (0, 1, 0):
        gan.step.assign(step)
        seen = health(gan.train_step(same))
        steps.append([seen["made 0"], seen["made 1"]])
    assert len({*steps[0], *steps[1]}) == 4
    assert np.ptp(steps[:2]) > 1e-5
    assert steps[2] == steps[0]


def test_random_numbers_depend_on_seed_purpose_and_step_alone():
    def draw(seed, purpose, step):
        gan = linear(seed=seed)
        gan.step.assign(step)
        source = gan.random(purpose)
        return tuple(tuple(np.asarray(keras.random.normal((3,), seed=source))) for _ in range(2))

    draws = [draw(*place) for place in [(0, "a", 0), (0, "a", 0), (1, "a", 0), (0, "b", 0), (0, "a", 1)]]
    assert draws[0] == draws[1]
    rows = [row for pair in draws[1:] for row in pair]
    assert len(set(rows)) == len(rows)


def test_random_numbers_do_not_repeat_over_thousands_of_steps():
    gan = linear()
    seen = set()
    for step in (*range(200), 10**6, 10**9):
        gan.step.assign(step)
        seen.add(float(keras.random.normal((), seed=gan.random("latents"))))
    assert len(seen) == 202


def test_batch_norm_statistics_are_averaged_as_the_weights_are_that_they_belong_to():
    gan = small.create("dcgan", ema_decay=0.5)
    average, network = gan.deployed()["generator"], gan.networks()["generator"]
    expected = [variable.numpy() for variable in average.variables]
    # By hand: the first decays are 1/10 and 2/11.
    for step, decay in enumerate((1 / 10, 2 / 11)):
        gan.train_step(small.batch(gan, seed=step))
        expected = [
            decay * old + (1 - decay) * new.numpy() for old, new in zip(expected, network.variables, strict=True)
        ]
    moving = [number for number, variable in enumerate(network.variables) if "moving" in variable.path]
    assert moving
    for number in moving:
        found, last = average.variables[number].numpy(), network.variables[number].numpy()
        np.testing.assert_allclose(found, expected[number], rtol=1e-5, atol=1e-7)
        assert abs(found - last).max() > 1e-4


def test_without_an_average_the_trained_network_is_deployed():
    gan = small.create("cyclegan")
    assert list(gan.deployed()) == ["generator_ab", "generator_ba"]
    assert gan.deployed()["generator_ba"] is gan.networks()["generator_ba"]


@pytest.mark.parametrize("name", ["dcgan", "cyclegan"])
def test_samples_are_drawn_by_the_average(name):
    gan = small.create(name, ema_decay=0.9)
    batch = small.batch(gan)
    before = gan.samples(batch)
    for network in gan.networks().values():
        network.set_weights([0 * weight for weight in network.get_weights()])
    after = gan.samples(batch)
    for title in before:
        np.testing.assert_array_equal(before[title], after[title])


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"kind": "linear", "start": 2, "end": 6}, {0: 1, 2: 1, 3: 0.75, 5: 0.25, 6: 0, 9: 0}),
        ({"kind": "steps", "boundaries": (2, 5), "factor": 0.1}, {0: 1, 1: 1, 2: 0.1, 4: 0.1, 5: 0.01}),
        ({"kind": "constant"}, {0: 1, 99: 1}),
    ],
)
@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_the_schedule_reaches_the_size_of_an_update(schedule, expected, precision):
    gan = linear(learning_rate=0.01, schedule=schedule, precision=precision)
    set_loss_scale(gan, 64)
    initial = small.arrays(gan)
    for step, multiplier in expected.items():
        small.restore(gan, initial)
        gan.step.assign(step)
        before = {name: network.get_weights()[0] for name, network in gan.networks().items()}
        gan.train_step(ops.convert_to_tensor(pixels(4)))
        for name, network in gan.networks().items():
            # Adam's first update is the learning rate, whatever the gradient.
            update = np.abs(network.get_weights()[0] - before[name])
            assert update == pytest.approx(np.full(update.shape, 0.01 * multiplier), rel=1e-3, abs=1e-9), (name, step)


BAD_IMAGES = {
    "uint8 from 0 to 255.*x / 127.5 - 1": np.array([0, 255], "uint8"),
    "float32 from 0 to 255.*x / 127.5 - 1": np.array([0, 255], "float32"),
    "float32 from 0 to 1;.*2 \\* x - 1": np.array([0, 1], "float32"),
    "not finite": np.array([-1, np.nan], "float32"),
}


@pytest.mark.parametrize("form", ["arrays", "dict", "generator", "dataset", "dataset of dicts"])
@pytest.mark.parametrize("words", BAD_IMAGES)
def test_images_of_another_range_or_dtype_are_told_of_once(form, words):
    if "dataset" in form and keras.config.backend() != "tensorflow":
        pytest.skip("data sets are TensorFlow's")
    images = np.tile(BAD_IMAGES[words], 4).reshape(4, 1, 1, 2)
    forms = {"arrays": images, "dict": {"image": images}, "generator": ((images,) for _ in range(2))}
    if "dataset" in form:
        import tensorflow as tf

        data = {"image": images} if "dicts" in form else images
        forms[form] = tf.data.Dataset.from_tensor_slices(data).batch(2)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        linear().fit(forms[form], epochs=1, verbose=0)
    (told,) = [str(warning.message) for warning in caught if "fit: image" in str(warning.message)]
    assert re.search(f"fit: image: found .*{words}", told)


def test_images_of_the_right_range_are_not_told_of():
    images = np.array([-1.02, 1.02] * 4, "float32").reshape(4, 1, 1, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        linear().fit(images, epochs=2, verbose=0)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_a_callback_that_sets_the_learning_rate_sets_it_in_all_optimizers_in_proportion(precision):
    gan = linear(learning_rate=0.02, discriminator_learning_rate=0.08, precision=precision)
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    gan.fit(pixels(4), epochs=2, callbacks=[halve], verbose=0)
    rates = {name: float(optimizer.learning_rate) for name, optimizer in gan.optimizers.items()}
    assert rates == pytest.approx({"discriminator": 0.02, "generator": 0.005})
    gan.roll_back(1, 0.5)
    rates = {name: float(optimizer.learning_rate) for name, optimizer in gan.optimizers.items()}
    assert rates == pytest.approx({"discriminator": 0.04, "generator": 0.01})


def test_half_precision_scales_the_loss_and_keeps_the_scale_when_a_run_goes_on(tmp_path):
    gan = linear(precision="mixed_float16", learning_rate=0.01)
    gan.train_step(ops.convert_to_tensor(pixels(4)))
    scales = {name: variable for name, variable in gan.state().items() if name.endswith("dynamic_scale")}
    assert len(scales) == 2
    assert all(float(variable) > 1 for variable in scales.values())
    set_loss_scale(gan, 8)
    checkpoints.save(tmp_path, 1, checkpoints.finite_arrays(gan.state()))
    gan.train_step(ops.convert_to_tensor(pixels(4, 1)))
    fresh = linear(precision="mixed_float16", learning_rate=0.01)
    checkpoints.restore_newest(checkpoints.list_checkpoints(tmp_path), fresh.state())
    fresh.train_step(ops.convert_to_tensor(pixels(4, 1)))
    assert small.equal(small.arrays(gan), small.arrays(fresh)) == []


def test_half_precision_applies_the_true_gradient_not_the_scaled_one():
    full, half = linear(learning_rate=0.01), linear(learning_rate=0.01, precision="mixed_float16")
    set_loss_scale(half, 64)
    for gan in (full, half):
        gan.train_step(ops.convert_to_tensor(pixels(4)))
    for phase in ("discriminator", "generator"):
        assert momentum(half, phase) == pytest.approx(momentum(full, phase), rel=0.01, abs=1e-4)


@pytest.mark.parametrize("phase", ["discriminator", "generator"])
def test_a_step_that_overflows_in_half_precision_changes_nothing_but_the_scale(phase):
    gan = linear(precision="mixed_float16", learning_rate=0.01)
    set_loss_scale(gan, 64)
    # Of this phase alone the gradients, times the scale, are more than half precision holds.
    set_loss_scale(gan, 2.0**40, phase)
    before = small.arrays(gan)
    logs = small.terms(gan.train_step(ops.convert_to_tensor(pixels(4))))
    after = small.arrays(gan)
    assert np.isfinite(list(logs.values())).all()
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    own = {name for name in before if name.startswith((f"networks/{phase}/", f"optimizers/{phase}/"))}
    (scale,) = [name for name in own if name.endswith("dynamic_scale")]
    assert changed & own == {scale}
    assert after[scale] == 2.0**39
    # The other phase learns as ever.
    assert any(name.startswith("networks/") for name in changed)


def test_the_scale_is_doubled_after_as_many_good_steps_as_keras_has_it():
    gan = linear(precision="mixed_float16", learning_rate=1e-4)
    set_loss_scale(gan, 8)
    for optimizer in gan.optimizers.values():
        optimizer.dynamic_growth_steps = 3
    scales = []
    for step in range(7):
        gan.train_step(ops.convert_to_tensor(pixels(4, step)))
        scales.append({name: float(v) for name, v in gan.state().items() if name.endswith("dynamic_scale")})
    assert [set(found.values()) for found in scales] == [{8}, {8}, {16}, {16}, {16}, {32}, {32}]


def test_a_network_is_saved_in_full_precision_without_drawing_random_numbers():
    gan = linear(precision="mixed_bfloat16")
    random.seed(7)
    expected = random.random()
    random.seed(7)
    (released,) = gan.released().values()
    x = pixels(4)
    exact = x.reshape(-1, 2) @ gan.generator.get_weights()[0][0, 0]
    np.testing.assert_allclose(np.reshape(released(x), (-1, 2)), exact, rtol=0, atol=1e-6)
    assert np.abs(np.reshape(gan.generator(x), (-1, 2)) - exact).max() > 1e-4
    assert random.random() == expected


IMAGES, TARGETS = np.full((2, 64, 64, 3), 0.5, "float32"), np.full((2, 64, 64, 3), -0.5, "float32")
FORMS = {
    "dataset of dicts": lambda: (dataset({"target": TARGETS, "input": IMAGES, "name": np.array(["x", "y"])}),),
    "dataset of tuples": lambda: (dataset((IMAGES, TARGETS)),),
    "dict of arrays": lambda: ({"target": TARGETS, "input": IMAGES},),
    "two arrays": lambda: (IMAGES, TARGETS),
    "generator of tuples": lambda: ((pair for pair in [(IMAGES, TARGETS)]),),
}


def dataset(values):
    """Under JAX too: TensorFlow then serves the data."""
    import tensorflow as tf

    return tf.data.Dataset.from_tensors(values)


@pytest.fixture(scope="module")
def pix2pix():
    gan = small.create("pix2pix", dropout=0.0)
    # To trace a graph takes longer than a step; JAX takes longer without.
    gan.compile(run_eagerly=BACKEND == "tensorflow")
    return gan, small.arrays(gan), np.asarray(gan.generator(IMAGES[:1]))


@pytest.mark.parametrize("form", FORMS)
def test_fit_takes_batches_of_every_form_and_knows_input_from_target(pix2pix, form):
    gan, initial, output = pix2pix
    small.restore(gan, initial)
    history = gan.fit(*FORMS[form](), verbose=0, shuffle=False).history
    assert history["generator_l1"] == pytest.approx([100 * np.abs(output + 0.5).mean()], rel=1e-4)
    assert {"discriminator_real", "discriminator_fake", "generator_adversarial"} <= history.keys()


def test_fit_takes_bare_images_where_a_batch_is_one_tensor():
    gan = linear()
    gan.fit(pixels(6), batch_size=2, epochs=2, verbose=0)
    assert int(gan.step) == 6


def test_steps_per_execution_count_as_steps():
    gan = linear()
    gan.compile(steps_per_execution=2)
    gan.fit(small.repeated(pixels(4)), steps_per_epoch=4, verbose=0, shuffle=False)
    assert int(gan.step) == 4
    reference = linear()
    for _ in range(4):
        reference.train_step(ops.convert_to_tensor(pixels(4)))
    expected = reference.generator.get_weights()[0]
    np.testing.assert_allclose(gan.generator.get_weights()[0], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("wrong", [(pixels(2), pixels(2)), {"images": pixels(2)}])
def test_a_wrong_batch_in_fit_is_a_usage_error_not_a_traceback_of_a_graph(wrong):
    found = "2 tensors" if isinstance(wrong, tuple) else "the keys images"
    with pytest.raises(UsageError, match=f"^linear: found a batch of {found}; a batch is image$"):
        linear().fit(*((wrong) if isinstance(wrong, tuple) else (wrong,)), verbose=0, shuffle=False)


def test_a_batch_that_the_critic_updates_cant_share_is_refused():
    with pytest.raises(UsageError, match="found a batch of 5; with n_critic=3 give a multiple of 3"):
        linear(n_critic=3).train_step(ops.convert_to_tensor(pixels(5)))


@of_tensorflow(reason="JAX compiles every step by XLA")
def test_xla_computes_the_same_steps():
    found = []
    for jit_compile in (False, True):
        gan = linear(learning_rate=0.02)
        gan.compile(jit_compile=jit_compile)
        gan.fit(small.repeated(pixels(4)), steps_per_epoch=3, verbose=0, shuffle=False)
        found.append(gan.generator.get_weights()[0])
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-6)


class Switching(Linear):
    """Trains the generator alone for three steps, then the discriminator alone."""

    def phases(self):
        discriminator, generator = super().phases()
        return (
            Phase("g", generator.networks, generator.loss, 0.01, stop=3),
            Phase("d", discriminator.networks, discriminator.loss, 0.01, detached=True, start=3),
        )


@pytest.mark.parametrize("steps_per_execution", [1, 2])
def test_phases_switch_at_their_step_within_one_fit(steps_per_execution):
    gan = Switching(LinearConfig())
    gan.compile(steps_per_execution=steps_per_execution)
    gan.fit(small.repeated(pixels(4)), steps_per_epoch=8, verbose=0, shuffle=False)
    assert {name: int(optimizer.iterations) for name, optimizer in gan.optimizers.items()} == {"g": 3, "d": 5}


def test_phases_follow_the_step_that_was_restored():
    gan = Switching(LinearConfig())
    gan.compile()
    gan.fit(small.repeated(pixels(4)), steps_per_epoch=1, verbose=0, shuffle=False)
    gan.step.assign(7)
    gan.fit(small.repeated(pixels(4)), steps_per_epoch=1, verbose=0, shuffle=False)
    assert {name: int(optimizer.iterations) for name, optimizer in gan.optimizers.items()} == {"g": 1, "d": 1}


def test_compile_forgets_the_momentum_of_before():
    gan = linear()
    gan.train_step(ops.convert_to_tensor(pixels(4)))
    gan.compile()
    assert np.all(momentum(gan, "generator") == 0)
    assert int(gan.optimizers["generator"].iterations) == 0


class Pair(Linear):
    """Its discriminator says by how much an image differs from its partner."""

    def build_networks(self):
        pair = keras.Input((16, 16, 4))
        difference = ops.sum(ops.square(pair[..., :2] - pair[..., 2:]), axis=(1, 2, 3))
        unused = layers.Dense(1, use_bias=False, kernel_initializer="zeros")(difference[:, None])
        image = keras.Input((16, 16, 2))
        return {
            "generator": keras.Model(image, layers.Conv2D(2, 1)(image)),
            "discriminator": keras.Model(pair, difference[:, None] + unused),
        }


def test_an_input_and_its_translation_are_augmented_alike():
    policy = ("color", "translation", "cutout")
    gan = Pair(create_config(LinearConfig, augmentation=policy, adversarial_loss="hinge", image_size=16))
    image = ops.convert_to_tensor(np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 2)).astype("float32"))
    terms = gan.discriminator_terms("discriminator", real=(image, image), fake=(image, -image))
    assert float(terms["discriminator_real"]) == pytest.approx(1, abs=1e-6)
    assert float(terms["discriminator_fake"]) > 10


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"penalty": "gradient", "discriminator_norm": "batch"}, ["penalty=gradient", "discriminator_norm=batch"]),
        ({"spectral_norm": True, "discriminator_norm": "batch"}, ["spectral_norm=true", "discriminator_norm=batch"]),
        ({"spectral_norm": True, "discriminator_norm": "instance"}, ["spectral_norm=true", "norm=instance"]),
        ({"adversarial_loss": "wasserstein"}, ["adversarial_loss=wasserstein", "penalty=gradient"]),
        ({"adversarial_loss": "wasserstein", "penalty": "r1"}, ["adversarial_loss=wasserstein"]),
    ],
)
@pytest.mark.parametrize("name", ["dcgan", "srgan"])
def test_combinations_without_sense_are_refused_by_name(name, changes, named):
    with pytest.raises(UsageError) as error:
        ganzoo.create(name, **changes)
    assert "\n" not in str(error.value)
    for part in named:
        assert part in str(error.value)


def health(logs) -> dict:
    return {name.removeprefix("health/"): float(value) for name, value in logs.items() if name.startswith("health/")}


def test_health_of_a_step_by_hand():
    gan = linear(adversarial_loss="lsgan", discriminator_weight=0.25)
    x = pixels(8)
    y, w = np.asarray(gan.generator(x)).reshape(-1, 2), gan.discriminator.get_weights()[0]
    flat = x.reshape(-1, 2)
    seen = health(gan.train_step(ops.convert_to_tensor(x)))
    # The boundary of least squares lies between its targets 0 and 1.
    assert seen["discriminator_real_accuracy"] == np.mean(flat @ w > 0.5)
    assert seen["discriminator_fake_accuracy"] == np.mean(y @ w < 0.5)
    assert seen["discriminator_real_logit"] == pytest.approx(np.mean(flat @ w), abs=1e-6)
    assert seen["discriminator_fake_logit"] == pytest.approx(np.mean(y @ w), abs=1e-6)
    gradient = 0.25 * 2 * ((flat * (flat @ w - 1)).mean(0) + (y * (y @ w)).mean(0))
    # After one step Adam's average, unbiased, is the gradient itself.
    assert gan.health()["discriminator_gradient_norm"] == pytest.approx(np.linalg.norm(gradient), rel=1e-5)


def test_a_critic_without_a_zero_has_no_accuracy():
    gan = linear(adversarial_loss="wasserstein", spectral_norm=True)
    seen = health(gan.train_step(ops.convert_to_tensor(pixels(4))))
    assert "discriminator_real_logit" in seen
    assert not [name for name in seen if name.endswith("_accuracy")]


def test_gradient_norms_are_of_the_loss_before_it_is_scaled_for_half_precision():
    full, half = linear(seed=1), linear(seed=1, precision="mixed_float16")
    set_loss_scale(half, 64)
    for gan in (full, half):
        gan.train_step(ops.convert_to_tensor(pixels(4)))
    expected, found = full.health(), half.health()
    for name in ("discriminator_gradient_norm", "generator_gradient_norm"):
        assert found[name] == pytest.approx(expected[name], rel=1e-2)


def test_health_where_every_step_overflowed_is_a_number():
    gan = linear(precision="mixed_float16")
    set_loss_scale(gan, 2.0**40)
    gan.train_step(ops.convert_to_tensor(pixels(4)))
    found = gan.health()
    assert found["discriminator_gradient_norm"] == found["discriminator_update_ratio"] == 0


@pytest.mark.parametrize("precision", ["float32", pytest.param("float64", marks=IN_FLOAT64)])
def test_update_ratios_are_those_of_the_change_that_the_last_step_made(precision):
    gan = small.create("cyclegan", precision=precision, schedule={"kind": "linear", "start": 0, "end": 10**9})
    for step in range(3):
        before = small.weights(gan)
        gan.train_step(small.batch(gan, seed=step))
    after, found = small.weights(gan), gan.health()
    for name, weights in after.items():
        change = sum(((weights[key].astype("float64") - before[name][key]) ** 2).sum() for key in weights)
        size = sum((values.astype("float64") ** 2).sum() for values in weights.values())
        assert found[f"{name}_update_ratio"] == pytest.approx((change / size) ** 0.5, rel=1e-3), name


def test_update_ratios_are_of_the_networks_that_the_last_step_trained():
    gan = small.create("srgan", pretrain_steps=1)
    gan.train_step(small.batch(gan))
    assert set(gan.health()) == {"generator_update_ratio", "generator_gradient_norm"}
    gan.train_step(small.batch(gan))
    assert {"generator_update_ratio", "discriminator_update_ratio"} <= set(gan.health())


@pytest.mark.parametrize("schedule", [{}, {"kind": "steps", "boundaries": [1], "factor": 0.5}])
def test_a_rollback_lowers_the_rates_as_told_and_draws_other_numbers(schedule):
    gan = linear(learning_rate=0.02, discriminator_learning_rate=0.04, schedule=schedule)
    gan.step.assign(1)
    before = np.asarray(keras.random.normal((4,), seed=gan.random("latents")))
    by_schedule = 0.5 if schedule else 1
    for number in (1, 2):
        gan.roll_back(number, 0.5**number)
        draws = np.asarray(keras.random.normal((4,), seed=gan.random("latents")))
        assert not np.isin(draws, before).any()
        # Nor are they those of another step.
        for step in (0, 2, 1025, 2049):
            other = linear()
            other.step.assign(step)
            assert not np.isin(draws, np.asarray(keras.random.normal((4,), seed=other.random("latents")))).any()
        before = np.concatenate([before, draws])
        rates = {name: float(optimizer.learning_rate) for name, optimizer in gan.optimizers.items()}
        assert rates == pytest.approx(
            {"discriminator": 0.04 * by_schedule * 0.5**number, "generator": 0.02 * by_schedule * 0.5**number}
        )


def test_other_numbers_after_a_rollback_are_other_for_dropout_too():
    outputs = []
    for number in (0, 1):
        gan = small.create("pix2pix")
        gan.roll_back(number, 1.0)
        gan.train_step(small.batch(gan))
        outputs.append(gan.generator.get_layer("up4_dropout").seed_generator.state.numpy())
    assert (outputs[0] != outputs[1]).any()


class TwoLosses(Linear):
    """Two phases with gradients into the generator in one step."""

    def phases(self):
        rate = self.config.learning_rate
        pixels = Phase("pixels", ("generator",), self.pixels_loss, rate)
        size = Phase("size", ("generator",), self.size_loss, rate)
        return pixels, size

    def pixels_loss(self, batch, outputs):
        return {"generator_pixels": ops.mean(ops.square(outputs["image"] - batch["image"]))}

    def size_loss(self, batch, outputs):
        return {"generator_size": ops.mean(outputs["image"])}


def two_losses(accumulate=1, optimizer="pixels", every=1, name="size", **config):
    class Chosen(TwoLosses):
        def phases(self):
            pixels, size = super().phases()
            return pixels, dataclasses.replace(size, name=name, every=every, optimizer=optimizer)

    gan = Chosen(create_config(LinearConfig, **config))
    gan.compile(accumulate=accumulate)
    for one in gan.optimizers.values():
        descend(one)
    return gan


def descend(optimizer):
    """Has it do plain descent at a rate of 0.1, so that what it is given can be read from what it does."""
    optimizer.update_step = lambda gradient, variable, rate: variable.assign(
        variable - 0.1 * ops.cast(gradient, variable.dtype)
    )


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("optimizer", ["pixels", None])
def test_a_second_phase_into_the_same_network_has_gradients_of_its_own_through_what_the_first_made_of_it(
    accumulate, optimizer
):
    gan = two_losses(accumulate=accumulate, optimizer=optimizer)
    x = pixels(4)
    flat, w = x.reshape(-1, 2).astype("float64"), gan.generator.get_weights()[0].reshape(2, 2).astype("float64")
    gan.train_step(ops.convert_to_tensor(x))
    # By hand: the mean over 4 images and 2 channels of (xW - x)^2, then of xW.
    w = w - 0.1 * 2 * flat.T @ (flat @ w - flat) / 8
    w = w - 0.1 * flat.T @ np.ones((4, 2)) / 8
    np.testing.assert_allclose(gan.generator.get_weights()[0].reshape(2, 2), w, rtol=0, atol=1e-6)


def test_a_lazy_phase_runs_in_every_so_many_steps_and_adds_to_the_slots_of_the_one_it_shares():
    gan = two_losses(every=3)
    seen = [sorted(small.terms(gan.train_step(ops.convert_to_tensor(pixels(4))))) for _ in range(7)]
    both = ["generator_pixels", "generator_size"]
    assert seen == [both, both[:1], both[:1], both, both[:1], both[:1], both]
    assert list(gan.optimizers) == ["pixels"]
    assert int(gan.optimizers["pixels"].iterations) == 10


def test_a_lazy_phase_runs_at_its_steps_also_where_several_are_executed_together():
    gan = two_losses(every=3)
    gan.compile(steps_per_execution=2)
    for optimizer in gan.optimizers.values():
        descend(optimizer)
    gan.fit(small.repeated(ops.convert_to_tensor(pixels(4))), steps_per_epoch=8, verbose=0)
    one = two_losses(every=3)
    for _ in range(8):
        one.train_step(ops.convert_to_tensor(pixels(4)))
    assert int(gan.optimizers["pixels"].iterations) == int(one.optimizers["pixels"].iterations) == 11
    np.testing.assert_allclose(gan.generator.get_weights()[0], one.generator.get_weights()[0], rtol=0, atol=1e-6)


def test_phases_that_can_not_be_run_as_declared_are_refused_by_name():
    for options, told in (
        ({"every": 0}, "phase size: every is 0"),
        ({"optimizer": "size"}, "shares the optimizer of size, which is no phase with an optimizer of its own"),
        ({"optimizer": "nothing"}, "shares the optimizer of nothing, which is no phase"),
        ({"name": "pixels", "optimizer": None}, "phases pixels, pixels: two have one name"),
    ):
        with pytest.raises(UsageError, match=told):
            two_losses(**options)


def test_a_network_that_only_a_detached_phase_trains_is_averaged_once_a_step():
    @frozen_config
    class JudgingConfig(LinearConfig):
        deployed: ClassVar = {"discriminator": Signature(takes={"image": Image()}, gives={"logits": Code()})}

    gan = Linear(create_config(JudgingConfig, ema_decay=0.5, n_critic=2))
    gan.compile()
    before = gan.deployed()["discriminator"].get_weights()[0]
    gan.train_step(ops.convert_to_tensor(pixels(4)))
    after, average = gan.discriminator.get_weights()[0], gan.deployed()["discriminator"].get_weights()[0]
    # The first decay is 1/10, whatever the updates in the step.
    np.testing.assert_allclose(average, 0.1 * before + 0.9 * after, rtol=0, atol=1e-7)


def test_dropout_of_a_nested_network_is_drawn_by_the_step_too():
    class Nested(Linear):
        def build_networks(self):
            networks = super().build_networks()
            image = keras.Input((1, 1, 2))
            inner = keras.Sequential([keras.Input((1, 1, 2)), keras.layers.Dropout(0.5, name="drop")], name="inner")
            generator = keras.Model(image, networks["generator"](inner(image)), name="nested_generator")
            return {**networks, "generator": generator}

    def made(step):
        gan = Nested(create_config(LinearConfig, seed=3))
        gan.compile()
        gan.step.assign(step)
        gan.begin_round(0)
        return np.asarray(gan.generator(ops.ones((64, 1, 1, 2)), training=True))

    np.testing.assert_array_equal(made(5), made(5))
    assert (made(5) != made(6)).any()


def test_a_step_in_which_no_phase_runs_is_refused_in_a_line():
    class Late(Linear):
        def phases(self):
            return tuple(dataclasses.replace(phase, start=1) for phase in super().phases())

    gan = Late(create_config(LinearConfig))
    gan.compile()
    with pytest.raises(UsageError, match="no phase runs in this step"):
        gan.train_step(ops.convert_to_tensor(pixels(4)))


def test_a_detached_phase_after_the_attached_one_draws_for_each_part_of_a_batch_anew():
    rounds = []

    class Reversed(Linear):
        def phases(self):
            return super().phases()[::-1]

        def discriminator_terms(self, *args, **named):
            rounds.append(self.now.round)
            return super().discriminator_terms(*args, **named)

    gan = Reversed(create_config(LinearConfig))
    gan.compile(accumulate=2, run_eagerly=True)
    gan.train_step(ops.convert_to_tensor(pixels(4)))
    assert list(dict.fromkeys(rounds)) == [0, 1]
