"""The mobile generators: the contract, a tenth of the multiplications, and operations that devices take in 8 bits."""

import dataclasses
import math

import contract
import keras
import numpy as np
import pytest
import small

import ganzoo
from ganzoo.recipes import registry
from ganzoo.recipes.recipes import load_recipe

LAYERS = {
    "Activation",
    "Add",
    "BatchNormalization",
    "Conv2D",
    "Dense",
    "DepthToSpace",
    "GaussianNoise",
    "InputLayer",
    "Multiply",
    "ReLU",
    "Reshape",
    "Resize",
    "Subtract",
    "UpSampling2D",
}
"""Each is an operation of its own on a device that quantises to 8 bits, part of one, or nothing after training."""


@pytest.fixture(scope="module", params=small.MOBILE)
def built(request):
    gan = small.create(request.param, generator="mobile")
    return gan, small.arrays(gan)


def test_every_trainable_weight_gets_a_gradient(gan):
    contract.every_trainable_weight_gets_a_gradient(gan)


def test_outputs_are_float32_in_mixed_precision(gan):
    contract.outputs_are_float32_in_mixed_precision(gan, "mixed_bfloat16")


def test_all_that_is_trained_is_in_the_state(gan):
    contract.every_variable_of_training_is_in_the_state(gan)


def test_an_image_is_the_same_alone_and_in_a_batch(gan):
    # Also once batch norm has seen other batches.
    gan.train_step(small.batch(gan))
    for network in gan.deployed().values():
        shape = (3, *(side or 8 for side in network.input_shape[1:]))
        inputs = np.random.default_rng(0).uniform(0, 1, shape).astype("float32")
        together = network(inputs, training=False)
        alone = np.concatenate([network(one[None], training=False) for one in inputs])
        np.testing.assert_allclose(together, alone, rtol=0, atol=1e-6)


def test_they_are_named_after_their_architecture_and_themselves(gan):
    for name, network in gan.deployed().items():
        assert network.name == f"{gan.name}_mobile_{name}"


def test_they_hold_what_8_bits_and_delegates_can_take(gan):
    for network in gan.deployed().values():
        assert {type(layer).__name__ for layer in network.layers} - LAYERS == set()
        # Limits that are part of the operation before, and reached by 8 bits exactly.
        assert network.get_layer("output").activation is keras.activations.hard_tanh
        assert type(network.get_layer("output").input._keras_history.operation).__name__ in ("Add", "Conv2D")


@pytest.mark.parametrize("name", small.MOBILE)
def test_at_least_ten_times_fewer_multiplications_than_the_paper(name):
    paper = registry.config_class(name)()
    large, mobile = (
        multiplications(dataclasses.replace(paper, generator=kind), name) for kind in (paper.generator, "mobile")
    )
    assert 10 * mobile <= large


def test_multiplications_are_counted_as_by_hand():
    # Two dense layers, then from 8x8 twice the size by 2x2 and by 3x3, with 2 filters and 1. Latents: 8.
    assert multiplications(ganzoo.create("dcgan", **small.config("dcgan"), generator="mobile").config, "dcgan") == (
        8 * 24 + 24 * 64 * 2 + 8 * 8 * (2 * 2 * 2 * 4) + 16 * 16 * (3 * 3 * 1 * 12)
    )


@pytest.mark.parametrize("name", small.MOBILE)
def test_the_mobile_recipe_has_a_smaller_generator_and_the_same_task(name):
    mobile, default = load_recipe(f"{name}_emoji_mobile"), load_recipe(f"{name}_emoji")
    assert mobile.model.generator == "mobile"
    assert 3 * multiplications(mobile.model, name) < multiplications(default.model, name)
    assert (mobile.data, mobile.model.image_size) == (default.data, default.model.image_size)
    # Its teacher, where one is given, is a run of the other.
    assert mobile.model.teacher is None


def multiplications(config, name: str) -> int:
    """Returns the generator's multiplications for one input: kernel sizes times the positions of kernels."""
    network = next(iter(registry.get(name)(config).deployed().values()))
    if network.input_shape[1:3] == (None, None):
        network = keras.models.clone_model(network, input_tensors=keras.Input((64, 64, config.channels)))
    return sum(positions(layer) * math.prod(layer.kernel.shape) for layer in network.layers if hasattr(layer, "kernel"))


def positions(layer) -> int:
    if isinstance(layer, keras.layers.Dense):
        return 1
    # A transposed convolution is applied at every position of what it takes.
    side = layer.input.shape if isinstance(layer, keras.layers.Conv2DTranspose) else layer.output.shape
    return side[1] * side[2]
