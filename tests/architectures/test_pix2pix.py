"""Pix2Pix against Isola et al. 2017 and pytorch-CycleGAN-and-pix2pix."""

from dataclasses import asdict

import keras
import numpy as np
import pytest
import small
import tensorflow as tf

from ganzoo.architectures.pix2pix import Pix2PixConfig, build_discriminator, build_generator, decoder_block, doubled
from ganzoo.config.parsing import create_config
from ganzoo.recipes.recipes import load_recipe


@pytest.fixture(scope="module")
def full():
    config = create_config(Pix2PixConfig)
    return build_generator(config), build_discriminator(config)


@pytest.fixture(scope="module")
def thin():
    """The networks at 256 pixels with few filters, and values for their inputs."""
    config = create_config(Pix2PixConfig, base_filters=2)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 256, 256, 3)).astype("float32")
    return build_generator(config), build_discriminator(config), image


def normed(x):
    mean, variance = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5)


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


def test_parameters_are_those_of_torchs_networks(full):
    # torch.nn.Module of the same layers, with biases where the reference has them under instance norm.
    assert [small.parameters(network) for network in full] == [54_409_603, 2_767_809]


def test_kernels_have_deviation_0_02(full):
    small.check_kernels_are_normal(full[0], 16)
    small.check_kernels_are_normal(full[1], 5)


def test_u_net_has_eight_levels_down_to_1x1(thin):
    generator, _, image = thin
    shapes = [value.shape[1:] for value in small.probe(generator, *(f"down{n}_conv" for n in range(1, 9)))(image)]
    assert shapes == [
        (size, size, filters)
        for size, filters in zip((128, 64, 32, 16, 8, 4, 2, 1), (2, 4, 8, 16, 16, 16, 16, 16), strict=True)
    ]


def test_encoder_has_no_norm_on_its_first_layer_nor_on_the_bottleneck_and_norm_between(thin):
    generator, _, image = thin
    for level in range(1, 9):
        before, after = small.probe(generator, f"down{level}_conv", f"down{level}_activation")(image)
        expected = leaky(before if level in (1, 8) else normed(before))
        np.testing.assert_allclose(after, expected, rtol=0, atol=2e-3)
        assert np.abs(after).max() > 0, level


def test_bottleneck_says_something_at_batch_1(thin):
    # An instance norm on 1x1 would set it to zero, whatever the image.
    generator, _, image = thin
    first, second = (small.probe(generator, "<up8_conv")(value)[0] for value in (image, image[:, ::-1]))
    assert np.abs(first - second).max() > 0


def test_decoder_norms_then_concatenates_the_skip_and_only_then_takes_the_relu(thin):
    generator, _, image = thin
    for level in range(2, 9):
        up, skip, following = small.probe(
            generator, f"up{level}_conv", f"down{level - 1}_activation", f"<up{level - 1}_conv"
        )(image)
        assert following.shape[3] == up.shape[3] + skip.shape[3]
        expected = np.maximum(np.concatenate([normed(up), skip], axis=3), 0)
        np.testing.assert_allclose(following, expected, rtol=0, atol=2e-3)
        assert (skip < 0).any()


def test_without_norms_what_goes_in_still_reaches_the_bottleneck_and_the_output():
    images = np.random.default_rng(0).uniform(-1, 1, (2, 64, 64, 3)).astype("float32")
    config = {"image_size": 64, "base_filters": 16, "dropout": 0.0}
    generator = build_generator(create_config(Pix2PixConfig, **config, generator_norm="none"))
    deepest = np.asarray(small.probe(generator, "down6_conv")(images)[0])
    # The paper's weights would leave less than a hundredth of it.
    assert 0.1 < deepest.std() < 10
    assert np.abs(np.diff(generator(images), axis=0)).mean() > 1e-3


def test_resizing_leaves_no_weave_on_what_is_even_where_a_transposed_convolution_does():
    even = np.ones((1, 8, 8, 3), "float32")
    for upsampling, is_even in (("transposed", False), ("resize", True)):
        weights = keras.initializers.RandomNormal(seed=0)
        larger = np.asarray(doubled(even, 4, upsampling=upsampling, weights=weights, name="up"))
        assert larger.shape == (1, 16, 16, 4)
        middle = larger[:, 2:-2, 2:-2]
        assert (np.ptp(middle, axis=(1, 2)).max() < 1e-6) == is_even, upsampling


def test_the_u_net_resizes_at_every_level_or_at_none():
    config = {"image_size": 64, "base_filters": 4}
    for upsampling, transposed in (("transposed", 6), ("resize", 0)):
        generator = build_generator(create_config(Pix2PixConfig, **config, upsampling=upsampling))
        kinds = [type(layer).__name__ for layer in generator.layers if layer.name.startswith("up")]
        assert kinds.count("Conv2DTranspose") == transposed
        assert kinds.count("Conv2D") == 6 - transposed


def test_batch_norm_is_where_instance_norm_is():
    config = {"image_size": 64, "base_filters": 4, "dropout": 0.0}
    generator = build_generator(create_config(Pix2PixConfig, **config, generator_norm="batch"))
    norms = {layer.name for layer in generator.layers if isinstance(layer, keras.layers.BatchNormalization)}
    assert norms == {f"down{level}_norm" for level in range(2, 6)} | {f"up{level}_norm" for level in range(2, 7)}


def test_last_layer_has_neither_norm_nor_dropout_but_tanh(thin):
    generator, _, image = thin
    last, output = small.probe(generator, "up1_conv", "output")(image)
    np.testing.assert_allclose(output, np.tanh(last), rtol=0, atol=1e-6)


def test_dropout_is_in_the_first_three_decoder_blocks_after_their_norm(thin):
    generator, _, image = thin
    dropouts = {layer.name: layer.rate for layer in generator.layers if type(layer).__name__ == "Dropout"}
    assert dropouts == {"up8_dropout": 0.5, "up7_dropout": 0.5, "up6_dropout": 0.5}
    for level in (8, 7, 6):
        before, dropped = small.probe(generator, f"up{level}_conv", f"<up{level}_dropout")(image)
        np.testing.assert_allclose(dropped, normed(before), rtol=0, atol=2e-3)


def test_dropout_is_noise_in_training_and_off_in_inference():
    generator = small.create("pix2pix").generator
    image = np.random.default_rng(0).uniform(-1, 1, (1, 64, 64, 3)).astype("float32")
    training = [np.asarray(generator(image, training=True)) for _ in range(2)]
    inference = [np.asarray(generator(image, training=False)) for _ in range(2)]
    assert np.abs(training[0] - training[1]).max() > 1e-4
    np.testing.assert_array_equal(inference[0], inference[1])
    np.testing.assert_allclose(generator.predict(image, verbose=0), inference[0], rtol=0, atol=1e-5)


def test_an_image_is_translated_alike_alone_and_in_a_batch():
    # Batch statistics would mix the images.
    generator = small.create("pix2pix", dropout=0.0).generator
    images = np.random.default_rng(0).uniform(-1, 1, (3, 64, 64, 3)).astype("float32")
    for training in (True, False):
        together = generator(images, training=training)
        np.testing.assert_allclose(together[1:2], generator(images[1:2], training=training), rtol=0, atol=1e-5)


def test_strided_convolutions_are_torchs_with_padding_1():
    # torch.nn.functional.conv2d(x, k, stride=2, padding=1) and conv_transpose2d(x, k, stride=2, padding=1), of the
    # numbers from 1 on.
    kernel = np.arange(1.0, 17).reshape(4, 4, 1, 1)
    image = keras.Input((4, 4, 1))
    conv = keras.layers.Conv2D(1, 4, strides=2, padding="same", use_bias=False)
    down = keras.Model(image, conv(image))
    conv.kernel.assign(kernel)
    np.testing.assert_array_equal(down(np.arange(1.0, 17).reshape(1, 4, 4, 1))[0, :, :, 0], [[696, 732], [732, 696]])
    image = keras.Input((2, 2, 1))
    settings = {"upsampling": "transposed", "norm": "instance", "weights": "zeros", "dropout": 0.0}
    up = keras.Model(image, decoder_block(image, 1, **settings, name="up"))
    up.get_layer("up_conv").kernel.assign(kernel)
    (found,) = small.probe(up, "up_conv")(np.arange(1.0, 5).reshape(1, 2, 2, 1))
    expected = [[6, 17, 20, 14], [16, 42, 52, 34], [32, 82, 92, 58], [30, 69, 76, 44]]
    np.testing.assert_array_equal(found[0, :, :, 0], expected)


def test_discriminator_gives_30x30_logits_of_256_pixels(full):
    # Padding "same" at stride 1 would give 32x32.
    assert full[1].output_shape == (None, 30, 30, 1)
    assert full[1].input_shape == (None, 256, 256, 6)


def test_discriminator_layers_are_c64_c128_c256_c512_and_one_logit(full):
    convs = [layer for layer in full[1].layers if type(layer).__name__ == "Conv2D"]
    assert [(layer.filters, layer.kernel_size, layer.strides, layer.padding) for layer in convs] == [
        (filters, (4, 4), (strides, strides), "valid")
        for filters, strides in [(64, 2), (128, 2), (256, 2), (512, 1), (1, 1)]
    ]


def test_discriminator_norms_all_but_its_first_and_last_layer(thin):
    _, discriminator, image = thin
    pair = np.concatenate([image, image[:, ::-1]], axis=3)
    for block in range(1, 5):
        before, after = small.probe(discriminator, f"conv{block}", f"activation{block}")(pair)
        np.testing.assert_allclose(after, leaky(before if block == 1 else normed(before)), rtol=0, atol=2e-3)
    before, logits = small.probe(discriminator, "conv5", "logits")(pair)
    np.testing.assert_array_equal(before, logits)


def test_discriminator_sees_patches_of_70x70_of_both_images():
    config = create_config(Pix2PixConfig, base_filters=2, discriminator_norm="none")
    discriminator = build_discriminator(config)
    assert small.receptive_field(discriminator, 6) == (70, 70)
    pair = tf.random.stateless_normal((1, 256, 256, 6), (0, 0))
    with tf.GradientTape() as tape:
        tape.watch(pair)
        total = tf.reduce_sum(discriminator(pair))
    assert (np.abs(tape.gradient(total, pair)).max((0, 1, 2)) > 0).all()


def test_terms_are_halved_for_the_discriminator_and_100_l1_for_the_generator():
    """By hand from the same fake, the generator through the discriminator that was updated before."""
    gan, seen = small.create("pix2pix", learning_rate=0.01), []
    batch, forward = small.batch(gan), gan.forward
    old = keras.models.clone_model(gan.discriminator)
    old.set_weights(gan.discriminator.get_weights())
    gan.forward = lambda part: seen.append(forward(part)) or seen[-1]
    logs = small.terms(gan.train_step(batch))
    (outputs,) = seen
    fake = outputs["output"]
    pairs = [tf.concat([batch["input"], image], 3) for image in (batch["target"], fake)]

    def softplus(logits):
        return np.mean(np.logaddexp(0, np.asarray(logits)))

    expected = {
        "discriminator_real": 0.5 * softplus(-old(pairs[0])),
        "discriminator_fake": 0.5 * softplus(old(pairs[1])),
        "generator_adversarial": softplus(-gan.discriminator(pairs[1])),
        "generator_l1": 100 * np.mean(np.abs(fake - batch["target"])),
    }
    assert logs == pytest.approx(expected, rel=1e-4)
    assert abs(softplus(-old(pairs[1])) - expected["generator_adversarial"]) > 0.01


@pytest.mark.parametrize("changes", [{}, {"n_critic": 2}])
def test_without_adversarial_weight_l1_alone_is_trained_and_no_discriminator_is_there(changes):
    gan = small.create("pix2pix", adversarial_weight=0, dropout=0.0, **changes)
    batch = small.batch(gan)
    fake = gan.generator(batch["input"], training=True)
    logs = small.terms(gan.train_step(batch))
    assert logs == pytest.approx({"generator_l1": 100 * np.mean(np.abs(fake - batch["target"]))}, rel=1e-4)
    assert list(gan.networks()) == ["generator"]


def test_pretraining_is_on_l1_alone_and_leaves_the_discriminator_as_it_is():
    gan = small.create("pix2pix", pretrain_steps=1, dropout=0.0)
    batch, before = small.batch(gan), small.weights(gan)
    fake = gan.generator(batch["input"], training=True)
    first = small.terms(gan.train_step(batch))
    pretrained = small.weights(gan)
    second = small.terms(gan.train_step(batch))
    assert first == pytest.approx({"generator_l1": 100 * np.mean(np.abs(fake - batch["target"]))}, rel=1e-4)
    assert not small.equal(before["discriminator"], pretrained["discriminator"])
    assert small.equal(before["generator"], pretrained["generator"])
    assert set(second) == {"discriminator_real", "discriminator_fake", "generator_l1", "generator_adversarial"}
    assert small.equal(pretrained["discriminator"], small.weights(gan)["discriminator"])


def test_an_adversarial_weight_scales_its_own_term_alone():
    """The same seed gives the same networks, and the discriminator is updated alike before."""
    logs = {weight: small.terms(gan.train_step(small.batch(gan))) for weight, gan in weighted(1.0, 0.25).items()}
    assert logs[0.25].pop("generator_adversarial") == pytest.approx(0.25 * logs[1.0].pop("generator_adversarial"))
    assert logs[0.25] == pytest.approx(logs[1.0])


def weighted(*weights: float) -> dict:
    return {weight: small.create("pix2pix", adversarial_weight=weight) for weight in weights}


def test_a_discriminator_of_other_filters_leaves_the_generator_as_it_is():
    plain, other = small.create("pix2pix"), small.create("pix2pix", discriminator_filters=2)
    kernels = [gan.discriminator.trainable_variables[0].shape[-1] for gan in (plain, other)]
    assert kernels == [4, 2]
    assert plain.generator.count_params() == other.generator.count_params()


def test_gradients_of_a_step_agree_with_ones_taken_by_hand():
    """In a form of its own: sigmoid cross entropy, one tape a network, Adam in NumPy for the first update."""
    gan = small.create("pix2pix", dropout=0.0, learning_rate=0.01)
    batch = small.batch(gan)
    generator, discriminator = (keras.models.clone_model(network) for network in gan.networks().values())
    for copy, network in zip((generator, discriminator), gan.networks().values(), strict=True):
        copy.set_weights(network.get_weights())
    entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    fake = generator(batch["input"], training=True)

    def logits(image):
        return discriminator(tf.concat([batch["input"], image], 3), training=True)

    with tf.GradientTape() as tape:
        real, made = logits(batch["target"]), logits(fake)
        loss = (entropy(tf.ones_like(real), real) + entropy(tf.zeros_like(made), made)) / 2
    discriminator_gradients = tape.gradient(loss, discriminator.trainable_variables)

    def generator_gradients():
        with tf.GradientTape() as tape:
            image = generator(batch["input"], training=True)
            made = logits(image)
            loss = entropy(tf.ones_like(made), made) + 100 * tf.reduce_mean(tf.abs(image - batch["target"]))
        return tape.gradient(loss, generator.trainable_variables)

    stale = generator_gradients()
    for variable, gradient in zip(discriminator.trainable_variables, discriminator_gradients, strict=True):
        # Adam's first update.
        variable.assign_sub(0.01 * gradient / (tf.abs(gradient) + 1e-8))
    fresh = generator_gradients()

    gan.train_step(batch)
    found = {phase: momenta(gan, phase) for phase in ("discriminator", "generator")}
    assert distance(found["discriminator"], discriminator_gradients) < 1e-4
    assert distance(found["generator"], fresh) < 1e-4
    assert distance(found["generator"], stale) > 1e-3


def momenta(gan, phase):
    """After the first step, half the gradients: Adam's beta_1 is 0.5."""
    arrays = small.arrays(gan)
    return [arrays[name] for name in arrays if name.startswith(f"optimizers/{phase}/") and name.endswith("_momentum")]


def distance(momenta, gradients) -> float:
    """Returns how far twice the momenta lie from the gradients, in parts of the length of these."""
    difference = sum(np.sum((2 * m - g) ** 2) for m, g in zip(momenta, gradients, strict=True))
    return float(np.sqrt(difference / sum(np.sum(np.square(g)) for g in gradients)))


def test_optimizers_are_adam_2e_4_with_beta_1_of_a_half():
    gan = small.create("pix2pix")
    assert [phase.name for phase in gan.phases()] == ["discriminator", "generator"]
    for optimizer in gan.optimizers.values():
        assert float(optimizer.learning_rate) == pytest.approx(2e-4)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.999)


@pytest.mark.parametrize("size", [64, 128, 512])
def test_other_sizes_have_a_1x1_bottleneck_as_well(size):
    generator = build_generator(create_config(Pix2PixConfig, image_size=size, base_filters=1))
    levels = int(np.log2(size))
    assert generator.get_layer(f"down{levels}_conv").output.shape[1:3] == (1, 1)
    assert generator.output_shape == (None, size, size, 3)
    assert sum(type(layer).__name__ == "Dropout" for layer in generator.layers) == 3


def test_samples_show_input_output_and_target_side_by_side():
    gan = small.create("pix2pix")
    batch = small.batch(gan)
    samples = gan.samples(batch)
    assert list(samples) == ["input", "output", "target"]
    np.testing.assert_array_equal(samples["target"], batch["target"])
    np.testing.assert_array_equal(samples["output"], gan.generator(batch["input"], training=False))


@pytest.mark.parametrize("name", ["pix2pix_facades", "pix2pix_maps"])
def test_the_papers_recipes_have_its_batch_and_jitter_and_the_references_fall_of_the_rate(name):
    recipe = load_recipe(name)
    steps = recipe.training.steps
    # 100 epochs at the paper's rate, 100 in which it falls, as in the reference.
    schedule = {"kind": "linear", "start": steps // 2, "end": steps}
    assert asdict(recipe.model) == asdict(create_config(Pix2PixConfig, schedule=schedule))
    assert recipe.training.batch_size == 1
    assert (recipe.data.load_size, recipe.model.image_size, recipe.data.flip) == (286, 256, True)
    assert (recipe.model.l1_weight, recipe.model.dropout) == (100, 0.5)
    small.check_extras_are_off(recipe.model, "non_saturating")
