"""Networks of every signature as files: SavedModel and TFLite of each precision, proven, and run as on a device."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from exporting import kinds
from exporting.kinds import CLASSES, NAMES, NETWORKS, WORDS

from ganzoo.data.fields import Code, Image, Label, Latents, Signature
from ganzoo.errors import UsageError
from ganzoo.exporting import calibrate, convert, interface, proof, publish
from ganzoo.lite import card, runner
from ganzoo.lite import network as networks

FORMATS = ("savedmodel", "tflite")
PRECISIONS = ("none", "float16", "dynamic", "int8")


@dataclasses.dataclass
class Exported:
    model: keras.Model
    inputs: dict
    expected: np.ndarray
    files: dict


def examples(found: card.Interface, count: int) -> dict:
    """Returns what each input takes, of `count` examples."""
    random = np.random.default_rng(1)
    shapes = {tensor.name: (count, *tensor.shape[1:]) for tensor in found.inputs}
    makers = {
        "image": lambda shape: random.integers(0, 256, shape, "uint8"),
        "clip": lambda shape: random.uniform(-1, 1, shape).astype("float32"),
        "label": lambda shape: random.integers(0, 3, shape, "int32"),
        # Of each text the last words are padding.
        "tokens": lambda shape: random.integers(1, len(WORDS), shape, "int32") * (np.arange(shape[1]) < 3),
    }
    normal = lambda shape: random.standard_normal(shape, "float32")  # noqa: E731
    return {tensor.name: makers.get(tensor.kind, normal)(shapes[tensor.name]) for tensor in found.inputs}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Returns what each network is exported to, on first use."""
    made = {}

    def export(build):
        if build in made:
            return made[build]
        keras.utils.set_random_seed(1)
        folder, signature = tmp_path_factory.mktemp(build.__name__), NETWORKS[build]
        model, found = interface.at_size(build(), None, signature, NAMES, kinds.Config())
        inputs = examples(found, 16)
        calibrating = calibrate.fed(examples(found, 64), found)
        files = convert.convert(
            model,
            "network",
            folder,
            found,
            found,
            formats=FORMATS,
            precisions=PRECISIONS,
            examples=calibrating,
            count=True,
        )
        publish.write_card(folder, {file.path.name: publish.described(file) for file in files})
        given = calibrate.fed(inputs, found)
        expected = proof.outputs(model, [given[tensor.name] for tensor in found.inputs])
        made[build] = Exported(model, inputs, expected, {file.path.name: file for file in files})
        return made[build]

    return export


@pytest.mark.parametrize("build", NETWORKS, ids=lambda build: build.__name__)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_tflite_file_reaches_its_floor_and_is_run_by_name(exported, build, precision):
    found = exported(build)
    (file,) = (file for file in found.files.values() if file.format == "tflite" and file.quantization == precision)
    network = runner.open_tflite(file.path, threads=1)
    quality = proof.measure(network, found.inputs, found.expected, precision, {})
    # Networks of so few filters are rough in 8 bits.
    lower = {"none": 0, "float16": 0}.get(precision, 10)
    assert quality.mean >= quality.floor - lower, quality
    assert found.expected.std() > 0.1


@pytest.mark.parametrize("build", NETWORKS, ids=lambda build: build.__name__)
def test_a_saved_model_takes_the_same_by_the_names_in_the_card(exported, build):
    found = exported(build)
    file = found.files["network_savedmodel"]
    loaded = tf.saved_model.load(str(file.path))

    def call(values):
        named = values if isinstance(values, dict) else {file.interface.input.name: values}
        return loaded.signatures["serving_default"](**named)[file.interface.output.name].numpy()

    quality = proof.measure(networks.Network("saved", file.interface, call), found.inputs, found.expected, "none", {})
    assert quality.passed


def test_a_class_and_a_text_change_what_is_painted(exported):
    by_class = open_plain(exported(kinds.conditional))
    pictures = networks.sample(by_class, 6, labels=[0, 1, 2])
    again = networks.sample(by_class, 6, labels=[0])
    assert (pictures[::3] == again[::3]).all() and (pictures[1] != again[1]).any()
    by_text = open_plain(exported(kinds.of_text))
    red, blue = (networks.sample(by_text, 1, texts=[text])[0] for text in ("red cat", "Blue dog!"))
    assert (red != blue).any()


def open_plain(found: Exported) -> networks.Network:
    return runner.open_tflite(found.files["network_float32.tflite"].path, threads=1)


def test_cards_say_kinds_names_and_rates_as_the_architecture_declares_them(exported):
    def tensors(build):
        file = exported(build).files["network_float32.tflite"]
        found = card.interface(card.read(file.path), file.path)
        return (*found.inputs, *found.outputs)

    latents, label, image = tensors(kinds.conditional)
    assert (latents.name, latents.shape, latents.dtype) == ("latents", (1, 6), "float32")
    assert (label.name, label.shape, label.dtype, label.names) == ("label", (1,), "int32", CLASSES)
    assert (image.kind, image.shape, image.range) == ("image", (1, 8, 8, 3), (-1.0, 1.0))
    _, tokens, _ = tensors(kinds.of_text)
    assert (tokens.name, tokens.shape, tokens.dtype, tokens.names) == ("tokens", (1, 4), "int32", WORDS)
    _, clip = tensors(kinds.sequence)
    assert (clip.shape, clip.rate) == ((1, 64, 1), 8000)
    # Declared by another key than the label's, and of as many classes.
    _, classes = tensors(kinds.classifier)
    assert (classes.shape, classes.names) == ((1, 3), CLASSES)


def test_two_inputs_of_one_kind_have_the_names_that_they_have_in_keras():
    first, second = keras.Input((6,), name="content"), keras.Input((6,), name="style")
    model = keras.Model([first, second], keras.layers.Reshape((1, 2, 3))(first + second), name="two")
    signature = Signature({"a": Latents(), "b": Latents()}, {"image": Image()})
    _, found = interface.at_size(model, None, signature)
    assert [tensor.name for tensor in found.inputs] == ["content", "style"]
    drawn = networks.draw(networks.Network("two", found, None), 3, 2)
    # One drawn as the other would leave half of the network unseen.
    assert (drawn["content"] != drawn["style"]).any()


def test_classes_have_numbers_for_names_where_nobody_says_them():
    _, found = interface.at_size(kinds.conditional(), None, NETWORKS[kinds.conditional], {}, kinds.Config())
    assert found.inputs[1].names == ("0", "1", "2")


def test_pictures_of_another_range_than_usual_are_painted_and_proven_as_pictures(tmp_path):
    latents = keras.Input((6,), name="z")
    x = keras.layers.Dense(48, activation="sigmoid")(latents)
    model = keras.Model(latents, keras.layers.Reshape((4, 4, 3))(x), name="from_0_to_1")
    signature = Signature({"latents": Latents()}, {"image": Image(range=(0.0, 1.0))})
    _, found = interface.at_size(model, None, signature)
    files = convert.convert(model, "g", tmp_path, found, found, formats=["tflite"], precisions=["none"])
    publish.write_card(tmp_path, {files[0].path.name: publish.described(files[0])})
    network = runner.open_tflite(files[0].path)
    inputs = networks.draw(network, 0, 4)
    expected = proof.outputs(model, [inputs["latents"]], (0.0, 1.0))
    assert proof.measure(network, inputs, expected, "none", {}).passed
    pictures = np.concatenate(list(networks.made(network, inputs)))
    np.testing.assert_array_equal(pictures, np.rint(np.asarray(model(inputs["latents"])) * np.float32(255)))


def test_with_uint8_pixels_go_into_a_classifier_and_logits_come_out(tmp_path):
    model, values = interface.at_size(kinds.classifier(), None, NETWORKS[kinds.classifier], NAMES, kinds.Config())
    pixels = interface.with_uint8(values)
    files = convert.convert(model, "c", tmp_path, pixels, values, formats=["tflite"], precisions=["none"])
    assert files[0].path.name == "c_float32_uint8.tflite"
    publish.write_card(tmp_path, {files[0].path.name: publish.described(files[0])})
    inputs = examples(pixels, 8)
    expected = proof.outputs(model, [calibrate.fed(inputs, values)["image"]])
    quality = proof.measure(runner.open_tflite(files[0].path), inputs, expected, "none", {})
    assert quality.passed and quality.agreement == 1.0


def build_free():
    image = keras.Input((None, None, 3), name="picture")
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, name="conv")(image))
    return keras.Model(image, keras.layers.Dense(3, name="logits")(pooled), name="free")


def test_a_classifier_of_any_size_is_built_for_the_size_that_is_asked_for():
    signature = NETWORKS[kinds.classifier]
    for size, shape, multiple in (((16, 24), (1, 16, 24, 3), None), ("free", (1, None, None, 3), 1)):
        model, found = interface.at_size(build_free(), size, signature, NAMES, kinds.Config())
        assert (found.input.shape, found.multiple) == (shape, multiple)
        assert model.inputs[0].shape[1:] == shape[1:]


REFUSED = [
    (kinds.classifier, (16, 16), "size: classifier takes 8x8 alone, found 16x16; leave it out"),
    (kinds.classifier, "free", "has no free size"),
    (kinds.sequence, (16, 16), "size: sequence takes and gives no pictures; leave it out"),
    (kinds.conditional, (16, 16), "size: conditional_generator paints .* at the one size"),
]


@pytest.mark.parametrize(("build", "size", "told"), REFUSED, ids=lambda value: getattr(value, "__name__", str(value)))
def test_a_size_that_a_network_does_not_take_is_told(build, size, told):
    with pytest.raises(UsageError, match=told):
        interface.at_size(build(), size, NETWORKS[build], NAMES, kinds.Config())


def test_what_is_declared_and_what_the_network_has_are_compared():
    with pytest.raises(UsageError, match="decoder: takes 1 tensors, where its architecture declares code, label"):
        interface.at_size(kinds.decoder(), None, Signature({"code": Code(), "label": Label()}, kinds.IMAGE))


def test_uint8_is_refused_where_there_are_no_pictures():
    _, found = interface.at_size(kinds.sequence(), None, NETWORKS[kinds.sequence], NAMES, kinds.Config())
    with pytest.raises(UsageError, match="io uint8: is of pictures"):
        interface.with_uint8(found)
