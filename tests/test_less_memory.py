"""Training in less memory trains the same."""

import keras
import numpy as np
import pytest
import small

from ganzoo.config.recipe import TrainingConfig
from ganzoo.errors import UsageError
from ganzoo.recipes import registry

# Batch norms, and the noise of each part, tell parts from a whole batch.
WITHOUT_BATCH = {
    "cyclegan": {"pool_size": 0},
    "pix2pix": {"dropout": 0.0},
    "srgan": {"generator_norm": "none", "discriminator_norm": "instance"},
}


def trained(name: str, changes: dict, **settings):
    """Terms of the second step, and all arrays after it. In double precision, so that rounding explains nothing."""
    gan = small.create(name, precision="float64", **changes)
    gan.compile(**settings)
    for seed in range(2):
        logs = gan.train_step(small.batch(gan, count=4, seed=seed))
    return small.terms(logs), small.arrays(gan)


def check_same(found, expected):
    (terms, arrays), (wanted_terms, wanted_arrays) = found, expected
    assert terms == pytest.approx(wanted_terms, rel=2e-7)
    assert arrays.keys() == wanted_arrays.keys()
    for name, wanted in wanted_arrays.items():
        if "seed" not in name:
            # Biases before a norm move by rounding errors alone: far less than the rate, 1e-4.
            np.testing.assert_allclose(arrays[name], wanted, rtol=1e-6, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("name", small.each(registry.names(), slow={*registry.names()} - {"pix2pix"}))
def test_activations_computed_anew_have_the_same_noise_norms_and_gradients(name):
    check_same(trained(name, {}, rematerialize=True), trained(name, {}))


@pytest.mark.parametrize("name", small.each(WITHOUT_BATCH))
def test_the_mean_gradient_of_parts_is_that_of_the_batch(name):
    changes = WITHOUT_BATCH[name]
    check_same(trained(name, changes, accumulate=2), trained(name, changes))


def test_parts_are_taken_for_each_of_several_critic_updates():
    changes = {**WITHOUT_BATCH["srgan"], "n_critic": 2}
    check_same(trained("srgan", changes, accumulate=2), trained("srgan", changes))


def test_norms_move_once_a_part_although_the_generator_runs_twice():
    """At momentum 0.9 and batches that are all one image a moving mean has gone 1 - 0.9 ** 2 of the way after two."""
    gan = small.create("dcgan")
    gan.compile(accumulate=2)
    norm = gan.generator.get_layer("norm4x4")
    gan.random = lambda purpose, shared=False: 7
    gan.begin_round = lambda number: None
    latents = keras.random.normal((2, gan.config.latent_dim), seed=7)
    first = gan.generator.get_layer("conv4x4")(keras.ops.reshape(latents, (2, 1, 1, -1)))
    gan.train_step(small.batch(gan, count=4))
    mean = np.asarray(first).mean((0, 1, 2))
    np.testing.assert_allclose(norm.moving_mean.numpy(), (1 - 0.9**2) * mean, rtol=1e-4, atol=1e-7)


def test_a_batch_that_has_no_such_parts_is_refused():
    with pytest.raises(ValueError, match="accumulate=3 parts can't be made of batch_size=4"):
        TrainingConfig(steps=1, batch_size=4, accumulate=3)
    gan = small.create("pix2pix")
    gan.compile(accumulate=3)
    with pytest.raises(UsageError, match=r"found a batch of 4; with n_critic=1 and accumulate=3 give a multiple of 3"):
        gan.train_step(small.batch(gan, count=4))


@pytest.mark.parametrize("penalty", ["gradient", "r1"])
def test_a_penalty_is_differentiated_twice_all_the_same(penalty):
    changes = {"penalty": penalty, "discriminator_norm": "none"}
    check_same(trained("pix2pix", changes, rematerialize=True), trained("pix2pix", changes))


def test_compiling_twice_computes_anew_once():
    gan = small.create("pix2pix")
    gan.compile(rematerialize=True)
    once = gan.generator.call.__wrapped__
    gan.compile(rematerialize=True)
    assert gan.generator.call.__wrapped__ == once
