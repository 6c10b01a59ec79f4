"""DCGAN against Radford et al. 2016 and dcgan.torch."""

from dataclasses import asdict

import numpy as np
import pytest
import small
import tensorflow as tf

from ganzoo.architectures.dcgan import DCGANConfig, build_discriminator, build_generator
from ganzoo.config.parsing import create_config
from ganzoo.recipes.recipes import load_recipe


@pytest.fixture(scope="module")
def full():
    config = create_config(DCGANConfig)
    return build_generator(config), build_discriminator(config)


def layer_list(network):
    """(class, filters or channels) of each layer that computes, in order."""
    sizes = {"Conv2D": "filters", "Conv2DTranspose": "filters", "BatchNormalization": None}
    return [
        (kind, getattr(layer, sizes[kind]) if sizes.get(kind) else None)
        for layer in network.layers
        if (kind := type(layer).__name__) not in ("InputLayer", "Reshape", "ZeroPadding2D", "Flatten")
    ]


def test_generator_has_norm_and_relu_after_each_convolution_but_the_last(full):
    expected = []
    for filters in (512, 256, 128, 64):
        expected += [("Conv2DTranspose", filters), ("BatchNormalization", None), ("ReLU", None)]
    assert layer_list(full[0]) == [*expected, ("Conv2DTranspose", 3), ("Activation", None)]


def test_discriminator_has_no_norm_on_its_input_layer_nor_on_its_last(full):
    expected = [("Conv2D", 64), ("LeakyReLU", None)]
    for filters in (128, 256, 512):
        expected += [("Conv2D", filters), ("BatchNormalization", None), ("LeakyReLU", None)]
    assert layer_list(full[1]) == [*expected, ("Conv2D", 1)]


def test_parameters_are_those_of_the_references_which_have_no_biases(full):
    # Of dcgan.torch (`noBias()`) and of PyTorch's tutorial (`bias=False`), counted there.
    assert [small.parameters(network) for network in full] == [3_576_704, 2_765_568]
    assert not [variable.path for network in full for variable in network.variables if variable.name == "bias"]


@pytest.mark.parametrize("norm", ["none", "instance"])
def test_without_batch_norm_its_offset_is_kept_as_a_bias_and_no_other_layer_gets_one(norm):
    network = build_discriminator(create_config(DCGANConfig, discriminator_norm=norm))
    biases = [variable.path for variable in network.variables if variable.name == "bias"]
    assert biases == ["conv2/bias", "conv3/bias", "conv4/bias"]


def test_kernels_have_deviation_0_02_and_norms_scale_around_1(full):
    for network in full:
        small.check_kernels_are_normal(network, 5)
        scales = np.concatenate([v.numpy() for v in network.trainable_variables if v.path.endswith("gamma")])
        assert scales.mean() == pytest.approx(1, abs=5 * 0.02 / scales.size**0.5)
        assert scales.std() == pytest.approx(0.02, rel=5 / (2 * scales.size) ** 0.5)


def test_leaky_slope_is_0_2_and_the_norms_have_torchs_constants(full):
    for network in full:
        for layer in network.layers:
            match type(layer).__name__:
                case "LeakyReLU":
                    assert layer.negative_slope == np.float32(0.2)
                case "BatchNormalization":
                    assert (layer.momentum, layer.epsilon) == (0.9, 1e-5)


@pytest.mark.parametrize("size", [32, 64, 128])
def test_levels_follow_the_size_from_4x4_up(size):
    gan = small.create("dcgan", image_size=size)
    (first,) = small.probe(gan.generator, "conv4x4")(np.zeros((1, 8), "float32"))
    assert first.shape == (1, 4, 4, 4 * size // 8)
    assert gan.generator(np.zeros((2, 8))).shape == (2, size, size, 3)
    (last,) = small.probe(gan.discriminator, f"<conv{int(np.log2(size)) - 1}")(np.zeros((1, size, size, 3), "float32"))
    assert last.shape == (1, 4, 4, 4 * size // 8)
    assert gan.discriminator(np.zeros((2, size, size, 3))).shape == (2, 1)


def test_images_reach_minus_1_and_1_and_no_further():
    gan = small.create("dcgan")
    kernel = gan.generator.get_layer("conv32x32").kernel
    kernel.assign(kernel * 1e8)
    images = gan.generator(np.random.default_rng(0).normal(size=(4, 8)))
    assert (float(tf.reduce_min(images)), float(tf.reduce_max(images))) == (-1, 1)


def test_real_and_fake_are_normed_in_batches_of_their_own():
    gan = small.create("dcgan")
    real = small.batch(gan)["image"]
    fake = 0.1 * real + 0.5
    alone = gan.discriminator(real, training=True), gan.discriminator(fake, training=True)
    together = gan.discriminator(tf.concat([real, fake], 0), training=True)
    terms = gan.discriminator_terms("discriminator", real=(real,), fake=(fake,))
    separate = np.mean(np.log1p(np.exp(-alone[0]))), np.mean(np.log1p(np.exp(alone[1])))
    mixed = np.mean(np.log1p(np.exp(-together[:2])))
    assert (float(terms["discriminator_real"]), float(terms["discriminator_fake"])) == pytest.approx(separate, rel=1e-5)
    assert abs(mixed - separate[0]) > 1e-3


def test_latents_are_a_normal_distribution_and_as_many_as_images():
    gan, seen = small.create("dcgan", latent_dim=100), []
    generator = gan.generator

    def spy(latents, training):
        seen.append(np.asarray(latents))
        return generator(latents, training=training)

    gan.generator = spy
    gan.train_step(small.batch(gan, 100))
    (latents,) = seen
    assert latents.shape == (100, 100)
    assert latents.mean() == pytest.approx(0, abs=0.05)
    assert latents.std() == pytest.approx(1, abs=0.04)
    # Beyond two deviations lie 4.6 % of a normal distribution, and none of the uniform one of the same deviation.
    assert np.mean(np.abs(latents) > 2) == pytest.approx(0.0455, abs=0.011)
    assert len(np.unique(latents)) == latents.size


def test_optimizers_are_adam_2e_4_with_beta_1_of_a_half():
    gan = small.create("dcgan")
    assert [phase.name for phase in gan.phases()] == ["discriminator", "generator"]
    for optimizer in gan.optimizers.values():
        assert float(optimizer.learning_rate) == pytest.approx(2e-4)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.999)


def test_samples_are_of_the_same_latents_at_every_step():
    gan = small.create("dcgan")
    batch = small.batch(gan, 3)
    first = gan.samples(batch)["sample"]
    gan.step.assign(17)
    np.testing.assert_array_equal(gan.samples(small.batch(gan, 3, seed=5))["sample"], first)
    assert first.shape == (3, 32, 32, 3)
    assert np.abs(first[0] - first[1]).max() > 0


def test_the_papers_recipe_adds_nothing_to_it():
    recipe = load_recipe("dcgan_celeb_a")
    assert asdict(recipe.model) == asdict(create_config(DCGANConfig, image_size=64))
    assert recipe.training.batch_size == 128
    small.check_extras_are_off(recipe.model, "non_saturating")
