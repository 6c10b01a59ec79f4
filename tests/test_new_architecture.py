"""A new architecture is one file, `made_up.py`: it keeps the contract, trains, is saved; nothing else knows of it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
pytest.register_assert_rewrite("contract")

import contract  # noqa: E402
import plugins  # noqa: E402
import small  # noqa: E402

import ganzoo  # noqa: E402
from ganzoo.config.parsing import parse_recipe  # noqa: E402
from ganzoo.recipes import registry  # noqa: E402

OURS = registry.names()
WITH_IT = sorted([*OURS, "made_up"])


@pytest.fixture(scope="module")
def built():
    with plugins.built("made_up") as found:
        yield found


def test_it_is_known_by_its_name(gan):
    assert ganzoo.list_architectures() == WITH_IT
    assert registry.summary("made_up") == "An adversarial autoencoder; a batch is `image`."
    # The smallest config was found from its fields.
    assert (gan.config.image_size, gan.config.code_dim, gan.config.base_filters) == (16, 4, 4)


@plugins.keeps_each_promise
def test_it_keeps_the_contract(gan, promise):
    promise(gan)


def test_a_checkpoint_holds_all_that_its_next_step_needs(gan, tmp_path):
    contract.a_checkpoint_holds_all_that_the_next_step_needs(gan, tmp_path)


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_its_outputs_are_float32_in_mixed_precision(gan, precision):
    contract.outputs_are_float32_in_mixed_precision(gan, precision)


def test_it_takes_every_loss_penalty_norm_and_average(gan):
    contract.every_loss_penalty_norm_and_average_can_be_turned_on(gan, small.combination("made_up"))


def test_the_contract_says_what_an_architecture_lacks(gan, monkeypatch):
    values = small.arrays(gan)
    renamed = {name.replace("conv1", "conv2d_7"): value for name, value in values.items()}
    with pytest.raises(AssertionError, match="conv.*: give every layer a name of its own"):
        small.equal(values, renamed)
    made_up = sys.modules["made_up"]
    with monkeypatch.context() as patched:
        patched.setattr(made_up, "output_dtype", lambda: None)
        with pytest.raises(AssertionError, match=r"gives bfloat16: its last layer needs dtype=.*output_dtype\(\)"):
            contract.outputs_are_float32_in_mixed_precision(gan, "mixed_bfloat16")
    conv = made_up.discriminator_conv
    monkeypatch.setattr(made_up, "discriminator_conv", lambda *args, spectral_norm=False, **named: conv(*args, **named))
    with pytest.raises(AssertionError, match="discriminator has layers that model.spectral_norm does not reach: make"):
        contract.spectral_norm_bounds_every_layer_of_the_discriminators(gan)


def test_it_is_trained_by_a_recipe_and_its_networks_open_in_plain_keras(gan, tmp_path):
    document = {
        "architecture": "made_up",
        "model": small.config("made_up"),
        "training": {"steps": 2, "batch_size": 4, "sample_count": 4},
    }
    recipe = parse_recipe(document, registry.config_class("made_up"), "made_up")
    trained = ganzoo.train(recipe, tmp_path / "run")
    found = {path.name for path in (tmp_path / "run").iterdir()}
    assert found >= {"encoder.keras", "decoder.keras", "metrics.jsonl", "checkpoints", "samples"}
    contract.deployed_networks_open_in_plain_keras([trained], tmp_path)


def test_its_file_among_the_others_is_found_without_a_word_elsewhere(tmp_path):
    """In a copy of the package with one file more. Its config is read without Keras, which takes seconds."""
    package = Path(ganzoo.__file__).parent
    shutil.copytree(
        package, tmp_path / "ganzoo", ignore=shutil.ignore_patterns("emoji", "avatars", "letters", "__pycache__")
    )
    shutil.copy(TESTS / "made_up.py", tmp_path / "ganzoo" / "architectures")
    script = """
import json, sys
import ganzoo
from ganzoo.recipes import registry
from ganzoo.config.parsing import create_config
found = {"file": ganzoo.__file__, "names": ganzoo.list_architectures(), "summary": registry.summary("made_up")}
found["code_dim"] = create_config(registry.config_class("made_up"), code_dim=5).code_dim
found["fast"] = "keras" not in sys.modules
gan = ganzoo.create("made_up", image_size=16, base_filters=2)
found["networks"] = list(gan.networks())
print(json.dumps(found))
"""
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {
        "file": str(tmp_path / "ganzoo" / "__init__.py"),
        "names": WITH_IT,
        "summary": "An adversarial autoencoder: codes of images, and images from codes. Made up for a test.",
        "code_dim": 5,
        "fast": True,
        "networks": ["encoder", "decoder", "discriminator"],
    }


def test_one_of_another_package_is_found_by_its_entry_point_before_anything_of_it_is_imported(ganzoo, tmp_path):
    entries = ["made_up = mygan.network:MadeUp", "dcgan = mygan.network", "absent = mygan.absent"]
    plugins.install(tmp_path / "site", "mygan", TESTS / "made_up.py", entries)
    (tmp_path / "mine.yaml").write_text("architecture: made_up\ntraining: {steps: 2, batch_size: 4}\n")

    listed = ganzoo("list", "--json", PYTHONPATH=str(tmp_path / "site"), PYTHONPROFILEIMPORTTIME="1")
    names = [architecture["name"] for architecture in json.loads(listed.stdout)["architectures"]]
    assert names == WITH_IT
    assert "'dcgan' of mygan.network is left out: the name is taken by ganzoo.architectures.dcgan" in listed.stderr
    assert "'absent' of mygan.absent is left out: there is no such module" in listed.stderr
    assert "mygan.network" not in re.findall(r"\| +(\S+)$", listed.stderr, re.MULTILINE)

    wrong = ganzoo("train", "mine.yaml", "--set", "model.code_dims=3", PYTHONPATH=str(tmp_path / "site"))
    assert wrong.returncode == 2
    assert "model.code_dims: unknown key; did you mean 'code_dim'?" in wrong.stderr
    done = ganzoo("train", "mine.yaml", "--dry-run", PYTHONPATH=str(tmp_path / "site"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("architecture   made_up\n")


BROKEN = {
    "no_python": ("class OddConfig(:\n", "can't be read as Python"),
    "no_module": ("import notthere\n@frozen_config\nclass OddConfig(GANConfig): pass\n", "No module named 'notthere'"),
    "raises": ("@frozen_config\nclass OddConfig(GANConfig):\n    size: int = 1 // 0\n", "ZeroDivisionError"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_package_that_is_broken_is_left_out_and_stands_in_nobodys_way(ganzoo, tmp_path, fault):
    text, told = BROKEN[fault]
    (tmp_path / "odd.py").write_text(f"from ganzoo.config.recipe import GANConfig, frozen_config\n{text}")
    plugins.install(tmp_path / "site", "oddgan", tmp_path / "odd.py", ["odd = oddgan.network"])
    there = {"PYTHONPATH": str(tmp_path / "site")}
    listed = ganzoo("list", "--json", **there)
    assert listed.returncode == 0, listed.stderr
    assert [entry["name"] for entry in json.loads(listed.stdout)["architectures"]] == OURS
    assert re.search(f"architecture 'odd' is left out: .*{re.escape(told)}", listed.stderr)
    # The name of a recipe is looked up among the defaults of all.
    wrong = ganzoo("train", "dcgan_avatarz", "--dry-run", **there)
    assert (wrong.returncode, "did you mean 'dcgan_avatars'" in wrong.stderr) == (2, True)
    (tmp_path / "odd.yaml").write_text("architecture: odd\ntraining: {steps: 2, batch_size: 4}\n")
    asked = ganzoo("train", "odd.yaml", "--dry-run", **there)
    assert (asked.returncode, told in asked.stderr, "Traceback" in asked.stderr) == (2, True, False)


def test_a_run_of_a_package_that_is_not_installed_says_so(ganzoo, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.yaml").write_text("architecture: elsewhere\nmodel: {}\n")
    (tmp_path / "run/painter.keras").write_bytes(b"")
    asked = ganzoo("generate", "run", "--out", "x.png")
    assert asked.returncode == 2
    assert "architecture 'elsewhere' is not installed here" in asked.stderr


def test_a_network_and_a_direction_that_are_not_the_same_are_refused(ganzoo):
    asked = ganzoo(
        "generate", "cyclegan/emoji", "x.png", "--out", "y.png", "--direction", "ba", "--network", "generator_ab"
    )
    assert asked.returncode == 2
    assert "network 'generator_ab' and direction 'ba'" in asked.stderr
