"""Runs under JAX, by the command, in processes that can't import TensorFlow; and from one backend to the other."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import small
import yaml
from PIL import Image

import ganzoo

pytest.importorskip("jax")

END = 5
"""The last step; there are samples and checkpoints at every second one, and at the last."""
CASES = {
    # What draws random numbers, averages, or depends on the step.
    "dcgan": (
        "embedded:emoji",
        {
            "base_filters": 2,
            "augmentation": ["translation"],
            "ema_decay": 0.9,
            "schedule": {"kind": "linear", "start": 1, "end": 9},
        },
    ),
    # Draws no numbers at all, so that the backends can be compared.
    "srgan": ("folder:photos", {"schedule": {"kind": "steps", "boundaries": [3]}}),
}
TRAINING = {
    "batch_size": 2,
    "sample_count": 1,
    "sample_every": 2,
    "log_every": 1,
    "checkpoint_every": 2,
    "checkpoint_minutes": 0,
    # What a doctor says of networks this small is no reason to go back.
    "rollback": 0,
}
KILLED = "SIGKILL .step_0000004.part.npz"
INTERRUPTED = "SIGINT .step_0000002.part.png"


class Runs:
    """Run directories in one folder, by name; and what was said by those who trained there."""

    def __init__(self, folder: Path):
        self.folder, self.said = folder, {}
        for name, (source, changes) in CASES.items():
            document = {
                "architecture": name,
                "model": {**small.config(name), **changes},
                "data": {"source": source},
                "training": {"steps": END, **TRAINING},
            }
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(document))
        (folder / "photos").mkdir()
        for number in range(6):
            pixels = np.random.default_rng(number).integers(0, 256, (40, 48, 3), np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / f"{number}.png")

    def train(self, name: str, backend: str = "jax", moment: str = "never", status: int = 0, **options) -> None:
        """Trains the recipe in the directory NAME, whose first word is the architecture's."""
        arguments = ["train", f"{name.split()[0]}.yaml", "--run-dir", name]
        arguments += [word for option, value in options.items() for word in (f"--{option}", value)]
        program = [Path(sys.executable).with_name("ganzoo")]
        if backend == "jax":
            program = [sys.executable, Path(__file__).with_name("jax_runs.py"), moment]
        ran = subprocess.run(
            [*program, *arguments],
            cwd=self.folder,
            env={**self.environment(2 if options else 1), "KERAS_BACKEND": backend},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert ran.returncode == status, ran.stderr[-3000:]
        self.said[name] = ran.stderr

    def environment(self, devices: int) -> dict:
        quick = f"--xla_backend_optimization_level=0 --xla_force_host_platform_device_count={devices}"
        # The same step is compiled by one process and found by the others.
        cache = {
            "JAX_COMPILATION_CACHE_DIR": str(self.folder / "compiled"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
        return {**os.environ, **cache, "XLA_FLAGS": quick}

    def copy_without_the_last_step(self, name: str, other: str) -> None:
        shutil.copytree(self.folder / name, self.folder / other)
        (self.folder / other / "checkpoints" / f"step_{END:07d}.npz").unlink()

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """The state after the last step."""
        with np.load(self.folder / name / "checkpoints" / f"step_{END:07d}.npz") as file:
            return {key: file[key] for key in file.files if key != "note"}

    def metrics(self, name: str) -> list[dict]:
        """The lines without what depends on the clock."""
        lines = map(json.loads, (self.folder / name / "metrics.jsonl").read_text("utf-8").splitlines())
        return [{key: line[key] for key in line if key not in ("time", "images_per_second")} for line in lines]

    def files(self, name: str) -> list[str]:
        """All but TensorBoard's, of which there is one for each process."""
        found = [path.relative_to(self.folder / name) for path in (self.folder / name).rglob("*") if path.is_file()]
        return sorted(str(path) for path in found if path.parts[0] != "tensorboard")


@pytest.fixture(scope="module")
def of_dcgan(tmp_path_factory):
    runs = Runs(tmp_path_factory.mktemp("runs"))
    runs.train("dcgan alone")
    runs.train("dcgan shared", strategy="mirrored")
    return runs


@pytest.fixture(scope="module")
def of_srgan(tmp_path_factory):
    runs = Runs(tmp_path_factory.mktemp("runs"))
    runs.train("srgan alone")
    runs.train("srgan interrupted", moment=INTERRUPTED, status=130)
    runs.said["stopped"] = runs.said["srgan interrupted"]
    runs.train("srgan interrupted")
    runs.train("srgan tensorflow", "tensorflow")
    runs.copy_without_the_last_step("srgan alone", "srgan to tensorflow")
    runs.train("srgan to tensorflow", "tensorflow")
    runs.copy_without_the_last_step("srgan tensorflow", "srgan to jax")
    runs.train("srgan to jax")
    return runs


@pytest.fixture
def runs(request, name):
    return request.getfixturevalue(f"of_{name.split()[0]}")


@pytest.mark.parametrize("name", ["dcgan", pytest.param("srgan", marks=pytest.mark.slow)])
def test_without_tensorflow_a_run_writes_all_of_its_directory(runs, name):
    assert runs.files(f"{name} alone") == [
        ".lock",
        *(f"checkpoints/step_000000{step}.npz" for step in (0, 2, 4, 5)),
        "config.yaml",
        "generator.keras",
        "metrics.jsonl",
        "report.html",
        *(f"samples/step_000000{step}.png" for step in (0, 2, 4, 5)),
    ]
    assert list((runs.folder / f"{name} alone" / "tensorboard").iterdir())
    assert [line["step"] for line in runs.metrics(f"{name} alone")] == [1, 2, 3, 4, 5]
    assert all(line["nonfinite"] == 0 for line in runs.metrics(f"{name} alone"))
    config = yaml.safe_load((runs.folder / f"{name} alone" / "config.yaml").read_text("utf-8"))
    assert config["run"]["backend"] == "jax"
    assert "Traceback" not in runs.said[f"{name} alone"]


# That a checkpoint holds all that the next step needs is tested of each architecture, under JAX too.
@pytest.mark.slow
@pytest.mark.parametrize("name", ["dcgan killed", "srgan interrupted"])
def test_runs_that_were_stopped_end_bitwise_where_runs_left_alone_end(runs, name):
    if name == "dcgan killed":
        runs.train(name, moment=KILLED, status=-signal.SIGKILL)
        runs.train(name)
    alone = f"{name.split()[0]} alone"
    assert "going on from step 2" in runs.said[name] or "going on from step 3" in runs.said[name]
    assert runs.metrics(name) == runs.metrics(alone)
    assert small.equal(runs.arrays(name), runs.arrays(alone)) == []
    for sample in (runs.folder / alone / "samples").iterdir():
        assert (runs.folder / name / "samples" / sample.name).read_bytes() == sample.read_bytes(), sample.name


@pytest.mark.slow
def test_ctrl_c_saves_and_says_so(of_srgan):
    assert "stopped and saved at step" in of_srgan.said["stopped"]
    assert "Traceback" not in of_srgan.said["stopped"]


def test_devices_that_share_the_batch_train_as_one_does(of_dcgan):
    runs = of_dcgan
    shared, alone = (runs.metrics(f"dcgan {which}")[0] for which in ("shared", "alone"))
    for term in ("discriminator_real", "discriminator_fake", "generator_adversarial"):
        assert shared[term] == pytest.approx(alone[term], rel=1e-5), term
    config = yaml.safe_load((runs.folder / "dcgan shared" / "config.yaml").read_text("utf-8"))
    assert config["run"]["replicas"] == 2


@pytest.mark.slow
@pytest.mark.parametrize(("moved", "stayed"), [("to tensorflow", "alone"), ("to jax", "tensorflow")])
def test_a_run_goes_on_under_the_other_backend_with_the_same_losses(of_srgan, moved, stayed):
    runs = of_srgan
    said = runs.said[f"srgan {moved}"]
    assert "moved: " in said
    assert "backend" in said
    found, expected = (runs.metrics(f"srgan {run}") for run in (moved, stayed))
    assert found[:-1] == expected[:-1]
    for term in ("generator_content", "generator_adversarial", "discriminator_real", "discriminator_fake"):
        assert found[-1][term] == pytest.approx(expected[-1][term], rel=1e-4), term


@pytest.mark.slow
def test_what_was_trained_under_jax_loads_and_exports_under_tensorflow(of_srgan, tmp_path, monkeypatch):
    runs = of_srgan
    monkeypatch.chdir(runs.folder)
    directory, state = runs.folder / "srgan alone", runs.arrays("srgan alone")
    network = ganzoo.load(str(directory))
    expected = [values for key, values in state.items() if key.startswith("networks/generator/")]
    found = [variable.numpy() for variable in network.variables]
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
    ganzoo.export(directory, tmp_path, formats=["tflite"], size=(32, 32), measure=False)
    assert list(tmp_path.glob("*.tflite"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--strategy", "multi-worker"), "strategy multi-worker: not of JAX; allowed: auto, single, mirrored"),
        (("--strategy", "tpu"), "strategy tpu: not of JAX; allowed: auto, single, mirrored"),
        (("--set", "model.precision=float64"), "precision float64: .*JAX_ENABLE_X64=1"),
    ],
)
def test_what_jax_does_not_have_is_refused_in_one_line(ganzoo, tmp_path, arguments, said):
    ran = ganzoo("train", "dcgan", "--dry-run", *arguments, KERAS_BACKEND="jax")
    assert (ran.returncode, ran.stdout) == (2, "")
    (line,) = ran.stderr.splitlines()
    assert re.search(said, line)
    assert list(tmp_path.iterdir()) == []
