"""Five GANs of other kinds, each in a file beside this one, keep the contract. Nothing of the package knows of them."""

import dataclasses
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

# pytest's importlib mode puts no test folder on the path.
sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]
pytest.register_assert_rewrite("contract")

import contract  # noqa: E402
import plugins  # noqa: E402
import small  # noqa: E402

from ganzoo.errors import UsageError  # noqa: E402

KINDS = ("classifier", "conditional", "sequence", "style", "tokens")
LIKE_OURS = ("classifier", "conditional", "tokens")
"""Kinds like which architectures of the package are, which are tested in the same ways: `improved_gan` and `biggan`."""


# Under JAX test_parity.py trains all of them.
SLOW = (*LIKE_OURS, "sequence") if keras.config.backend() == "jax" else LIKE_OURS


@pytest.fixture(scope="module", params=small.each(KINDS, SLOW))
def built(request):
    with plugins.built(request.param) as found:
        yield found


@plugins.keeps_each_promise
def test_it_keeps_the_contract(gan, promise):
    promise(gan)


def test_a_file_of_the_whole_gan_goes_on_as_if_it_had_not_been_closed(gan, tmp_path):
    contract.a_file_of_the_whole_gan_goes_on_as_if_it_had_not_been_closed(gan, tmp_path)


@pytest.mark.parametrize("name", ["conditional", "sequence", "tokens"])
@pytest.mark.parametrize("penalty", ["gradient", "r1"])
def test_losses_penalties_and_averages_can_be_turned_on_whatever_a_discriminator_is_shown(name, penalty):
    with plugins.built(name) as (gan, _):
        changes = {"adversarial_loss": "hinge", "penalty": penalty, "n_critic": 2, "ema_decay": 0.9}
        contract.every_loss_penalty_norm_and_average_can_be_turned_on(gan, changes)


def test_augmentation_of_a_discriminator_that_sees_no_picture_is_refused_in_a_line():
    with plugins.built("sequence", augmentation=("color", "cutout")) as (gan, _):
        found = "model.augmentation: found color, cutout, which change pictures, and sequence's discriminator"
        with pytest.raises(UsageError, match=rf"^{found} is shown none; set it to \[\]"):
            gan.fit(small.batch(gan), batch_size=2, verbose=0)


def test_a_stock_twin_computes_what_is_trained_and_what_is_trained_can_begin_from_it():
    with plugins.built("style", ema_decay=0.9) as (gan, _):
        gan.train_step(small.batch(gan))
        trained, stock = gan.deployed()["generator"], gan.released()["generator"]
        latents = small.inputs(trained, low=-1.0)
        expected = np.asarray(trained(latents, training=False))
        np.testing.assert_allclose(stock(latents, training=False), expected, rtol=0, atol=1e-5)
        other = type(gan)(dataclasses.replace(gan.config, seed=1)).networks()["generator"]
        assert np.abs(np.asarray(other(latents, training=False)) - expected).max() > 1e-2
        gan.adopt("generator", stock, other)
        np.testing.assert_allclose(other(latents, training=False), expected, rtol=0, atol=1e-5)


def test_what_is_saved_is_of_stock_layers(tmp_path):
    gans = []
    for name in KINDS:
        with plugins.built(name) as (gan, _):
            gans.append(gan)
    contract.deployed_networks_open_in_plain_keras(gans, tmp_path)


def test_lazy_phases_run_at_their_steps_and_share_the_slots_of_those_they_add_to():
    with plugins.built("style") as (gan, _):
        seen = []
        for step in range(5):
            logs = gan.train_step(small.batch(gan, seed=step))
            seen.append({name for name in small.terms(logs) if name.endswith("_penalty")})
        r1, path = "discriminator_r1_penalty", "generator_path_penalty"
        assert seen == [{r1, path}, set(), {r1}, set(), {r1, path}]
        updates = {name: int(optimizer.iterations) for name, optimizer in gan.optimizers.items()}
        assert updates == {"discriminator": 5 + 3, "generator": 5 + 2}
