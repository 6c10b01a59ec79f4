"""Checkpoints as files: whole, or passed over."""

import itertools

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
    checkpoints.save(tmp_path, 1, variables, keep=1)
    for variable in variables.values():
        variable.assign(variable * 0)
    path, damaged = checkpoints.restore_newest(tmp_path, variables)
    assert (path.name, damaged) == ("step_0000001.npz", [])
    assert [variable.numpy().tobytes() for variable in variables.values()] == before


def test_the_newest_are_kept_by_number_not_by_name(tmp_path):
    for step in (5, 9_999_999, 10_000_000, 10_000_001):
        checkpoints.save(tmp_path, step, state(step), keep=2)
    names = [path.name for path in checkpoints.list_checkpoints(tmp_path)]
    assert names == ["step_10000000.npz", "step_10000001.npz"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_a_checkpoint_is_written_over_one_of_the_same_step(tmp_path):
    checkpoints.save(tmp_path, 3, state(1), keep=3)
    checkpoints.save(tmp_path, 3, state(2), keep=3)
    restored = state()
    checkpoints.restore_newest(tmp_path, restored)
    assert values(restored) == [[2], [2]]


def test_files_of_other_names_are_let_alone(tmp_path):
    for name in ("step_0000009.part", "step_0000009.npz.bak", "best.npz", "step_9.npz"):
        (tmp_path / name).write_bytes(b"")
    checkpoints.save(tmp_path, 1, state(1), keep=1)
    assert [path.name for path in checkpoints.list_checkpoints(tmp_path)] == ["step_0000001.npz"]
    assert len(list(tmp_path.iterdir())) == 5


def test_without_checkpoints_nothing_is_restored(tmp_path):
    untouched = state(4)
    assert checkpoints.restore_newest(tmp_path / "none", untouched) == (None, [])
    assert values(untouched) == [[4], [4]]


def test_every_truncation_is_noticed_and_the_one_before_is_taken(tmp_path):
    checkpoints.save(tmp_path, 1, state(1), keep=2)
    newest = checkpoints.save(tmp_path, 2, state(2), keep=2)
    content = newest.read_bytes()
    for length in range(0, len(content), 7):
        newest.write_bytes(content[:length])
        restored = state()
        path, damaged = checkpoints.restore_newest(tmp_path, restored)
        assert (path.name, damaged) == ("step_0000001.npz", [newest.with_suffix(".damaged")]), length
        assert not newest.exists()
        assert values(restored) == [[1], [1]]


def test_no_flipped_bit_gets_into_the_weights_or_stops_a_run(tmp_path):
    variable = {"kernel": keras.Variable([1.0, 1.0])}
    checkpoints.save(tmp_path, 1, variable, keep=2)
    variable["kernel"].assign([2.0, 2.0])
    newest = checkpoints.save(tmp_path, 2, variable, keep=2)
    content = newest.read_bytes()
    failures = []
    for place, bit in itertools.product(range(len(content)), range(8)):
        newest.write_bytes(content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :])
        try:
            _, damaged = checkpoints.restore_newest(tmp_path, variable)
        except Exception as error:
            failures.append(repr(error))
        else:
            # Some bits, such as those of a date, change nothing that is read.
            expected = [1, 1] if damaged else [2, 2]
            assert variable["kernel"].numpy().tolist() == expected, (place, bit)
    assert failures == []


def test_when_all_are_damaged_no_run_begins_anew_over_them(tmp_path):
    for step in (1, 2):
        checkpoints.save(tmp_path, step, state(step), keep=2).write_bytes(b"what was left")
    with pytest.raises(RunError, match=f"^{tmp_path}: all 2 checkpoints are damaged; .* --fresh$"):
        checkpoints.restore_newest(tmp_path, state())
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"what was left"] * 2


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"new": keras.Variable(1.0)}, "1 variables are missing and 0 are not known, e.g. new"),
        ({"run/000/step": None}, "0 variables are missing and 1 are not known, e.g. run/000/step"),
        (
            {"networks/generator/000/kernel": keras.Variable(np.ones((3, 2), "float32"))},
            r"networks/generator/000/kernel has shape \(2, 3\), the model needs \(3, 2\)",
        ),
    ],
)
def test_a_whole_checkpoint_of_another_model_is_refused_before_anything_changes(tmp_path, other, words):
    checkpoints.save(tmp_path, 7, state(7), keep=1)
    model = {name: value for name, value in {**state(4), **other}.items() if value is not None}
    before = values(model)
    with pytest.raises(RunError, match=rf"step_0000007.npz: .*{words}; train with --fresh") as error:
        checkpoints.restore_newest(tmp_path, model)
    assert "\n" not in str(error.value)
    assert values(model) == before
