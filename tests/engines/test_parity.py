"""JAX computes what TensorFlow computes: small networks trained by both, from the same weights, on the same numbers."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import small

from ganzoo.recipes import registry

# pytest's importlib mode puts no test folder on the path.
sys.path.insert(0, str(Path(__file__).parent))

import stored  # noqa: E402

STORED = json.loads(stored.FILE.read_text("utf-8"))
KINDS = ("classifier", "conditional", "sequence", "style", "tokens")
"""Architectures of tests/kinds."""
ALL = [*registry.names(), *KINDS]
LARGE = ("biggan", "cyclegan", "pix2pix", "srgan", "stylegan2")
"""Those that take minutes to compile."""
SLOW = (*LARGE, "classifier", "conditional")
"""And those of tests/kinds of which ours are like."""
STEPS = 20
DEVICES = 2
BOTH = ("tensorflow", "jax")
# XLA's own optimisations take most of the time that it takes to compile a step.
QUICK = "--xla_backend_optimization_level=0"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The files that `trained.py` wrote, by run and case."""
    return train_all(tmp_path_factory, [name for name in ALL if name not in SLOW])


@pytest.fixture(scope="module")
def trained_slowly(tmp_path_factory):
    """The same of the large ones."""
    return train_all(tmp_path_factory, SLOW)


@pytest.fixture
def files(request, name):
    """Those of the architecture."""
    return request.getfixturevalue("trained_slowly" if name in SLOW else "trained")


def train_all(tmp_path_factory, cases) -> dict[str, Path]:
    pytest.importorskip("jax")
    runs = {f"{backend} float64": (backend, "float64", STEPS, 1, cases) for backend in reversed(BOTH)}
    if "srgan" in cases:
        # Batch norms and averages, and steps of two updates.
        runs["two devices"] = ("jax", "float64", STEPS, DEVICES, ["srgan"])
    return run_all(tmp_path_factory.mktemp("trained"), runs)


@pytest.fixture(scope="module")
def in_float32(tmp_path_factory):
    """The same of a step as it is."""
    cases = [f"{name}_as_it_is" for name in registry.names()]
    runs = {f"{backend} float32": (backend, "float32", 1, 1, cases) for backend in reversed(BOTH)}
    return run_all(tmp_path_factory.mktemp("trained"), runs)


def run_all(folder: Path, runs: dict) -> dict[str, Path]:
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(train, folder / name, *run) for name, run in runs.items()]:
            done.result()
    return {name: folder / name for name in runs}


def train(folder: Path, backend: str, precision: str, steps: int, devices: int, cases) -> None:
    folder.mkdir()
    environment = {
        "KERAS_BACKEND": backend,
        "JAX_ENABLE_X64": str(int(precision == "float64")),
        "XLA_FLAGS": f"{QUICK} --xla_force_host_platform_device_count={devices}",
    }
    script = Path(__file__).with_name("trained.py")
    arguments = [sys.executable, script, folder, precision, str(steps), *cases]
    ran = subprocess.run(arguments, env={**os.environ, **environment}, capture_output=True, text=True, timeout=900)
    assert ran.returncode == 0, ran.stderr[-3000:]


def read(file: Path) -> tuple[dict, dict]:
    """The terms of each step, and the state after the last."""
    with np.load(file) as arrays:
        terms = {name: arrays[name] for name in arrays.files if name.startswith("terms/")}
        return terms, {name: arrays[name] for name in arrays.files if name not in terms}


def check_states(found: dict, expected: dict, tolerance: float) -> None:
    """All arrays are equal, within `tolerance` of the largest value in those of their kind and network.

    Of their kind, because a bias whose gradient a norm takes away again has rounding errors for a gradient.
    """
    assert found.keys() == expected.keys()
    largest = {}
    for name, values in expected.items():
        largest[kind(name)] = max(largest.get(kind(name), 0), np.abs(values).max(initial=0))
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=0, atol=tolerance * largest[kind(name)], err_msg=name)


def kind(name: str) -> tuple:
    """Returns ("optimizers", "generator", "velocity") for `optimizers/generator/009/conv1_bias_velocity`."""
    group, owner, *_, last = name.split("/")
    return group, owner, last.rpartition("_")[2] if group == "optimizers" else last == "moving_variance"


@pytest.mark.parametrize("name", small.each(ALL, SLOW))
def test_twenty_steps_in_float64_are_the_same(files, name):
    (expected, state), (found, other_state) = (read(files[f"{backend} float64"] / f"{name}.npz") for backend in BOTH)
    assert found.keys() == expected.keys()
    for term, values in expected.items():
        # What is logged is in float32: 1e-6 is little more than its rounding. The state tells more.
        np.testing.assert_allclose(found[term], values, rtol=1e-6, atol=1e-9, err_msg=term)
    check_states(other_state, state, 1e-6)


@pytest.mark.parametrize("name", small.each(sorted(STORED), SLOW))
def test_twenty_steps_lead_to_where_they_always_did(files, name):
    _, state = read(files["tensorflow float64"] / f"{name}.npz")
    found = {array: np.array(numbers) for array, numbers in stored.numbers_of(state).items()}
    check_states(found, {array: np.array(numbers) for array, numbers in STORED[name].items()}, 1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.names())
def test_the_first_step_in_float32_is_the_same(in_float32, name):
    expected, found = (read(in_float32[f"{backend} float32"] / f"{name}_as_it_is.npz")[0] for backend in BOTH)
    assert found.keys() == expected.keys()
    for term, values in expected.items():
        np.testing.assert_allclose(found[term], values, rtol=1e-4, atol=1e-9, err_msg=term)


@pytest.mark.parametrize("name", small.each(registry.names(), SLOW))
def test_training_changed_every_array_that_was_compared(files, name):
    # An engine that did nothing would agree with another one that did nothing.
    terms, state = read(files["jax float64"] / f"{name}.npz")
    assert all(len(set(values)) > STEPS / 2 for values in terms.values())
    assert state["run/000/step"] == STEPS


@pytest.mark.slow
def test_two_devices_end_where_one_does(trained_slowly):
    (expected, state), (found, other_state) = (
        read(trained_slowly[run] / "srgan.npz") for run in ("jax float64", "two devices")
    )
    for term, values in expected.items():
        np.testing.assert_allclose(found[term], values, rtol=1e-6, atol=1e-9, err_msg=term)
    check_states(other_state, state, 1e-6)
