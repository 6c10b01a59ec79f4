import math

import pytest
import yaml

from ganzoo.config.parsing import RENAMED, create_config, override, parse_recipe, to_document
from ganzoo.config.recipe import DataConfig, ImageGANConfig, Schedule, TrainingConfig
from ganzoo.errors import UsageError, nearest
from ganzoo.recipes.registry import config_class

DOCUMENT = {"architecture": "dcgan", "model": {}, "data": {}, "training": {"steps": 10, "batch_size": 2}}


def parse(**sections):
    return parse_recipe({**DOCUMENT, **sections}, config_class("dcgan"), "mine")


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        ({"image_sze": 64}, ["mine: model.image_sze", "unknown key", "did you mean 'image_size'"]),
        ({"image_size": "large"}, ["mine: model.image_size", "'large'"]),
        ({"beta_1": 1.0}, ["model.beta_1", "found 1.0", "less than 1"]),
        ({"learning_rate": 0}, ["model.learning_rate", "found 0", "greater than 0"]),
        ({"learning_rate": math.inf}, ["model.learning_rate"]),
        ({"discriminator_weight": math.nan}, ["model.discriminator_weight"]),
        ({"precision": "float8"}, ["model.precision", "'float8'", "mixed_bfloat16"]),
        ({"augmentation": ["colour"]}, ["model.augmentation.0", "'colour'", "'color'"]),
        ({"schedule": {"kindd": "linear"}}, ["model.schedule.kindd", "unknown key", "did you mean 'kind'"]),
        ({"schedule": {"kind": "linear", "start": 5, "end": 5}}, ["model.schedule", "end > start", "start=5, end=5"]),
        ({"schedule": {"kind": "steps"}}, ["model.schedule", "needs boundaries"]),
        ({"seed": 3}, ["model.seed", "training.seed"]),
        ({"n_critic": 0}, ["model.n_critic", "found 0"]),
    ],
)
def test_a_wrong_setting_is_named_with_its_place_and_what_is_allowed(model, parts):
    with pytest.raises(UsageError) as caught:
        parse(model=model)
    message = str(caught.value)
    assert all(part in message for part in parts), message
    assert "\n" not in message


@pytest.mark.parametrize(
    "settings",
    [
        {"penalty": "gradient", "discriminator_norm": "batch"},
        {"spectral_norm": True, "discriminator_norm": "batch"},
        {"adversarial_loss": "wasserstein"},
        {"adversarial_loss": "wasserstein", "penalty": "r1"},
    ],
)
def test_parts_that_make_no_sense_together_are_refused_with_a_way_out(settings):
    with pytest.raises(UsageError, match="makes no sense.*set "):
        create_config(ImageGANConfig, image_size=64, **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"adversarial_loss": "wasserstein", "penalty": "gradient"},
        {"adversarial_loss": "wasserstein", "spectral_norm": True},
        {"penalty": "r1", "discriminator_norm": "batch"},
    ],
)
def test_parts_that_make_sense_together_are_allowed(settings):
    create_config(ImageGANConfig, image_size=64, **settings)


@pytest.mark.parametrize("config", [create_config(ImageGANConfig, image_size=8), DataConfig(), Schedule()])
def test_a_config_can_not_be_changed_behind_a_runs_back(config):
    with pytest.raises(AttributeError):
        config.image_size = 3


def test_overriding_leaves_the_document_as_it_was():
    document = {"model": {"image_size": 64}, "training": {"steps": 1}}
    changed = override(document, ["model.image_size=32", "model.schedule.kind=linear", "training.seed=4"])
    assert document == {"model": {"image_size": 64}, "training": {"steps": 1}}
    assert changed == {
        "model": {"image_size": 32, "schedule": {"kind": "linear"}},
        "training": {"steps": 1, "seed": 4},
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("true", True), ("null", None), ("[a, b]", ["a", "b"]), ("a=b", "a=b"), ("", None), ("1e-4", "1e-4")],
)
def test_a_value_on_the_command_line_means_what_it_means_in_yaml(text, value):
    assert override({}, [f"model.key={text}"]) == {"model": {"key": value}}


def test_a_rate_in_scientific_notation_without_a_point_is_a_number():
    # YAML 1.1 reads 1e-4 as a string.
    assert parse(model=yaml.safe_load("learning_rate: 1e-4")).model.learning_rate == 1e-4


@pytest.mark.parametrize(
    ("assignment", "parts"),
    [
        ("training.steps", ["training.steps", "key=value"]),
        ("=3", ["key=value"]),
        ("architecture.name=3", ["architecture.name", "a value, not a section"]),
        ("model.key=[1", ["model.key", "[1"]),
    ],
)
def test_an_assignment_that_is_none_is_refused(assignment, parts):
    with pytest.raises(UsageError) as caught:
        override(DOCUMENT, [assignment])
    assert all(part in str(caught.value) for part in parts), caught.value


def test_near_misses_are_suggested_and_far_ones_listed():
    assert nearest("fliip", ["flip", "source"]) == "; did you mean 'flip'?"
    assert nearest("zzz", ["flip", "source"]) == "; allowed: flip, source"
    assert nearest("zzz", []) == "; allowed: none"


def test_a_recipe_that_says_auto_is_read_as_one_that_says_nothing():
    said = {"steps": 5, "batch_size": 2, "jit_compile": "auto", "steps_per_execution": "auto"}
    assert parse(training=said, model={"precision": "auto"}) == parse(training={"steps": 5, "batch_size": 2})


def test_training_needs_to_be_told_steps_and_batch_size():
    with pytest.raises(UsageError, match=r"TrainingConfig.*missing"):
        create_config(TrainingConfig, steps=1)


@pytest.mark.parametrize("old", RENAMED)
def test_an_old_name_of_a_setting_is_read_and_written_under_the_new_one(old):
    section, key = old.split(".")
    _, name = RENAMED[old].split(".")
    values = {**DOCUMENT[section], key: True}
    recipe = parse(**{section: values})
    assert getattr(getattr(recipe, section), name) is True
    written = to_document(recipe)[section]
    assert written[name] is True and key not in written


@pytest.mark.parametrize("old", RENAMED)
def test_a_setting_given_by_its_old_and_its_new_name_is_refused(old):
    section, key = old.split(".")
    _, name = RENAMED[old].split(".")
    with pytest.raises(UsageError, match=f"^mine: found both {old} and {RENAMED[old]}, its new name; remove {old}$"):
        parse(**{section: {**DOCUMENT[section], key: True, name: True}})


@pytest.mark.parametrize("old", RENAMED)
def test_an_option_overrides_a_setting_that_a_recipe_has_by_its_other_name(old):
    section, key = old.split(".")
    _, name = RENAMED[old].split(".")
    for given, option in ((key, RENAMED[old]), (name, old)):
        document = {**DOCUMENT, section: {**DOCUMENT[section], given: False}}
        recipe = parse_recipe(override(document, [f"{option}=true"]), config_class("dcgan"), "mine")
        assert getattr(getattr(recipe, section), name) is True
