"""CycleGAN against Zhu et al. 2017 and pytorch-CycleGAN-and-pix2pix."""

import keras
import numpy as np
import pytest
import small
import tensorflow as tf

from ganzoo.architectures.cyclegan import CycleGANConfig, ImagePool, build_discriminator, build_generator, up_block
from ganzoo.config.parsing import create_config
from ganzoo.errors import UsageError
from ganzoo.recipes.recipes import load_recipe


@pytest.fixture(scope="module")
def full():
    config = create_config(CycleGANConfig)
    return build_generator(config, "generator_ab"), build_discriminator(config, "discriminator_a")


@pytest.fixture(scope="module")
def thin():
    generator = build_generator(create_config(CycleGANConfig, image_size=64, base_filters=2), "generator_ab")
    return generator, np.random.default_rng(0).uniform(-1, 1, (1, 64, 64, 3)).astype("float32")


def normed(x):
    mean, variance = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5)


def mirrored(x, size):
    return np.pad(x, [(0, 0), (size, size), (size, size), (0, 0)], mode="reflect")


def test_parameters_are_those_of_torchs_networks(full):
    # torch.nn.Module of the same layers with biases and a norm that has no parameters; 6 blocks: 7,837,699.
    assert [small.parameters(network) for network in full] == [11_378_179, 2_764_737]


def test_kernels_have_deviation_0_02(full):
    small.check_kernels_are_normal(full[0], 1 + 2 + 18 + 2 + 1)
    small.check_kernels_are_normal(full[1], 5)


@pytest.mark.parametrize(("size", "blocks"), [(64, 6), (128, 6), (256, 9)])
def test_blocks_are_9_from_256_pixels_up_and_6_below(size, blocks):
    generator = build_generator(create_config(CycleGANConfig, image_size=size, base_filters=1), "generator_ab")
    assert sum(type(layer).__name__ == "Add" for layer in generator.layers) == blocks
    assert generator.output_shape == (None, size, size, 3)


def test_size_halves_twice_and_the_ends_have_7x7_kernels(full):
    convs = [layer for layer in full[0].layers if type(layer).__name__ in ("Conv2D", "Conv2DTranspose")]
    found = [(layer.filters, layer.kernel_size[0], layer.strides[0], layer.output.shape[1]) for layer in convs]
    blocks = [(256, 3, 1, 64)] * 18
    # A transposed convolution gives one row and column more, which are cut.
    ups = [(128, 3, 2, 129), (64, 3, 2, 257)]
    assert found == [(64, 7, 1, 256), (128, 3, 2, 128), (256, 3, 2, 64), *blocks, *ups, (3, 7, 1, 256)]


def test_borders_are_mirrored_at_both_ends_and_in_the_blocks(thin):
    generator, image = thin
    first, entering, inner, inner2, last, before_last = small.probe(
        generator, "<first_conv", "down2_activation", "<block1a_conv", "<block1b_conv", "<last_conv", "up1_activation"
    )(image)
    np.testing.assert_array_equal(first, mirrored(image, 3))
    np.testing.assert_array_equal(inner, mirrored(entering, 1))
    np.testing.assert_array_equal(inner2, mirrored(inner2[:, 1:-1, 1:-1], 1))
    np.testing.assert_array_equal(last, mirrored(before_last, 3))


def test_strided_convolutions_are_padded_on_both_sides(thin):
    # Keras's "same" would pad the last row and column alone.
    generator, image = thin
    for level, source in ((1, "first_activation"), (2, "down1_activation")):
        before, padded = small.probe(generator, source, f"<down{level}_conv")(image)
        np.testing.assert_array_equal(padded, np.pad(before, [(0, 0), (1, 1), (1, 1), (0, 0)]))


def test_norm_follows_every_convolution_but_the_last(thin):
    generator, image = thin
    for name in ("first", "down1", "down2", "block1a", "block6a"):
        before, after = small.probe(generator, f"{name}_conv", f"{name}_activation")(image)
        np.testing.assert_allclose(after, np.maximum(normed(before), 0), rtol=0, atol=2e-3)
    for name in ("up2", "up1"):
        before, after = small.probe(generator, f"{name}_crop", f"{name}_activation")(image)
        np.testing.assert_allclose(after, np.maximum(normed(before), 0), rtol=0, atol=2e-3)
    last, output = small.probe(generator, "last_conv", "output")(image)
    np.testing.assert_allclose(output, np.tanh(last), rtol=0, atol=1e-6)


def test_a_residual_block_ends_in_the_sum_without_relu(thin):
    generator, image = thin
    entering, conv, leaving = small.probe(generator, "block2_add", "block3b_conv", "block3_add")(image)
    np.testing.assert_allclose(leaving, entering + normed(conv), rtol=0, atol=2e-3)
    assert (leaving < 0).any()


def test_up_block_is_torchs_transposed_convolution():
    # torch.nn.functional.conv_transpose2d(x, k, stride=2, padding=1, output_padding=1), of the numbers from 1 on.
    image = keras.Input((2, 2, 1))
    up = keras.Model(image, up_block(image, 1, "up"))
    up.get_layer("up_conv").kernel.assign(np.arange(1.0, 10).reshape(3, 3, 1, 1))
    (found,) = small.probe(up, "up_crop")(np.arange(1.0, 5).reshape(1, 2, 2, 1))
    expected = [[5, 14, 10, 12], [14, 36, 24, 30], [15, 34, 20, 24], [24, 55, 32, 36]]
    np.testing.assert_array_equal(found[0, :, :, 0], expected)


def test_discriminator_gives_30x30_logits_and_sees_patches_of_70x70(full):
    assert full[1].output_shape == (None, 30, 30, 1)
    config = create_config(CycleGANConfig, base_filters=2, discriminator_norm="none")
    assert small.receptive_field(build_discriminator(config, "discriminator_a"), 3) == (70, 70)


def test_discriminator_norms_all_but_its_first_and_last_layer():
    discriminator = build_discriminator(create_config(CycleGANConfig, base_filters=2), "discriminator_a")
    image = np.random.default_rng(0).uniform(-1, 1, (1, 256, 256, 3)).astype("float32")
    for block in range(1, 5):
        before, after = small.probe(discriminator, f"conv{block}", f"activation{block}")(image)
        before = before if block == 1 else normed(before)
        np.testing.assert_allclose(after, np.where(before > 0, before, 0.2 * before), rtol=0, atol=2e-3)
    np.testing.assert_array_equal(*small.probe(discriminator, "conv5", "logits")(image))


@pytest.fixture(scope="module")
def gan():
    return small.create("cyclegan")


def test_both_cycle_terms_reach_both_generators_and_identity_its_own(gan):
    batch = small.batch(gan)
    with tf.GradientTape(persistent=True) as tape:
        terms = gan.generator_loss(batch, gan.forward(batch))
    reached = {
        term: {
            name
            for name in gan.deployed_names
            if max(
                0 if gradient is None else float(tf.reduce_max(tf.abs(gradient)))
                for gradient in tape.gradient(terms[term], [v.value for v in gan.networks()[name].trainable_variables])
            )
            > 1e-4
        }
        for term in terms
    }
    both = {"generator_ab", "generator_ba"}
    assert reached == {
        "generator_ab_adversarial": {"generator_ab"},
        "generator_ba_adversarial": {"generator_ba"},
        "cycle_a": both,
        "cycle_b": both,
        "identity_a": {"generator_ba"},
        "identity_b": {"generator_ab"},
    }


def test_terms_by_hand_with_the_generators_updated_before_the_discriminators():
    gan = small.create("cyclegan", learning_rate=0.01)
    batch = small.batch(gan)
    old = {name: keras.models.clone_model(network) for name, network in gan.networks().items()}
    for name, network in gan.networks().items():
        old[name].set_weights(network.get_weights())
    logs = small.terms(gan.train_step(batch))
    ab, ba = old["generator_ab"], old["generator_ba"]
    a, b = batch["a"], batch["b"]
    fake_b, fake_a = ab(a), ba(b)

    def squared(logits, target):
        return np.mean((np.asarray(logits) - target) ** 2)

    def absolute(first, second):
        return np.mean(np.abs(first - second))

    # Targets 1 for real and for what shall pass as real, 0 for fake; the pools are not full, and give back what came.
    expected = {
        "generator_ab_adversarial": squared(old["discriminator_b"](fake_b), 1),
        "generator_ba_adversarial": squared(old["discriminator_a"](fake_a), 1),
        "cycle_a": 10 * absolute(ba(fake_b), a),
        "cycle_b": 10 * absolute(ab(fake_a), b),
        "identity_a": 5 * absolute(ba(a), a),
        "identity_b": 5 * absolute(ab(b), b),
        "discriminator_a_real": 0.5 * squared(old["discriminator_a"](a), 1),
        "discriminator_a_fake": 0.5 * squared(old["discriminator_a"](fake_a), 0),
        "discriminator_b_real": 0.5 * squared(old["discriminator_b"](b), 1),
        "discriminator_b_fake": 0.5 * squared(old["discriminator_b"](fake_b), 0),
    }
    assert logs == pytest.approx(expected, rel=1e-4)
    assert [phase.name for phase in gan.phases()] == ["generators", "discriminators"]


def test_identity_can_be_left_out():
    gan = small.create("cyclegan", identity_weight=0)
    batch = small.batch(gan)
    assert not any(name.startswith("identity") for name in gan.generator_loss(batch, gan.forward(batch)))


def test_optimizers_are_adam_2e_4_with_beta_1_of_a_half(gan):
    for optimizer in gan.optimizers.values():
        assert float(optimizer.learning_rate) == pytest.approx(2e-4)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.999)
    assert gan.config.pool_size == 3
    assert create_config(CycleGANConfig).pool_size == 50


def numbered(first: int, count: int) -> tf.Tensor:
    """Images of one pixel that tell their number."""
    return tf.reshape(tf.range(first, first + count, dtype="float32"), (count, 1, 1, 1))


class Exchange:
    """Sends numbered images through a pool and notes what comes back."""

    def __init__(self, size: int, batch: int):
        self.pool, self.batch, self.sent = ImagePool(size, (1, 1, 1), "pool"), batch, 1
        self.held = set()
        self.swapped, self.slots = [], []

    def __call__(self):
        incoming = numbered(self.sent, self.batch)
        before = self.pool.images.numpy().ravel().tolist()
        returned = self.pool.exchange(incoming, seed=self.sent).numpy().ravel().tolist()
        for number, back in zip(range(self.sent, self.sent + self.batch), returned, strict=True):
            if len(self.held) < self.pool.size:
                assert back == number
                self.held.add(number)
                continue
            self.swapped.append(back != number)
            if back != number:
                # It gives away what it holds, once, and holds what came in its place.
                assert back in self.held
                self.held = self.held - {back} | {number}
                if back in before:
                    self.slots.append(before.index(back))
        self.sent += self.batch
        assert set(self.pool.images.numpy().ravel()) - {0} == self.held


def test_the_pool_is_filled_first_then_swaps_half_of_what_comes():
    exchange = Exchange(size=50, batch=20)
    for _ in range(100):
        exchange()
    # 1950 exchanges: five standard errors.
    assert len(exchange.swapped) == 1950
    assert np.mean(exchange.swapped) == pytest.approx(0.5, abs=5 * 0.5 / 1950**0.5)
    # Every place of the pool is used alike: chi squared of 49 degrees of freedom, 99.99 % of which is below 96.
    counts = np.bincount(exchange.slots, minlength=50)
    expected = counts.sum() / 50
    assert np.sum((counts - expected) ** 2 / expected) < 96
    # No memory of what was done with the one before.
    swapped = np.array(exchange.swapped)
    assert abs(np.mean(swapped[1:] == swapped[:-1]) - 0.5) < 5 * 0.5 / 1950**0.5


def test_the_pool_may_fill_up_within_a_batch():
    exchange = Exchange(size=5, batch=4)
    for _ in range(30):
        exchange()
    assert 0 < np.mean(exchange.swapped) < 1


def test_a_pool_of_none_gives_back_what_comes_and_holds_no_variables():
    pool = ImagePool(0, (1, 1, 1), "pool")
    np.testing.assert_array_equal(pool.exchange(numbered(1, 3), seed=0), numbered(1, 3))
    assert pool.variables == []


def test_each_domain_has_a_pool_of_its_own_fakes(gan):
    fresh = small.create("cyclegan")
    batch = small.batch(fresh)
    outputs = fresh.forward(batch)
    fresh.train_step(batch)
    for domain in ("a", "b"):
        np.testing.assert_allclose(fresh.pools[domain].images.numpy()[:2], outputs[f"fake_{domain}"], rtol=0, atol=1e-5)
        assert np.all(fresh.pools[domain].images.numpy()[2:] == 0)
        assert int(fresh.pools[domain].count) == 2


def test_a_batch_of_unknown_size_is_refused_in_words():
    pool = ImagePool(3, (1, 1, 1), "pool")

    @tf.function(input_signature=[tf.TensorSpec((None, 1, 1, 1))], autograph=False)
    def exchange(images):
        return pool.exchange(images, seed=0)

    with pytest.raises(UsageError, match="drop_remainder=True"):
        exchange(numbered(1, 2))


def test_samples_show_both_directions_and_the_way_back(gan):
    batch = small.batch(gan)
    samples = gan.samples(batch)
    ab, ba = gan.generator_ab, gan.generator_ba
    expected = {
        "a": batch["a"],
        "a to b": ab(batch["a"]),
        "a to b to a": ba(ab(batch["a"])),
        "b": batch["b"],
        "b to a": ba(batch["b"]),
        "b to a to b": ab(ba(batch["b"])),
    }
    assert list(samples) == list(expected)
    for title, images in expected.items():
        np.testing.assert_allclose(samples[title], images, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["cyclegan_horse2zebra", "cyclegan_monet2photo"])
def test_the_papers_recipes_are_constant_for_half_of_their_steps_then_linear_to_zero(name):
    recipe = load_recipe(name)
    schedule = recipe.model.schedule
    assert (schedule.kind, 2 * schedule.start, schedule.end) == ("linear", recipe.training.steps, recipe.training.steps)
    assert recipe.training.batch_size == 1
    assert (recipe.data.load_size, recipe.model.image_size, recipe.data.flip) == (286, 256, True)
    assert (recipe.model.cycle_weight, recipe.model.identity_weight, recipe.model.pool_size) == (10, 5, 50)
    small.check_extras_are_off(recipe.model, "lsgan")
