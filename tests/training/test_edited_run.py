"""A run directory whose files were edited by hand: a run goes on, or says in a line what is wrong."""

import copy
import datetime
import json
import os

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ganzoo.config.parsing import parse_recipe
from ganzoo.errors import UsageError
from ganzoo.recipes import registry
from ganzoo.training import doctor, metrics_file, report, run_directory
from ganzoo.training.run_directory import RunDirectory

RECIPE = parse_recipe(
    {
        "architecture": "dcgan",
        "model": {"image_size": 32, "augmentation": ["color"], "schedule": {"kind": "linear", "end": 9}},
        "data": {"source": "folder:data", "domains": ["flat"]},
        "training": {"steps": 9, "batch_size": 4},
    },
    registry.config_class("dcgan"),
    "test",
)
DATA = {"place": "folder:/data", "images": 3, "digest": "abc"}
RECORD = {"strategy": "auto", "init": None, "data": DATA, "backend": "jax", "replicas": 1, "threads": 2, "machine": "a"}
FINDING = {"name": "diverging", "since": 2, "evidence": "loss", "advice": "less"}
LINES = [
    {
        "step": step,
        "time": 1.5,
        "images_per_second": 3.5,
        "discriminator_real": 0.5,
        "discriminator_fake": None,
        "generator_adversarial": 0.75,
        "nonfinite": 1,
        "health": {"discriminator_real_logit": 1.0, "discriminator_fake_logit": -1.0, "sample_diversity": 0.5},
        "evaluation": {"psnr": 20.0},
        "findings": [FINDING],
    }
    for step in range(2, 12, 2)
]
LINES.insert(3, {"step": 4, "time": 1.5, "rollback": {"number": 1, "from": 6, "reason": "NaN"}})

ODD = st.sampled_from(
    [None, True, "", "x", "auto", -1, 0, 1.5, 10**30, float("nan"), float("inf"), [], {}, [[]], {"a": {"b": 1}}, {1: 2}]
    + ["folder:\0", "a\nb", datetime.date(2001, 9, 9), b"bytes", "9" * 5000]
)
MANY = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def places(document, path=()):
    """The paths to all that a document of dicts and lists holds."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


@st.composite
def edited(draw, document):
    """The document with a few values replaced, removed or added."""
    changed = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        *parents, last = draw(st.sampled_from(sorted(places(changed), key=repr)))
        where = changed
        for key in parents:
            where = where[key]
        action = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
        if action == "remove":
            del where[last]
        elif action == "add" and isinstance(where, dict):
            where[draw(st.sampled_from([None, 1, "", "x", "health", "step", "rollback", "data"]))] = draw(ODD)
        else:
            where[last] = draw(ODD)
        if not changed:
            break
    return changed


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Returns the document in the config.yaml of a run."""
    directory = RunDirectory(tmp_path_factory.mktemp("written"))
    run_directory.write_config(directory, RECIPE, 9, RECORD)
    return yaml.safe_load(directory.config.read_text("utf-8"))


def check_goes_on_or_is_told(directory: RunDirectory) -> None:
    """Does what a run does before it trains, but for what needs its networks."""
    try:
        run_directory.check_same_run(directory, RECIPE, lambda: DATA)
        metrics_file.keep_until(directory, 6, 1, LINES[-2])
        run_directory.what_moved(directory, RECORD)
        run_directory.what_changed(directory, DATA)
        doctor.examine(directory)
        report.write(directory)
    except UsageError as error:
        assert "\n" not in str(error)
        assert str(directory.path) in str(error)


def check_config(path, text: str) -> None:
    directory = RunDirectory(path)
    directory.config.write_text(text, "utf-8", errors="surrogateescape")
    check_goes_on_or_is_told(directory)


@MANY
@given(st.data())
def test_an_edited_config_stops_no_run_without_a_line(tmp_path, config, data):
    check_config(tmp_path, yaml.safe_dump(data.draw(edited(config)), sort_keys=False))


@MANY
@given(st.data())
def test_a_config_with_other_text_in_it_stops_no_run_without_a_line(tmp_path, config, data):
    text = yaml.safe_dump(config, sort_keys=False)
    place, length = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 9))
    put = data.draw(st.text("{}[]:,&*!|>-'\"%@`#\n 0a\t", max_size=9))
    check_config(tmp_path, text[:place] + put + text[place + length :])


@pytest.mark.parametrize(
    "line",
    ["architecture: 2001-99-99", "architecture: " + "9" * 5000, "architecture: " + "[" * 3000, "run: null", "run: [1]"]
    + ["run: {data: 1}", "run: {data: {digest: 1}}", "versions: 3", "model: &a {b: *a}", "data: {source: [1]}"]
    + [
        "architecture: !!bool x",
        "architecture: !!timestamp x",
        "architecture: !!int ''",
        "training: !!float ''",
        "model: null",
    ]
    + ["training: {steps: 9, log_every: 0}", "training: {steps: x}", "training: {}"],
    ids=lambda line: line[:25],
)
def test_what_yaml_stumbles_over_is_told_in_a_line(tmp_path, config, line):
    key = line.partition(":")[0]
    rest = yaml.safe_dump({name: value for name, value in config.items() if name != key}, sort_keys=False)
    directory = RunDirectory(tmp_path)
    directory.config.write_text(f"{rest}{line}\n")
    with pytest.raises(UsageError, match=r"config\.yaml") as error:
        run_directory.check_same_run(directory, RECIPE, lambda: DATA)
        run_directory.what_moved(directory, RECORD)
    assert "\n" not in str(error.value)


@MANY
@given(edited(LINES))
@example([{"step": 2, "health": {"discriminator_real_logit": 1.0}}, {"step": 4}])
def test_edited_metrics_stop_no_run_without_a_line(tmp_path, config, lines):
    directory = RunDirectory(tmp_path)
    directory.config.write_text(yaml.safe_dump(config))
    texts = [json.dumps(line, default=str) if not isinstance(line, bytes) else "{" for line in lines]
    directory.metrics.write_text("".join(f"{text}\n" for text in texts))
    check_goes_on_or_is_told(directory)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"step": "2"}', "line 2: step: input should be a valid integer"),
        ('{"step": -1}', "line 2: step: input should be greater"),
        ('{"loss": 1}', "line 2: step: field required"),
        ("[]", "line 2: it: input should be"),
        ('{"step": 2, "health": null}', "line 2: health: input should be a valid dict"),
        ('{"step": 2, "health": {"a": "b"}}', "line 2: health.a: input should be a valid number"),
        ('{"step": 2, "generator_l1": "1"}', "line 2: generator_l1: input should be a valid number"),
        ('{"step": 2, "generator_l1": NaN}', "line 2: generator_l1: input should be a finite number"),
        ('{"step": 2, "rollback": {"number": 1}}', "line 2: rollback.from: field required"),
        ('{"step": 2, "rollback": null}', "line 2: rollback: input should be"),
    ],
)
def test_a_line_of_metrics_that_no_run_writes_is_named_with_what_is_wrong(tmp_path, line, words):
    directory = RunDirectory(tmp_path)
    directory.metrics.write_text(f'{{"step": 1}}\n{line}\n')
    with pytest.raises(UsageError) as error:
        metrics_file.keep_until(directory, 9, 0)
    assert str(error.value).startswith(f"{directory.metrics}: {words}")
    assert "\n" not in str(error.value)
    assert directory.metrics.read_text().endswith(f"{line}\n")


@pytest.mark.parametrize("name", ["config.yaml", "metrics.jsonl"])
def test_a_pipe_in_place_of_a_file_keeps_nobody_waiting(tmp_path, config, name):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    with pytest.raises(UsageError, match=name):
        run_directory.read_config(RunDirectory(tmp_path))
        metrics_file.read(RunDirectory(tmp_path))
