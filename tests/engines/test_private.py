"""Where ganzoo reaches into private parts of Keras and TensorFlow, they are still there and do what they did.

A test that fails here names what has moved: mend the function of ganzoo/backends/keras_private.py or
ganzoo/backends/tensorflow/private.py that reaches for it.
"""

import ast
import inspect
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest

import ganzoo
from ganzoo.backends import keras_private
from ganzoo.recipes import registry

ROOT = Path(ganzoo.__file__).parent
BACKEND = keras.config.backend()
PRIVATE = ("backends/keras_private.py", "backends/tensorflow/private.py", "exporting/litert_private.py")
"""The files that may reach into private parts, one for each library. There is none of JAX."""
LIBRARIES = ("ai_edge_litert", "jax", "jaxlib", "keras", "litert", "numpy", "tensorflow", "tensorflow_datasets")
INNER = ("keras.src", "tensorflow.python", "tensorflow.compiler", "tensorflow.core", "tensorflow.lite.python")
STANDARD = {"_exit"}
"""Documented names of Python's own library."""
of_tensorflow = pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow's own")
of_jax = pytest.mark.skipif(BACKEND != "jax", reason="of Keras under JAX")


class One(keras.Model):
    """A built model of one weight."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.dense.build((None, 1))
        self.built = True

    def call(self, inputs):
        return self.dense(inputs)


def fit(model: keras.Model, **options) -> None:
    model.compile(loss="mse", optimizer="adam")
    model.fit(np.ones((4, 1)), np.ones((4, 1)), batch_size=2, verbose=0, **options)


def test_adams_averages_of_a_weight_are_still_found_not_those_of_another():
    weights = [keras.Variable(np.full((2,), value), name=name) for name, value in (("a", 1.0), ("b", 2.0))]
    adam = keras.optimizers.Adam(beta_1=0.5, beta_2=0.75)
    adam.apply([keras.ops.full((2,), 2.0), keras.ops.full((2,), 4.0)], weights)
    for weight, gradient in zip(weights, (2.0, 4.0), strict=True):
        moved = "Optimizer._get_variable_index, Adam._momentums or Adam._velocities"
        average, squares = (np.asarray(variable) for variable in keras_private.averages_of(adam, weight))
        assert np.array_equal(average, [gradient / 2] * 2), moved
        assert np.array_equal(squares, [gradient**2 / 4] * 2), moved


@of_jax
def test_a_variable_still_takes_a_value_past_assign():
    variable = keras.Variable(np.zeros(2))
    value = keras.ops.ones(2)
    keras_private.set_values([variable], [value])
    assert variable.value is value, "Variable._value"


def test_keras_can_still_be_kept_from_making_float32_of_float64(monkeypatch):
    from keras.src.backend.common import dtypes

    monkeypatch.setattr(dtypes, "BIT64_TO_BIT32_DTYPE", dict(dtypes.BIT64_TO_BIT32_DTYPE))
    keras_private.keep_float64()
    assert keras.backend.result_type("float64", "float32") == "float64", (
        "keras.src.backend.common.dtypes.BIT64_TO_BIT32_DTYPE"
    )


@of_tensorflow
def test_fit_under_tensorflow_still_calls_what_is_overridden():
    called = []

    class Watched(keras_private.TensorFlowFit, One):
        def _maybe_symbolic_build(self, *args, **kwargs):
            called.append((args, sorted(kwargs)))
            return super()._maybe_symbolic_build(*args, **kwargs)

    fit(Watched())
    assert called == [((), ["iterator"])], "TensorFlowTrainer._maybe_symbolic_build"


@of_jax
@pytest.mark.parametrize("name", ["_symbolic_build", "_get_jax_state", "jax_state_sync"])
def test_fit_under_jax_still_calls_what_is_overridden(monkeypatch, name):
    called = []

    class Watched(keras_private.JaxFit, One):
        def make_train_function(self, force=False):
            # Four values come from `_get_jax_state`.
            self.train_function = lambda state, iterator: ({"state": len(state), "batch": len(next(iterator))}, state)

    plain = getattr(keras_private.JaxFit, name)
    monkeypatch.setattr(
        keras_private.JaxFit, name, lambda *args, **kwargs: called.append(name) or plain(*args, **kwargs)
    )
    model = Watched()
    fit(
        model,
        callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=lambda *_, **__: model.dense.kernel.numpy())],
    )
    assert called, f"JAXTrainer.{name}"


@of_tensorflow
def test_a_strategy_still_says_whether_it_has_workers():
    import tensorflow as tf

    from ganzoo.backends.tensorflow import private

    # That it is true of workers is seen by tests/training/test_strategies.py.
    assert private.has_workers(tf.distribute.get_strategy()) is False, "StrategyExtended._in_multi_worker_mode"


@of_tensorflow
def test_the_coordination_service_still_keeps_its_settings(monkeypatch):
    from tensorflow.python.eager import context

    from ganzoo.backends.tensorflow import private

    # One that is not yet initialized, and that nobody uses.
    fresh = context.Context()
    monkeypatch.setattr(context, "context", lambda: fresh)
    private.configure_coordination("chief", {"chief": 1, "worker": 2}, 600, 30)
    kept = fresh.coordination_service
    moved = "tensorflow.python.eager.context.Context.coordination_service"
    assert (kept.service_type, kept.service_leader) == ("standalone", "/job:chief/replica:0/task:0"), moved
    assert (kept.cluster_register_timeout_in_ms, kept.heartbeat_timeout_in_ms) == (600_000, 30_000), moved
    assert [(job.name, job.num_tasks) for job in kept.coordinated_job_list] == [("chief", 1), ("worker", 2)], moved
    assert kept.cluster_register_with_barrier, moved


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def private_modules(tree: ast.Module) -> list[str]:
    """Imports of the inner modules of a library, or of names with an underscore."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    inner = [name for name in found if name.partition(".")[0] in LIBRARIES]
    return [name for name in inner if name.startswith(INNER) or "._" in name]


def defined(tree: ast.AST) -> set[str]:
    """Private names of the functions, attributes and fields that a file or a class defines."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
            found.add(node.attr)
    return set(filter(is_private, found))


TREES = {str(path.relative_to(ROOT)): ast.parse(path.read_text("utf-8")) for path in sorted(ROOT.rglob("*.py"))}
DEFINED = set().union(*map(defined, TREES.values()))


def private_attributes(tree: ast.Module) -> list[str]:
    """Private attributes of `self` that the package does not define, and of anything else that the file does not."""
    found, here = [], defined(tree) | STANDARD
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            own = DEFINED if ast.unparse(node.value) in ("self", "cls", "super()") else here
            found += [ast.unparse(node)] * (node.attr not in own)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr", "hasattr"):
            name = node.args[1]
            found += [ast.unparse(node)] * (isinstance(name, ast.Constant) and is_private(name.value))
    return found


@pytest.mark.parametrize("name", sorted(TREES.keys() - set(PRIVATE)))
def test_a_reach_into_private_parts_elsewhere_would_break_unseen(name):
    found = private_modules(TREES[name]) + private_attributes(TREES[name])
    assert not found, f"move it to one of {', '.join(PRIVATE)}"


@pytest.mark.parametrize(
    "line",
    [
        "from keras.src import backend",
        "import tensorflow.python.eager.context",
        "from jax import _src",
        "def f(x): return x._keras_history",
        "class A(B):\n def f(self): return self._momentums",
        "getattr(x, '_value')",
    ],
)
def test_a_reach_is_seen_in_whatever_form(line):
    tree = ast.parse(line)
    assert private_modules(tree) + private_attributes(tree)


def test_a_private_name_of_keras_is_overridden_nowhere_else():
    for name in registry.names():
        registry.get(name)
    plain = One()
    fit(plain)
    checked = 0
    for kind in (kind for root in ROOTS for kind in below(root) if kind.__module__.startswith("ganzoo.")):
        theirs = {name for base in kind.__mro__ if not base.__module__.startswith("ganzoo.") for name in dir(base)}
        # What instances have as well, where it is a model.
        theirs |= vars(plain).keys() if issubclass(kind, keras.Model) else set()
        own = defined(ast.parse(textwrap.dedent(inspect.getsource(kind))))
        assert not own & theirs, f"{kind.__module__}.{kind.__name__}: Keras has that name, too"
        checked += len(own)
    assert checked


ROOTS = (
    keras.Layer,
    keras.callbacks.Callback,
    keras.optimizers.Optimizer,
    keras.optimizers.schedules.LearningRateSchedule,
    keras.random.SeedGenerator,
    keras.utils.PyDataset,
)
"""Keras's classes that ganzoo's derive from."""


def below(kind: type) -> list[type]:
    return [kind, *(found for under in kind.__subclasses__() for found in below(under))]
