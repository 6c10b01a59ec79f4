"""SRGAN against Ledig et al. 2017."""

from dataclasses import asdict

import keras
import numpy as np
import pytest
import small
import tensorflow as tf

from ganzoo.architectures.srgan import SRGANConfig, build_discriminator, build_generator
from ganzoo.config.parsing import create_config
from ganzoo.errors import UsageError
from ganzoo.recipes.recipes import load_recipe


@pytest.fixture(scope="module")
def full():
    config = create_config(SRGANConfig)
    return build_generator(config), build_discriminator(config)


@pytest.fixture(scope="module")
def low():
    return np.random.default_rng(0).uniform(0, 1, (2, 8, 10, 3)).astype("float32")


def conv(kernel, filters):
    return ("Conv2D", kernel, filters)


def layer_list(network):
    return [
        conv(layer.kernel_size[0], layer.filters) if kind == "Conv2D" else kind
        for layer in network.layers
        if (kind := type(layer).__name__) in ("Conv2D", "PReLU", "BatchNormalization", "Add")
    ]


def test_generator_layers_are_those_of_figure_4(full):
    block = [conv(3, 64), "BatchNormalization", "PReLU", conv(3, 64), "BatchNormalization", "Add"]
    up = [conv(3, 256), "PReLU"]
    expected = [conv(9, 64), "PReLU", *block * 16, conv(3, 64), "BatchNormalization", "Add", *up * 2, conv(9, 3)]
    assert layer_list(full[0]) == expected


def test_parameters_are_those_of_torchs_networks(full):
    # torch.nn: PReLU(64), a bias in each of the generator's convolutions, none before the discriminator's norms.
    assert [small.parameters(network) for network in full] == [1_550_659, 23_563_649]


def test_prelu_is_shared_over_space(full):
    # One for each pixel would fix the size of the images.
    slopes = [layer.alpha.numpy() for layer in full[0].layers if type(layer).__name__ == "PReLU"]
    assert len(slopes) == 1 + 16 + 2
    assert {slope.shape for slope in slopes} == {(1, 1, 64)}


def test_prelu_starts_from_a_quarter_as_in_torch_not_as_a_relu(full):
    for layer in full[0].layers:
        assert type(layer).__name__ != "PReLU" or np.all(layer.alpha.numpy() == 0.25)


def test_norms_have_torchs_constants(full):
    norms = [layer for network in full for layer in network.layers if type(layer).__name__ == "BatchNormalization"]
    assert len(norms) == 33 + 7
    assert {(layer.momentum, layer.epsilon) for layer in norms} == {(0.9, 1e-5)}


@pytest.mark.parametrize("scale", [2, 4])
def test_images_of_any_size_are_enlarged(scale):
    generator = small.create("srgan", scale=scale).generator
    assert generator(np.zeros((1, 5, 9, 3), "float32")).shape == (1, 5 * scale, 9 * scale, 3)
    assert generator(np.zeros((2, 17, 8, 3), "float32")).shape == (2, 17 * scale, 8 * scale, 3)


def test_sums_close_each_block_and_all_of_them(low):
    generator = small.create("srgan", residual_blocks=2).generator
    places = ("first_activation", "block1_norm2", "block1_add", "block2_norm2", "block2_add", "after_blocks_norm")
    first, norm1, sum1, norm2, sum2, last = small.probe(generator, *places)(low)
    np.testing.assert_allclose(sum1, first + norm1, rtol=0, atol=1e-6)
    np.testing.assert_allclose(sum2, sum1 + norm2, rtol=0, atol=1e-6)
    (total,) = small.probe(generator, "after_blocks_add")(low)
    np.testing.assert_allclose(total, first + last, rtol=0, atol=1e-6)


def test_pixel_shuffle_puts_four_channels_into_each_pixels_square(low):
    generator = small.create("srgan").generator
    conv, shuffled = small.probe(generator, "up1_conv", "<up1_activation")(low)
    count, height, width, channels = conv.shape
    assert shuffled.shape == (count, 2 * height, 2 * width, channels // 4)
    for row in range(2):
        for column in range(2):
            part = conv[..., (2 * row + column) * 4 : (2 * row + column + 1) * 4]
            np.testing.assert_array_equal(shuffled[:, row::2, column::2], part)


def test_nothing_bounds_the_output(low):
    generator = small.create("srgan").generator
    generator.get_layer("last_conv").bias.assign([5.0, -5.0, 0.0])
    output = np.asarray(generator(low))
    assert output[..., 0].min() > 1
    assert output[..., 1].max() < -1


def test_enlarged_input_is_where_the_network_begins(low):
    generator = small.create("srgan", add_enlarged_input=True, generator_norm="none").generator
    flat = np.full((1, 8, 8, 3), [0.25, 0.5, 1.0], "float32")
    np.testing.assert_allclose(generator(flat), np.full((1, 32, 32, 3), [-0.5, 0, 1]), rtol=0, atol=0.05)
    generator.get_layer("last_conv").kernel.assign(np.zeros((9, 9, 4, 3)))
    output = np.asarray(generator(low))
    # Bilinear, corners of pixels aligned: between the centres of two pixels at 1/8, 3/8, 5/8 and 7/8.
    first, second = 2 * low[:, 3, 4] - 1, 2 * low[:, 3, 5] - 1
    above, below = 2 * low[:, 2, 4] - 1, 2 * low[:, 2, 5] - 1
    for place, share in enumerate([1 / 8, 3 / 8, 5 / 8, 7 / 8]):
        lower = (1 - share) * first + share * second
        upper = (1 - share) * above + share * below
        np.testing.assert_allclose(output[:, 12, 18 + place], 5 / 8 * lower + 3 / 8 * upper, rtol=0, atol=1e-5)


def test_generator_without_norm_has_none():
    generator = small.create("srgan", generator_norm="none").generator
    assert "BatchNormalization" not in {type(layer).__name__ for layer in generator.layers}


def test_discriminator_layers_are_those_of_figure_4(full):
    convs = [layer for layer in full[1].layers if type(layer).__name__ == "Conv2D"]
    assert [(layer.kernel_size[0], layer.filters, layer.strides[0]) for layer in convs] == [
        (3, filters, strides) for filters in (64, 128, 256, 512) for strides in (1, 2)
    ]
    dense = [layer for layer in full[1].layers if type(layer).__name__ == "Dense"]
    assert [layer.kernel.shape for layer in dense] == [(6 * 6 * 512, 1024), (1024, 1)]
    slopes = [layer.negative_slope for layer in full[1].layers if type(layer).__name__ == "LeakyReLU"]
    assert slopes == [np.float32(0.2)] * 9
    first = full[1].get_layer("conv1")
    assert full[1].get_layer("activation1").input is first.output
    assert full[1].output_shape == (None, 1)


def test_discriminator_pads_strided_convolutions_on_both_sides():
    discriminator = small.create("srgan").discriminator
    image = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3)).astype("float32")
    before, padded = small.probe(discriminator, "activation1", "<conv2")(image)
    np.testing.assert_array_equal(padded, np.pad(before, [(0, 0), (1, 1), (1, 1), (0, 0)]))


def test_optimizers_are_adam_1e_4_with_beta_1_of_0_9():
    gan = small.create("srgan", pretrain_steps=1)
    assert [phase.name for phase in gan.phases()] == ["pretraining", "discriminator", "generator"]
    for optimizer in gan.optimizers.values():
        assert float(optimizer.learning_rate) == pytest.approx(1e-4)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.9, 0.999)


def copies(gan):
    networks = {name: keras.models.clone_model(network) for name, network in gan.networks().items()}
    for name, network in gan.networks().items():
        networks[name].set_weights(network.get_weights())
    return networks


def test_terms_by_hand_with_the_generator_after_the_discriminator():
    gan = small.create("srgan", learning_rate=0.01)
    batch, old = small.batch(gan), copies(gan)
    fake = old["generator"](batch["low"], training=True)
    logs = small.terms(gan.train_step(batch))
    updated = copies(gan)["discriminator"]

    def softplus(logits):
        return np.mean(np.logaddexp(0, np.asarray(logits)))

    expected = {
        "discriminator_real": softplus(-old["discriminator"](batch["high"], training=True)),
        "discriminator_fake": softplus(old["discriminator"](fake, training=True)),
        "generator_content": np.mean((fake - batch["high"]) ** 2),
        "generator_adversarial": 1e-3 * softplus(-updated(fake, training=True)),
    }
    assert logs == pytest.approx(expected, rel=1e-4)
    stale = 1e-3 * softplus(-old["discriminator"](fake, training=True))
    assert abs(stale / expected["generator_adversarial"] - 1) > 1e-2


def test_phases_switch_at_pretrain_steps_within_one_fit():
    gan = small.create("srgan", pretrain_steps=2)
    gan.compile(run_eagerly=True)
    batch, weights, terms = small.batch(gan), [small.weights(gan)], []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, step, logs=None):
            weights.append(small.weights(gan))
            terms.append(set(small.terms(logs)))

    gan.fit(
        tf.data.Dataset.from_tensors(batch).repeat(),
        steps_per_epoch=4,
        verbose=0,
        shuffle=False,
        callbacks=[Watch()],
    )
    changed = [
        {name for name in after if small.equal(before[name], after[name])}
        for before, after in zip(weights, weights[1:], strict=False)
    ]
    assert changed == [{"generator"}] * 2 + [{"generator", "discriminator"}] * 2
    adversarial = {"discriminator_real", "discriminator_fake", "generator_content", "generator_adversarial"}
    assert terms == [{"generator_mse"}] * 2 + [adversarial] * 2


@pytest.mark.parametrize("pretrain_steps", [0, 1])
def test_srresnet_has_no_discriminator_at_any_step(pretrain_steps):
    gan = small.create("srgan", adversarial_weight=0, pretrain_steps=pretrain_steps)
    batch, before = small.batch(gan), small.weights(gan)
    for _ in range(3):
        logs = gan.train_step(batch)
    assert set(small.terms(logs)) == {"generator_mse"}
    assert list(gan.networks()) == ["generator"]
    assert small.equal(before["generator"], small.weights(gan)["generator"])


@pytest.mark.parametrize("changes", [{"adversarial_weight": 0}, {"pretrain_steps": 1, "n_critic": 2}])
def test_pretraining_minimises_the_mean_squared_error_of_the_whole_batch(changes):
    gan = small.create("srgan", **changes)
    batch = small.batch(gan)
    fake = copies(gan)["generator"](batch["low"], training=True)
    logs = gan.train_step(batch)
    assert float(logs["generator_mse"]) == pytest.approx(np.mean((fake - batch["high"]) ** 2), rel=1e-5)


def test_a_missing_feature_network_is_named_before_training_not_in_it():
    gan = small.create("srgan", content="vgg19", content_weights="nowhere/vgg19.h5")
    with pytest.raises(UsageError, match="model.content_weights: no file at 'nowhere/vgg19.h5'"):
        gan.prepare()
    with pytest.raises(UsageError, match=r"call prepare\(\) before fit\(\)"):
        gan.train_step(small.batch(gan))


def test_samples_show_bicubic_output_and_target_within_range():
    gan = small.create("srgan")
    batch = small.batch(gan)
    gan.generator.get_layer("last_conv").bias.assign([9.0, -9.0, 0.0])
    samples = gan.samples({name: value.numpy() for name, value in batch.items()})
    assert list(samples) == ["bicubic", "output", "target"]
    assert {tuple(images.shape) for images in samples.values()} == {(2, 32, 32, 3)}
    np.testing.assert_array_equal(samples["output"][..., 0], 1)
    np.testing.assert_array_equal(samples["output"][..., 1], -1)
    flat = {"low": np.full((1, 8, 8, 3), 0.75, "float32"), "high": np.zeros((1, 32, 32, 3), "float32")}
    np.testing.assert_allclose(gan.samples(flat)["bicubic"], 0.5, rtol=0, atol=1e-5)


def test_the_papers_recipes_have_its_crops_loss_and_rates():
    srresnet, srgan = load_recipe("srresnet_div2k"), load_recipe("srgan_div2k")
    assert asdict(srresnet.model) == asdict(create_config(SRGANConfig, adversarial_weight=0))
    assert srresnet.training.steps == 10**6
    schedule = {"kind": "steps", "boundaries": (100_000,), "factor": 0.1}
    assert asdict(srgan.model) == asdict(create_config(SRGANConfig, content="vgg19", schedule=schedule))
    assert srgan.training.steps == 200_000
    for recipe in (srresnet, srgan):
        assert (recipe.model.image_size, recipe.model.scale, recipe.training.batch_size) == (96, 4, 16)
        small.check_extras_are_off(recipe.model, "non_saturating")
    assert srgan.model.adversarial_weight == 1e-3
