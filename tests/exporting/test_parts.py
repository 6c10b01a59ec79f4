"""A network in two parts is exported as a whole and each part by itself, and the parts make what the whole makes."""

import json

import numpy as np
import pytest
import small

import ganzoo
from ganzoo.errors import UsageError
from ganzoo.generators import inference
from ganzoo.lite import runner
from ganzoo.lite.network import draw, made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An export of a small StyleGAN2 that was trained for a step."""
    gan = small.create("stylegan2")
    gan.train_step(small.batch(gan, count=4))
    path = tmp_path_factory.mktemp("run") / "generator.keras"
    gan.save(path)
    ganzoo.directions(path, count=2)
    ganzoo.export(path, path.parent / "out", formats=["tflite"], quantize=["none"], measure=False)
    return path.parent / "out"


def test_the_files_of_the_parts_make_in_a_row_what_that_of_the_whole_makes(folder):
    assert {path.name for path in folder.glob("*.tflite")} == {
        f"{name}_float32.tflite" for name in ("generator", "mapping", "synthesis")
    }
    whole, first, second = (
        runner.open_tflite(folder / f"{name}_float32.tflite", 1) for name in ("generator", "mapping", "synthesis")
    )
    latents = draw(whole, 3, 2)
    codes = np.concatenate(list(made(first, {first.interface.input.name: latents["latents"]})))
    layers = second.interface.input.shape[1]
    styles = {second.interface.input.name: np.repeat(codes[:, None], layers, axis=1)}
    pictures, expected = (np.concatenate(list(made(*given))) for given in ((second, styles), (whole, latents)))
    assert np.abs(pictures.astype(int) - expected).max() <= 1
    assert expected.std() > 5


def test_a_part_says_that_styles_are_not_drawn(folder):
    with pytest.raises(UsageError, match=r"takes styles and gives an image: give the generator that it is a part of"):
        inference.sample(folder / "synthesis_float32.tflite", 1)


def test_directions_lie_beside_the_files_that_they_steer(folder):
    (first, second) = json.loads((folder / "directions.json").read_text())["directions"]
    synthesis = runner.open_tflite(folder / "synthesis_float32.tflite", 1)
    assert [first["name"], second["name"]] == ["pc1", "pc2"]
    assert len(first["vector"]) == synthesis.interface.input.shape[-1]
