"""Improved GAN against Salimans et al. 2016 and OpenAI's reference."""

import numpy as np
import pytest
import small
from keras import ops
from scipy.special import log_softmax

import ganzoo
from ganzoo.architectures.improved_gan import WeightNormDense, weight_normed
from ganzoo.recipes.recipes import load_recipe


@pytest.fixture(scope="module")
def full():
    gan = ganzoo.create("improved_gan")
    gan.compile()
    return gan


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 1, (500, 28, 28, 1)).astype("float32")


def create(**changes):
    gan = small.create("improved_gan", **changes)
    gan.compile()
    return gan


def test_parameters_are_those_of_the_reference(full):
    # The last layer of the classifier alone trains its scales; the generator's norms have none.
    found = {name: small.parameters(network) for name, network in full.networks().items()}
    assert found == {"classifier": 1_538_770, "generator": 694_568}


def test_the_recipe_is_the_one_of_the_reference_for_a_third_of_its_epochs():
    recipe = load_recipe("improved_gan")
    model, training = recipe.model, recipe.training
    assert (training.batch_size, training.steps) == (100, 100 * 600)
    assert (model.learning_rate, model.beta_1, model.beta_2, model.schedule.kind) == (3e-3, 0.5, 0.999, "constant")
    assert (model.labels_per_class, model.classes, model.ema_decay) == (10, 10, 0.9999)
    # What is added to the root is the root of what the reference adds within it.
    assert model.epsilon == pytest.approx(1e-8**0.5)


def test_the_loss_is_a_softmax_with_a_further_class_for_what_was_made_whose_logit_is_0():
    gan = create(input_noise=0.0, hidden_noise=0.0)
    batch, outputs = small.batch(gan, count=8), {"fake": small.batch(gan, count=8, seed=1)["image"]}
    gan.begin_round(0)
    found = {name: float(value) for name, value in gan.classifier_loss(batch, outputs).items()}

    def shares(images):
        """Logarithms of the probabilities of each class, and of made, last."""
        logits = np.asarray(gan.classifier(images, training=False), "float64")
        return log_softmax(np.concatenate([logits, np.zeros((len(logits), 1))], axis=1), axis=1)

    labelled = shares(batch["labelled"])[:, :-1]
    of_classes = labelled - np.log(np.exp(labelled).sum(1, keepdims=True))
    assert found == pytest.approx(
        {
            "classifier_labelled": -of_classes[np.arange(8), np.asarray(batch["label"])].mean(),
            "classifier_real": -0.5 * np.log1p(-np.exp(shares(batch["image"])[:, -1])).mean(),
            "classifier_fake": -0.5 * shares(outputs["fake"])[:, -1].mean(),
        },
        rel=1e-5,
    )


def test_real_and_made_that_were_swapped_would_be_another_loss():
    gan = create(input_noise=0.0, hidden_noise=0.0)
    real, made = (small.batch(gan, count=8, seed=seed) for seed in (0, 1))
    gan.adapt(real)
    # Logits far from 0: real pictures are surely real.
    gan.classifier.get_layer("dense6").bias.assign(np.full(gan.config.classes, 5.0))
    gan.begin_round(0)
    terms = gan.classifier_loss(real, {"fake": made["image"]})
    assert float(terms["classifier_real"]) < 0.1 < 1 < float(terms["classifier_fake"])


def test_after_adapting_what_goes_into_an_activation_has_mean_0_and_deviation_1(full, images):
    full.adapt({"image": images})
    full.begin_round(0)
    x, seen = ops.convert_to_tensor(images), 0
    for layer in [*full.classifier.get_layer("features").layers[1:], *full.classifier.layers[2:]]:
        x = layer(x, training=True)
        if isinstance(layer, WeightNormDense):
            np.testing.assert_allclose(np.mean(x, axis=0), 0, atol=1e-5)
            np.testing.assert_allclose(np.std(x, axis=0), 1, atol=1e-5)
            seen += 1
    assert seen == 6


def test_averages_begin_from_what_was_adapted(full, images):
    full.adapt({"image": images})
    trained, average = full.networks()["classifier"], full.deployed()["classifier"]
    assert average is not trained
    assert all(np.array_equal(a, b) for a, b in zip(average.get_weights(), trained.get_weights(), strict=True))


def test_the_length_of_each_kernel_is_its_gain_and_gains_are_trained_in_the_last_layer_alone(full, images):
    full.adapt({"image": images})
    layers = weight_normed(full.classifier)
    for layer in layers:
        lengths = np.linalg.norm(layer.kernel.numpy() * np.asarray(layer.scale()), axis=0)
        np.testing.assert_allclose(lengths, layer.gain.numpy(), rtol=1e-5)
    assert [layer.gain.trainable for layer in layers] == [False] * 5 + [True]


def test_there_is_noise_in_training_alone_of_the_stated_deviations(full, images):
    network = full.classifier
    first, again = (np.asarray(network(images, training=False)) for _ in range(2))
    assert np.array_equal(first, again)
    features = network.get_layer("features")
    noises = [layer for layer in [*features.layers, *network.layers] if layer.name.startswith("noise")]
    full.begin_round(0)
    found = [float(np.std(noise(np.zeros((500, 250), "float32"), training=True))) for noise in noises]
    assert found == pytest.approx([0.3, 0.5, 0.5, 0.5, 0.5, 0.5], rel=0.02)


def test_the_generator_matches_features_from_before_the_last_noise():
    gan = create(input_noise=0.0, hidden_noise=0.0)
    gan.classifier.get_layer("noise6").stddev = 1.0
    batch, made = small.batch(gan, count=8), small.batch(gan, count=8, seed=1)["image"]
    hidden = [np.asarray(gan.classifier.get_layer("features")(x, training=False)) for x in (batch["image"], made)]
    expected = np.square(hidden[0].mean(0) - hidden[1].mean(0)).mean()
    gan.begin_round(0)
    assert float(gan.generator_loss(batch, {"fake": made})["generator_features_adversarial"]) == pytest.approx(
        expected, rel=1e-5
    )


def test_a_stock_twin_computes_what_the_average_does_and_training_can_begin_from_it(images):
    gan = ganzoo.create("improved_gan")
    gan.compile()
    gan.adapt({"image": images})
    rng = np.random.default_rng(1)
    batch = {"image": images[:8], "labelled": images[8:16], "label": rng.integers(0, 10, 8).astype("int32")}
    gan.train_step(batch)
    average, twin = gan.deployed()["classifier"], gan.released()["classifier"]
    expected = np.asarray(average(images[:50], training=False))
    np.testing.assert_allclose(twin(images[:50]), expected, rtol=0, atol=1e-5)
    assert {type(layer).__name__ for layer in twin.layers} == {"InputLayer", "Flatten", "Dense"}
    other = ganzoo.create("improved_gan", seed=1)
    other.adopt("classifier", twin, other.classifier)
    np.testing.assert_allclose(other.classifier(images[:50], training=False), expected, rtol=0, atol=1e-5)


def test_without_adversarial_weight_what_is_not_labelled_teaches_the_classifier_nothing():
    gan = create(discriminator_weight=0.0)
    batch, initial = small.batch(gan), small.arrays(gan)
    states = []
    for seed in (0, 1):
        small.restore(gan, initial)
        gan.train_step({**batch, "image": small.batch(gan, seed=seed)["image"]})
        states.append(small.weights(gan)["classifier"])
    assert small.equal(*states) == []


def test_a_run_adapts_before_its_first_step_and_not_again_when_it_goes_on(tmp_path):
    from PIL import Image

    rng = np.random.default_rng(0)
    for name in ("train/a", "train/b", "test/a", "test/b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(6):
            pixels = rng.integers(0, 256, (16, 16), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{number}.png")
    settings = ["model.image_size=16", "model.units=32", "model.classes=2", "model.labels_per_class=3"]
    settings += ["training.batch_size=4", "evaluation.every=0", "evaluation.metrics=[]", "training.sample_count=4"]
    arguments = {"data": f"folder:{tmp_path / 'data'}", "overrides": settings}
    gan = ganzoo.train("improved_gan", tmp_path / "run", steps=1, **arguments)
    assert not np.allclose(weight_normed(gan.classifier)[0].gain.numpy(), 1)
    whole = ganzoo.train("improved_gan", tmp_path / "whole", steps=2, **arguments)
    parts = ganzoo.train("improved_gan", tmp_path / "run", steps=2, **arguments)
    assert small.equal(small.arrays(whole), small.arrays(parts)) == []
    # What is exported is the twin: it has to say the same of all.
    report = ganzoo.export(tmp_path / "run", tmp_path / "exported", quantize=["none"], measure=False)
    assert [entry["quality"]["agreement"] for entry in report.files.values()] == [1.0, 1.0]
