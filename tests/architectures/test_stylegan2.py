"""StyleGAN2 against Karras et al. 2020, its appendix B, and NVIDIA's stylegan2-ada-pytorch."""

import math

import keras
import numpy as np
import pytest
import small
from keras import ops

import ganzoo
from ganzoo.architectures import stylegan2
from ganzoo.architectures.stylegan2 import blurred, deviation
from ganzoo.core.equalized import EqualizedDense, MeanStyle, ModulatedConv2D, NoiseAndBias


@pytest.fixture(scope="module")
def gan():
    """Small, with layers of several widths, and trained for two steps, so that no two weights are alike."""
    found = small.create("stylegan2", base_filters=4, max_filters=8, latent_dim=6, learning_rate=0.05)
    found.compile()
    for seed in range(2):
        found.train_step(small.batch(found, count=4, seed=seed))
    return found


@pytest.fixture(scope="module")
def synthesis(gan):
    return gan.generator.get_layer("synthesis")


@pytest.fixture(scope="module")
def styles(gan):
    random = np.random.default_rng(5)
    return random.standard_normal((3, gan.config.style_layers, gan.config.latent_dim)).astype("float32")


def test_parameters_are_those_that_the_reference_prints_at_256_pixels():
    # Its configuration "paper256": fmaps 0.5, 8 layers of mapping.
    gan = ganzoo.create("stylegan2", image_size=256)
    assert small.parameters(gan.generator) == 24_767_458
    assert small.parameters(gan.discriminator) == 24_001_089


def correlated(x, kernel):
    """What a "same" convolution gives of one example, (S, S, channels), by a 3x3 kernel: in float64, place by place."""
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    rows, columns = x.shape[:2]
    return np.array(
        [
            [np.einsum("abi,abio->o", padded[row : row + 3, column : column + 3], kernel) for column in range(columns)]
            for row in range(rows)
        ]
    )


def zeros_between(x):
    """An example with a row and a column of zeros after each: (S, S, channels) -> (2 S, 2 S, channels)."""
    found = np.zeros((2 * x.shape[0], 2 * x.shape[1], x.shape[2]))
    found[::2, ::2] = x
    return found


@pytest.mark.parametrize("doubles", [False, True])
def test_a_modulated_convolution_is_one_by_a_kernel_of_its_own_for_each_example(doubles):
    random = np.random.default_rng(0)
    x = random.standard_normal((2, 4, 4, 5)).astype("float32")
    style = random.standard_normal((2, 5)).astype("float32")
    layer = ModulatedConv2D(3, 3, doubles)
    found = np.asarray(layer([x, style]))
    kernel = np.asarray(layer.kernel, "float64") / math.sqrt(3 * 3 * 5)
    for one, (example, scale) in zip(
        found, zip(x.astype("float64"), style.astype("float64"), strict=True), strict=True
    ):
        own = kernel * scale[:, None]
        own /= np.sqrt((own**2).sum((0, 1, 2)) + 1e-8)
        if doubles:
            # Values with zeros between, by the flipped kernel; four times, since three quarters are zeros.
            spread = np.pad(zeros_between(example), ((1, 1), (1, 1), (0, 0)))
            expected = 4 * correlated(spread, own[::-1, ::-1])[:9, :9]
        else:
            expected = correlated(example, own)
        np.testing.assert_allclose(one, expected, rtol=1e-4, atol=1e-5)


def test_the_blur_is_the_filter_of_1_3_3_1_with_zeros_around():
    impulse = np.zeros((1, 9, 9, 1), "float32")
    impulse[0, 4, 4, 0] = 64.0
    found = np.asarray(blurred(impulse))[0, :, :, 0]
    expected = np.zeros((8, 8))
    expected[2:6, 2:6] = np.outer([1, 3, 3, 1], [1, 3, 3, 1])
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    halved = np.asarray(blurred(np.ones((1, 8, 8, 1), "float32"), 1, strides=2))[0, :, :, 0]
    edge = np.array([7 / 8, 1, 1, 7 / 8])
    np.testing.assert_allclose(halved, np.outer(edge, edge), rtol=1e-6)


def test_scaling_a_style_changes_no_layer_but_that_of_the_picture(gan, styles):
    def made(change: str) -> np.ndarray:
        network = ganzoo.create("stylegan2", **small.config("stylegan2")).generator.get_layer("synthesis")
        for layer in network.layers:
            if isinstance(layer, EqualizedDense) and layer.name.startswith(change):
                layer.use(3.0 * np.asarray(layer.used()[0]), 3.0 * np.asarray(layer.used()[1]))
        count, length = network.inputs[0].shape[1:]
        return np.asarray(network(styles[:, :1, :1] * np.ones((1, count, length), "float32")))

    np.testing.assert_allclose(made("conv"), made("none"), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(made("up"), made("none"), rtol=1e-4, atol=1e-5)
    assert np.abs(made("rgb") - made("none")).max() > 0.1


def test_a_style_steers_from_its_layer_on_and_nothing_before(synthesis, styles):
    names = ["conv4x4", "up8x8", "conv8x8", "up16x16"]
    look = small.probe(synthesis, *names)
    before = look(styles)
    for place in range(len(names)):
        changed = styles.copy()
        changed[:, place] += 1.0
        moved = [np.abs(a - b).max() > 1e-4 for a, b in zip(before, look(changed), strict=True)]
        assert moved == [False] * place + [True] * (len(names) - place)


def test_the_last_style_tints_the_last_picture_alone(synthesis, styles):
    changed = styles.copy()
    changed[:, -1] += 1.0
    look = small.probe(synthesis, "conv32x32", "output")
    (same, before), (also, after) = look(styles), look(changed)
    np.testing.assert_array_equal(same, also)
    assert np.abs(before - after).max() > 1e-4


def test_noise_is_that_of_its_strength_in_training_alone_and_alike_in_all_channels():
    layer = NoiseAndBias()
    x = np.zeros((2, 32, 32, 3), "float32")
    layer.build(x.shape)
    layer.bias.assign([1.0, 2.0, 3.0])
    expected = math.sqrt(2) * np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(np.asarray(layer(x, training=True))[0, 0, 0], expected, rtol=1e-6)
    layer.strength.assign(0.5)
    np.testing.assert_allclose(np.asarray(layer(x))[0, 0, 0], expected, rtol=1e-6)
    noise = np.asarray(layer(x, training=True)) - expected.astype("float32")
    np.testing.assert_allclose(noise[..., 0], noise[..., 2], atol=1e-5)
    assert noise[..., 0].std() == pytest.approx(0.5 * math.sqrt(2), rel=0.05)


def test_equalized_weights_are_used_at_the_size_of_he_and_learn_at_their_rate():
    layer = EqualizedDense(2000, gain=math.sqrt(2), rate=0.01, bias=1.0)
    layer.build((None, 500))
    kernel, bias = layer.used()
    assert np.std(np.asarray(layer.kernel)) == pytest.approx(100, rel=0.01)
    assert np.std(np.asarray(kernel)) == pytest.approx(math.sqrt(2 / 500), rel=0.01)
    np.testing.assert_allclose(np.asarray(bias), math.sqrt(2), rtol=1e-6)
    before = np.asarray(kernel)
    layer.kernel.assign_add(np.ones((500, 2000), "float32"))
    np.testing.assert_allclose(np.asarray(layer.used()[0]) - before, 0.01 * math.sqrt(2 / 500), rtol=1e-3)


def test_the_mean_of_w_follows_what_is_seen_in_training():
    layer = MeanStyle(0.9)
    seen = np.array([[1.0, 2.0], [3.0, 6.0]], "float32")
    np.testing.assert_array_equal(layer(seen), seen)
    layer(seen, training=True)
    layer(seen, training=True)
    np.testing.assert_allclose(np.asarray(layer.mean), np.array([2.0, 4.0]) * (1 - 0.9**2), rtol=1e-5)


def test_the_deployed_mapping_gives_w_less_its_mean_and_its_synthesis_takes_that(gan):
    trained, stock = gan.deployed()["generator"], gan.released()["generator"]
    latents = np.random.default_rng(1).standard_normal((4, gan.config.latent_dim)).astype("float32")
    w, centered = (np.asarray(network.get_layer("mapping")(latents)) for network in (trained, stock))
    mean = np.asarray(trained.get_layer("mapping").get_layer("mean_style").mean)
    assert np.abs(mean).max() > 1e-3
    np.testing.assert_allclose(centered, w - mean, atol=1e-5)
    layers = gan.config.style_layers
    halfway = np.repeat((0.5 * centered)[:, None], layers, axis=1)
    truncated = np.repeat((mean + 0.5 * (w - mean))[:, None], layers, axis=1)
    expected = trained.get_layer("synthesis")(truncated)
    np.testing.assert_allclose(stock.get_layer("synthesis")(halfway), expected, atol=1e-5)


def test_the_deviation_is_among_an_example_and_the_three_after_it():
    random = np.random.default_rng(2)
    x = random.standard_normal((5, 4, 4, 3)).astype("float32")
    found = np.asarray(deviation(ops.convert_to_tensor(x)))
    for place in range(5):
        group = x[[(place + step) % 5 for step in range(4)]]
        np.testing.assert_allclose(found[place], np.full((4, 4, 1), group.std(axis=0).mean()), rtol=1e-4)


def test_the_deviation_is_that_of_examples_also_where_they_are_as_many_as_rows(monkeypatch):
    monkeypatch.setattr(stylegan2, "GROUP", 2)
    x = np.random.default_rng(2).standard_normal((4, 4, 4, 3)).astype("float32")
    image = keras.Input((4, 4, 3))
    found = np.asarray(keras.Model(image, deviation(image))(x))
    for place in range(4):
        pair = x[[place, (place + 1) % 4]]
        np.testing.assert_allclose(found[place], np.full((4, 4, 1), pair.std(axis=0).mean()), rtol=1e-4)


def test_a_discriminator_tells_examples_that_are_all_alike(gan):
    random = np.random.default_rng(3)
    images = random.uniform(-1, 1, (4, 32, 32, gan.config.channels)).astype("float32")
    alike = np.repeat(images[:1], 4, axis=0)
    one, other = (np.asarray(gan.discriminator(batch))[0, 0] for batch in (images, alike))
    assert abs(one - other) > 1e-5


def test_r1_is_half_the_squared_gradient_of_real_images_times_gamma_and_the_steps_between():
    gan = small.create("stylegan2", r1_weight=3.0, r1_every=8)
    weights = np.random.default_rng(4).standard_normal((32 * 32 * gan.config.channels, 1)).astype("float32")
    gan._networks["discriminator"] = lambda image, training: ops.matmul(ops.reshape(image, (2, -1)), weights)
    (term,) = gan.r1_loss(small.batch(gan), {}).values()
    assert float(term) == pytest.approx(0.5 * 3.0 * 8 * np.sum(weights.astype("float64") ** 2), rel=1e-4)


def test_path_lengths_are_those_of_a_linear_synthesis_and_their_mean_moves():
    gan = small.create("stylegan2", path_weight=2.0, path_every=4, path_decay=0.9)
    layers, length = gan.config.style_layers, gan.config.latent_dim
    pixels = (32, 32, gan.config.channels)
    matrix = np.random.default_rng(5).standard_normal((layers * length, math.prod(pixels))).astype("float32")

    def linear(styles, training):
        return ops.reshape(ops.matmul(ops.reshape(styles, (-1, layers * length)), matrix), (-1, *pixels))

    gan.generator = type("Generator", (), {"get_layer": lambda self, name: linear})()
    drawn = []
    random = keras.random.normal

    def normal(shape, **options):
        drawn.append(np.asarray(random(shape, **options), "float64"))
        return ops.convert_to_tensor(drawn[-1].astype("float32"))

    styles = ops.zeros((4, layers, length))
    keras.random.normal = normal
    try:
        (term,) = gan.path_loss({}, {"styles": styles, "image": ops.zeros((4, *pixels))}).values()
    finally:
        keras.random.normal = random
    # Of two of four examples; the noise is of one over the number of pixels a side.
    noise = drawn[0].reshape(2, -1) / 32
    gradients = (noise @ matrix.T.astype("float64")).reshape(2, layers, length)
    lengths = np.sqrt((gradients**2).sum(2).mean(1))
    mean = 0.1 * lengths.mean()
    assert float(gan.path_mean.value) == pytest.approx(mean, rel=1e-4)
    assert float(term) == pytest.approx(2.0 * 4 * np.mean((lengths - mean) ** 2), rel=1e-4)


def test_rates_and_decays_are_corrected_for_the_lazy_penalties():
    gan = small.create("stylegan2", learning_rate=0.002, r1_every=16, path_every=4, beta_1=0.5)
    discriminator, generator = gan.optimizers["discriminator"], gan.optimizers["generator"]
    for optimizer, part in ((discriminator, 16 / 17), (generator, 4 / 5)):
        assert float(optimizer.learning_rate) == pytest.approx(0.002 * part)
        assert (optimizer.beta_1, optimizer.beta_2) == pytest.approx((0.5**part, 0.99**part))


def test_styles_are_mixed_for_the_share_of_samples_that_is_asked_for_at_every_layer():
    gan = small.create("stylegan2", style_mixing=0.5)
    layers = gan.config.style_layers
    places = np.asarray(gan.crossovers(4000))
    assert np.mean(places == layers) == pytest.approx(0.5, abs=0.03)
    counts = np.bincount(places, minlength=layers + 1)
    assert counts[0] == 0
    np.testing.assert_allclose(counts[1:layers], 2000 / (layers - 1), rtol=0.3)
    outputs = gan.forward(small.batch(gan, count=64))
    styles, places = np.asarray(outputs["styles"]), np.asarray(gan.crossovers(64))
    for own, place in zip(styles, places, strict=True):
        different = [bool(np.abs(own[row] - own[row - 1]).max() > 1e-6) for row in range(1, layers)]
        assert different == [row == place for row in range(1, layers)]


# Of classes.


@pytest.fixture(scope="module")
def conditional():
    """Of three classes."""
    return small.styled(classes=3)


def test_classes_add_the_parameters_of_an_embedding_a_mapping_and_a_wider_last_layer():
    plain, with_classes = (small.create("stylegan2", latent_dim=6, classes=classes).networks() for classes in (0, 3))
    features = plain["discriminator"].get_layer("dense").units
    more = {name: with_classes[name].count_params() - plain[name].count_params() for name in plain}
    # An embedding, which the first layer of the mapping takes besides.
    assert more["generator"] == (3 * 6 + 6) + 6 * 6
    dense = features * features + features
    assert more["discriminator"] == (3 * features + features) + 8 * dense + dense - (features + 1)


def test_the_class_changes_w_and_what_the_discriminator_says_and_nothing_else_does(conditional):
    latents = np.random.default_rng(0).standard_normal((2, 6)).astype("float32")
    mapping = conditional.generator.get_layer("mapping")
    one, other = (np.asarray(mapping([latents, np.full(2, label)])) for label in (0, 2))
    assert np.abs(one - other).max() > 0.01
    image = np.asarray(small.batch(conditional, count=1)["image"]).repeat(3, axis=0)
    judge = conditional.networks()["discriminator"]
    logits = np.asarray(judge({"image": image, "label": np.arange(3)}))[:, 0]
    assert len(np.unique(logits.round(4))) == 3
    # As the reference has it: the last features times what is made of the class, over the root of their number.
    ends = keras.Model(judge.input, [judge.get_layer("last_dense").output, judge.get_layer("class_dense8").output])
    seen, wanted = (np.asarray(values) for values in ends({"image": image, "label": np.arange(3)}))
    wanted = np.where(wanted > 0, wanted, 0.2 * wanted)
    expected = (seen * wanted).sum(axis=1) / np.sqrt(seen.shape[1])
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-6)


def test_the_deployed_twin_paints_the_class_that_is_named(conditional):
    latents = np.random.default_rng(1).standard_normal((3, 6)).astype("float32")
    inputs = [latents, np.arange(3)]
    twin = conditional.released()["generator"]
    trained = conditional.deployed()["generator"]
    np.testing.assert_allclose(np.asarray(twin(inputs)), np.asarray(trained(inputs)), atol=2e-5)
    assert np.abs(np.asarray(twin(inputs)) - np.asarray(twin([latents, np.zeros(3)]))).max() > 1e-3
    assert [part for part in twin.get_layer("mapping").input_shape] == [(None, 6), (None,)]


def test_in_training_images_are_of_the_classes_of_the_batch_and_judged_by_these(conditional):
    batch = small.batch(conditional, count=4)
    batch["label"] = keras.ops.convert_to_tensor([0, 1, 2, 2])
    made = conditional.forward(batch)
    # The first layer has the first of two styles that may be mixed.
    expected = conditional.generator.get_layer("mapping")([made["latents"], batch["label"]])
    np.testing.assert_allclose(np.asarray(made["styles"][:, 0]), np.asarray(expected), rtol=1e-4, atol=1e-5)
    others = {**batch, "label": keras.ops.convert_to_tensor([1, 2, 0, 0])}
    for loss in (conditional.discriminator_loss, conditional.r1_loss, conditional.generator_loss):
        one, other = (small.terms(loss(labels, made)) for labels in (batch, others))
        assert all(one[name] != other[name] for name in one), one
