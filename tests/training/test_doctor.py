"""The doctor's findings on lines of metrics made up by hand: each sickness, and what comes near to one."""

import json
import re

import pytest
import yaml

from ganzoo.config.parsing import parse_section
from ganzoo.config.recipe import DataConfig, TrainingConfig
from ganzoo.errors import UsageError
from ganzoo.recipes import registry
from ganzoo.training import doctor
from ganzoo.training.run_directory import RunDirectory

EVERY = 10
TERMS = {"discriminator_real": 0.5, "discriminator_fake": 0.5, "generator_adversarial": 1.2, "generator_l1": 30.0}
HEALTHY = {
    "discriminator_real_accuracy": 0.8,
    "discriminator_fake_accuracy": 0.9,
    "discriminator_real_logit": 1.5,
    "discriminator_fake_logit": -1.5,
    "generator_gradient_norm": 2.0,
    "discriminator_gradient_norm": 1.0,
    "generator_update_ratio": 0.002,
    "discriminator_update_ratio": 0.003,
    "sample_diversity": 0.8,
    "sample_saturation": 0.2,
    "sample_checkerboard": 0.01,
    "sample_nearest": 0.92,
}


def run(count=30, terms=None, without=(), **changes):
    """Lines at steps 10, 20 and so on; the last values of terms and of health may be given.

    Args:
        count: how many lines.
        terms: terms, as `changes`.
        without: the values of health that are left out.
        changes: values of health: a list is what the last lines have; a single value, what all have.
    """

    def at(index, usual, changed):
        values = dict(usual)
        for key, value in changed.items():
            ends = value if isinstance(value, list) else [value] * count
            place = index - (count - len(ends))
            if place >= 0:
                values[key] = ends[place]
        return values

    lines = []
    for index in range(count):
        losses = at(index, TERMS, terms or {})
        observed = {key: value for key, value in at(index, HEALTHY, changes).items() if key not in without}
        nonfinite = sum(value is None for value in losses.values())
        lines.append({"step": EVERY * (index + 1), **losses, "nonfinite": nonfinite, "health": observed})
    return lines


def found(lines, precision="float32"):
    return [(finding.name, finding.since) for finding in doctor.diagnose(lines, precision)]


def test_a_healthy_run_is_healthy_at_every_line():
    lines = run(40)
    assert [found(lines[:count]) for count in range(41)] == [[]] * 41


def test_values_that_are_missing_or_null_are_no_sickness():
    nothing = dict.fromkeys(key for key in HEALTHY if not key.endswith("_gradient_norm"))
    assert found(run(**nothing)) == []
    assert found(run(without=HEALTHY)) == []
    assert found(run(sample_diversity=[None, 0.0, None, 0.0])) == []
    # Null may stand between the values that tell.
    assert found(run(sample_diversity=[0.0, None, 0.0, 0.0])) == [("generator collapsed", 270)]


# Diverging.


def test_a_term_that_is_not_finite_is_divergence_at_once():
    (finding,) = doctor.diagnose(run(terms={"generator_l1": [None]}))
    assert (finding.name, finding.since) == ("diverging", 300)
    assert "generator_l1" in finding.evidence
    assert found(run(terms={"generator_l1": [None, None]})) == [("diverging", 290)]


def test_mixed_float16_skips_a_lone_step_that_is_not_finite_but_not_two_in_a_row():
    assert found(run(terms={"generator_l1": [None]}), "mixed_float16") == []
    assert found(run(terms={"generator_l1": [None, 30.0, None]}), "mixed_float16") == []
    assert found(run(terms={"generator_l1": [None, None]}), "mixed_float16") == [("diverging", 290)]


def test_a_gradient_that_is_not_finite_twice_is_divergence_but_where_loss_scaling_tries_it():
    lost = run(discriminator_gradient_norm=[1.0, None, None])
    (finding,) = doctor.diagnose(lost)
    assert (finding.name, finding.since) == ("diverging", 290)
    assert "discriminator_gradient_norm" in finding.evidence
    assert found(run(discriminator_gradient_norm=[None])) == []
    assert found(run(discriminator_gradient_norm=[None, 1.0, None])) == []
    assert found(lost, "mixed_float16") == []


def test_a_term_that_is_not_finite_is_found_in_lines_without_values_of_health():
    lines = [{key: value for key, value in line.items() if key != "health"} for line in run()]
    assert found(lines) == []
    lines[-1] |= {"generator_l1": None, "nonfinite": 1}
    assert found(lines) == [("diverging", 300)]


def test_logits_far_out_are_divergence_since_the_first_of_three_lines():
    assert found(run(discriminator_fake_logit=[-90.0, -60.0])) == []
    assert found(run(discriminator_fake_logit=[-90.0, -60.0, -2.0])) == []
    assert found(run(discriminator_fake_logit=[-90.0, -60.0, -55.0])) == [("diverging", 280)]
    assert found(run(discriminator_real_logit=[70.0, 60.0, 55.0])) == [("diverging", 280)]
    assert found(run(discriminator_real_logit=[45.0, 45.0, 45.0])) == []


def test_a_critics_scores_have_no_scale():
    accuracies = [key for key in HEALTHY if key.endswith("_accuracy")]
    critic = {"discriminator_real_logit": 2000.0, "discriminator_fake_logit": -3000.0}
    assert found(run(without=accuracies, **critic, terms={"discriminator_real": -2000.0})) == []


def test_a_distance_between_images_that_explodes_is_divergence():
    # Its first values are 30: up to 20 times that are borne.
    assert found(run(terms={"generator_l1": [599.0] * 9})) == []
    assert found(run(terms={"generator_l1": [601.0, 602.0]})) == []
    assert found(run(terms={"generator_l1": [601.0, 30.0, 602.0, 603.0]})) == []
    assert found(run(terms={"generator_l1": [601.0, 602.0, 603.0]})) == [("diverging", 280)]


def test_terms_of_the_game_may_take_any_size_but_an_absurd_one():
    assert found(run(terms={"generator_adversarial": [900.0] * 9})) == []
    assert found(run(terms={"generator_adversarial": [-3e6] * 3})) == [("diverging", 280)]


def test_a_term_that_begins_later_is_measured_by_its_own_beginning():
    lines = run(terms={"generator_content": [0.5] * 10})
    assert found(lines) == []
    lines[-3:] = run(terms={"generator_content": [11.0] * 3})[-3:]
    assert found(lines) == [("diverging", 280)]


# Collapse.


def test_samples_that_are_alike_three_times_are_a_collapse_since_the_first():
    assert found(run(sample_diversity=[0.01, 0.01])) == []
    assert found(run(sample_diversity=[0.01, 0.01, 0.3, 0.01])) == []
    assert found(run(sample_diversity=[0.01, 0.02, 0.01])) == [("generator collapsed", 280)]


def test_a_fall_from_diversity_is_a_collapse_but_a_slow_start_is_none():
    assert found(run(sample_diversity=[0.8, 0.19, 0.15, 0.18])) == [("generator collapsed", 280)]
    assert found(run(sample_diversity=[0.8, 0.25, 0.22, 0.21])) == []
    # It never was diverse, and is not yet all the same.
    assert found(run(sample_diversity=[0.3] * 27 + [0.07] * 3)) == []


def test_samples_before_the_warm_up_are_grey_and_tell_nothing():
    samples = {"sample_diversity": 0.0, "sample_checkerboard": 0.5, "sample_nearest": 0.1}
    assert found(run(9, **samples)) == []
    # The steps 100 and 110, then 120.
    assert found(run(11, **samples)) == []
    assert {since for _, since in found(run(12, **samples))} == {100}


def test_one_of_two_columns_is_enough():
    columns = {"a_to_b_diversity": 0.8, "b_to_a_diversity": [0.01] * 3}
    (finding,) = doctor.diagnose(run(**columns))
    assert (finding.name, finding.since) == ("generator collapsed", 280)
    assert "b_to_a_diversity" in finding.evidence


# Too strong.

SURE = {"discriminator_real_accuracy": 1.0, "discriminator_fake_accuracy": 1.0}


def test_a_discriminator_that_is_right_and_far_from_doubt_is_too_strong():
    apart = {"discriminator_real_logit": 7.5, "discriminator_fake_logit": -7.0}
    assert found(run(**SURE, **apart)) == [("discriminator too strong", 260)]
    assert found(run(4, **SURE, **apart)) == []
    assert found(run(discriminator_real_accuracy=0.9, discriminator_fake_accuracy=1.0, **apart)) == []
    assert found(run(**SURE, discriminator_real_logit=6.5, discriminator_fake_logit=-6.5)) == []


def test_two_lines_of_five_do_not_make_it_too_strong():
    bad = {"discriminator_real_logit": [1.5, 1.5, 1.5, 30.0, 30.0]}
    assert found(run(**SURE, **bad)) == []


def test_a_least_squares_discriminator_that_reaches_its_targets_is_not_too_strong():
    assert found(run(**SURE, discriminator_real_logit=1.0, discriminator_fake_logit=0.0)) == []


def test_updates_that_leave_the_generators_behind_are_too_strong():
    assert found(run(discriminator_update_ratio=0.05)) == [("discriminator too strong", 260)]
    assert found(run(discriminator_update_ratio=0.05, generator_update_ratio=0.02)) == []
    assert found(run(discriminator_update_ratio=0.008, generator_update_ratio=0.0005)) == []


def test_a_discriminator_of_several_is_compared_with_the_fastest_generator():
    names = {"without": HEALTHY, "discriminator_a_real_logit": 1.0, "discriminator_b_real_logit": 1.0}
    for name in ("discriminator_a", "discriminator_b", "generator_ab", "generator_ba"):
        names[f"{name}_gradient_norm"] = 1.0
    ratios = {"discriminator_a_update_ratio": 0.003, "generator_ab_update_ratio": 0.001}
    (finding,) = doctor.diagnose(
        run(**names, **ratios, discriminator_b_update_ratio=0.05, generator_ba_update_ratio=0.001)
    )
    assert (finding.name, "discriminator_b" in finding.evidence) == ("discriminator too strong", True)
    assert found(run(**names, **ratios, discriminator_b_update_ratio=0.05, generator_ba_update_ratio=0.02)) == []


# Stalled.


def test_a_generator_whose_gradient_faded_stalls():
    assert found(run(generator_gradient_norm=[0.05] * 5)) == [("stalled", 260)]
    assert found(run(generator_gradient_norm=[0.05] * 2)) == []
    assert found(run(generator_gradient_norm=[0.1] * 5)) == []


def test_a_generator_without_a_discriminator_converges_and_does_not_stall():
    alone = [key for key in HEALTHY if key.startswith("discriminator")]
    assert found(run(without=alone, generator_gradient_norm=[0.01] * 9)) == []


def test_a_generator_beside_a_distance_that_fell_converges_and_does_not_stall():
    assert found(run(generator_gradient_norm=[0.01] * 5, terms={"generator_l1": [10.0] * 5})) == []
    assert found(run(generator_gradient_norm=[0.01] * 5, terms={"generator_l1": [20.0] * 5})) == [("stalled", 260)]


def two_phases(pretraining, adversarial):
    """Lines of a run like SRGAN's: 15 without a discriminator and with the one gradient, 15 with it and the others."""
    lines = run(generator_gradient_norm=[pretraining] * 15 + adversarial)
    for line in lines[:15]:
        line |= {"generator_mse": 0.3, "health": {"generator_gradient_norm": pretraining}}
        for term in TERMS:
            del line[term]
    return lines


def test_another_phase_of_training_is_measured_by_its_own_beginning():
    assert found(two_phases(50.0, [0.8] * 15)) == []
    assert found(two_phases(0.001, [0.8] * 10 + [0.01] * 5)) == [("stalled", 260)]


def test_answers_that_are_the_wrong_way_round_are_a_stall():
    (finding,) = doctor.diagnose(run(discriminator_real_accuracy=[0.02] * 5, discriminator_fake_accuracy=[0.05] * 5))
    assert (finding.name, finding.since) == ("stalled", 260)
    assert "swapped" in finding.advice
    assert found(run(discriminator_real_accuracy=0.0, discriminator_fake_accuracy=1.0)) == []


def test_a_learning_rate_that_went_to_0_is_no_stall():
    assert found(run(generator_update_ratio=[0.0] * 9, discriminator_update_ratio=[0.0] * 9)) == []


# Memorizing and checkerboard.


def test_copies_of_training_images_three_times_are_memorising():
    assert found(run(sample_nearest=[0.5, 0.5])) == []
    assert found(run(sample_nearest=[0.5, 0.8, 0.5, 0.5])) == []
    assert found(run(sample_nearest=[0.7, 0.5, 0.4])) == [("memorising", 280)]


def test_patterns_three_times_are_a_checkerboard():
    assert found(run(sample_checkerboard=[0.3, 0.3])) == []
    assert found(run(sample_checkerboard=[0.2, 0.07, 0.07])) == []
    assert found(run(sample_checkerboard=[0.19, 0.18, 0.17])) == [("checkerboard", 280)]


# All together.

SICK = {
    "generator_gradient_norm": [0.01] * 5,
    "discriminator_update_ratio": 0.05,
    "sample_diversity": [0.01] * 3,
    "sample_nearest": [0.1] * 3,
    "sample_checkerboard": [0.5] * 3,
    "terms": {"generator_l1": [None]},
}


def test_the_worst_comes_first():
    assert [name for name, _ in found(run(**SICK))] == [
        "diverging",
        "generator collapsed",
        "discriminator too strong",
        "stalled",
        "memorising",
        "checkerboard",
    ]


def test_what_is_over_is_no_longer_found():
    assert len(found(run(**SICK))) == 6
    assert found([*run(**SICK), *run(36)[30:]]) == []


def test_lines_that_note_a_rollback_are_passed_over():
    lines = run(sample_diversity=[0.01] * 3)
    note = {"step": 270, "time": 1.0, "rollback": {"number": 1, "from": 300, "reason": "generator_l1 rose"}}
    lines.insert(-2, note)
    assert found(lines) == [("generator collapsed", 280)]
    assert found([note]) == []


def test_advice_names_keys_that_recipes_have():
    swapped = run(discriminator_real_accuracy=0.0, discriminator_fake_accuracy=0.0)
    advice = " ".join(finding.advice for finding in [*doctor.diagnose(run(**SICK)), *doctor.diagnose(swapped)])
    sections = {"model": registry.config_class("dcgan"), "training": TrainingConfig, "data": DataConfig}
    keys = re.findall(r"\b(model|training|data)\.(\w+)", advice)
    assert len(set(keys)) > 6
    for section, key in keys:
        assert key in sections[section].__dataclass_fields__, key
    # What is advised is allowed, in DCGAN's config among others.
    setting = r"model\.(\w+)=(\[.+?\]|\w+)"
    for key, value, other, its_value in re.findall(f"{setting}(?: with {setting})?", advice):
        values = {key: yaml.safe_load(value), **({other: yaml.safe_load(its_value)} if other else {})}
        parse_section(sections["model"], values, "advice")


# Of a run directory.


def write_run(folder, lines, training=None, **model):
    training = {"steps": 500, "log_every": EVERY, "sample_every": 50, **(training or {})}
    config = {"architecture": "dcgan", "model": model, "data": {}, "training": training}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return RunDirectory(folder)


def test_the_report_of_a_run_has_findings_and_rollbacks(tmp_path):
    rollback = {"number": 1, "from": 300, "reason": "generator_l1 rose"}
    lines = [{"step": 200, "time": 1.0, "rollback": rollback}, *run(terms={"generator_l1": [None]})]
    told = doctor.examine(write_run(tmp_path, lines))
    assert (told["run"], told["step"], told["last_step"]) == (str(tmp_path), 300, 500)
    assert told["rollbacks"] == [{"to": 200, **rollback}]
    assert [finding["name"] for finding in told["findings"]] == ["diverging"]
    assert told["findings"][0].keys() == {"name", "since", "evidence", "advice"}


def test_the_report_minds_the_precision_of_the_run(tmp_path):
    lines = run(terms={"generator_l1": [None]})
    assert doctor.examine(write_run(tmp_path, lines, precision="mixed_float16"))["findings"] == []


def test_the_report_judges_the_lines_that_training_judges(tmp_path):
    # Three samples that are alike, of which those of the steps 280 and 290 are there by chance.
    lines = run(sample_diversity=[0.01] * 3)
    assert doctor.examine(write_run(tmp_path, lines, {"log_every": 50, "sample_every": 60}))["findings"] == []
    (finding,) = doctor.examine(write_run(tmp_path, lines, {"log_every": 50, "sample_every": 10}))["findings"]
    assert finding["since"] == 280
    assert [line["step"] for line in doctor.due_lines(lines, 100, 140)] == [100, 140, 200, 280, 300]


def test_the_report_tells_whether_there_was_anything_to_judge_by(tmp_path):
    lines = [{key: value for key, value in line.items() if key != "health"} for line in run()]
    told = doctor.examine(write_run(tmp_path, lines))
    assert (told["step"], told["judged"], told["findings"]) == (300, None, [])
    assert doctor.examine(write_run(tmp_path, run(29), {"log_every": 100, "sample_every": 100}))["judged"] == 200


def test_a_run_before_its_first_line_has_no_step(tmp_path):
    told = doctor.examine(write_run(tmp_path, []))
    assert (told["step"], told["findings"], told["rollbacks"]) == (None, [], [])
    (tmp_path / "metrics.jsonl").unlink()
    assert doctor.examine(RunDirectory(tmp_path)) == told


def test_a_directory_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no run directory"):
        doctor.examine(RunDirectory(tmp_path))


@pytest.mark.parametrize(
    ("training", "judged", "words"),
    [
        (
            {"steps": 20, "log_every": 50, "sample_every": 500},
            20,
            "from step 250 on .*this run of 20 steps does not reach",
        ),
        (
            {"steps": 900, "log_every": 10, "sample_every": 500},
            90,
            "from step 100 on there is something to judge it by$",
        ),
        ({"steps": 900, "log_every": 50, "sample_every": 60}, None, "from step 150 on"),
        ({"steps": 900, "log_every": 10, "sample_every": 500}, 100, None),
    ],
)
def test_a_young_run_is_not_called_healthy_but_told_when_there_is_something_to_judge(training, judged, words):
    told = doctor.too_early(training, judged)
    assert (told is None) if words is None else re.search(words, told)


# What attacks and users met.


def test_a_hinge_that_is_flat_by_intent_is_no_strength():
    sure = {
        "discriminator_real_accuracy": 1.0,
        "discriminator_fake_accuracy": 1.0,
        "discriminator_real_logit": 12.0,
        "discriminator_fake_logit": -12.0,
    }
    lines = run(**sure)
    assert [finding.name for finding in doctor.diagnose(lines, "float32", "non_saturating")] == [
        "discriminator too strong"
    ]
    assert doctor.diagnose(lines, "float32", "hinge") == []


def test_real_images_that_are_all_the_same_are_told_and_not_the_diversity_that_they_do_not_have():
    (finding,) = doctor.diagnose(run(sample_diversity=None, sample_real_difference=0.008))
    assert (finding.name, "data.source" in finding.advice) == ("one image", True)
    assert found(run(sample_real_difference=0.03)) == []


@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_a_network_that_no_update_changes_is_named_but_not_one_whose_rate_has_come_to_its_end(name):
    (finding,) = doctor.diagnose(run(**{f"{name}_update_ratio": 2e-8}))
    assert (finding.name, finding.since) == ("stalled", EVERY)
    assert finding.evidence.startswith(f"{name} stands still")
    assert found(run(**{f"{name}_update_ratio": [1e-4, *[2e-8] * 20]})) == []
    assert found(run(count=9, **{f"{name}_update_ratio": 2e-8})) == []


def test_a_discriminator_that_takes_the_generators_images_for_what_it_is_told_is_real_has_swapped_labels():
    sure = {"discriminator_real_accuracy": 1.0, "discriminator_fake_accuracy": 1.0}
    told = {"discriminator_real_logit": 1.5, "discriminator_fake_logit": -1.5, "discriminator_fooled_logit": 1.4}
    (finding,) = doctor.diagnose(run(**sure, **told), "float32", "hinge")
    assert (finding.name, "swapped" in finding.advice) == ("stalled", True)
    assert found(run(**sure, **told | {"discriminator_fooled_logit": -1.4})) == []
    # One that is often wrong may well be fooled.
    assert found(run(**sure | {"discriminator_fake_accuracy": 0.7}, **told)) == []


def test_what_a_line_costs_does_not_grow_with_the_lines_before_it():
    history = doctor.History()
    for number, line in enumerate(run(20) * 500):
        history.add(line | {"step": EVERY * (number + 1)})
    assert len(history.lines) == 1000
    assert max(len(samples.recent) for _, samples in history.samples_of("_diversity")) == 1000
    assert doctor.judge(history) == []
