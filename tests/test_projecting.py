"""Styles of which a model paints what looks like a picture."""

import numpy as np
import pytest
import small
from PIL import Image

import ganzoo
from ganzoo.errors import UsageError
from ganzoo.generators import inference


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "generator.keras"
    gan = small.create("stylegan2", latent_dim=6)
    gan.save(path)
    return path


@pytest.mark.slow
def test_the_styles_of_a_picture_that_the_model_painted_paint_it_again(saved, tmp_path):
    picture = inference.sample_seeds(saved, [5])[0]
    Image.fromarray(picture).save(tmp_path / "picture.png")
    told = []
    found = ganzoo.project(saved, tmp_path / "picture.png", tmp_path / "out", steps=80, say=told.append)
    assert found["distance"] < 0.3 * found["distance_of_mean"]
    with np.load(tmp_path / "out/styles.npz") as arrays:
        styles = arrays["styles"]
    again, mean = (next(inference.made(inference.open_network(saved), {"styles": x}))[0] for x in (styles, 0 * styles))
    apart, of_mean = (np.abs(other.astype(int) - picture).mean() for other in (again, mean))
    assert apart < 0.4 * of_mean
    shown = np.asarray(Image.open(tmp_path / "out/before_and_after.png"))
    np.testing.assert_array_equal(shown[4:36, 4:36], picture)
    np.testing.assert_array_equal(shown[4:36, 40:72], again)
    assert len(told) == 2


def test_a_model_without_styles_is_refused_in_a_line(tmp_path):
    with pytest.raises(UsageError, match="takes latents and gives an image, and has no styles: give a StyleGAN2"):
        ganzoo.project(small.create("dcgan").generator, tmp_path / "picture.png", tmp_path / "out")
