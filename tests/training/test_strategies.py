"""Where a run computes, and that two replicas and two workers learn what one device learns."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
import warm
import yaml
from PIL import Image

from ganzoo.backends.strategy_names import STRATEGIES
from ganzoo.backends.tensorflow.devices import any_worker, get_strategy, is_chief
from ganzoo.backends.tensorflow.errors import lost_worker
from ganzoo.config.parsing import parse_recipe
from ganzoo.errors import UsageError
from ganzoo.recipes import registry
from ganzoo.training import train

SECONDS = 600
"""Seconds after which a process is taken to hang."""


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


@pytest.mark.parametrize(("name", "words"), [("tpu", "no TPU was found"), ("mirorred", ", ".join(STRATEGIES))])
def test_what_the_machine_has_not_is_a_usage_error(bare, name, words):
    with pytest.raises(UsageError, match=words) as error:
        get_strategy(name, 4)
    assert "\n" not in str(error.value)


def test_auto_takes_the_cluster_that_the_environment_names(bare, monkeypatch):
    monkeypatch.setenv("TPU_NAME", "nowhere")
    with pytest.raises(UsageError, match="no TPU was found"):
        get_strategy("auto", 4)


TWO = {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (None, "TF_CONFIG names no workers"),
        ("{", "TF_CONFIG: no JSON"),
        ("[]", "no lists of addresses"),
        ({"cluster": {"worker": "127.0.0.1:1"}}, "no lists of addresses"),
        ({"cluster": {"ps": ["127.0.0.1:1"]}, "task": {"type": "ps", "index": 0}}, "TF_CONFIG names no workers"),
        ({"cluster": TWO}, "the task of TF_CONFIG, None, is not in its cluster"),
        ({"cluster": TWO, "task": {"type": "worker", "index": 2}}, "is not in its cluster"),
        ({"cluster": TWO, "task": {"type": "evaluator", "index": 0}}, "is not in its cluster"),
        ({"cluster": TWO, "task": {"type": ["worker"], "index": 0}}, "is not in its cluster"),
        ({"cluster": TWO, "task": {"type": {}, "index": 0}}, "is not in its cluster"),
        ({"cluster": TWO, "task": {"type": "worker", "index": True}}, "is not in its cluster"),
        ({"cluster": TWO, "task": [0]}, "is not in its cluster"),
        ({"cluster": {"worker": [1, 2]}}, "no lists of addresses"),
        ({"cluster": {"worker": None}}, "no lists of addresses"),
        ({"cluster": {"worker": ["host1", "host2"]}}, "no lists of addresses"),
        ({"cluster": {"worker": ["host1:http"]}}, "no lists of addresses"),
        ({"cluster": [TWO]}, "no lists of addresses"),
        ({"cluster": None}, "no lists of addresses"),
        ("[" * 100_000, "TF_CONFIG: no JSON"),
        ("9" * 5000, "TF_CONFIG: no JSON"),
    ],
)
def test_a_tf_config_that_names_no_workers_is_a_usage_error(bare, monkeypatch, config, words):
    if config is not None:
        monkeypatch.setenv("TF_CONFIG", config if isinstance(config, str) else json.dumps(config))
    with pytest.raises(UsageError, match=words) as error:
        get_strategy("multi-worker", 4)
    assert "\n" not in str(error.value)
    assert '"cluster": {"worker": [' in str(error.value)


def test_auto_takes_no_cluster_of_one_worker(bare, monkeypatch):
    # Managed services set TF_CONFIG always.
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": {"worker": TWO["worker"][:1]}, "task": {"type": "worker"}}))
    assert not isinstance(get_strategy("auto", 840), tf.distribute.MultiWorkerMirroredStrategy)


def test_a_process_that_is_alone_is_the_chief_and_agrees_with_itself():
    strategy = tf.distribute.get_strategy()
    assert is_chief(strategy)
    assert [any_worker(strategy, flag) for flag in (True, False)] == [True, False]


def test_an_error_of_this_worker_is_not_taken_for_a_lost_one():
    assert not lost_worker(tf.errors.InvalidArgumentError(None, None, "UsageError: none of 3 images can be decoded"))
    assert not lost_worker(OSError("No space left on device"))


def workers(count: int) -> list[dict]:
    """The environments of workers on this machine that know each other."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{server.getsockname()[1]}" for server in sockets]
    for server in sockets:
        server.close()
    tasks = [{"cluster": {"worker": addresses}, "task": {"type": "worker", "index": i}} for i in range(count)]
    return [{**os.environ, "TF_CONFIG": json.dumps(task), "GANZOO_CLUSTER_WAIT": "120"} for task in tasks]


def start(folder: Path, *arguments, **options) -> subprocess.Popen:
    """A process whose output goes to a file in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "output.txt", "a", encoding="utf-8") as output:
        return subprocess.Popen([*map(str, arguments)], stdout=output, stderr=subprocess.STDOUT, **options)


def wait(*processes: subprocess.Popen) -> list[int]:
    """The exit statuses of processes, none of which may hang."""
    end = time.monotonic() + SECONDS
    try:
        return [process.wait(max(0, end - time.monotonic())) for process in processes]
    finally:
        for process in processes:
            process.kill()


ARCHITECTURES = ("dcgan",)
"""With what a strategy can get wrong for most: batch norm, latents, several updates in a step."""
OTHERS = ("cyclegan", "pix2pix", "srgan")
IN_FLOAT32 = ("cyclegan", "dcgan", "pix2pix", "srgan")
"""Where float64 has shown that gradients and statistics are right, float32 is the same graph."""
KINDS = ("single", "mirrored", "worker0", "worker1")
REPLICAS = KINDS[1:]


def train_all(folder: Path, *cases: str) -> Path:
    """The folder of the folders of one device, of two replicas, and of two workers, all of which trained the same."""
    script = Path(__file__).with_name("replicas.py")
    alone = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    environments = dict(zip(KINDS, (alone, alone, *workers(2)), strict=True))
    processes = [
        start(folder / kind, sys.executable, script, kind.rstrip("01"), folder / kind, *cases, env=environment)
        for kind, environment in environments.items()
    ]
    statuses = wait(*processes)
    assert statuses == [0] * 4, "\n".join((folder / kind / "output.txt").read_text("utf-8") for kind in KINDS)
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    cases = [f"{name}_float64" for name in ARCHITECTURES]
    return train_all(tmp_path_factory.mktemp("replicas"), *cases)


@pytest.fixture(scope="module")
def trained_slowly(tmp_path_factory):
    cases = [f"{name}_float64" for name in OTHERS]
    return train_all(tmp_path_factory.mktemp("replicas"), *cases, *(f"{name}_float32" for name in IN_FLOAT32))


def results(folder: Path, kind: str) -> dict:
    return json.loads((folder / kind / "results.json").read_text("utf-8"))


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def scale(values: dict, name: str) -> float:
    """The largest of an array, by which its errors are measured.

    A bias that a norm follows has no gradient but for rounding, which Adam enlarges: biases are measured by the largest
    of their network, or of their phase.
    """
    if not name.rpartition("/")[2].startswith("bias") and "_bias_" not in name:
        return np.abs(values[name]).max()
    group, kind = name.split("/")[:2], name.rpartition("_")[2] if name.startswith("optimizers/") else ""
    return max(np.abs(v).max() for n, v in values.items() if n.split("/")[:2] == group and n.endswith(kind))


@pytest.mark.parametrize("kind", REPLICAS)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_ten_steps_in_float64_end_where_those_of_one_device_do(trained, name, kind):
    check_last_step(trained, name, kind)


@pytest.mark.slow
@pytest.mark.parametrize("kind", REPLICAS)
@pytest.mark.parametrize("name", OTHERS)
def test_ten_steps_of_the_other_architectures_end_where_those_of_one_device_do(trained_slowly, name, kind):
    check_last_step(trained_slowly, name, kind)


def check_last_step(folder, name, kind):
    one, two = (arrays(folder / k / f"{name}_float64.npz") for k in ("single", kind))
    assert set(one) == set(two)
    assert int(two["run/000/step"]) == 10
    for key, value in one.items():
        # Terms are float32. Two such CycleGANs that begin 1e-15 apart can end 3e-8 apart, on one device as well.
        tolerance = 1e-6 if key.startswith("terms/") or name == "cyclegan" else 1e-9
        np.testing.assert_allclose(two[key], value, rtol=0, atol=tolerance * scale(one, key), err_msg=key)


def check_first_step(folder, name, kind):
    one, two = (arrays(folder / k / f"{name}_float32.npz") for k in ("single", kind))
    # Adam's momentum is a tenth or half of the gradient; the step itself is blind to the gradient's size. One device
    # alone is up to 1.4e-5 from what it computes in float64, by rounding.
    keys = [key for key in one if key.endswith("_momentum") or "moving_" in key or key.startswith("terms/")]
    assert len(keys) > 10
    for key in keys:
        np.testing.assert_allclose(two[key], one[key], rtol=0, atol=3e-5 * scale(one, key), err_msg=key)


@pytest.mark.slow
@pytest.mark.parametrize("kind", REPLICAS)
@pytest.mark.parametrize("name", IN_FLOAT32)
def test_the_first_step_in_float32_has_the_gradients_statistics_and_losses_of_one_device(trained_slowly, name, kind):
    check_first_step(trained_slowly, name, kind)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_workers_hold_the_same_bits(trained, name):
    check_workers(trained, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_workers_of_the_other_architectures_hold_the_same_bits(trained_slowly, name):
    check_workers(trained_slowly, name)


def check_workers(folder, name):
    first, second = (arrays(folder / kind / f"{name}_float64.npz") for kind in ("worker0", "worker1"))
    assert [key for key in first if first[key].tobytes() != second[key].tobytes()] == []


@pytest.mark.slow
def test_pools_swapped_while_replicas_were_compared(trained_slowly):
    # Full pools that pass everything on would agree for nothing.
    last = arrays(trained_slowly / "single" / "cyclegan_float64.npz")
    images = next(value for key, value in last.items() if key.endswith("pool_a_images"))
    assert len(images) == 6
    assert int(next(value for key, value in last.items() if key.endswith("pool_a_count"))) == 6
    assert len(np.unique(images.reshape(6, -1), axis=0)) == 6


def test_a_worker_loads_its_own_part_of_a_batch_alone(trained):
    # Ten batches of eight.
    parts = [[number for number in range(80) if number // 4 % 2 == worker] for worker in (0, 1)]
    assert [results(trained, kind)["asked"] for kind in ("worker0", "worker1")] == parts


def test_replicas_draw_different_noise_as_two_steps_would(trained):
    draws = results(trained, "mirrored")["draws"]
    assert draws == results(trained, "single")["draws"]
    assert draws[0] != draws[1]


def test_a_batch_that_replicas_cant_share_is_refused(trained):
    # The gradient of the smaller share would count for more.
    found = results(trained, "mirrored")
    assert found["replicas"] == 2
    assert "training.batch_size 3 can't be shared by 2 replicas" in found["odd"]


def test_dropout_penalties_and_augmentation_work_on_replicas(trained):
    noisy = results(trained, "mirrored")["noisy"]
    assert set(noisy) >= {"terms/discriminator_penalty", "terms/generator_l1"}
    assert np.isfinite(list(noisy.values())).all()


def test_the_first_worker_is_the_chief(trained):
    assert [results(trained, kind)["chief"] for kind in ("worker0", "worker1")] == [True, False]


def test_all_workers_see_the_flag_of_any(trained):
    for kind in ("worker0", "worker1"):
        assert results(trained, kind)["flags"] == [True, True, False, True]


def test_every_bit_of_the_chiefs_state_reaches_the_other_workers(trained):
    chief, other = (results(trained, kind) for kind in ("worker0", "worker1"))
    assert chief["after"] == chief["before"] == other["after"]
    assert all(other["before"][dtype] != value for dtype, value in chief["before"].items())


def test_a_data_set_that_is_uneven_and_ends_sooner_for_one_worker_ends_for_all(trained):
    # A worker that went on alone would wait for ever, and one with nothing left would make all weights NaN.
    assert [results(trained, kind)["uneven steps"] for kind in ("worker0", "worker1")] == [2, 2]


def start_warm(folder: Path, *arguments, env) -> warm.Started:
    """As `start`, of the command `ganzoo`, in a process that has TensorFlow already."""
    folder.mkdir(parents=True, exist_ok=True)
    return warm.Started(arguments, folder, env, folder / "output.txt", folder / "output.txt")


def test_workers_that_dont_come_are_named_after_the_stated_time(tmp_path):
    # The first worker waits for the second to come; the second, of another cluster, for the first to answer.
    environments = [workers(2)[0], workers(2)[1]]
    processes = [
        start_warm(
            tmp_path / f"worker{index}",
            *("train", "dcgan", "--run-dir", tmp_path / "run", "--strategy", "multi-worker"),
            env={**environment, "GANZOO_CLUSTER_WAIT": "1"},
        )
        for index, environment in enumerate(environments)
    ]
    assert wait(*processes) == [1, 1]
    for index, missing in enumerate(("worker 1 (127.0.0.1:", "worker 0 (127.0.0.1:")):
        said = output(tmp_path / f"worker{index}")
        assert missing in said
        assert "did not come within 1 s" in said
        assert "Traceback" not in said
    assert not (tmp_path / "run").exists()


# Runs by command, of data that is less than a batch, and less than the workers.

RUN = {
    "architecture": "pix2pix",
    # What replicas draw for themselves is off: the flip and the crop are drawn for each example.
    "model": {
        "image_size": 64,
        "base_filters": 2,
        "dropout": 0.0,
        "precision": "float64",
        "ema_decay": 0.9,
        # A bias that a norm takes away again has rounding for a gradient, which Adam's usual epsilon would enlarge.
        "epsilon": 1e-6,
    },
    "data": {"flip": True, "load_size": 72},
    "training": {
        "steps": 12,
        "batch_size": 4,
        "sample_count": 1,
        "sample_every": 12,
        "log_every": 6,
        "checkpoint_every": 1,
        "keep_checkpoints": 100,
    },
}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A recipe with one pair of images, as a document and as a file."""
    folder = tmp_path_factory.mktemp("recipe")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 80, 80, 3), np.uint8)
    for name, image in zip(("inputs", "targets"), pixels, strict=True):
        (folder / name).mkdir()
        Image.fromarray(image).save(folder / name / "0.png")
    document = {**RUN, "data": {**RUN["data"], "source": f"folder:{folder / 'inputs'},{folder / 'targets'}"}}
    (folder / "one.yaml").write_text(yaml.safe_dump(document), "utf-8")
    return document, folder / "one.yaml"


def start_workers(command: Path, recipe: Path, folder: Path) -> list[subprocess.Popen]:
    """Two workers with a run directory each, as on two machines that share nothing."""
    return [
        start(
            folder / f"worker{index}",
            *(command, "train", recipe, "--strategy", "multi-worker"),
            *("--run-dir", folder / f"worker{index}" / "run"),
            env=environment,
        )
        for index, environment in enumerate(workers(2))
    ]


def output(folder: Path) -> str:
    return (folder / "output.txt").read_text("utf-8")


def wait_for_checkpoint(folder: Path, step: int, process: subprocess.Popen) -> None:
    end = time.monotonic() + SECONDS
    while not (folder / "run" / "checkpoints" / f"step_{step:07d}.npz").exists():
        assert process.poll() is None, output(folder)
        assert time.monotonic() < end
        time.sleep(0.002)


class Disturbed(NamedTuple):
    """Two workers of which one was killed, all started again, one told to stop, all started again."""

    folder: Path
    statuses: list[list[int]]
    """The exit statuses of the workers, each time."""
    said: list[list[str]]
    """The output of the workers by then."""


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory, recipe):
    found = Disturbed(tmp_path_factory.mktemp("disturbed"), [], [])
    command = Path(sys.executable).with_name("ganzoo")
    for step, disturb in ((3, subprocess.Popen.kill), (6, subprocess.Popen.terminate), (None, None)):
        chief, worker = start_workers(command, recipe[1], found.folder)
        if disturb:
            wait_for_checkpoint(found.folder / "worker0", step, chief)
            disturb(worker)
        found.statuses.append(wait(chief, worker))
        found.said.append([output(found.folder / kind) for kind in ("worker0", "worker1")])
    return found


def last_state(folder: Path) -> dict[str, np.ndarray]:
    values = arrays(folder / "worker0" / "run" / "checkpoints" / "step_0000012.npz")
    return {name: value for name, value in values.items() if name != "note"}


@pytest.mark.slow
def test_a_worker_that_was_lost_is_told_in_words(disturbed):
    assert disturbed.statuses[0] == [1, -signal.SIGKILL]
    said, _ = disturbed.said[0]
    assert "another worker was lost; start all workers again with the same command" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_worker_that_is_told_to_stop_stops_all_in_the_same_step(disturbed):
    assert disturbed.statuses[1] == [130, 130]
    stopped = [re.findall(r"stopped and saved at step (\d+);", said) for said in disturbed.said[1]]
    assert stopped[0] == stopped[1]
    assert len(stopped[0]) == 1
    assert 6 <= int(stopped[0][0]) < 12


@pytest.mark.slow
def test_only_the_chief_writes(disturbed):
    assert os.listdir(disturbed.folder / "worker1") == ["output.txt"]
    written = os.listdir(disturbed.folder / "worker0" / "run")
    assert {"config.yaml", "metrics.jsonl", "checkpoints", "samples", "generator.keras"} <= set(written)


@pytest.mark.slow
def test_two_disturbed_workers_end_where_one_process_does_with_fewer_images_than_workers(
    disturbed, recipe, tmp_path, bare
):
    assert disturbed.statuses[2] == [0, 0], disturbed.said[2]
    gan = train(parse_recipe(recipe[0], registry.config_class("pix2pix"), "one"), tmp_path / "run", strategy="single")
    one, two = {name: variable.numpy() for name, variable in gan.state().items()}, last_state(disturbed.folder)
    assert set(one) == set(two)
    for key, value in one.items():
        np.testing.assert_allclose(two[key], value, rtol=0, atol=1e-9 * scale(one, key), err_msg=key)


@pytest.mark.slow
def test_two_disturbed_workers_end_bitwise_where_undisturbed_ones_do(disturbed, command, recipe, tmp_path):
    assert wait(*start_workers(command, recipe[1], tmp_path)) == [0, 0]
    first, second = last_state(tmp_path), last_state(disturbed.folder)
    assert [key for key in first if first[key].tobytes() != second[key].tobytes()] == []


@pytest.mark.parametrize(
    ("change", "other"),
    [
        # What all go through; the others are of the same words.
        ("training.steps=13", "training, steps"),
        pytest.param("model.base_filters=4", "model", marks=pytest.mark.slow),
        pytest.param("training.seed=1", "training", marks=pytest.mark.slow),
        pytest.param("data.flip=false", "data", marks=pytest.mark.slow),
        pytest.param("evaluation.samples=9", "evaluation", marks=pytest.mark.slow),
    ],
    ids=lambda change: change.partition("=")[0],
)
def test_workers_that_were_given_different_commands_say_so_and_do_not_train(recipe, tmp_path, change, other):
    processes = [
        start_warm(
            tmp_path / f"worker{index}",
            *("train", recipe[1], "--strategy", "multi-worker", "--run-dir", tmp_path / f"worker{index}/run"),
            *(["--set", change] if index else []),
            env=environment,
        )
        for index, environment in enumerate(workers(2))
    ]
    # 1 would have them started again, for ever.
    assert wait(*processes) == [2, 2], [output(tmp_path / f"worker{index}") for index in range(2)]
    for index in range(2):
        said = output(tmp_path / f"worker{index}")
        words = "Error: the workers were given different commands: not all have the same"
        assert [line for line in said.splitlines() if line.startswith(f"{words} {other};")], said
        assert "Traceback" not in said
        assert not (tmp_path / f"worker{index}" / "run").exists()


@pytest.mark.slow
def test_workers_go_back_together_when_the_run_diverges_and_stop_together(command, tmp_path):
    document = {
        "architecture": "dcgan",
        "model": {"image_size": 32, "base_filters": 16, "latent_dim": 8, "learning_rate": 1.0},
        "data": {"source": "embedded:emoji"},
        "training": {
            "steps": 200,
            "batch_size": 4,
            "sample_count": 2,
            "sample_every": 200,
            "log_every": 2,
            "checkpoint_every": 2,
            "rollback": 1,
        },
    }
    (tmp_path / "wild.yaml").write_text(yaml.safe_dump(document), "utf-8")
    # One that went on alone would wait for ever.
    assert wait(*start_workers(command, tmp_path / "wild.yaml", tmp_path)) == [1, 1]
    chief, worker = output(tmp_path / "worker0"), output(tmp_path / "worker1")
    assert "(1 of 1 times)" in chief
    assert "the mean logits of discriminator reached" in chief.splitlines()[-1]
    assert "the run diverges (the chief says why), and has gone back 1 times" in worker.splitlines()[-1]
    assert '"rollback": {"number": 1' in (tmp_path / "worker0" / "run" / "metrics.jsonl").read_text("utf-8")
