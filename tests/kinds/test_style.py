"""A style-based GAN in one file, `style.py`, goes all the way, and nothing of the package knows of it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

# pytest's importlib mode puts no test folder on the path.
sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]
pytest.register_assert_rewrite("contract")

import plugins  # noqa: E402
import small  # noqa: E402

RECIPE = """
architecture: style
model: {ema_decay: 0.9}
data: {source: "embedded:emoji"}
training: {steps: 24, batch_size: 4, sample_count: 4, log_every: 4, sample_every: 8, checkpoint_every: 8}
"""


@pytest.fixture(scope="module")
def built():
    with plugins.built("style", latent_dim=8, base_filters=8) as found:
        yield found


@plugins.keeps_each_promise
def test_it_keeps_the_contract(gan, promise):
    promise(gan)


def test_its_lazy_phases_run_at_their_steps_and_share_the_slots_of_those_they_add_to(gan):
    seen = []
    for step in range(5):
        logs = gan.train_step(small.batch(gan, seed=step))
        seen.append({name for name in small.terms(logs) if name.endswith("_penalty")})
    r1, path = "discriminator_r1_penalty", "generator_path_penalty"
    assert seen == [{r1, path}, set(), {r1}, set(), {r1, path}]
    updates = {name: int(optimizer.iterations) for name, optimizer in gan.optimizers.items()}
    assert updates == {"discriminator": 5 + 3, "generator": 5 + 2}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with a package that holds the file, and what names it as an entry point; beside it a recipe."""
    root = tmp_path_factory.mktemp("style")
    entries = ["style = mystyle.network:Style"]
    plugins.install(root / "site", "mystyle", Path(__file__).with_name("style.py"), entries)
    (root / "style.yaml").write_text(RECIPE)
    return root


def begin(site, *words):
    environment = {**os.environ, "PYTHONPATH": str(site / "site"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    arguments = [sys.executable, "-m", "ganzoo", *map(str, words)]
    return subprocess.Popen(
        arguments, cwd=site, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def done(site, *words) -> str:
    process = begin(site, *words)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err[-3000:]
    return out


@pytest.fixture(scope="module")
def run(site):
    done(site, "train", "style.yaml", "--run-dir", "run")
    return site / "run"


def test_killed_and_resumed_it_comes_to_the_same_bits(site, run):
    process = begin(site, "train", "style.yaml", "--run-dir", "killed")
    # Between lazy phases: 8 is a step with both, 9 one with none.
    while not (site / "killed/checkpoints/step_0000008.npz").exists():
        assert process.poll() is None, process.communicate()[1][-3000:]
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done(site, "train", "style.yaml", "--run-dir", "killed")
    with (
        np.load(run / "checkpoints/step_0000024.npz") as one,
        np.load(site / "killed/checkpoints/step_0000024.npz") as other,
    ):
        assert sorted(one.files) == sorted(other.files)
        # The note has times.
        names = [name for name in one.files if name != "note"]
        assert [name for name in names if one[name].tobytes() != other[name].tobytes()] == []


def test_its_generator_is_of_stock_layers_paints_and_is_exported_with_proof(site, run):
    network = keras.models.load_model(run / "generator.keras")
    assert network.name == "style_generator"
    done(site, "generate", "run", "--out", "samples.png", "--count", "4")
    with Image.open(site / "samples.png") as grid:
        assert np.asarray(grid).std() > 1
    done(site, "export", "run", "--out", "exported", "--format", "savedmodel", "--format", "tflite")
    card = json.loads((site / "exported/card.json").read_text())
    assert any(name.endswith(".tflite") for name in card["files"])
    found = json.loads(done(site, "evaluate", "run", "--count", "16", "--json"))
    assert found["results"]
