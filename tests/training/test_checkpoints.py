"""Checkpoints as files: whole, or passed over."""

import itertools
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import keras
import numpy as np
import pytest

from ganzoo.errors import RunError
from ganzoo.training import checkpoints


def state(value: float = 0.0, shape=(2, 3)):
    return {
        "networks/generator/000/kernel": keras.Variable(np.full(shape, value, "float32")),
        "run/000/step": keras.Variable(int(value), dtype="int64", trainable=False),
    }


def values(variables):
    return [np.unique(variable.numpy()).tolist() for variable in variables.values()]


def save(folder, step, variables, score=None):
    return checkpoints.save(folder, step, checkpoints.finite_arrays(variables), score)


def restore(folder, variables):
    return checkpoints.restore_newest(checkpoints.list_checkpoints(folder), variables)


def steps(folder):
    return [checkpoints.step_of(path) for path in checkpoints.list_checkpoints(folder)]


def test_all_values_and_dtypes_come_back_bit_by_bit(tmp_path):
    kernel = np.array([[np.float32(0.1), -0.0, 1e-45], [3e38, 1 / 3, 2]], "float32")
    variables = {
        "a/b/kernel": keras.Variable(kernel),
        "step": keras.Variable(2**40 + 1, dtype="int64"),
        "half": keras.Variable(np.array([0.1], "float16"), dtype="float16"),
        "double": keras.Variable(np.array([0.1]), dtype="float64"),
        "none": keras.Variable(np.zeros((0, 3), "float32")),
    }
    before = [variable.numpy().tobytes() for variable in variables.values()]
    save(tmp_path, 1, variables)
    for variable in variables.values():
        variable.assign(variable * 0)
    path, damaged = restore(tmp_path, variables)
    assert (path.name, damaged) == ("step_0000001.npz", [])
    assert [variable.numpy().tobytes() for variable in variables.values()] == before


def test_the_newest_are_kept_by_number_not_by_name(tmp_path):
    for step in (5, 9_999_999, 10_000_000, 10_000_001):
        save(tmp_path, step, state(step))
        checkpoints.prune(tmp_path, 2, 1, None, step)
    names = [path.name for path in checkpoints.list_checkpoints(tmp_path)]
    assert names == ["step_10000000.npz", "step_10000001.npz"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_checkpoints_by_the_clock_push_out_none_that_a_run_can_go_back_to(tmp_path):
    for step in (0, 10, 20, 23, 25, 27):
        save(tmp_path, step, state(step))
        checkpoints.prune(tmp_path, 2, 10, None, step)
    assert steps(tmp_path) == [10, 20, 27]


def test_the_best_is_kept_though_it_is_old_and_the_first_of_two_as_good(tmp_path):
    for step, score in [(1, None), (2, 0.5), (3, 0.25), (4, 0.25), (5, 0.75), (6, None)]:
        save(tmp_path, step, state(step), score and ("lowest loss", score))
        checkpoints.prune(tmp_path, 1, 1, "lowest loss", step)
    assert steps(tmp_path) == [3, 6]
    assert checkpoints.step_of(checkpoints.best(tmp_path, "lowest loss")) == 3


def test_scores_by_another_quality_are_no_measure(tmp_path):
    save(tmp_path, 1, state(1), ("highest diversity", -0.8))
    assert checkpoints.is_best(tmp_path, "lowest generator_l1", 25.0)
    assert not checkpoints.is_best(tmp_path, "highest diversity", -0.7)
    assert checkpoints.best(tmp_path, "lowest generator_l1") is None


def test_one_from_before_what_may_be_sick_already_is_kept(tmp_path):
    for step in (0, 10, 20, 30, 40):
        save(tmp_path, step, state(step))
        checkpoints.prune(tmp_path, 1, 10, None, step - 25)
    assert steps(tmp_path) == [10, 20, 30, 40]


@pytest.mark.skipif(sys.platform != "linux", reason="a file whose reading fails is of Linux")
def test_a_failure_of_the_disk_is_not_taken_for_damage(tmp_path):
    save(tmp_path, 1, state(1))
    # The memory at address 0, which no process has: an input/output error, as of a disk that fails.
    (tmp_path / "step_0000002.npz").symlink_to("/proc/self/mem")
    with pytest.raises(OSError, match="Input/output error"):
        restore(tmp_path, state())
    assert steps(tmp_path) == [1, 2]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_is_passed_over_and_keeps_nobody_waiting(tmp_path, make):
    save(tmp_path, 1, state(1), ("lowest loss", 0.5))
    make(tmp_path / "step_0000002.npz")
    assert checkpoints.step_of(checkpoints.best(tmp_path, "lowest loss")) == 1
    path, damaged = restore(tmp_path, state())
    assert (path.name, damaged) == ("step_0000001.npz", [tmp_path / "step_0000002.damaged"])


def with_note(path, note: bytes) -> None:
    """Puts another note into a checkpoint."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(path, **{**arrays, "note": np.frombuffer(note, np.uint8)})


@pytest.mark.parametrize(
    "note", [b'{"step": 2}', b'{"step": 2, "sha256": 5}', b"[]", b"null", b"", b"{", b"[" * 100_000, b"9" * 5000]
)
def test_a_checkpoint_whose_note_says_no_checksum_is_passed_over(tmp_path, note):
    save(tmp_path, 1, state(1))
    with_note(save(tmp_path, 2, state(2)), note)
    assert checkpoints.last_line(tmp_path / "step_0000002.npz") is None
    path, damaged = restore(tmp_path, state())
    assert (path.name, damaged) == ("step_0000001.npz", [tmp_path / "step_0000002.damaged"])


@pytest.mark.parametrize("score", ["0.5", "[0.5]", '["lowest loss", "x"]', '{"a": 1}'])
def test_a_note_whose_score_is_none_stops_no_run(tmp_path, score):
    save(tmp_path, 1, state(1), ("lowest loss", 0.5))
    with_note(save(tmp_path, 2, state(2)), f'{{"step": 2, "sha256": "", "score": {score}}}'.encode())
    assert checkpoints.is_best(tmp_path, "lowest loss", 0.4)
    assert not checkpoints.is_best(tmp_path, "lowest loss", 0.6)


def test_a_packed_file_that_would_fill_the_memory_is_passed_over_before_it_does(tmp_path):
    save(tmp_path, 1, state(1))
    np.savez_compressed(tmp_path / "step_0000002.npz", note=np.zeros(1, np.uint8), bomb=np.zeros(1 << 26, np.uint8))
    tracemalloc.start()
    try:
        _, damaged = restore(tmp_path, state())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert damaged == [tmp_path / "step_0000002.damaged"]
    assert peak < 1 << 23


LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
from ganzoo.training import checkpoints
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + (1 << 25)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    checkpoints.restore_newest(checkpoints.list_checkpoints(Path(sys.argv[1])), {})
except MemoryError:
    print("no memory")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="its own size is what a process reads on Linux")
def test_a_lack_of_memory_is_not_taken_for_damage(tmp_path):
    checkpoints.save(tmp_path, 1, {"small": np.zeros(1)})
    checkpoints.save(tmp_path, 2, {"large": np.zeros(1 << 23)})
    done = subprocess.run([sys.executable, "-c", LITTLE_MEMORY, tmp_path], capture_output=True, text=True)
    assert done.stdout == "no memory\n", done.stderr
    assert steps(tmp_path) == [1, 2]


def test_what_cant_be_gone_on_from_is_not_saved(tmp_path):
    for value in (np.nan, np.inf, -np.inf):
        broken = state(1)
        broken["networks/generator/000/kernel"].assign(np.array([[0, 1, 2], [3, value, 5]], "float32"))
        with pytest.raises(checkpoints.LostState, match="1 of 2 variables .* networks/generator/000/kernel"):
            save(tmp_path, 1, broken)
    assert list(tmp_path.iterdir()) == []


def test_after_a_rollback_no_later_checkpoint_is_left(tmp_path):
    for step in (2, 10, 30):
        save(tmp_path, step, state(step))
    checkpoints.remove_after(tmp_path, 2)
    assert steps(tmp_path) == [2]


def test_an_array_that_was_changed_in_a_valid_archive_is_noticed(tmp_path):
    # The archive's own checksums are right here: only the checksum of the checkpoint can tell.
    save(tmp_path, 1, state(1))
    newest = save(tmp_path, 2, state(2))
    with np.load(newest) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["networks/generator/000/kernel"] = arrays["networks/generator/000/kernel"] + 1
    np.savez(newest, **arrays)
    restored = state()
    assert restore(tmp_path, restored)[1] == [newest.with_suffix(".damaged")]
    assert values(restored) == [[1], [1]]


def test_a_checkpoint_is_written_over_one_of_the_same_step(tmp_path):
    save(tmp_path, 3, state(1))
    save(tmp_path, 3, state(2))
    restored = state()
    restore(tmp_path, restored)
    assert values(restored) == [[2], [2]]


def test_files_of_other_names_are_let_alone(tmp_path):
    for name in ("step_0000009.part", "step_0000009.npz.bak", "best.npz", "step_9.npz"):
        (tmp_path / name).write_bytes(b"")
    save(tmp_path, 1, state(1))
    assert [path.name for path in checkpoints.list_checkpoints(tmp_path)] == ["step_0000001.npz"]
    assert len(list(tmp_path.iterdir())) == 5


def test_without_checkpoints_nothing_is_restored(tmp_path):
    untouched = state(4)
    assert restore(tmp_path / "none", untouched) == (None, [])
    assert values(untouched) == [[4], [4]]


def test_every_truncation_is_noticed_and_the_one_before_is_taken(tmp_path):
    save(tmp_path, 1, state(1))
    newest = save(tmp_path, 2, state(2))
    content = newest.read_bytes()
    for length in range(0, len(content), 7):
        newest.write_bytes(content[:length])
        restored = state()
        path, damaged = restore(tmp_path, restored)
        assert (path.name, damaged) == ("step_0000001.npz", [newest.with_suffix(".damaged")]), length
        assert not newest.exists()
        assert values(restored) == [[1], [1]]


def test_no_flipped_bit_gets_into_the_weights_or_stops_a_run(tmp_path):
    variable = {"kernel": keras.Variable([1.0, 1.0])}
    save(tmp_path, 1, variable)
    variable["kernel"].assign([2.0, 2.0])
    newest = save(tmp_path, 2, variable)
    content = newest.read_bytes()
    failures = []
    for place, bit in itertools.product(range(len(content)), range(8)):
        newest.write_bytes(content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :])
        try:
            _, damaged = restore(tmp_path, variable)
        except Exception as error:
            failures.append(repr(error))
        else:
            # Some bits, such as those of a date, change nothing that is read.
            expected = [1, 1] if damaged else [2, 2]
            assert variable["kernel"].numpy().tolist() == expected, (place, bit)
    assert failures == []


def test_when_all_are_damaged_no_run_begins_anew_over_them(tmp_path):
    for step in (1, 2):
        save(tmp_path, step, state(step)).write_bytes(b"what was left")
    with pytest.raises(RunError, match=f"^{tmp_path}: all 2 checkpoints are damaged; .* --fresh$"):
        restore(tmp_path, state())
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"what was left"] * 2


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (
            {"new": keras.Variable(1.0)},
            r"CHANGELOG.md says what changed\): 1 variables are missing and 0 are not known, e.g. new",
        ),
        (
            {"run/000/step": None},
            r"CHANGELOG.md says what changed\): 0 variables are missing and 1 are not known, e.g. run/000/step",
        ),
        (
            {"networks/generator/000/kernel": keras.Variable(np.ones((3, 2), "float32"))},
            r"networks/generator/000/kernel has shape \(2, 3\), the model needs \(3, 2\)",
        ),
    ],
)
def test_a_whole_checkpoint_of_another_model_is_refused_before_anything_changes(tmp_path, other, words):
    save(tmp_path, 7, state(7))
    model = {name: value for name, value in {**state(4), **other}.items() if value is not None}
    before = values(model)
    with pytest.raises(RunError, match=rf"step_0000007.npz: .*{words}; train with --fresh") as error:
        restore(tmp_path, model)
    assert "\n" not in str(error.value)
    assert values(model) == before
