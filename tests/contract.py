"""The promises of every architecture, as functions of a small, compiled GAN that was not trained yet."""

import dataclasses
import io
import json
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import small
from keras import ops

from ganzoo.core import kinds
from ganzoo.errors import UsageError
from ganzoo.training import checkpoints


def every_trainable_weight_gets_a_gradient(gan):
    before = small.weights(gan)
    logs = gan.train_step(small.batch(gan))
    assert all(np.isfinite(float(value)) for value in logs.values())
    active = [phase for phase in gan.phases() if phase.runs_at(0)]
    after = small.weights(gan)
    for phase, name in ((each, name) for each in active for name in each.networks):
        updates = sum(other.repeats for other in active if name in other.networks)
        for weight, values in before[name].items():
            change = np.abs(after[name][weight] - values)
            assert np.isfinite(change).all(), (name, weight)
            assert change.max() > 0, (name, weight)
            # Adam's first update is as large as the learning rate wherever there is a gradient at all, but for epsilon.
            # A bias that a norm takes away again has only rounding errors for a gradient.
            if values.ndim > 1 and updates == 1 and gan.config.epsilon < 1e-5:
                assert change.max() == pytest.approx(phase.learning_rate, rel=0.1), (name, weight)


def each_phase_changes_its_own_networks_and_no_other(gan):
    batch, initial = small.batch(gan), small.arrays(gan)
    active = [phase for phase in gan.phases() if phase.runs_at(0)]
    assert active
    for phase in active:
        small.restore(gan, initial)
        # In order: the first optimizer takes the others along.
        for other in active:
            if other.optimizer is None:
                trains = gan.optimizer_of(other) is gan.optimizer_of(phase)
                gan.optimizer_of(other).learning_rate = other.learning_rate if trains else 0.0
        before = small.weights(gan)
        gan.train_step(batch)
        after = small.weights(gan)
        changed = {name for name in before if small.equal(before[name], after[name])}
        assert changed == set(phase.networks), phase.name


def the_seed_alone_decides_on_the_initial_weights(gan):
    config, policy = gan.config, keras.config.dtype_policy().name
    random.seed(7)
    expected = random.random()
    random.seed(7)
    again = type(gan)(config)
    assert random.random() == expected
    other = type(gan)(dataclasses.replace(config, seed=config.seed + 1, precision="mixed_bfloat16"))
    assert keras.config.dtype_policy().name == policy
    for name, weights in small.weights(gan).items():
        assert small.equal(weights, small.weights(again)[name]) == []
        different = small.weights(other)[name]
        drawn = [weight for weight, values in weights.items() if np.ptp(values) > 0]
        assert drawn, f"{name} has no weights that are drawn"
        assert all(np.abs(weights[weight] - different[weight]).max() > 0 for weight in drawn)


def a_step_is_a_function_of_the_state(gan):
    batch, initial = small.batch(gan), small.arrays(gan)
    first_logs = gan.train_step(batch)
    first = small.arrays(gan)
    gan.train_step(small.batch(gan, seed=1))
    small.restore(gan, initial)
    second_logs = gan.train_step(batch)
    assert {name: float(value) for name, value in first_logs.items()} == {
        name: float(value) for name, value in second_logs.items()
    }
    assert small.equal(first, small.arrays(gan)) == []
    assert int(gan.step) == 1


def a_checkpoint_holds_all_that_the_next_step_needs(gan, folder: Path):
    gan = type(gan)(dataclasses.replace(gan.config, ema_decay=0.5, augmentation=("color",)))
    gan.compile()
    batches = [small.batch(gan, seed=step) for step in range(3)]
    gan.train_step(batches[0])
    gan.train_step(batches[1])
    checkpoints.save(folder, 2, checkpoints.finite_arrays(gan.state()))
    gan.train_step(batches[2])

    fresh = type(gan)(gan.config)
    fresh.compile()
    assert len(fresh.state()) == len({id(variable) for variable in fresh.state().values()})
    assert small.equal(small.arrays(fresh), small.arrays(gan)) != []
    checkpoints.restore_newest(checkpoints.list_checkpoints(folder), fresh.state())
    assert int(fresh.step) == 2
    fresh.train_step(batches[2])
    assert small.equal(small.arrays(fresh), small.arrays(gan)) == []


def every_variable_of_training_is_in_the_state(gan):
    """Whatever a step changes and `state` lacks would be lost when a run goes on."""
    known = {id(variable) for variable in gan.state().values()}
    seen = {id(v): v for owner in (gan, *gan.networks().values()) for v in owner.variables}
    unknown = [variable for key, variable in seen.items() if key not in known]
    before = [np.copy(variable.numpy()) for variable in unknown]
    gan.train_step(small.batch(gan))
    changed = [
        variable.path for variable, values in zip(unknown, before, strict=True) if (variable.numpy() != values).any()
    ]
    assert changed == []


def networks_in_float64_round_nothing_that_comes_in(gan):
    before = keras.config.floatx(), keras.config.dtype_policy().name
    exact = type(gan)(dataclasses.replace(gan.config, precision="float64"))
    assert (keras.config.floatx(), keras.config.dtype_policy().name) == before
    for name, network in exact.networks().items():
        # What float32 holds, so that it would round away what is added.
        inputs = keras.tree.map_structure(_in_float64, small.inputs(network))
        moved = keras.tree.map_structure(lambda values: values + 1e-12 if values.dtype == "float64" else values, inputs)
        one, other = (keras.ops.convert_to_numpy(network(values)) for values in (inputs, moved))
        assert one.dtype == "float64", name
        assert 0 < np.abs(one - other).max() < 1e-8, name


def outputs_are_float32_in_mixed_precision(gan, precision: str):
    mixed = type(gan)(dataclasses.replace(gan.config, precision=precision))
    for name, network in mixed.networks().items():
        dtype = keras.backend.standardize_dtype(network.output.dtype)
        assert dtype == "float32", f"{name} gives {dtype}: its last layer needs dtype=ganzoo.core.layers.output_dtype()"
    mixed.compile()
    logs = mixed.train_step(small.batch(mixed))
    assert all(np.isfinite(value) for value in small.terms(logs).values())
    assert {keras.backend.standardize_dtype(value.dtype) for value in logs.values()} == {"float32"}
    for name, network in mixed.networks().items():
        full = gan.networks()[name]
        inputs = small.inputs(full)
        outputs, expected = network(inputs), full(inputs)
        assert (keras.backend.standardize_dtype(outputs.dtype), outputs.shape) == ("float32", expected.shape)
        assert np.isfinite(outputs).all()
        # Layers that ignored the policy would compute in full precision.
        assert {layer.compute_dtype for layer in network.layers if "Conv2D" in type(layer).__name__} <= {
            precision.removeprefix("mixed_")
        }
    # What is saved computes in full precision, wherever it is opened.
    for name, network in type(gan)(mixed.config).released().items():
        inputs = small.inputs(network)
        expected = gan.deployed()[name](inputs, training=False)
        np.testing.assert_allclose(network(inputs, training=False), expected, rtol=0, atol=1e-5, err_msg=name)


def fit_trains_in_a_graph_what_a_step_trains_eagerly(gan):
    batch, initial = small.batch(gan), small.arrays(gan)
    logs = [gan.train_step(batch) for _ in range(2)][-1]
    eager = small.arrays(gan)
    small.restore(gan, initial)
    history = gan.fit(small.repeated(batch), steps_per_epoch=2, verbose=0, shuffle=False)
    assert int(gan.step) == 2
    terms = {name: values[-1] for name, values in history.history.items()}
    assert terms == pytest.approx({name: float(value) for name, value in logs.items()}, rel=1e-4)
    graph = small.arrays(gan)
    for phase in gan.optimizers:
        # Averages of the gradients; a weight itself may go either way where its gradient is a rounding error.
        names = [name for name in eager if name.startswith(f"optimizers/{phase}/") and name.endswith("_momentum")]
        largest = max(np.abs(eager[name]).max() for name in names)
        for name in names:
            np.testing.assert_allclose(graph[name], eager[name], rtol=0, atol=1e-4 * largest, err_msg=name)


def predict_gives_what_each_deployed_network_makes_whatever_the_size_of_its_batches(gan):
    random = np.random.default_rng(0)
    for name, network in gan.deployed().items():
        fields = gan.config.deployed[name].takes
        taken = {key: small.noise(field, gan.config, 5, random) for key, field in fields.items()}
        found = gan.predict(taken, batch_size=2, verbose=0, network=name)
        expected = ops.convert_to_numpy(network(kinds.one_or_all(list(taken.values())), training=False))
        assert (found.dtype, found.shape) == ("float32", expected.shape), name
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5, err_msg=name)
        np.testing.assert_array_equal(gan(taken, network=name), expected, err_msg=name)


def evaluating_changes_nothing_and_says_the_same_again(gan):
    """Not the pools, which hold pictures from the step before, the norms' averages or the seeds of dropout either."""
    logged = gan.train_step(small.batch(gan, seed=1)).keys()
    before = [np.copy(variable.numpy()) for variable in gan.variables], small.arrays(gan)
    found = [gan.evaluate(small.batch(gan, count=4), batch_size=2, return_dict=True, verbose=0) for _ in range(2)]
    assert found[0] == found[1]
    assert all(np.isfinite(value) for value in found[0].values())
    assert found[0].keys() == {name for name in logged if not name.startswith("health/")}
    assert small.equal(before[1], small.arrays(gan)) == []
    assert all(np.array_equal(old, now.numpy()) for old, now in zip(before[0], gan.variables, strict=True))


def spectral(config):
    """Returns the config with spectral norm; None where it refuses that, as it has a norm of its own, and says so."""
    try:
        return dataclasses.replace(config, spectral_norm=True, discriminator_norm="none")
    except ValueError as error:
        assert "spectral_norm=true makes no sense" in str(error)
        return None


def a_file_of_the_whole_gan_goes_on_as_if_it_had_not_been_closed(gan, folder: Path):
    gan = type(gan)(dataclasses.replace(spectral(gan.config) or gan.config, ema_decay=0.5))
    gan.compile()
    gan.train_step(small.batch(gan, seed=1))
    gan.roll_back(1, 0.5)
    gan.save(folder / "gan.keras")
    opened = keras.models.load_model(folder / "gan.keras")
    assert type(opened) is type(gan)
    assert opened.config == gan.config
    assert small.equal(small.arrays(opened), small.arrays(gan)) == []
    logs = [{name: float(value) for name, value in g.train_step(small.batch(g)).items()} for g in (gan, opened)]
    assert logs[0] == logs[1]
    assert small.equal(small.arrays(opened), small.arrays(gan)) == []


def a_wrong_batch_is_refused(gan):
    batch = small.batch(gan)
    values = list(batch.values())
    for wrong in (tuple(values[:-1]), (*values, values[0])):
        with pytest.raises(UsageError, match=f"found a batch of {len(wrong)} tensors; .*{gan.batch_names[-1]}"):
            gan.train_step(wrong)
    del batch[gan.batch_names[-1]]
    with pytest.raises(UsageError, match=f"found a batch of the keys other.*; .*{gan.batch_names[-1]}"):
        gan.train_step({"other": values[0], **batch})


def every_loss_penalty_norm_and_average_can_be_turned_on(gan, changes: dict):
    gan = type(gan)(dataclasses.replace(gan.config, **changes))
    gan.compile()
    before = small.weights(gan)
    logs = gan.train_step(small.batch(gan, count=2 * gan.config.n_critic))
    assert all(np.isfinite(float(value)) for value in logs.values())
    penalties = [float(value) for name, value in logs.items() if name.endswith("_penalty")]
    if gan.config.penalty != "none":
        assert penalties
        assert all(value > 0 for value in penalties)
    after = small.weights(gan)
    for name in {name for phase in gan.phases() if phase.runs_at(0) for name in phase.networks}:
        assert small.equal(before[name], after[name])
        assert all(np.isfinite(values).all() for values in after[name].values())
    for name, network in gan.deployed().items():
        assert network is not gan.networks()[name]


def spectral_norm_bounds_every_layer_of_the_discriminators(gan):
    """The outputs don't change with the scale of the kernels, of which a layer without the norm would take notice."""
    config = spectral(gan.config)
    if config is None:
        return
    gan = type(gan)(config)
    for name in {name for phase in gan.phases() if phase.detached for name in phase.networks}:
        network = gan.networks()[name]
        inputs = small.inputs(network, low=-1.0)
        before = np.asarray(network(inputs, training=False))
        kernels = [v for v in network.trainable_variables if v.path.endswith("kernel")]
        assert kernels
        for kernel in kernels:
            kernel.assign(3 * kernel)
        missing = (
            f"{name} has layers that model.spectral_norm does not reach: make them by "
            "ganzoo.core.layers.discriminator_conv and discriminator_dense, with spectral_norm=config.spectral_norm"
        )
        np.testing.assert_allclose(network(inputs, training=False), before, rtol=1e-4, atol=1e-5, err_msg=missing)
        assert np.abs(before).max() > 1e-4


def deployed_networks_open_in_plain_keras(gans: list, folder: Path):
    """In a process that can't import ganzoo, they compute what they compute here."""
    expected = {}
    for gan in gans:
        gan.train_step(small.batch(gan))
        for network in gan.released().values():
            label = network.name
            inputs = small.inputs(network)
            network.save(folder / f"{label}.keras")
            np.savez(folder / f"{label}.npz", *keras.tree.flatten(inputs))
            expected[label] = np.asarray(network(inputs, training=False))
    script = """
import sys
sys.modules["ganzoo"] = None
import json, keras, numpy as np
for label in json.loads(sys.argv[2]):
    network = keras.models.load_model(f"{sys.argv[1]}/{label}.keras")
    arrays = list(np.load(f"{sys.argv[1]}/{label}.npz").values())
    inputs = keras.tree.pack_sequence_as(network.input, arrays)
    np.save(f"{sys.argv[1]}/{label}_out.npy", network(inputs, training=False))
"""
    subprocess.run([sys.executable, "-c", script, str(folder), json.dumps(list(expected))], check=True, timeout=120)
    for label, values in expected.items():
        np.testing.assert_allclose(np.load(folder / f"{label}_out.npy"), values, rtol=0, atol=1e-6, err_msg=label)


def equal_gans_are_saved_as_equal_arrays(gan, folder: Path):
    """Seeds of dropout included, which Keras draws anew for every layer that is made."""
    for changes in ({"ema_decay": 0.9}, {"ema_decay": 0.0}, {"ema_decay": 0.9, "precision": "mixed_bfloat16"}):
        files = []
        for attempt in range(2):
            again = type(gan)(dataclasses.replace(gan.config, **changes))
            for name, network in again.released().items():
                network.save(folder / f"{name}{attempt}.keras")
            files.append({name: _saved_arrays(folder / f"{name}{attempt}.keras") for name in again.deployed_names})
        for name, arrays in files[0].items():
            assert arrays
            assert small.equal(arrays, files[1][name]) == [], (name, changes)


def _saved_arrays(file: Path) -> dict[str, np.ndarray]:
    """Every array that a `.keras` file holds."""
    arrays = {}
    with zipfile.ZipFile(file) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
        weights.visititems(lambda name, item: arrays.update({name: item[()]} if isinstance(item, h5py.Dataset) else {}))
    return arrays


def _in_float64(values: np.ndarray) -> np.ndarray:
    return values.astype("float64") if values.dtype == "float32" else values
