"""Recipes that are no recipes: a line for each, in no time and no memory."""

import json
import re
import resource
import subprocess

import hypothesis
import pytest
from hypothesis import strategies as st

from ganzoo.errors import UsageError
from ganzoo.files.documents import read_yaml
from ganzoo.recipes.recipes import load_recipe

RUN = "training: {steps: 10, batch_size: 1}"
LONGEST = 1000
"""Characters of an error; the longest lists all keys of a section."""


def laughs(levels: int) -> str:
    """A list of lists of lists … of 9 each."""
    rows = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    rows += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, levels)]
    return "\n".join(rows)


HOSTILE = {
    "a date that can't be": "architecture: 2001-99-99",
    "5,000 digits": f"architecture: pix2pix\ntraining: {{steps: {'9' * 5000}}}",
    "50,000 digits in base 60": f"architecture: pix2pix\ntraining: {{steps: 1:{'59:' * 30_000}1}}",
    "a number of 16 bits for each letter": f"architecture: pix2pix\ntraining: {{steps: 0x{'f' * 50_000}}}",
    "3,000 brackets": "[" * 3000,
    "90 brackets": f"architecture: pix2pix\n{RUN}\nmodel: {{channels: {'[' * 90}{']' * 90}}}",
    "a vast layer": f"architecture: pix2pix\n{RUN}\nmodel: {{base_filters: 100000000000}}",
    "a vast image": f"architecture: srgan\n{RUN}\nmodel: {{image_size: 100000000000}}",
    "a vast batch": "architecture: pix2pix\ntraining: {steps: 10, batch_size: 99999999999}",
    "steps beyond 64 bits": "architecture: pix2pix\ntraining: {steps: 99999999999999999999, batch_size: 1}",
    "billion laughs as architecture": f"{laughs(9)}\narchitecture: *a8",
    "billion laughs as section": f"{laughs(9)}\narchitecture: pix2pix\ntraining: *a8",
    "billion laughs as value": f"{laughs(9)}\narchitecture: pix2pix\nmodel: {{channels: *a8}}\n{RUN}",
    "billion laughs as document": f"- &a {{x: 1}}\n{re.sub('^a[0-9]:', '-', laughs(9), flags=re.MULTILINE)}",
    "a value that holds itself": f"architecture: pix2pix\n{RUN}\nmodel: &m {{channels: *m}}",
    "a key that is no text": f"architecture: pix2pix\n{RUN}\n1: 2",
    "a key of a section that is no text": f"architecture: pix2pix\n{RUN}\nmodel: {{1: 2}}",
    "a key of 100,000 letters": f"architecture: pix2pix\n{RUN}\n? {'k' * 100_000}\n: 1",
    "a key of a section of 100,000 letters": f"architecture: pix2pix\n{RUN}\nmodel:\n  ? {'k' * 100_000}\n  : 1",
    "a key with a point in it": f"architecture: pix2pix\n{RUN}\nmodel: {{a.b: 1, schedule.x: 1}}",
    "a key with a point in a section of a section": f"architecture: pix2pix\n{RUN}\nmodel: {{schedule: {{a.b: 1}}}}",
    "a list as architecture": "architecture: [1]",
    "a mapping as architecture": "architecture: {a: 1}",
    "bytes as architecture": "architecture: !!binary aGk=",
    "a time that is none": "architecture: !!timestamp x",
    "a truth that is none": "architecture: !!bool x",
    "a number that is none": "architecture: !!int ''",
    "an object": "architecture: !!python/object/apply:os.system [false]",
    "a rate that is no number": f"architecture: pix2pix\n{RUN}\nmodel: {{learning_rate: .nan}}",
    "infinitely many steps": "architecture: pix2pix\ntraining: {steps: .inf, batch_size: 1}",
    "control characters": 'architecture: "\\e[31m"',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_recipe_is_answered_in_a_line(tmp_path, text):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(UsageError) as raised:
        load_recipe(tmp_path / "mine.yaml")
    told = str(raised.value)
    assert told.startswith("mine: ") and len(told) < LONGEST and told.isprintable()


def test_a_hostile_assignment_is_answered_in_a_line():
    for value in ("2001-99-99", "9" * 5000, "!!bool x"):
        with pytest.raises(UsageError, match="no YAML value"):
            load_recipe("pix2pix", [f"model.channels={value}"])


def test_layers_that_no_memory_holds_are_told_in_a_line(command, tmp_path):
    # The largest that a recipe may ask for: 512 GiB are of a single layer.
    (tmp_path / "vast.yaml").write_text(f"architecture: pix2pix\n{RUN}\nmodel: {{base_filters: 65536}}")
    done = subprocess.run(
        [command, "train", "vast.yaml", "--dry-run"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30)),
    )
    assert done.returncode == 1
    assert re.fullmatch(r"Error: not enough memory: .*\n", done.stderr)


def test_an_assignment_changes_no_document_but_its_own():
    one, other = (load_recipe("pix2pix", [f"training.steps={steps}"]).training.steps for steps in (7, 8))
    assert (one, other) == (7, 8)


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN, inner, max_size=3))
KEYS = st.sampled_from(["architecture", "model", "data", "training", "evaluation", "run", "versions", "x"])


@st.composite
def mutated(draw):
    """A whole recipe, of which one value is another."""
    recipe = {
        "architecture": "pix2pix",
        "model": {"image_size": 64, "schedule": {"kind": "steps", "boundaries": [5]}, "augmentation": ["color"]},
        "data": {"source": "embedded:emoji", "domains": ["line", "flat"], "hints": 0},
        "training": {"steps": 10, "batch_size": 2, "best_metric": "psnr", "log_every": 5, "checkpoint_every": 10},
        "evaluation": {"every": 5, "metrics": ["psnr"], "images": 4},
    }
    section = draw(KEYS)
    keys = sorted(recipe[section]) if isinstance(recipe.get(section), dict) else []
    if keys and draw(st.booleans()):
        recipe[section][draw(st.sampled_from(keys) | st.text(max_size=5))] = draw(VALUES)
    else:
        recipe[section] = draw(VALUES)
    return recipe


@hypothesis.settings(max_examples=100, deadline=None, derandomize=True)
@hypothesis.given(document=mutated())
def test_a_recipe_with_any_other_value_is_taken_or_refused_in_a_line(tmp_path_factory, document):
    import yaml

    file = tmp_path_factory.getbasetemp() / "mutated.yaml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True), "utf-8")
    try:
        load_recipe(file)
    except UsageError as error:
        assert len(str(error)) < LONGEST


@hypothesis.settings(max_examples=300, deadline=None, derandomize=True)
@hypothesis.given(text=st.text(alphabet=st.sampled_from("[]{}&*!|>:-? \n\t'\"#%@a1.<\\0\x00\ud800")))
def test_any_text_is_yaml_or_refused_in_a_line(text):
    try:
        json.dumps(read_yaml(text), default=str)
    except (ValueError, TypeError) as error:
        assert len(str(error)) < LONGEST
