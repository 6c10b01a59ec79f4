"""The rooms of both backends keep what ganzoo/backends/interface.py promises, and are asked for nothing else.

Their files are read, not imported: a process has one backend.
"""

import ast
import inspect
from pathlib import Path

import keras
import pytest
from linear import linear

import ganzoo
from ganzoo.backends import backend, interface
from ganzoo.data.pipeline import Pipeline
from ganzoo.gan.gan import GAN

ROOT = Path(ganzoo.__file__).parent
ROOMS = ROOT / "backends"
INTERFACE = (ROOMS / "interface.py").read_text("utf-8")
PROTOCOLS = {node.name: node for node in ast.parse(INTERFACE).body if isinstance(node, ast.ClassDef)}


CLASSES = {"adam": "Adam", "trainer": "Trainer"}
"""The parts that are a class each."""


def promised(part: str) -> list[ast.stmt]:
    """The body of a part's protocol: `Devices` of `devices`."""
    return PROTOCOLS[part.capitalize()].body


def signatures(body: list[ast.stmt]) -> dict[str, str]:
    """The names, kinds and defaults of parameters by the name of the function; annotations and `self` left out."""
    found = {}
    for node in (node for node in body if isinstance(node, ast.FunctionDef)):
        for argument in ast.walk(node.args):
            if isinstance(argument, ast.arg):
                argument.annotation = None
        found[node.name] = ast.unparse(node.args).removeprefix("self").removeprefix(", ")
    return found


def constants(body: list[ast.stmt]) -> set[str]:
    """Returns the names that are assigned or, in a protocol, annotated."""
    assigned = {ast.unparse(node.targets[0]) for node in body if isinstance(node, ast.Assign)}
    return assigned | {ast.unparse(node.target) for node in body if isinstance(node, ast.AnnAssign)}


def broken(part: str, room: str) -> list[str]:
    """Which promises of a part the text of a room's file breaks."""
    kept = ast.parse(room).body
    if part not in CLASSES:
        missing = constants(promised(part)) - constants(kept)
        return differences(signatures(promised(part)), signatures(kept)) + [f"{name} is missing" for name in missing]
    (kept,) = [node.body for node in kept if isinstance(node, ast.ClassDef) and node.name == CLASSES[part]]
    more = {name for name in signatures(kept) if not name.startswith("_")} - signatures(promised(part)).keys()
    return differences(signatures(promised(part)), signatures(kept)) + [f"{name} is promised nowhere" for name in more]


def differences(wanted: dict[str, str], kept: dict[str, str]) -> list[str]:
    missing = [f"{name} is missing" for name in wanted if name not in kept]
    return missing + [
        f"{name}({kept[name]}), not {name}({wanted[name]})"
        for name in wanted
        if name in kept and kept[name] != wanted[name]
    ]


@pytest.mark.parametrize("part", backend.PARTS)
@pytest.mark.parametrize("room", backend.BACKENDS)
def test_a_room_that_lacks_a_function_or_takes_other_parameters_would_fail_where_it_is_called(room, part):
    assert not broken(part, (ROOMS / room / f"{part}.py").read_text("utf-8"))


@pytest.mark.parametrize(
    ("part", "before", "after", "told"),
    [
        ("trainer", "def own_part(", "def its_part(", "own_part is missing"),
        (
            "trainer",
            "def compute(self, key: tuple, ",
            "def compute(self, ",
            "compute(function",
        ),
        ("trainer", "record=None", "record", "gradients_of(phase, batch, outputs, record)"),
        ("devices", "def is_chief(", "def _is_chief(", "is_chief is missing"),
        ("dtypes", "SEEDS =", "SEED =", "SEEDS is missing"),
        ("packages", "INSTALL =", "GET =", "INSTALL is missing"),
    ],
)
@pytest.mark.parametrize("room", backend.BACKENDS)
def test_a_promise_that_is_broken_is_told_by_name(room, part, before, after, told):
    text = (ROOMS / room / f"{part}.py").read_text("utf-8")
    assert before in text
    assert told in " ".join(broken(part, text.replace(before, after)))


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_is_asked_for_nothing_that_only_the_other_may_have(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
            part = ast.unparse(node.value).removeprefix("backend.")
            if ast.unparse(node.value) == f"backend.{part}" and part in backend.PARTS:
                known = (
                    {CLASSES[part]} if part in CLASSES else {*signatures(promised(part)), *constants(promised(part))}
                )
                assert node.attr in known, f"{ast.unparse(node)}: see interface.py"


@pytest.mark.parametrize("room", backend.BACKENDS)
def test_a_trainer_asks_of_a_gan_nothing_that_is_not_written_down(room):
    model = keras.Sequential([keras.Input((1,))])
    model.compile()
    tree = ast.parse((ROOMS / room / "trainer.py").read_text("utf-8"))
    (trainer,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    asked = [
        node for node in ast.walk(trainer) if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self"
    ]
    own = {node.attr for node in asked if isinstance(node.ctx, ast.Store)} | signatures(trainer.body).keys()
    written = {
        name
        for kind in ("GAN", "Trainer")
        for name in constants(PROTOCOLS[kind].body) | signatures(PROTOCOLS[kind].body).keys()
    }
    for name in {node.attr for node in asked} - own - written:
        assert not name.startswith("_") and hasattr(model, name), (
            f"{name}: neither a promise nor an attribute of Keras's"
        )


def parameters(function) -> list[tuple]:
    return [(found.name, found.kind, found.default) for found in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize(("kind", "protocol"), [(GAN, interface.GAN), (Pipeline, interface.Batches)])
def test_what_a_room_asks_of_its_caller_is_there_with_the_same_parameters(kind, protocol):
    for name in signatures(PROTOCOLS[protocol.__name__].body):
        assert parameters(getattr(kind, name)) == parameters(getattr(protocol, name)), name


def test_what_a_trainer_reads_of_a_gan_is_there():
    gan = linear()
    for name in constants(PROTOCOLS["GAN"].body) | constants(PROTOCOLS["Trainer"].body):
        assert hasattr(gan, name), name
