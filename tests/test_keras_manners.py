"""The behavior that Keras users expect of a GAN, against numbers worked out in NumPy: under each backend."""

import json
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
import small
from linear import linear, pixels

import ganzoo
from ganzoo.config import registration
from ganzoo.errors import RunError, UsageError

not_of_the_engine = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="no engine has a part in it, and JAX takes long to build networks"
)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.log1p(np.exp(x))


def weights(gan) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and weights of `linear`, by which pixels x are mixed, x @ kernel, and weighed."""
    kernel, w = (network.get_weights()[0].astype("float64") for network in gan.networks().values())
    return kernel[0, 0], w


def losses(gan, images: np.ndarray) -> dict[str, float]:
    (kernel, w), x = weights(gan), images.reshape(-1, 2).astype("float64")
    y = x @ kernel
    return {
        "discriminator_real": softplus(-x @ w).mean(),
        "discriminator_fake": softplus(y @ w).mean(),
        "generator_adversarial": softplus(-y @ w).mean(),
        "generator_pixels": 3 * ((y - x) ** 2).mean(),
    }


# predict and call.


def test_predict_is_of_the_moving_average_where_there_is_one():
    gan = linear(ema_decay=0.9, learning_rate=0.5)
    gan.train_step(pixels(4))
    images = pixels(3)
    average = gan.deployed()["generator"].get_weights()[0][0, 0]
    assert np.abs(average - weights(gan)[0]).max() > 1e-3
    expected = images @ average
    np.testing.assert_allclose(gan.predict(images, verbose=0), expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(gan(images), expected, rtol=0, atol=1e-6)


def test_predict_reads_whole_batches_by_name_from_data_sets_and_generators_as_from_arrays():
    gan, images = linear(), pixels(5)
    expected = gan.predict(images, verbose=0)

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return {"image": images[2 * index : 2 * index + 2], "other": np.zeros(1)}

    found = [Batches(), ({"image": images[i : i + 1], "other": np.zeros(1)} for i in range(5))]
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        found.append(tf.data.Dataset.from_tensor_slices({"image": images}).batch(2))
    for data in found:
        np.testing.assert_allclose(gan.predict(data, verbose=0), expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(gan.predict(images, batch_size=2, steps=1, verbose=0), expected[:2])


def test_of_several_networks_the_first_is_asked_unless_another_is_named():
    gan = small.create("cyclegan")
    image = small.batch(gan, 1)
    there, back = (np.asarray(gan.networks()[name](image["a"])) for name in ("generator_ab", "generator_ba"))
    np.testing.assert_array_equal(gan(image["a"]), there)
    np.testing.assert_array_equal(gan(image["a"], network="generator_ba"), back)
    found = "cyclegan: has no deployed network 'discriminator_a', only generator_ab, generator_ba"
    with pytest.raises(UsageError, match=f"^{found}$"):
        gan(image["a"], network="discriminator_a")
    with pytest.raises(UsageError, match="^cyclegan's generator_ba: found a batch of the keys a; a batch is b$"):
        gan.predict({"a": image["a"]}, network="generator_ba", verbose=0)


# evaluate and fit.


def test_evaluate_is_the_mean_over_examples_also_where_the_last_batch_is_smaller():
    gan, images = linear(), pixels(5)
    expected = losses(gan, images)
    found = gan.evaluate(images, batch_size=3, return_dict=True, verbose=0)
    assert found == pytest.approx(expected, rel=1e-5)
    assert gan.evaluate(images, batch_size=5, verbose=0) == pytest.approx(
        [expected[name] for name in sorted(expected)], rel=1e-5
    )


def test_what_is_random_in_an_evaluation_is_another_for_each_batch_and_the_same_at_each_step():
    gan = small.create("dcgan", augmentation=())
    image = small.batch(gan)["image"]
    for optimizer in gan.optimizers.values():
        optimizer.learning_rate = 0.0
    twice = keras.ops.concatenate([image, image])
    found = []
    for _ in range(2):
        found.append(
            [gan.evaluate(x, batch_size=2, return_dict=True, verbose=0)["discriminator_fake"] for x in (image, twice)]
        )
        gan.train_step(image)
    assert found[0] == found[1]
    assert found[0][0] != found[0][1]


def test_fit_adds_the_losses_of_validation_data_to_those_of_training_by_their_names():
    gan, images, other = linear(learning_rate=0.1), pixels(4), pixels(6, seed=1)
    history = gan.fit(images, batch_size=4, epochs=2, validation_data=other, verbose=0).history
    expected = losses(gan, other)
    assert {name: history[f"val_{name}"][-1] for name in expected} == pytest.approx(expected, rel=1e-5)
    assert {name for name in history if not name.startswith(("health/", "val_"))} == expected.keys()
    assert all(len(values) == 2 for values in history.values())


def test_a_batch_at_a_time_is_what_fit_evaluate_and_predict_make_of_it():
    gan, other = small.create("dcgan"), small.create("dcgan")
    for seed in range(2):
        batch = {"image": keras.ops.convert_to_numpy(small.batch(gan, count=4, seed=seed)["image"])}
        logs = gan.train_on_batch(batch, return_dict=True)
        history = other.fit(batch, batch_size=4, shuffle=False, verbose=0).history
        assert {name: [value] for name, value in logs.items()} == history
    assert gan.steps_done == 2
    assert small.equal(small.arrays(gan), small.arrays(other)) == []
    assert gan.test_on_batch(batch) == gan.evaluate(batch, batch_size=4, verbose=0)
    latents = np.ones((3, 8), "float32")
    np.testing.assert_array_equal(gan.predict_on_batch(latents), gan.predict(latents, verbose=0))
    with pytest.raises(UsageError, match="class_weight: leave it out"):
        gan.train_on_batch(batch, class_weight={0: 1.0})


def test_data_without_an_example_is_refused_and_so_are_arrays_of_different_lengths():
    gan = linear()
    with pytest.raises(UsageError, match="^linear: found no batch in what was given; give one example at least$"):
        gan.evaluate(pixels(0), verbose=0)
    with pytest.raises(UsageError, match="^linear: found arrays of 1 and 2 examples; give as many of each$"):
        gan.predict({"image": pixels(1), "other": pixels(2)}, verbose=0)
    with pytest.raises(UsageError, match="^linear: found int; give arrays, a data set or a generator of batches$"):
        gan.predict(3, verbose=0)


# compile.


def test_each_phase_descends_by_a_copy_of_the_optimizer_that_compile_was_given():
    gan, given = linear(), keras.optimizers.SGD(0.25)
    gan.compile(optimizer=given)
    images = pixels(4)
    (kernel, w), x = weights(gan), images.reshape(-1, 2).astype("float64")
    y = x @ kernel
    w = w - 0.25 * (-(x * sigmoid(-x @ w)).mean(0) + (y * sigmoid(y @ w)).mean(0))[:, None]
    kernel = kernel - 0.25 * x.T @ (-sigmoid(-y @ w) * w.T / 4 + 3 * 2 * (y - x) / y.size)
    gan.train_step(images)
    for found, expected in zip(weights(gan), (kernel, w), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    assert [int(optimizer.iterations) for optimizer in gan.optimizers.values()] == [1, 1]
    assert not given.built
    assert gan.health() == {}


def test_a_phase_has_the_optimizer_of_its_name_and_a_callbacks_rate_keeps_their_proportion():
    gan = linear()
    gan.compile(optimizer={"generator": keras.optimizers.SGD(0.5), "discriminator": "rmsprop"})
    kinds = {name: type(optimizer).__mro__[1].__name__ for name, optimizer in gan.optimizers.items()}
    assert kinds == {"discriminator": "RMSprop", "generator": "SGD"}
    # RMSprop's own rate is 1e-3.
    halved = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    gan.fit(pixels(4), batch_size=4, epochs=1, callbacks=[halved], verbose=0)
    rates = [float(optimizer.learning_rate) for optimizer in gan.optimizers.values()]
    assert rates == pytest.approx([5e-4, 0.25])


@pytest.mark.parametrize("of_config", [False, True])
def test_schedules_of_the_optimizer_and_the_config_and_a_rollback_all_scale_its_rate(of_config):
    schedule = {"kind": "linear", "start": 0, "end": 4} if of_config else {"kind": "constant"}
    rate = 0.5 if of_config else keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.75)
    gan = linear(schedule=schedule)
    gan.compile(optimizer=keras.optimizers.SGD(rate))
    found = []
    for _ in range(2):
        gan.train_step(pixels(4))
        found.append(float(gan.optimizers["generator"].learning_rate))
    gan.roll_back(1, 0.1)
    found.append(float(gan.optimizers["generator"].learning_rate))
    # After one step and two: both lose a quarter of what they began with, the linear one twice.
    second = 0.25 if of_config else 0.5 * 0.75**2
    assert found == pytest.approx([0.375, second, 0.1 * second])


def test_a_rollback_scales_the_rate_that_the_optimizer_began_with_and_not_that_of_the_config():
    gan = linear(learning_rate=0.01)
    gan.compile(optimizer=keras.optimizers.SGD(0.5))
    gan.roll_back(1, 0.5)
    assert [float(optimizer.learning_rate) for optimizer in gan.optimizers.values()] == [0.25, 0.25]


def test_a_step_that_overflows_in_half_precision_updates_nothing_by_a_given_optimizer_either():
    gan = linear(precision="mixed_float16")
    gan.compile(optimizer=keras.optimizers.SGD(0.25))
    before = weights(gan)
    gan.train_step(np.full((4, 1, 1, 2), 6e4, "float32"))
    assert all(np.array_equal(*pair) for pair in zip(before, weights(gan), strict=True))
    gan.train_step(pixels(4))
    assert not all(np.array_equal(*pair) for pair in zip(before, weights(gan), strict=True))


WRONG = [
    ({"loss": "mse"}, "loss: leave it out; the losses are those of its phases"),
    ({"metrics": ["mae"]}, "metrics: leave it out; fit logs the terms of the losses; .* ganzoo.evaluate"),
    ({"optimizer": "adamm"}, "optimizer: found 'adamm'; give one of keras.optimizers"),
    ({"optimizer": {"generator": "adam"}}, "found one of generator; give one of each of discriminator, generator"),
    (
        {"optimizer": keras.optimizers.SGD(gradient_accumulation_steps=2)},
        r"gradient_accumulation_steps=2: leave it out; compile\(accumulate=…\)",
    ),
    ({"optimizer": keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD())}, "give the one within it"),
]


@pytest.mark.parametrize(
    ("given", "told"), WRONG, ids=lambda value: "" if isinstance(value, str) else next(iter(value))
)
def test_what_a_gan_can_not_be_compiled_with_is_refused_in_a_line_that_says_what_to_do(given, told):
    with pytest.raises(UsageError, match=f"^linear: compile: .*{told}") as error:
        linear().compile(**given)
    assert "\n" not in str(error.value)


def test_two_schedules_of_one_rate_are_refused():
    gan = linear(schedule={"kind": "linear", "start": 0, "end": 4})
    rate = keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.75)
    with pytest.raises(UsageError, match=r"discriminator has a schedule .* \(schedule.kind=linear\); leave one"):
        gan.compile(optimizer=keras.optimizers.SGD(rate))


def test_a_schedule_that_keras_can_not_copy_is_refused_and_told_what_it_lacks():
    class Own(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.1

        def get_config(self):
            return {}

    with pytest.raises(UsageError, match="discriminator can't be copied; put @keras.saving.register_keras_serial"):
        linear().compile(optimizer=keras.optimizers.SGD(Own()))


# save and load.

SETTINGS = [
    pytest.param(
        {},
        {"optimizer": keras.optimizers.AdamW(keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5))},
        id="an optimizer with a schedule",
    ),
    pytest.param(
        {"schedule": {"kind": "steps", "boundaries": (2,)}},
        {"optimizer": {"generator": keras.optimizers.SGD(0.1, momentum=0.9), "discriminator": "rmsprop"}},
        id="one for each phase",
        marks=not_of_the_engine,
    ),
    pytest.param(
        {"precision": "mixed_float16", "spectral_norm": True, "discriminator_norm": "none"}, {}, id="half precision"
    ),
    pytest.param({}, {"accumulate": 2, "rematerialize": True}, id="a batch in parts", marks=not_of_the_engine),
]


@pytest.mark.parametrize(("config", "compiled"), SETTINGS)
def test_what_a_gan_was_compiled_with_goes_on_from_its_file(config, compiled, tmp_path):
    gan = small.create("dcgan", **config)
    gan.compile(**compiled)
    for seed in range(2):
        gan.train_step(small.batch(gan, seed=seed))
    gan.save(tmp_path / "gan.keras")
    opened = keras.models.load_model(tmp_path / "gan.keras")
    for one in (gan, opened):
        one.train_step(small.batch(one, seed=2))
    assert small.equal(small.arrays(gan), small.arrays(opened)) == []
    assert opened.accumulate == gan.accumulate


def test_weights_alone_come_back_and_those_of_another_kind_are_refused(tmp_path):
    gan, other = small.create("dcgan"), small.create("dcgan", seed=1)
    gan.train_step(small.batch(gan))
    gan.save_weights(tmp_path / "gan.weights.h5")
    other.load_weights(tmp_path / "gan.weights.h5")
    assert small.equal(small.arrays(gan), small.arrays(other)) == []
    with pytest.raises(ValueError, match="shape|expected|layer"):
        small.create("dcgan", base_filters=8).load_weights(tmp_path / "gan.weights.h5")


def test_a_clone_has_the_settings_and_new_weights():
    gan = small.create("dcgan", seed=3)
    initial = gan.generator.get_weights()
    gan.train_step(small.batch(gan))
    clone = keras.models.clone_model(gan)
    assert clone.config == gan.config
    assert all(np.array_equal(*pair) for pair in zip(clone.generator.get_weights(), initial, strict=True))


@not_of_the_engine
def test_a_file_of_an_architecture_that_is_not_here_is_refused_in_a_line(tmp_path):
    small.create("dcgan").save(tmp_path / "gan.keras")
    with zipfile.ZipFile(tmp_path / "gan.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["config.json"] = members["config.json"].replace(b'"architecture": "dcgan"', b'"architecture": "dcgam"')
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    told = "unknown architecture 'dcgam'; did you mean 'dcgan'?"
    with pytest.raises(UsageError) as error:
        keras.models.load_model(tmp_path / "other.keras")
    assert str(error.value) == told
    with pytest.raises(RunError, match="other.keras: can't be read as a Keras model .*unknown architecture 'dcgam'"):
        ganzoo.load(tmp_path / "other.keras")


def test_a_file_of_a_class_that_has_no_name_is_refused_in_a_line(tmp_path):
    linear().save(tmp_path / "gan.keras")
    with pytest.raises(UsageError, match="unknown architecture None"):
        keras.models.load_model(tmp_path / "gan.keras")


@not_of_the_engine
def test_load_takes_a_network_out_of_the_file_of_a_whole_gan(tmp_path):
    gan = small.create("cyclegan", ema_decay=0.5)
    for average in gan.deployed().values():
        average.set_weights([0.5 * values for values in average.get_weights()])
    gan.save(tmp_path / "gan.keras")
    image = np.asarray(small.batch(gan, 1)["a"])
    for options, name in (
        ({}, "generator_ab"),
        ({"direction": "ba"}, "generator_ba"),
        ({"network": "generator_ba"}, "generator_ba"),
    ):
        network = ganzoo.load(tmp_path / "gan.keras", **options)
        np.testing.assert_allclose(network(image), gan(image, network=name), rtol=0, atol=1e-6)
        assert network.provenance.network == name
    with pytest.raises(UsageError, match="has no deployed network 'generator', only generator_ab, generator_ba"):
        ganzoo.load(tmp_path / "gan.keras", network="generator")


PROGRAM = """
import sys
import ganzoo
assert "keras" not in sys.modules
import keras, numpy as np
assert not [name for name in sys.modules if name.startswith("ganzoo.architectures.")]
gan = keras.models.load_model(sys.argv[1])
print(type(gan).__name__, float(np.sum(gan.predict(np.ones((2, 8), "float32"), verbose=0))))
assert keras.models.load_model(sys.argv[2]).name == "dcgan_generator"
"""


@not_of_the_engine
def test_a_program_that_imports_ganzoo_before_keras_opens_a_gan_by_keras_alone(tmp_path):
    gan = small.create("dcgan")
    gan.save(tmp_path / "gan.keras")
    gan.released()["generator"].save(tmp_path / "generator.keras")
    files = [str(tmp_path / name) for name in ("gan.keras", "generator.keras")]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *files], capture_output=True, text=True, check=True)
    name, total = done.stdout.split()[-2:]
    assert name == "DCGAN"
    assert float(total) == pytest.approx(float(np.sum(gan.predict(np.ones((2, 8), "float32"), verbose=0))), rel=1e-4)


@not_of_the_engine
def test_the_summary_shows_every_network():
    lines = []
    small.create("cyclegan").summary(print_fn=lines.append)
    for name in ("generator_ab", "generator_ba", "discriminator_a", "discriminator_b"):
        assert f"cyclegan_{name}" in "\n".join(lines)


def test_the_config_of_a_gan_is_plain_values():
    gan = small.create("dcgan", augmentation=("color",))
    config = json.loads(json.dumps(gan.get_config()))
    assert config["architecture"] == "dcgan"
    assert registration.CLASSES["dcgan"].from_config(config).config == gan.config
