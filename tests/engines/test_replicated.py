"""That replicas share what a user gives to `fit`, and that half precision loses no run on them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    file = tmp_path_factory.mktemp("replicated") / "found.json"
    subprocess.run([sys.executable, Path(__file__).with_name("replicated.py"), file], check=True)
    return json.loads(file.read_text("utf-8"))


def test_a_step_that_overflows_on_one_replica_alone_changes_nothing_but_the_scales(found):
    # Keras asks the first replica; what the second finds would reach the weights of both.
    scales = [f"optimizers/{name}/003/dynamic_scale" for name in ("discriminator", "generator")]
    assert found["overflow"] == [[*scales, "run/000/step"]] * 2


def test_a_first_batch_that_replicas_cant_share_is_refused_not_passed_over(found):
    assert "found a first batch of 3, which 2 replicas can't share, so no step was done" in found["odd"]


@pytest.mark.parametrize(("kind", "steps"), [("arrays", 2), ("named", 3)])
def test_what_replicas_cant_share_of_arrays_is_left_out_and_makes_nothing_nan(found, kind, steps):
    # 9 in batches of 4 leave one; 10 leave two, which can be shared.
    assert found[kind] == {"steps": steps, "finite": True, "not a number": []}


def test_what_replicas_cant_share_at_all_is_refused_by_name(found):
    assert "found generator; replicas share arrays" in found["generator"]
