"""Protocols of classifiers, clips, encoders and conditional generators, on networks of which the numbers are known."""

import math
from typing import ClassVar

import keras
import numpy as np
import plugins
import pytest
from keras import layers
from skimage.metrics import peak_signal_noise_ratio

from ganzoo.config.recipe import DataConfig, EvaluationConfig, GANConfig, Recipe, TrainingConfig, frozen_config
from ganzoo.data.fields import Classes, Clip, Code, Image, Label, Latents, Signature, Stream, Tokens
from ganzoo.errors import UsageError
from ganzoo.evaluation import during, protocols
from ganzoo.evaluation.instruments import Instruments
from ganzoo.evaluation.results import Result
from ganzoo.evaluation.setting import NotFinite, Setting
from ganzoo.evaluation.splits import Images, Split, open_split
from ganzoo.generators.keras_network import live


@frozen_config
class Sizes(GANConfig):
    """The config of all that is made up here."""

    image_size: ClassVar[int] = 4
    channels: ClassVar[int] = 1
    classes: ClassVar[int] = 3
    vocabulary: ClassVar[int] = 6
    caption_length: ClassVar[int] = 4
    clip_length: ClassVar[int] = 64
    sample_rate: ClassVar[int] = 8000
    latent_dim: ClassVar[int] = 1
    code_length: ClassVar[int] = 16


@frozen_config
class Classifier(Sizes):
    """Some images have labels."""

    classes: ClassVar[int] = 2
    batch: ClassVar = (Stream(image=Image()), Stream(labelled=Image(), label=Label()))
    deployed: ClassVar = {"discriminator": Signature({"image": Image()}, {"classes": Classes()})}


@frozen_config
class Sound(Sizes):
    """Clips alone."""

    batch: ClassVar = (Stream(clip=Clip()),)
    deployed: ClassVar = {"generator": Signature({"latents": Latents()}, {"clip": Clip()})}


@frozen_config
class Conditional(Sizes):
    """Images of classes."""

    batch: ClassVar = (Stream(image=Image(), label=Label()),)
    deployed: ClassVar = {
        "generator": Signature({"latents": Latents(), "label": Label()}, {"image": Image()}),
    }


@frozen_config
class Worded(Sizes):
    """Images of texts."""

    batch: ClassVar = (Stream(image=Image(), tokens=Tokens()),)
    deployed: ClassVar = {
        "generator": Signature({"latents": Latents(), "tokens": Tokens()}, {"image": Image()}),
    }


@frozen_config
class Wanted(Sizes):
    """Images of classes that no batch has."""

    batch: ClassVar = (Stream(image=Image()),)
    deployed: ClassVar = {
        "generator": Signature({"latents": Latents(), "wanted": Label()}, {"image": Image()}),
    }


@frozen_config
class Untold(Sizes):
    """Images of texts that no batch has."""

    batch: ClassVar = (Stream(image=Image()),)
    deployed: ClassVar = {
        "generator": Signature({"latents": Latents(), "told": Tokens()}, {"image": Image()}),
    }


@frozen_config
class Autoencoder(Sizes):
    """Images by way of codes."""

    batch: ClassVar = (Stream(image=Image()),)
    deployed: ClassVar = {
        "encoder": Signature({"image": Image()}, {"code": Code()}),
        "decoder": Signature({"code": Code()}, {"image": Image()}),
    }


def examples(**sets) -> Split:
    """A split by key: arrays, an example a row."""
    found = {key: Images([f"{key} {n}" for n in range(len(v))], lambda n, v=v: v[n]) for key, v in sets.items()}
    return Split(found, "made up", "none", aligned=False, in_training=False)


def measured(config, networks: dict, test: Split, **more) -> dict:
    """Results by key, and reasons for what was left out."""
    evaluation = EvaluationConfig(samples=more.pop("samples", 6))
    recipe = Recipe("made_up", config, DataConfig(), TrainingConfig(steps=1, batch_size=1), evaluation)
    opened = {name: live(network, config.deployed[name], config) for name, network in networks.items()}
    found = list(protocols.measure(Setting(opened, recipe, test, Instruments(), **more)))
    return {one.key if isinstance(one, Result) else one.metric: one for one in found}


def brightness(scale=1.0) -> keras.Model:
    """Says that what is light is of class 1: logits -v and v of the mean value v."""
    image = keras.Input((4, 4, 1))
    kernel = keras.initializers.Constant([[-scale, scale]])
    x = layers.Dense(2, use_bias=False, kernel_initializer=kernel)(layers.GlobalAveragePooling2D()(image))
    return keras.Model(image, x, name="judge")


def test_a_confusion_of_three_one_one_one_is_a_third_of_errors():
    levels = np.array([0, 0, 0, 255, 0, 255], "uint8")
    pictures = np.broadcast_to(levels[:, None, None, None], (6, 4, 4, 1))
    test = examples(image=pictures[:2], labelled=pictures, label=np.array([0, 0, 0, 0, 1, 1]))
    found = measured(Classifier(), {"discriminator": brightness()}, test)
    assert found["test_error"].value == pytest.approx(100 / 3) and found["test_error"].unit == "%"
    # 100 or 0, six of them: their deviation is 100 sqrt(2/6 * 4/6 * 6/5).
    assert found["test_error"].standard_error == pytest.approx(100 * math.sqrt(4 / 15 / 6))
    assert found["cross_entropy"].value == pytest.approx(math.log1p(math.exp(-2)) + 2 * 2 / 6, rel=1e-5)
    assert found["worst_recall"].value == 0.5 and found["worst_recall"].images == 2
    assert "of class 1" in found["worst_recall"].how
    assert [found[f"test_error_of_{name}"].value for name in (0, 1)] == [25, 50]


def test_a_run_can_ask_for_the_errors_of_a_classifier_and_for_no_distances():
    def asking(*metrics):
        evaluation = EvaluationConfig(every=1, metrics=metrics)
        return Recipe("judge", Classifier(), DataConfig(), TrainingConfig(steps=1, batch_size=1), evaluation)

    during.check(asking("test_error", "cross_entropy", "worst_recall"))
    with pytest.raises(UsageError, match="found 'fid'; allowed: test_error, cross_entropy, worst_recall"):
        during.check(asking("fid"))


def test_a_class_that_the_classifier_does_not_know_is_named():
    test = examples(labelled=np.zeros((3, 4, 4, 1), "uint8"), label=np.array([0, 7, 1]))
    with pytest.raises(UsageError, match="labelled 1: of class 7, and judge tells classes 0 to 1; evaluate it on"):
        measured(Classifier(), {"discriminator": brightness()}, test)


def test_a_classifier_that_gives_no_numbers_has_no_error():
    test = examples(labelled=np.full((2, 4, 4, 1), 9, "uint8"), label=np.array([0, 1]))
    with pytest.raises(NotFinite, match="judge: gives values that are not finite"):
        measured(Classifier(), {"discriminator": brightness(float("nan"))}, test)


def sine(amplitude: float) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * 8 * np.arange(64) / 64)).astype("float32")[:, None]


def humming(amplitude: float) -> keras.Model:
    """Makes one sine of all latents."""
    latents = keras.Input((1,))
    bias = keras.initializers.Constant(sine(amplitude)[:, 0])
    x = layers.Dense(64, kernel_initializer="zeros", bias_initializer=bias)(latents)
    return keras.Model(latents, layers.Reshape((64, 1))(x), name="hum")


def test_clips_half_as_loud_are_six_db_away_and_all_alike_have_no_spread():
    test = examples(clip=np.stack([sine(1.0), sine(0.25)]))
    found = measured(Sound(), {"generator": humming(0.25)}, test, train=examples(clip=np.stack([sine(0.5)] * 2)))
    # The mean of the test clips, in dB, is that of a sine of 0.5; a sine lies in 3 of 33 frequencies.
    assert found["spectral_distance"].value == pytest.approx(20 * math.log10(2) * math.sqrt(3 / 33), abs=1e-3)
    assert found["train_split_spectral_distance"].value == pytest.approx(0, abs=1e-3)
    assert found["spectral_spread"].value == found["train_split_spectral_spread"].value == 0
    assert (found["spectral_distance"].images, found["spectral_distance"].real_images) == (6, 2)
    again = measured(Sound(), {"generator": humming(0.5)}, test, train=test)
    assert again["spectral_distance"].value == pytest.approx(0, abs=1e-3)
    assert again["train_split_spectral_spread"].value == 1


def test_one_test_clip_is_too_few():
    found = measured(Sound(), {"generator": humming(0.5)}, examples(clip=sine(1.0)[None]))
    assert list(found) == ["spectral distance, spectral spread"]


def painting(of: str, length: int, numbers: int) -> keras.Model:
    """Paints the mean of what it is told in whole numbers, a tenth for one, whatever the latents are."""
    latents, told = keras.Input((1,)), keras.Input((length,) if length else (), dtype="int32")
    table = keras.initializers.Constant(np.arange(numbers)[:, None] / 10)
    x = layers.Embedding(numbers, 1, embeddings_initializer=table)(told)
    x = layers.GlobalAveragePooling1D()(x) if length else x
    x = layers.Add()([x, layers.Dense(1, kernel_initializer="zeros")(latents)])
    x = layers.UpSampling2D(4)(layers.Reshape((1, 1, 1))(x))
    return keras.Model([latents, told], x, name=of)


def seen(config, network, test: Split, samples: int) -> list[float]:
    """The values of the samples that a protocol looks at."""
    painted = []

    def watch(items, length, title):
        for item in items:
            painted.append(float(item.mean() / 127.5 - 1))
            yield item

    measured(config, {"generator": network}, test, samples=samples, watch=watch)
    return painted


def test_samples_of_classes_have_the_labels_of_the_test_split():
    test = examples(image=np.zeros((3, 4, 4, 1), "uint8"), label=np.array([0, 2, 2]))
    found = seen(Conditional(), painting("of_classes", 0, 3), test, samples=7)
    assert sorted(found[:6]) == pytest.approx([0, 0, 0.2, 0.2, 0.2, 0.2], abs=0.005)
    assert found[3:] == found[:3] + found[:1]


def test_samples_of_classes_that_no_batch_has_are_of_all_classes_in_turns():
    test = examples(image=np.zeros((2, 4, 4, 1), "uint8"))
    found = seen(Wanted(), painting("of_wanted", 0, 3), test, samples=7)
    assert found == pytest.approx([0, 0.1, 0.2, 0, 0.1, 0.2, 0], abs=0.005)


def test_nothing_measures_samples_of_texts_that_no_batch_has():
    test = examples(image=np.zeros((2, 4, 4, 1), "uint8"))
    with pytest.raises(UsageError, match="made_up: no protocol measures what its networks take and give"):
        measured(Untold(), {"generator": painting("untold", 4, 6)}, test)


def test_samples_of_texts_have_the_captions_of_the_test_split():
    captions = np.array([[1, 1, 1, 1], [5, 5, 0, 0]], "int32")
    test = examples(image=np.zeros((2, 4, 4, 1), "uint8"), tokens=captions)
    found = seen(Worded(), painting("of_texts", 4, 6), test, samples=20)
    assert sorted(set(np.round(found, 2))) == pytest.approx([0.1, 0.25]) and len(found) == 20


def coding(offset: float) -> dict:
    """An encoder that gives the pixels, and a decoder that makes them so much lighter."""
    image, code = keras.Input((4, 4, 1)), keras.Input((16,))
    x = layers.Reshape((4, 4, 1))(layers.Rescaling(1.0, offset=offset)(code))
    return {
        "encoder": keras.Model(image, layers.Flatten()(image), name="encoder"),
        "decoder": keras.Model(code, x, name="decoder"),
    }


def test_what_comes_back_ten_levels_lighter_has_the_psnr_of_ten_levels():
    test = examples(image=np.random.default_rng(0).integers(60, 190, (3, 4, 4, 1)).astype("uint8"))
    found = measured(Autoencoder(), coding(20 / 255), test)
    assert found["psnr"].value == pytest.approx(20 * math.log10(255 / 10), abs=1e-9)
    assert (found["psnr"].images, found["psnr"].key) == (3, "psnr")
    alone = measured(Autoencoder(), {"encoder": coding(0)["encoder"]}, test)
    assert alone["reconstruction"].reason.startswith("it takes encoder and decoder, and decoder is not there")


def test_any_architecture_is_measured_while_it_trains_with_the_weights_that_it_then_has(recipe):
    with plugins.built("made_up") as (gan, _):
        asked = {"every": 50, "metrics": ["psnr"], "images": 4}
        settings = recipe("made_up", image_size=gan.config.image_size, code_dim=gan.config.code_dim, evaluation=asked)
        evaluator = during.open_evaluator(settings, gan.deployed())
        first = evaluator()["psnr"]
        assert first == pytest.approx(psnr_of(gan, settings), abs=1e-9)
        gan.decoder.set_weights([weight * 2 + 0.1 for weight in gan.decoder.get_weights()])
        assert evaluator()["psnr"] == pytest.approx(psnr_of(gan, settings), abs=1e-9) != first


def psnr_of(gan, settings) -> float:
    images = open_split(settings, "test").at_most(4).sets["image"]
    pixels = np.stack([images.read(place) for place in range(4)])
    code = gan.encoder(pixels.astype("float32") / 127.5 - 1, training=False)
    back = np.rint(np.asarray(gan.decoder(code, training=False)) * 127.5 + 127.5).astype("uint8")
    return np.mean([peak_signal_noise_ratio(*pair) for pair in zip(pixels, back, strict=True)])
