"""What is known of a network goes with it: from a run into exported files, and from there into whatever opens them."""

import json
import shutil
from pathlib import Path

import numpy as np
import painters
import pytest
import signed
import yaml

import ganzoo
from ganzoo import inference, parsing, pretrained, recipes
from ganzoo.errors import RunError, UsageError
from ganzoo.evaluation import subject

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
