"""Evaluation while a run trains."""

import json

import keras
import numpy as np
import pytest
import small

from ganzoo.config.parsing import parse_recipe
from ganzoo.errors import UsageError
from ganzoo.evaluation.evaluate import evaluate
from ganzoo.recipes import registry
from ganzoo.training import train


def recipe(evaluation: dict | None = None, **training):
    document = {
        "architecture": "pix2pix",
        "model": {**small.config("pix2pix"), "ema_decay": 0.5},
        "data": {"source": "embedded:emoji"},
        "training": {
            "steps": 4,
            "batch_size": 2,
            "log_every": 1,
            "sample_every": 4,
            "checkpoint_every": 2,
            "checkpoint_minutes": 0,
            **training,
        },
        "evaluation": evaluation or {},
    }
    return parse_recipe(document, registry.config_class("pix2pix"), "small")


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    """A `.keras` file of a feature network of mean colours: quick, and as good as any here."""
    path = tmp_path_factory.mktemp("network") / "colours.keras"
    image = keras.Input((8, 8, 3), name="image")
    keras.Model(image, keras.layers.GlobalAveragePooling2D()(image), name="colours").save(path)
    return str(path)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory, colours):
    """The run directory of a run that was evaluated at each second step."""
    directory = tmp_path_factory.mktemp("evaluated") / "run"
    measured = {"every": 2, "metrics": ["psnr", "ssim", "kd_colours"], "images": 5, "network": colours}
    train(recipe(measured, best_metric="psnr", best_is="lowest"), directory)
    return directory


def lines(directory):
    return [json.loads(line) for line in (directory / "metrics.jsonl").read_text("utf-8").splitlines()]


def test_what_is_measured_during_training_is_what_evaluate_measures_of_the_same_weights(
    evaluated, colours, tmp_path, monkeypatch
):
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path))
    last = lines(evaluated)[-1]
    assert [sorted(line.get("evaluation", {})) for line in lines(evaluated)] == [[], ["kd_colours", "psnr", "ssim"]] * 2
    found = {result["key"]: result["value"] for result in evaluate(evaluated, count=5, network=colours)["results"]}
    assert last["evaluation"] == pytest.approx({key: found[key] for key in ("kd_colours", "psnr", "ssim")}, rel=1e-6)


def test_the_best_by_an_evaluation_is_kept(evaluated):
    scores = {line["step"]: line["evaluation"]["psnr"] for line in lines(evaluated) if "evaluation" in line}
    best = min(scores, key=scores.get)
    assert [path.stem for path in (evaluated / "checkpoints/best").iterdir()] == [f"generator_step_{best:07d}"]


def test_evaluation_changes_nothing_of_what_is_learnt(evaluated, tmp_path):
    train(recipe(), tmp_path / "run")
    alone, watched = (np.load(run / "checkpoints" / "step_0000004.npz") for run in (tmp_path / "run", evaluated))
    names = [name for name in alone.files if name != "note"]
    assert len(names) > 50 and all(alone[name].tobytes() == watched[name].tobytes() for name in names)


def test_the_report_shows_it_and_a_run_goes_on_without_it(evaluated):
    page = (evaluated / "report.html").read_text("utf-8")
    assert "psnr" in page and "How good the generators are" in page
    train(recipe(best_metric="psnr", best_is="lowest"), evaluated)


def test_what_can_not_be_measured_is_said_before_the_run_begins(tmp_path):
    with pytest.raises(UsageError, match=r"evaluation.metrics: found 'pnsr'; did you mean 'psnr'\?"):
        train(recipe({"every": 2, "metrics": ["pnsr"]}), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(UsageError, match="evaluation.every: found 3; it must be a multiple of training.log_every, 2"):
        recipe({"every": 3, "metrics": ["psnr"]}, log_every=2)
    with pytest.raises(UsageError, match="training.checkpoint_every: found 2; to keep the best by psnr it must be a"):
        recipe({"every": 4, "metrics": ["psnr"]}, best_metric="psnr")
    with pytest.raises(UsageError, match=r"'ms_ssim' can't be measured here \(MS-SSIM: .*64x64 are too small"):
        train(recipe({"every": 2, "metrics": ["ms_ssim"]}), tmp_path / "run")
    with pytest.raises(UsageError, match="every and metrics go together"):
        recipe({"every": 2})
