"""Keras on TensorFlow or on JAX: which one, what is said where it can't be, and what is compiled by it."""

import json
import os
import subprocess
import sys

import pytest

BACKENDS = ("tensorflow", "jax")
BLOCKED = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "tensorflow":
            raise ImportError("TensorFlow is blocked")
sys.meta_path.insert(0, Block())
"""
"""No import of TensorFlow gets past this."""
CLI = "import sys; sys.argv = ['ganzoo', *{arguments!r}]; from ganzoo.cli import main; main()"


def run(program: str, backend: str, **environment) -> subprocess.CompletedProcess:
    """A program in a process of its own: a process has one backend."""
    if backend == "jax":
        pytest.importorskip("jax")
        program = BLOCKED + program
    variables = {**os.environ, "KERAS_BACKEND": backend, **{name: str(value) for name, value in environment.items()}}
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=variables)


def said(program: str, backend: str, **environment) -> str:
    ran = run(program, backend, **environment)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


NAME = "from ganzoo.backends import backend; print(backend.name()); import sys; assert 'keras' not in sys.modules"


@pytest.mark.parametrize("name", BACKENDS)
def test_the_backend_is_known_before_keras_is_loaded_and_is_the_one_that_keras_takes(name, tmp_path):
    assert said(NAME, name) == name
    (tmp_path / "keras.json").write_text(json.dumps({"backend": name}))
    by_file = {"KERAS_BACKEND": "", "KERAS_HOME": tmp_path}
    assert said(NAME, "", **by_file) == name
    then = "; import keras; assert keras.config.backend() == backend.name(), keras.config.backend()"
    assert said(NAME + then, "", **by_file) == name
    (tmp_path / "keras.json").write_text("half a fi")
    assert said(NAME, "", **by_file) == "tensorflow"


@pytest.mark.parametrize("arguments", [["train", "dcgan", "--dry-run"], ["generate", "dcgan/emoji", "--out", "x.png"]])
def test_a_backend_without_a_room_is_refused_in_one_line(arguments):
    ran = run(CLI.format(arguments=arguments), "torch")
    assert (ran.returncode, ran.stdout) == (2, "")
    (line,) = ran.stderr.splitlines()
    assert "KERAS_BACKEND: backend 'torch'" in line
    assert "KERAS_BACKEND=tensorflow or KERAS_BACKEND=jax" in line


def test_a_backend_that_is_not_installed_is_refused_with_what_to_install():
    missing = "import sys; sys.modules['jax'] = None\n"
    ran = run(missing + CLI.format(arguments=["generate", "dcgan/emoji", "--out", "x.png"]), "jax")
    assert (ran.returncode, ran.stdout) == (2, "")
    (line,) = ran.stderr.splitlines()
    assert 'pip install "keras-ganzoo[jax]"' in line


@pytest.mark.parametrize(
    "arguments",
    [["export", "dcgan/emoji", "--out", "{folder}"], ["benchmark", "dcgan/emoji"]],
    ids=lambda given: given[0],
)
def test_what_needs_tensorflow_says_so_under_jax_and_writes_nothing(arguments, tmp_path):
    out = tmp_path / "out"
    arguments = [argument.format(folder=out) for argument in arguments]
    ran = run(CLI.format(arguments=arguments), "jax")
    assert (ran.returncode, ran.stdout) == (2, "")
    (line,) = ran.stderr.splitlines()
    assert "needs TensorFlow" in line
    assert "KERAS_BACKEND=tensorflow" in line
    assert not out.exists()


def test_a_saved_model_without_tensorflow_is_refused_in_one_line(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"")
    ran = run(CLI.format(arguments=["generate", str(tmp_path), "--out", str(tmp_path / "x.png")]), "jax")
    assert (ran.returncode, ran.stdout) == (2, "")
    (line,) = ran.stderr.splitlines()
    assert "a SavedModel, which needs TensorFlow: pip install tensorflow" in line


COMPILED = """
import keras
import numpy as np
from keras import ops
from ganzoo.backends import backend

layer = keras.layers.Dense(2, kernel_initializer="ones")
layer.build((None, 3))
inputs = [((None, 3), "uint8")]
function = backend.compiled.call_of(lambda batch: layer(ops.cast(batch, "float32")), layer.variables, inputs)
for length in (4, 1):
    made = function(np.full((length, 3), 2.0))
    assert type(made) is np.ndarray and made.dtype == "float32"
    np.testing.assert_array_equal(made, np.full((length, 2), 6.0))
layer.kernel.assign(np.zeros((3, 2)))
layer.bias.assign([5.0, 7.0])
np.testing.assert_array_equal(function(np.full((4, 3), 2)), [[5.0, 7.0]] * 4)
# What was compiled keeps what it reads.
function = backend.compiled.call_of(keras.layers.Rescaling(2.0), [], [((1, 3), "float32")])
np.testing.assert_array_equal(function(np.ones((1, 3), "float64")), [[2.0, 2.0, 2.0]])
print(keras.config.backend())
"""


@pytest.mark.parametrize("name", BACKENDS)
def test_what_is_compiled_takes_any_length_and_reads_the_weights_as_they_now_are(name):
    assert said(COMPILED, name) == name


FIXED = """
import numpy as np
import ganzoo
from ganzoo.generators import fixed_output; from ganzoo.generators import zoo
for name in ("dcgan/emoji", "pix2pix/emoji"):
    network = ganzoo.load(name)
    card = zoo.card(name)["fixed_output"]
    found = fixed_output.lattice(network(*fixed_output.fixed_inputs(network), training=False))
    assert np.allclose(found, card["lattice"], atol=1e-4), np.abs(np.subtract(found, card["lattice"])).max()
"""


def test_pretrained_generators_paint_under_jax_alone_what_their_cards_show():
    said(FIXED, "jax")
