"""Cards that are no cards, beside a file that is right: run, or refused in a line."""

import copy
import json

import exported
import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from ganzoo.lite import GanzooLite, card
from ganzoo.lite.errors import RunError, UsageError

LONGEST = 1000


@pytest.fixture(scope="module", params=["one size", "any size", "latents", "conditional"])
def model(request, tmp_path_factory):
    """(a file, what its card says)."""
    folder = tmp_path_factory.mktemp("model")
    makers = {"latents": exported.painter, "conditional": exported.conditional, "one size": exported.negative}
    file = makers.get(request.param, lambda folder: exported.negative(folder, None))(folder)
    document = json.loads((folder / card.NAME).read_text())
    return file, {**document, "files": {file.name: document["files"][file.name]}}


def run(file):
    painter = GanzooLite(file, threads=1)
    if painter.network.takes_latents:
        takes_text = painter.interface.taken("tokens")
        painter.sample(1, texts=["small"] if takes_text else None)
    else:
        painter(np.zeros((40, 50, 3), "uint8"))


def check(file, text):
    (file.parent / card.NAME).write_text(text)
    try:
        run(file)
    except (RunError, UsageError) as error:
        assert len(str(error)) < LONGEST and "\n" not in str(error)


NUMBERS = st.sampled_from([0, -1, 2, 3, 1.5, 10**30, 1e-300, 1e300, float("inf"), float("nan"), 65_536, 2**31])
WORDS = st.sampled_from(["", "image", "latents", "tiles", "whole", "uint8", "float32", "float64", "\x1b[31m"])
SHAPES = st.lists(st.none() | st.integers(-1, 40), max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS | SHAPES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=5,
)


def places(value, above=()):
    """The keys on the way to each value within a value."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*above, key)
        yield from places(child, (*above, key))


@hypothesis.settings(max_examples=150, deadline=None, derandomize=True)
@hypothesis.given(data=st.data())
def test_a_card_with_any_other_value_runs_or_is_refused_in_a_line(model, data):
    file, document = model
    document = copy.deepcopy(document)
    *above, last = data.draw(st.sampled_from(list(places(document))))
    section = document
    for key in above:
        section = section[key]
    if data.draw(st.booleans()):
        section[last] = data.draw(VALUES)
    else:
        del section[last]
    check(file, json.dumps(document))


HOSTILE = [
    ("scale", float("inf")),
    ("scale", "2"),
    ("multiple", 10**9),
    ("signature", ["x"]),
    ("hints", True),
    ("any_size", {}),
    ("inputs", []),
    ("inputs", [{}]),
    ("inputs", 3),
    ("inputs", {"shape": []}),
    ("inputs", {"range": [1]}),
    ("inputs", {"kind": "classes"}),
    ("inputs", {"dtype": "int32"}),
    ("inputs", {"names": [3]}),
    ("inputs", {"rate": -1}),
    ("outputs", {"kind": "clip", "shape": [1, 8, 1]}),
    ("outputs", {"kind": "classes", "shape": [1, 2], "names": ["one"]}),
    ("outputs", {"shape": 1}),
    ("outputs", {"std": float("nan")}),
    ("outputs", {"mean": 10**400}),
]


@pytest.mark.parametrize(("key", "value"), HOSTILE, ids=map(str, HOSTILE))
def test_a_value_that_no_export_has_is_refused(model, key, value):
    file, document = model
    entry = document["files"][file.name]
    new = [{**entry[key][0], **value}] if isinstance(value, dict) and isinstance(entry[key], list) else value
    (file.parent / card.NAME).write_text(json.dumps({**document, "files": {file.name: {**entry, key: new}}}))
    with pytest.raises(RunError, match="garbled|lacks"):
        run(file)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("label", "abc"),
        ("label", {"a": 0}),
        ("label", ["coat", "coat", "shoe"]),
        ("tokens", "\x00ab"),
        ("tokens", ["big", "", "small"]),
        ("tokens", ["", "big", "big"]),
        ("classes", "abc"),
        ("classes", ["a", "b", "b"]),
        ("classes", ["a", "b"]),
    ],
)
def test_names_that_are_no_list_double_or_too_few_are_garbled(tmp_path, kind, names):
    make, side = (exported.classifier, "outputs") if kind == "classes" else (exported.conditional, "inputs")
    file = make(tmp_path)
    document = json.loads((tmp_path / card.NAME).read_text())
    (tensor,) = (tensor for tensor in document["files"][file.name][side] if tensor["kind"] == kind)
    tensor["names"] = names
    (tmp_path / card.NAME).write_text(json.dumps(document))
    with pytest.raises(RunError, match=r"is garbled \(names\)"):
        GanzooLite(file)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 5000, '"\\ud800"', "\x00", "[]", "nul"])
def test_what_is_no_card_is_refused(model, text):
    file, _ = model
    (file.parent / card.NAME).write_text(text)
    with pytest.raises(RunError, match="not the card of an exported model"):
        run(file)


def test_a_card_that_is_no_text_is_refused(model):
    file, _ = model
    (file.parent / card.NAME).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RunError, match="not the card of an exported model"):
        run(file)
