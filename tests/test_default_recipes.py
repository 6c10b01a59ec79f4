"""Default recipes learn: a few hundred steps bring them nearer to what they are to paint. Minutes, so: slow."""

import numpy as np
import pytest

import ganzoo
from ganzoo.recipes.recipes import load_recipe
from ganzoo.training.run import open_data

STEPS = 300


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    def run(name, steps):
        recipe = load_recipe(name)
        gan = ganzoo.train(recipe, tmp_path_factory.mktemp(name) / "run", steps=steps)
        examples = open_data(recipe, "test").fixed(32)
        return examples, {title: np.asarray(images) for title, images in gan.samples(examples).items()}

    return run


def distance(images, others):
    return float(np.abs(images - others).mean())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pix2pix", "pix2pix_emoji_mobile"])
def test_pix2pix_that_does_not_learn_to_colour(trained, name):
    # The line art itself is the colourless answer.
    _, columns = trained(name, STEPS)
    assert distance(columns["output"], columns["target"]) < distance(columns["input"], columns["target"])


@pytest.mark.slow
def test_cyclegan_that_does_not_come_back(trained):
    # An image that goes there and back must be clearly nearer to itself than to another one; a grey one is to neither.
    examples, columns = trained("cyclegan", STEPS)
    for domain, returned in (("a", "a to b to a"), ("b", "b to a to b")):
        itself = distance(columns[returned], examples[domain])
        assert itself < 0.75 * distance(columns[returned], np.roll(examples[domain], 1, axis=0))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "steps"), [("srgan", STEPS), ("srgan_emoji_mobile", 3 * STEPS)])
def test_srgan_whose_pretraining_is_no_better_than_bicubic(trained, name, steps):
    _, columns = trained(name, steps)

    def error(images):
        return float(np.square(images - columns["target"]).mean())

    # 1 dB.
    assert error(columns["output"]) < 0.8 * error(columns["bicubic"])
