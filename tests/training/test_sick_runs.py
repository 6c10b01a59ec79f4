"""Real trainings: the doctor recognises each sickness, and calls healthy runs healthy at every line."""

import sys
from pathlib import Path

import pytest
import small

import ganzoo
from ganzoo.errors import RunError

# pytest's importlib mode puts no test folder on the path.
sys.path.insert(0, str(Path(__file__).parent))

import sick  # noqa: E402

SICK = {name: case for name, case in sick.CASES.items() if case.finding}
HEALTHY = {name: case for name, case in sick.CASES.items() if not case.finding}
QUICK = ("learning rate of 1", "64 times one image")
"""Those that every change is tested with; the doctor's rules have tests of their own, on written histories."""


def named(cases) -> list:
    return small.each(cases, {*cases} - {*QUICK})


@pytest.mark.parametrize("name", named(SICK))
def test_a_run_that_was_made_sick_is_recognised(name, tmp_path):
    found = sick.run(SICK[name], tmp_path, seed=0, to_its_end=False)
    assert SICK[name].finding in found, found


@pytest.mark.parametrize("name", named(HEALTHY))
def test_a_healthy_run_raises_no_alarm_at_any_line(name, tmp_path):
    assert sick.run(HEALTHY[name], tmp_path, seed=0) == {}


def test_a_run_that_should_be_healthy_but_fails_is_not_taken_for_one(tmp_path):
    with pytest.raises(RunError):
        sick.run(sick.Case("dcgan", 2, model={"discriminator_weight": 1e38}), tmp_path, seed=0)


def test_every_finding_and_every_architecture_has_a_run():
    assert {case.finding for case in SICK.values()} == set(sick.FINDINGS)
    assert {case.architecture for case in HEALTHY.values()} == set(ganzoo.list_architectures())
