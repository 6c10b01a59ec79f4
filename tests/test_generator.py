"""The knowledge of a network goes with it: from a run into exported files, and from there into whatever opens them."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import painters
import pytest
import signed
import yaml
from PIL import Image

import ganzoo
from ganzoo.config import parsing
from ganzoo.errors import RunError, UsageError
from ganzoo.evaluation import subject
from ganzoo.generators import inference, pretrained, provenance
from ganzoo.generators.provenance import Provenance
from ganzoo.recipes import recipes

TFLITE = {"formats": ["tflite"], "quantize": ["none"], "measure": False}


def exported(folder: Path, architecture: str, network: str, *overrides: str) -> Path:
    """The folder of a TFLite file of a network in a run of this recipe; the run is gone."""
    run = folder / "run"
    run.mkdir()
    recipe = recipes.load_recipe(architecture, ["model.image_size=64", *overrides])
    (run / "config.yaml").write_text(yaml.safe_dump(parsing.to_document(recipe)))
    painters.painter(architecture, network).save(run / f"{network}.keras")
    ganzoo.export(run / f"{network}.keras", folder / "out", **TFLITE)
    shutil.rmtree(run)
    return folder / "out"


def test_an_exported_file_is_evaluated_on_the_domains_of_its_run(tmp_path):
    source = ["data.source=embedded:emoji", "data.domains=[flat, 3d]"]
    out = exported(tmp_path, "cyclegan", "generator_ba", *source)
    files = subject.find(out / "generator_ba_float32.tflite")
    assert files.recipe.data.domains == ("flat", "3d")
    assert files.generators[0].direction == "ba"
    assert files.run is None
    with pytest.raises(UsageError, match="is of direction ba, not ab"):
        subject.find(out / "generator_ba_float32.tflite", "ab")
    found = subject.open_files(files, None)
    assert list(found.networks) == ["generator_ba"]
    assert found.on_own_data
    assert list(found.sha256) == ["ba"]


def test_an_exported_file_of_drawings_with_hints_is_evaluated_with_them(tmp_path):
    drawings = ["data.source=embedded:emoji", "data.domains=[ink, outlined]", "data.hints=7"]
    out = exported(tmp_path, "pix2pix", "generator", *drawings)
    document = ganzoo.evaluate(out / "generator_float32.tflite", count=2)
    assert document["protocol"] == "pairs"
    assert {"psnr", "ssim"} <= {result["key"] for result in document["results"]}
    assert any("hints" in json.dumps(result) for result in document["results"])
    entry = json.loads((out / "card.json").read_text())["files"]["generator_float32.tflite"]
    assert entry["provenance"]["recipe"]["data"]["hints"] == 7
    assert len(entry["provenance"]["recipe_sha256"]) == 64
    assert entry["evaluation"]["protocol"] == "pairs"


def copied_away(folder: Path, architecture: str, *overrides: str) -> Path:
    """A `.keras` file of a recipe that is nowhere else."""
    document = parsing.to_document(recipes.load_recipe(architecture, ["model.image_size=64", *overrides]))
    painters.painter(architecture, "generator").save(folder / "mine.keras")
    provenance.write(folder / "mine.keras", Provenance(architecture, "generator", document))
    return folder / "mine.keras"


def pictures(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 256, (64, 128, 3), dtype="uint8")
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def test_a_folder_that_happens_to_have_the_name_of_a_files_data_is_not_measured(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path / "faces")
    file = copied_away(tmp_path, "pix2pix", "data.source=folder:/home/ada/faces", "data.domains=[]")
    with pytest.raises(UsageError, match=r"mine\.keras: trained on 'folder:faces', .*--data SOURCE"):
        ganzoo.evaluate(file)
    with pytest.raises(UsageError, match=r"mine\.keras: trained on 'folder:faces', .*--calibration SOURCE"):
        ganzoo.export(file, tmp_path / "out", **TFLITE)
    found = ganzoo.evaluate(file, "folder:faces")
    assert found["data"].startswith("4 pairs from folder:faces")


@pytest.mark.parametrize(
    "source",
    [
        "url:http://127.0.0.1:9/x.zip#sha256=" + "0" * 64,
        pytest.param("tfds:mnist", marks=pytest.mark.slow),
        pytest.param("folder:/etc", marks=pytest.mark.slow),
    ],
)
def test_what_the_recipe_in_a_card_names_elsewhere_is_neither_fetched_nor_read(tmp_path, source):
    out = exported(tmp_path, "pix2pix", "generator")
    card = json.loads((out / "card.json").read_text())
    card["files"]["generator_float32.tflite"]["provenance"]["recipe"]["data"]["source"] = source
    (out / "card.json").write_text(json.dumps(card))
    with pytest.raises(UsageError, match=r"trained on .*--data SOURCE"):
        ganzoo.evaluate(out / "generator_float32.tflite")
    found = subject.open_files(subject.find(out / "generator_float32.tflite"), "embedded:emoji")
    assert (found.own, found.on_own_data) == (None, False)


def test_a_network_or_weights_that_the_recipe_in_a_file_names_are_not_opened(tmp_path):
    trap = tmp_path / "trap.keras"
    trap.write_bytes(b"whoever opens this fails")
    recipe = parsing.to_document(recipes.load_recipe("pix2pix", ["model.image_size=64", f"model.teacher={trap}"]))
    recipe["evaluation"]["network"] = str(trap)
    file = tmp_path / "mine.keras"
    painters.painter("pix2pix", "generator").save(file)
    # As somebody else may write it, with whole paths.
    with zipfile.ZipFile(file, "a") as archive:
        document = {"architecture": "pix2pix", "network": "generator", "recipe": recipe, "names": {}}
        archive.writestr(provenance.MEMBER, json.dumps(document))
    found = ganzoo.evaluate(file, count=2)
    reasons = [one["reason"] for one in found["skipped"] if one["metric"] == "distribution metrics"]
    assert len(reasons) == 1 and "give that, or another, as --network" in reasons[0]
    assert any(result["key"] == "psnr" for result in found["results"])


def test_a_card_tells_nothing_of_the_folders_of_the_machine_that_it_was_made_on(tmp_path):
    folder = pictures(tmp_path / "home/ada/faces")
    run = tmp_path / "run"
    run.mkdir()
    recipe = recipes.load_recipe("pix2pix", ["model.image_size=64", f"data.source=folder:{folder}", "data.domains=[]"])
    (run / "config.yaml").write_text(yaml.safe_dump(parsing.to_document(recipe)))
    painters.painter("pix2pix", "generator").save(run / "generator.keras")
    ganzoo.export(run, tmp_path / "out", **TFLITE, calibration=f"folder:{folder}")
    ganzoo.evaluate(tmp_path / "out/generator_float32.tflite", f"folder:{folder}", count=2)
    text = (tmp_path / "out/card.json").read_text()
    entry = json.loads(text)["files"]["generator_float32.tflite"]
    assert "ada" not in text
    assert "from folder:faces" in entry["quality"]["proven_on"]
    assert "from folder:faces" in entry["evaluation"]["data"]


@pytest.mark.parametrize("build", [signed.conditional, signed.player, signed.decoder, signed.encoder])
def test_an_exported_network_of_any_signature_is_opened_as_the_keras_model_is(tmp_path, monkeypatch, build):
    signed.register(monkeypatch)
    model = build()
    source = {"calibration": "embedded:emoji"} if build is signed.encoder else {}
    ganzoo.export(model, tmp_path, formats=["savedmodel", "tflite"], quantize=["none"], measure=False, **source)
    for name in ("generator_float32.tflite", "generator_savedmodel"):
        found = pretrained.find(tmp_path / name)
        assert found.provenance == model.provenance
        assert (tuple(found.taken), found.gives) == (found.signature.kinds, found.signature.made)
        if build is signed.encoder:
            values = np.random.default_rng(0).uniform(-1, 1, (1, 8, 8, 1)).astype("float32")
            made, wanted = (pretrained.find(one).network.call(values) for one in (tmp_path / name, model))
        else:
            made, wanted = (inference.sample(one, 5, 3).astype("float32") for one in (tmp_path / name, model))
        np.testing.assert_allclose(made, wanted, rtol=0, atol=1.0 if found.gives == "image" else 1e-5)


def test_a_card_whose_provenance_is_garbled_is_told_in_a_line(tmp_path, monkeypatch):
    signed.register(monkeypatch)
    ganzoo.export(signed.player(), tmp_path, **TFLITE)
    card = tmp_path / "card.json"
    document = json.loads(card.read_text())
    document["files"]["generator_float32.tflite"]["provenance"]["recipe"] = 3
    card.write_text(json.dumps(document))
    with pytest.raises(RunError, match=r"generator_float32\.tflite: its provenance in card\.json is garbled"):
        pretrained.find(tmp_path / "generator_float32.tflite").provenance  # noqa: B018


def test_a_signature_that_another_network_of_the_architecture_has_is_not_taken_for_its_own(monkeypatch):
    signed.register(monkeypatch)
    model = signed.classifier()
    # Two inputs are declared, and it has one.
    model.provenance = signed.conditional().provenance
    with pytest.raises(UsageError, match="makes no pictures"):
        pretrained.find(model).network  # noqa: B018
