"""A run directory tells of its run, and whether another may go on in it."""

import json
import subprocess
import sys

import pytest
import yaml

from ganzoo.config.parsing import parse_recipe, to_document
from ganzoo.config.recipe import place_of
from ganzoo.errors import UsageError
from ganzoo.recipes import registry
from ganzoo.training import metrics_file, run_directory
from ganzoo.training.run_directory import RunDirectory


def recipe(**changes):
    document = {
        "architecture": "dcgan",
        "model": {"image_size": 32, "augmentation": ["color"], "schedule": {"kind": "linear", "end": 9}},
        "data": {"domains": ["flat"]},
        "training": {"steps": 9, "batch_size": 4},
    }
    for key, value in changes.items():
        section, _, name = key.partition("__")
        document[section] = {**document[section], name: value}
    return parse_recipe(document, registry.config_class("dcgan"), "test")


@pytest.fixture
def directory(tmp_path):
    directory = RunDirectory(tmp_path / "run")
    run_directory.write_config(directory, recipe(), 9, {"strategy": "auto", "init": None})
    return directory


def test_config_holds_all_that_ran_seed_and_versions_included(directory):
    document = yaml.safe_load(directory.config.read_text("utf-8"))
    assert set(document.pop("versions")) == {"python", "keras-ganzoo", "tensorflow", "keras", "numpy"}
    assert document["run"] == {"strategy": "auto", "init": None}
    assert document["training"]["seed"] == 0
    assert document["model"]["beta_1"] == 0.5
    assert parse_recipe(document, registry.config_class("dcgan"), "again") == recipe()
    assert [path.name for path in directory.path.iterdir()] == ["config.yaml"]


def test_steps_in_the_config_are_those_that_were_asked_for(tmp_path):
    directory = RunDirectory(tmp_path)
    run_directory.write_config(directory, recipe(), 5, {})
    assert run_directory.read_config(directory)["training"]["steps"] == 5


@pytest.mark.parametrize(
    "changes",
    [
        {"training__steps": 99},
        {"training__sample_every": 3, "training__sample_count": 2},
        {"training__log_every": 1, "training__checkpoint_every": 2, "training__keep_checkpoints": 9},
        {"training__checkpoint_minutes": 1, "training__best_metric": "generator_l1", "training__best_is": "highest"},
        {"training__rollback": 0, "training__rollback_learning_rate": 0.5},
        {"data__cache_gib": 0.5},
        {"model__beta_1": 0.5},
    ],
)
def test_settings_that_change_no_learning_may_differ(directory, changes):
    run_directory.check_same_run(directory, recipe(**changes))


def test_another_recipe_is_refused_with_every_key_that_differs(directory):
    other = recipe(
        model__learning_rate=1e-3,
        model__augmentation=[],
        model__schedule={"kind": "steps", "boundaries": [4]},
        data__flip=True,
        training__seed=1,
        training__steps=99,
    )
    with pytest.raises(UsageError) as error:
        run_directory.check_same_run(directory, other)
    message = str(error.value)
    assert str(directory.path) in message
    assert "\n" not in message
    assert "model.learning_rate (0.0002 there, 0.001 now)" in message
    listed = [part.split(" (")[0] for part in message.split("another recipe: ")[1].split("; ")]
    assert listed[:-1] == [
        "data.flip",
        "model.augmentation",
        "model.learning_rate",
        "model.schedule.boundaries",
        "model.schedule.end",
        "model.schedule.kind",
        "training.seed",
    ]


def with_data(path, source, **record):
    """The directory of a run whose data lay where `source` says."""
    directory = RunDirectory(path)
    data = {"place": place_of(source), "images": 3, "digest": "abc", **record}
    run_directory.write_config(directory, recipe(data__source=source), 9, {"data": data})
    return directory


def test_paths_that_lead_to_the_same_folder_are_the_same_data(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    directory = with_data(tmp_path / "run", "folder:data")
    for source in ("folder:./data/", f"folder:{tmp_path}/data", "folder:run/../data"):
        run_directory.check_same_run(directory, recipe(data__source=source))
    # What was meant by a relative path is where it led when the run was started.
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    run_directory.check_same_run(directory, recipe(data__source="folder:../data"))


def test_a_folder_that_was_moved_is_the_same_data_and_another_is_refused_with_the_ways_out(tmp_path):
    directory = with_data(tmp_path / "run", "folder:data")
    other = recipe(data__source="folder:moved")
    run_directory.check_same_run(directory, other, lambda: {"images": 3, "digest": "abc"})
    with pytest.raises(UsageError) as error:
        run_directory.check_same_run(directory, other, lambda: {"images": 3, "digest": "abd"})
    for words in ("data.source ('folder:data' there, 'folder:moved' now)", "--run-dir", "--fresh", "--init"):
        assert words in str(error.value)


def test_other_images_in_the_same_place_are_told_with_their_number(tmp_path):
    directory = with_data(tmp_path / "run", "folder:data", images=12)
    assert run_directory.what_changed(directory, {"images": 12, "digest": "abc"}) is None
    assert "12 images then, 9 now" in run_directory.what_changed(directory, {"images": 9, "digest": "d"})
    assert "12 images as then, but of other names" in run_directory.what_changed(
        directory, {"images": 12, "digest": "d"}
    )


def test_a_teacher_is_the_same_by_whatever_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    directory = RunDirectory(tmp_path / "run")
    run_directory.write_config(directory, recipe(model__teacher="runs/big"), 9, {})
    run_directory.check_same_run(directory, recipe(model__teacher=f"{tmp_path}/runs/big/"))


def test_another_architecture_is_refused(directory):
    document = to_document(recipe())
    document["architecture"] = "srgan"
    document["model"] = {}
    other = parse_recipe(document, registry.config_class("srgan"), "test")
    with pytest.raises(UsageError, match=r"architecture \('dcgan' there, 'srgan' now\)"):
        run_directory.check_same_run(directory, other)


def test_a_run_of_a_release_that_knew_fewer_settings_goes_on(directory):
    document = yaml.safe_load(directory.config.read_text("utf-8"))
    for key in ("generator", "teacher", "distillation_weight"):
        del document["model"][key]
    del document["training"]["checkpoint_minutes"]
    directory.config.write_text(yaml.safe_dump(document), "utf-8")
    run_directory.check_same_run(directory, recipe())
    # What it didn't state was the default, and is another setting than any else.
    with pytest.raises(UsageError, match=r"model\.teacher \(None there, 'runs/big' now\)"):
        run_directory.check_same_run(directory, recipe(model__teacher="runs/big"))


def test_other_versions_may_go_on(directory):
    text = directory.config.read_text("utf-8")
    versions = yaml.safe_load(text)["versions"]
    directory.config.write_text(text.replace(f"keras: {versions['keras']}", "keras: 3.0.0"), "utf-8")
    run_directory.check_same_run(directory, recipe())


@pytest.mark.parametrize("content", [b"", b"architecture: dcgan\n", b"- a\n", b"a: [", b"\xff\xfe\x00"])
def test_a_config_that_cant_be_read_is_named(directory, content):
    directory.config.write_bytes(content)
    with pytest.raises(UsageError, match="config.yaml: can't be read as a run's configuration"):
        run_directory.check_same_run(directory, recipe())


def test_moving_aside_keeps_everything_and_never_overwrites(tmp_path):
    directory, places = RunDirectory(tmp_path / "run"), set()
    for number in range(3):
        directory.path.mkdir()
        (directory.path / "precious").write_text(str(number))
        places.add(run_directory.move_aside(directory))
        assert not directory.path.exists()
    assert len(places) == 3
    assert sorted((place / "precious").read_text() for place in places) == ["0", "1", "2"]
    assert {place.parent for place in places} == {tmp_path}


def test_a_link_is_not_moved_aside_but_the_run_that_it_leads_to(tmp_path):
    directory, large = RunDirectory(tmp_path / "run"), tmp_path / "large disk"
    (large / "run").mkdir(parents=True)
    (large / "run" / "precious").touch()
    directory.path.symlink_to(large / "run")
    place = run_directory.move_aside(directory)
    assert place.parent == large
    assert (place / "precious").exists()
    # The next run begins where the link leads, and not on the disk of the link.
    with run_directory.locked(directory):
        directory.config.touch()
    assert directory.path.is_symlink()
    assert (large / "run" / "config.yaml").exists()


def test_metrics_of_steps_that_run_again_are_dropped_and_a_line_cut_off(directory):
    lines = [json.dumps({"step": step, "loss": step / 2}) for step in (1, 2, 3, 4)]
    directory.metrics.write_text("\n".join(lines) + "\n" + lines[3][:9], "utf-8")
    metrics_file.keep_until(directory, 2, 0)
    assert directory.metrics.read_text("utf-8") == "\n".join(lines[:2]) + "\n"
    assert sorted(path.name for path in directory.path.iterdir()) == ["config.yaml", "metrics.jsonl"]


def test_a_rollback_that_a_kill_cut_short_is_not_told_twice(directory):
    for number in (1, 2):
        metrics_file.append_rollback(directory, 2, {"number": number, "from": 9, "reason": "NaN"})
    metrics_file.keep_until(directory, 2, 1)
    assert [line["rollback"]["number"] for line in metrics_file.read(directory)] == [1]
    # Nor is it forgotten when the run later goes back further.
    metrics_file.keep_until(directory, 0, 1)
    assert [line["rollback"]["number"] for line in metrics_file.read(directory)] == [1]


def test_a_damaged_line_of_metrics_stops_no_run(directory):
    directory.metrics.write_bytes(b'{"step": 1}\n{"step": 2, "loss\xff": \x80}\n{"step": 3}\n')
    assert [line["step"] for line in metrics_file.read(directory)] == [1, 3]


def test_a_run_without_metrics_has_none_to_drop(directory):
    metrics_file.keep_until(directory, 2, 0)
    assert not directory.metrics.exists()


def test_a_second_process_is_kept_out_while_the_first_lives_and_not_after(directory):
    holder = """
import sys, pathlib
from ganzoo.training import run_directory
with run_directory.locked(run_directory.RunDirectory(pathlib.Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""
    arguments = [sys.executable, "-c", holder, str(directory.path)]
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match="another process is training there"), run_directory.locked(directory):
            pass
    finally:
        process.kill()
        process.wait()
    with run_directory.locked(directory):
        pass


def test_what_moved_names_what_was_and_what_is(directory):
    assert run_directory.what_moved(directory, {"replicas": 1, "machine": "a"}) == []
    run_directory.write_config(directory, recipe(), 9, {"replicas": 2, "machine": "a"})
    moved = run_directory.what_moved(directory, {"replicas": 4, "machine": "b"})
    assert moved == ["replicas (2 then, 4 now)", "machine (a then, b now)"]


def test_a_run_that_told_the_cores_and_not_the_threads_has_not_moved(directory):
    run_directory.write_config(directory, recipe(), 9, {"machine": "x86_64, 16 cores, NVIDIA A"})
    assert run_directory.what_moved(directory, {"threads": 3, "machine": "x86_64, NVIDIA A"}) == []
    moved = run_directory.what_moved(directory, {"threads": 3, "machine": "x86_64, NVIDIA B"})
    assert moved == ["machine (x86_64, NVIDIA A then, x86_64, NVIDIA B now)"]
