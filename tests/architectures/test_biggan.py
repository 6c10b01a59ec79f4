"""BigGAN against Brock et al. 2019, Miyato and Koyama 2018, and ajbrock's BigGAN-PyTorch."""

import dataclasses

import numpy as np
import pytest
import small
from keras import ops

import ganzoo
from ganzoo.architectures.biggan import off_diagonal
from ganzoo.config.parsing import create_config
from ganzoo.recipes import registry


@pytest.fixture(scope="module")
def gan():
    """Small, and trained for a step, so that no two weights are alike."""
    found = small.create("biggan", classes=5)
    found.compile()
    found.train_step(small.batch(found, count=8))
    return found


@pytest.fixture(scope="module")
def batch(gan):
    return {key: np.asarray(values) for key, values in small.batch(gan, count=6, seed=3).items()}


def test_parameters_are_those_of_the_references_layers():
    gan = ganzoo.create("biggan")
    conv, shortcut, told = 256 * 256 * 9 + 256, 256 * 256 + 256, 128 + 20
    block = 2 * conv + shortcut + 4 * told * 256
    generator = 10 * 128 + (20 + 1) * 16 * 256 + 3 * block + 2 * 256 + (256 * 9 + 1) * 3
    first, second = (3 * 9 + 1) * 256 + conv + (3 + 1) * 256, 2 * conv + shortcut
    discriminator = first + second + 2 * 2 * conv + 10 * 256 + 256 + 1
    assert small.parameters(gan.generator) == generator
    assert small.parameters(gan.discriminator) == discriminator


@pytest.mark.parametrize(("size", "parts"), [(32, 4), (64, 5), (128, 6)])
def test_each_size_has_latents_for_its_beginning_and_each_block(size, parts):
    gan = ganzoo.create("biggan", image_size=size, base_filters=1, block_latents=3, attention=16)
    assert gan.generator.inputs[0].shape == (None, 3 * parts)
    assert gan.generator.output.shape == (None, size, size, 3)
    assert gan.discriminator.output.shape == (None, 1)


def test_two_classes_differ_by_the_product_of_their_vectors_and_what_is_seen(gan, batch):
    network, images = gan.discriminator, batch["image"]
    one, other = np.full(6, 1, "int32"), np.full(6, 4, "int32")
    answers = [np.asarray(network({"image": images, "label": label}, training=False)) for label in (one, other)]
    (seen,) = small.probe(network, "last_activation")({"image": images, "label": one})
    vectors = np.asarray(network.get_layer("class").normalized_kernel())
    expected = seen.sum((1, 2)) @ (vectors[1] - vectors[4])
    np.testing.assert_allclose(answers[0][:, 0] - answers[1][:, 0], expected, rtol=1e-4, atol=1e-5)
    assert np.abs(expected).max() > 1e-4


@pytest.mark.slow
def test_a_discriminator_that_learnt_loses_by_wrong_labels():
    gan = small.create("biggan", classes=4, n_critic=1, learning_rate=1e-6, discriminator_learning_rate=0.01)
    gan.compile()
    random = np.random.default_rng(0)

    def shades(count: int) -> dict:
        """Images of a brightness by class."""
        label = random.integers(0, 4, count).astype("int32")
        noise = random.normal(0, 0.05, (count, 32, 32, gan.config.channels))
        return {"image": (noise + (label / 2 - 0.75)[:, None, None, None]).astype("float32"), "label": label}

    for _ in range(12):
        gan.train_step(shades(16))
    real = shades(64)
    right, wrong = (
        float(
            gan.discriminator_loss({**real, "label": label}, {"image": np.zeros_like(real["image"])})[
                "discriminator_real"
            ]
        )
        for label in (real["label"], (real["label"] + 1) % 4)
    )
    assert wrong > right + 0.1


def test_each_part_of_the_latents_reaches_its_own_block_and_none_before(gan):
    blocks = ("8x8", "16x16", "32x32")
    probe = small.probe(gan.generator, "dense4x4", *(f"block{size}_conv1" for size in blocks))
    length, label = gan.config.block_latents, np.array([2], "int32")
    latents = np.random.default_rng(0).standard_normal((1, gan.config.latent_dim)).astype("float32")
    before = probe([latents, label])
    for part in range(4):
        changed = latents.copy()
        changed[:, part * length : (part + 1) * length] += 1
        differs = [np.abs(a - b).max() > 1e-6 for a, b in zip(probe([changed, label]), before, strict=True)]
        assert differs == [place >= part for place in range(4)]


def test_the_class_reaches_every_block(gan):
    probe = small.probe(gan.generator, *(f"block{size}_norm{n}_gain" for size in ("8x8", "32x32") for n in (1, 2)))
    latents = np.zeros((1, gan.config.latent_dim), "float32")
    one, other = (probe([latents, np.array([label], "int32")]) for label in (0, 1))
    assert all(np.abs(a - b).max() > 1e-4 for a, b in zip(one, other, strict=True))


def test_kernels_are_orthogonal_at_the_start():
    gan = small.create("biggan")
    kernels = [v.numpy() for n in gan.networks().values() for v in n.trainable_variables if v.path.endswith("kernel")]
    kernels = [kernel for kernel in kernels if kernel.any()]
    assert len(kernels) > 20
    for kernel in kernels:
        matrix = kernel.reshape(-1, kernel.shape[-1])
        matrix = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
        np.testing.assert_allclose(matrix.T @ matrix, np.eye(matrix.shape[1]), atol=1e-5)


def test_the_orthogonal_penalty_by_hand():
    # Filters (1, 0), (1, 1) and (0, 2): their products are 1, 0 and 2, each of which stands twice.
    kernel = np.array([[1, 1, 0], [0, 1, 2]], "float32")
    assert float(off_diagonal(ops.convert_to_tensor(kernel))) == pytest.approx(2 * (1 + 0 + 4))


def test_the_stock_twin_paints_what_the_average_does(gan, batch):
    latents = np.random.default_rng(1).standard_normal((6, gan.config.latent_dim)).astype("float32")
    average, twin = gan.deployed()["generator"], gan.released()["generator"]
    expected = np.asarray(average([latents, batch["label"]], training=False))
    np.testing.assert_allclose(twin([latents, batch["label"]]), expected, rtol=0, atol=1e-5)
    assert not [layer for layer in twin.layers if type(layer).__name__.startswith("Spectral")]
    other = type(gan)(dataclasses.replace(gan.config, seed=1))
    other.adopt("generator", twin, other.generator)
    # A norm that was found more exactly is a little larger.
    np.testing.assert_allclose(other.generator([latents, batch["label"]], training=False), expected, atol=0.1)


def test_attention_adds_nothing_at_first_and_looks_everywhere_when_it_learnt():
    gan = small.create("biggan", attention=16)
    network, batch = gan.generator, small.batch(gan, count=2)
    latents = np.random.default_rng(0).standard_normal((2, gan.config.latent_dim)).astype("float32")
    probe = small.probe(network, "<attention_queries", "<block32x32_norm1")
    before, after = probe([latents, np.asarray(batch["label"])])
    assert np.array_equal(before, after)
    scale = network.get_layer("attention_scale")
    scale.set_weights([np.ones_like(scale.get_weights()[0])])
    before, after = probe([latents, np.asarray(batch["label"])])
    queries, keys, values = (
        np.tensordot(before, np.asarray(network.get_layer(f"attention_{name}").normalized_kernel())[0, 0], 1)
        for name in ("queries", "keys", "values")
    )
    pooled = [x.reshape(2, 8, 2, 8, 2, -1).max((2, 4)).reshape(2, 64, -1) for x in (keys, values)]
    shares = np.exp(queries.reshape(2, 256, -1) @ pooled[0].transpose(0, 2, 1))
    found = (shares / shares.sum(-1, keepdims=True)) @ pooled[1]
    outputs = np.asarray(network.get_layer("attention_outputs").normalized_kernel())[0, 0]
    np.testing.assert_allclose(after - before, (found @ outputs).reshape(before.shape), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"attention": 32}, "attention=32 needs images of more pixels"), ({"discriminator_norm": "batch"}, "set it to")],
)
def test_settings_that_make_no_sense_are_refused_by_name(change, said):
    with pytest.raises(Exception, match=said):
        create_config(registry.config_class("biggan"), spectral_norm=False, **change)
