"""Where a run computes, and that two replicas learn what one device learns."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from ganzoo.errors import UsageError
from ganzoo.training.strategies import STRATEGIES, get_strategy


@pytest.fixture
def bare(monkeypatch):
    """An environment that asks for no cluster."""
    for name in ("TF_CONFIG", "TPU_NAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", ["auto", "single"])
def test_one_device_needs_no_strategy(bare, name):
    # On a machine with several GPUs `auto` mirrors.
    expected = max(1, len(tf.config.list_physical_devices("GPU"))) if name == "auto" else 1
    assert get_strategy(name, 840).num_replicas_in_sync == expected


def test_mirrored_works_on_what_is_there(bare):
    assert get_strategy("mirrored", 840).num_replicas_in_sync == max(1, len(tf.config.list_logical_devices("GPU")))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("multi-worker", "not in this version; use mirrored"),
        ("tpu", "no TPU was found"),
        ("mirorred", ", ".join(STRATEGIES)),
    ],
)
def test_what_the_machine_has_not_is_a_usage_error(bare, name, words):
    with pytest.raises(UsageError, match=words) as error:
        get_strategy(name, 4)
    assert "\n" not in str(error.value)


def test_auto_takes_the_cluster_that_the_environment_names(bare, monkeypatch):
    monkeypatch.setenv("TPU_NAME", "nowhere")
    with pytest.raises(UsageError, match="no TPU was found"):
        get_strategy("auto", 4)


def two_devices(folder: Path, *names: str) -> dict:
    script = Path(__file__).with_name("two_devices.py")
    run = subprocess.run([sys.executable, script, folder, *names], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    return json.loads((folder / "results.json").read_text())


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two_devices")
    return folder, two_devices(folder, "pix2pix", "dcgan")


def check_replicas_learn_what_one_device_learns(folder, logs, name):
    single, mirrored = logs[name]
    assert mirrored == pytest.approx(single, rel=1e-5)
    with np.load(folder / f"{name}_single.npz") as one, np.load(folder / f"{name}_mirrored.npz") as two:
        assert set(one) == set(two)
        # The gradients themselves: Adam's first update is blind to their scale.
        momenta = [key for key in one if key.endswith("_momentum")]
        for phase in {key.split("/")[1] for key in momenta}:
            keys = [key for key in momenta if key.split("/")[1] == phase]
            largest = max(np.abs(one[key]).max() for key in keys)
            for key in keys:
                np.testing.assert_allclose(two[key], one[key], rtol=0, atol=1e-4 * largest, err_msg=key)
        for key in one:
            if "moving_" in key:
                np.testing.assert_allclose(two[key], one[key], rtol=1e-4, atol=1e-6, err_msg=key)
        assert int(two["run/000/step"]) == 1


@pytest.mark.parametrize("name", ["pix2pix", "dcgan"])
def test_gradients_of_two_replicas_are_those_of_one_device_not_their_sum(results, name):
    folder, found = results
    assert found["replicas"] == 2
    check_replicas_learn_what_one_device_learns(folder, found["logs"], name)


def test_replicas_draw_different_noise_as_two_steps_would(results):
    _, found = results
    assert found["draws"] == found["expected_draws"]
    assert found["draws"][0] != found["draws"][1]


def test_a_batch_that_replicas_cant_share_is_refused(results):
    # The gradient of the smaller share would count for more.
    assert "training.batch_size 3 can't be shared by 2 replicas" in results[1]["odd"]


def test_dropout_penalties_and_augmentation_work_on_replicas(results):
    assert set(results[1]["noisy"]) >= {"discriminator_penalty", "generator_l1"}
    assert np.isfinite(list(results[1]["noisy"].values())).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["srgan", "cyclegan"])
def test_gradients_of_two_replicas_are_those_of_one_device_in_the_larger_steps(tmp_path, name):
    check_replicas_learn_what_one_device_learns(tmp_path, two_devices(tmp_path, name)["logs"], name)
