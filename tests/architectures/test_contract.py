"""The promises of `contract.py`, for every architecture that is registered, under each backend."""

import contract
import keras
import pytest
import small

from ganzoo.recipes import registry

not_of_the_engine = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="no engine has a part in it, and JAX takes long to build networks"
)


# To compile or to trace their steps, in every form that is tested here, takes minutes.
LARGE = ("cyclegan", "pix2pix", "srgan") if keras.config.backend() == "jax" else ("cyclegan",)


@pytest.fixture(scope="module", params=small.each(registry.names(), LARGE))
def built(request):
    gan = small.create(request.param)
    return request.param, gan, small.arrays(gan)


def test_every_trainable_weight_gets_a_gradient(gan):
    contract.every_trainable_weight_gets_a_gradient(gan)


def test_each_phase_changes_its_own_networks_and_no_other(gan):
    contract.each_phase_changes_its_own_networks_and_no_other(gan)


def test_the_seed_alone_decides_on_the_initial_weights(gan):
    contract.the_seed_alone_decides_on_the_initial_weights(gan)


def test_a_step_is_a_function_of_the_state(gan):
    contract.a_step_is_a_function_of_the_state(gan)


def test_a_checkpoint_holds_all_that_the_next_step_needs(gan, tmp_path):
    contract.a_checkpoint_holds_all_that_the_next_step_needs(gan, tmp_path)


def test_every_variable_of_training_is_in_the_state(gan):
    contract.every_variable_of_training_is_in_the_state(gan)


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_outputs_are_float32_in_mixed_precision(gan, precision):
    contract.outputs_are_float32_in_mixed_precision(gan, precision)


@not_of_the_engine
def test_networks_in_float64_round_nothing_that_comes_in(gan):
    contract.networks_in_float64_round_nothing_that_comes_in(gan)


def test_fit_trains_in_a_graph_what_a_step_trains_eagerly(gan):
    contract.fit_trains_in_a_graph_what_a_step_trains_eagerly(gan)


def test_predict_gives_what_each_deployed_network_makes_whatever_the_size_of_its_batches(gan):
    contract.predict_gives_what_each_deployed_network_makes_whatever_the_size_of_its_batches(gan)


def test_evaluating_changes_nothing_and_says_the_same_again(gan):
    contract.evaluating_changes_nothing_and_says_the_same_again(gan)


def test_a_file_of_the_whole_gan_goes_on_as_if_it_had_not_been_closed(gan, tmp_path):
    contract.a_file_of_the_whole_gan_goes_on_as_if_it_had_not_been_closed(gan, tmp_path)


def test_a_wrong_batch_is_refused(gan):
    contract.a_wrong_batch_is_refused(gan)


def test_every_loss_penalty_norm_and_average_can_be_turned_on(built, gan):
    contract.every_loss_penalty_norm_and_average_can_be_turned_on(gan, small.combination(built[0]))


@not_of_the_engine
def test_spectral_norm_bounds_every_layer_of_the_discriminators(gan):
    contract.spectral_norm_bounds_every_layer_of_the_discriminators(gan)


@not_of_the_engine
def test_equal_gans_are_saved_as_equal_arrays(gan, tmp_path):
    contract.equal_gans_are_saved_as_equal_arrays(gan, tmp_path)


@not_of_the_engine
def test_deployed_networks_open_in_plain_keras(tmp_path):
    gans = [small.create(name) for name in registry.names()]
    gans += [small.create(name, generator="mobile") for name in small.MOBILE]
    contract.deployed_networks_open_in_plain_keras(gans, tmp_path)
