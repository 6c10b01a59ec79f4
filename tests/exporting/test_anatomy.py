"""What a file is said to be made of."""

import pytest
import tensorflow as tf
import tflite_files
from tflite_files import numbers

from ganzoo.errors import RunError
from ganzoo.exporting import anatomy


def describe(path):
    return anatomy.describe(path, gpu=False)


def test_multiplications_and_parameters_are_those_counted_by_hand(tmp_path):
    def serve(image):
        x = tf.nn.conv2d(image, numbers(5, 3, 4, 6), 2, "SAME") + numbers(6)  # 4 x 3 x 6 out
        x = tf.nn.depthwise_conv2d(x, numbers(3, 3, 6, 1), (1, 1, 1, 1), "SAME")
        x = tf.nn.conv2d_transpose(x, numbers(3, 3, 7, 6), (1, 8, 6, 7), 2, "SAME")
        x = tf.matmul(tf.reshape(x, (48, 7)), numbers(7, 5))
        return tf.matmul(x, x, transpose_a=True)  # (5, 48) by (48, 5)

    found = describe(tflite_files.write(tmp_path / "m.tflite", serve, image=(1, 8, 6, 4)))
    by_hand = {
        "convolution": 4 * 3 * 6 * 5 * 3 * 4,
        "depthwise": 4 * 3 * 6 * 3 * 3,
        "transposed": 4 * 3 * 6 * 3 * 3 * 7,
        "dense": 48 * 7 * 5,
        "product": 5 * 48 * 5,
    }
    assert found["macs"] == sum(by_hand.values())
    kernels = 5 * 3 * 4 * 6 + 6 + 3 * 3 * 6 + 3 * 3 * 7 * 6 + 7 * 5
    biases_the_converter_adds = 6 + 5
    assert kernels <= found["parameters"] <= kernels + biases_the_converter_adds
    counts = {operator["name"]: operator["count"] for operator in found["operators"]}
    assert counts["CONV_2D"] == counts["DEPTHWISE_CONV_2D"] == counts["TRANSPOSE_CONV"] == 1


def test_a_file_of_free_size_is_counted_at_64_pixels(tmp_path):
    def serve(image):
        # A size that is computed: what follows is known only when it runs.
        larger = tf.image.resize(image, 2 * tf.shape(image)[1:3])
        return tf.nn.conv2d(larger, numbers(3, 3, 2, 4), 1, "SAME")

    found = describe(tflite_files.write(tmp_path / "m.tflite", serve, image=(1, None, None, 2)))
    assert found["input_shape"] == [1, 64, 64, 2]
    assert found["macs"] == 128 * 128 * 4 * 3 * 3 * 2


def test_an_operator_that_xnnpack_does_not_take_is_named(tmp_path):
    def serve(image):
        x = tf.pad(tf.nn.relu(image), ((0, 0), (1, 1), (1, 1), (0, 0)), "REFLECT")
        return tf.nn.conv2d(tf.nn.tanh(x), numbers(3, 3, 2, 4), 1, "VALID")

    found = describe(tflite_files.write(tmp_path / "m.tflite", serve, image=(1, 8, 8, 2)))["xnnpack"]
    assert found == {"operators": 4, "taken": 3, "share": 0.75, "left": {"MIRROR_PAD": 1}}


def test_a_file_that_needs_more_than_the_runtime_is_told_from_one_that_does_not(tmp_path):
    def serve(image):
        return tf.math.erfinv(tf.nn.tanh(image)) + tf.random.stateless_normal((1, 4), (1, 2))

    found = describe(tflite_files.write_with_others(tmp_path / "others.tflite", serve, image=(1, 4)))
    assert {"Erfinv", "FlexStatelessRandomNormalV2"} <= set(found["custom_operators"])
    assert found["xnnpack"] is None
    assert describe(tflite_files.write(tmp_path / "m.tflite", tf.nn.tanh, x=(1, 4)))["custom_operators"] == []


def test_what_is_left_in_float_in_an_int8_file_is_named(tmp_path):
    def serve(image):
        return tf.sin(tf.nn.conv2d(image, numbers(3, 3, 2, 4), 1, "SAME"))

    shapes = {"image": (1, 8, 8, 2)}
    assert describe(tflite_files.write_int8(tmp_path / "i.tflite", serve, **shapes))["float_operators"] == {"SIN": 1}
    assert describe(tflite_files.write(tmp_path / "f.tflite", serve, **shapes))["float_operators"] is None


@pytest.mark.parametrize("content", [b"", b"no model at all", b"\x1c\0\0\0TFL3" + bytes(40)])
def test_a_file_that_is_no_model_is_refused_by_name(tmp_path, content):
    path = tmp_path / "broken.tflite"
    path.write_bytes(content)
    with pytest.raises(RunError, match="broken.tflite: not a TFLite model"):
        describe(path)


def test_a_file_of_several_inputs_has_the_shapes_of_all(tmp_path):
    def serve(latents, label):
        return tf.matmul(latents + tf.gather(numbers(3, 4), label), numbers(4, 5))

    found = describe(tflite_files.write(tmp_path / "m.tflite", serve, latents=(1, 4), label=(1,)))
    assert sorted(found["input_shapes"]) == [[1], [1, 4]]
    assert found["macs"] == 4 * 5
