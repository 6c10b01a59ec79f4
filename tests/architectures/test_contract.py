"""The promises of `contract.py`, for every architecture that is registered, under each backend."""

import contract
import keras
import plugins
import pytest
import small

from ganzoo.recipes import registry

not_of_the_engine = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="no engine has a part in it, and JAX takes long to build networks"
)


# To compile or to trace their steps, in every form that is tested here, takes minutes.
# Under JAX test_parity.py trains improved_gan as well.
OF_JAX = ("biggan", "cyclegan", "improved_gan", "pix2pix", "srgan", "stylegan2")
LARGE = OF_JAX if keras.config.backend() == "jax" else ("cyclegan", "srgan", "stylegan2")


@pytest.fixture(scope="module", params=small.each(registry.names(), LARGE))
def built(request):
    gan = small.create(request.param)
    return request.param, gan, small.arrays(gan)


@plugins.keeps_each_promise
def test_it_keeps_the_contract(gan, promise):
    promise(gan)


def test_a_checkpoint_holds_all_that_the_next_step_needs(gan, tmp_path):
    contract.a_checkpoint_holds_all_that_the_next_step_needs(gan, tmp_path)


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_outputs_are_float32_in_mixed_precision(gan, precision):
    contract.outputs_are_float32_in_mixed_precision(gan, precision)


@not_of_the_engine
def test_networks_in_float64_round_nothing_that_comes_in(gan):
    contract.networks_in_float64_round_nothing_that_comes_in(gan)


def test_a_file_of_the_whole_gan_goes_on_as_if_it_had_not_been_closed(gan, tmp_path):
    contract.a_file_of_the_whole_gan_goes_on_as_if_it_had_not_been_closed(gan, tmp_path)


def test_every_loss_penalty_norm_and_average_can_be_turned_on(built, gan):
    contract.every_loss_penalty_norm_and_average_can_be_turned_on(gan, small.combination(built[0]))


@not_of_the_engine
def test_equal_gans_are_saved_as_equal_arrays(gan, tmp_path):
    contract.equal_gans_are_saved_as_equal_arrays(gan, tmp_path)


@not_of_the_engine
def test_deployed_networks_open_in_plain_keras(tmp_path):
    gans = [small.create(name) for name in registry.names()]
    gans += [small.create(name, generator="mobile") for name in small.MOBILE]
    contract.deployed_networks_open_in_plain_keras(gans, tmp_path)
