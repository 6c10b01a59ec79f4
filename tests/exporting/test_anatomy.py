"""The description of a file's parts and of the GPU delegate, which runs in software here."""

import pytest
import tensorflow as tf
import tflite_files
from tflite_files import numbers

from ganzoo.errors import RunError
from ganzoo.exporting import anatomy
from ganzoo.exporting.rewrite import rewrite


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


def refused(image):
    """A transposed convolution with a ReLU, which the delegate doesn't take."""
    return tf.nn.relu(tf.nn.conv2d_transpose(image, numbers(4, 4, 8, 4), (1, 8, 8, 8), 2, "SAME") + numbers(8))


@pytest.fixture(scope="module")
def refused_path(tmp_path_factory):
    """Returns a file of what the delegate refuses, and a tanh, which it takes."""

    def serve(image):
        return tf.nn.tanh(refused(image))

    return tflite_files.write(tmp_path_factory.mktemp("gpu") / "m.tflite", serve, image=(1, 4, 4, 4))


def checked(path):
    found = anatomy.check_gpu(path, time_limit=60)
    if not found["checked"] and "no Vulkan driver" in found["reason"]:
        pytest.skip("there is no SwiftShader: Debian's package chromium has it")
    return found


def test_without_a_driver_it_is_not_checked_and_says_why(refused_path, monkeypatch):
    monkeypatch.setenv("VK_ICD_FILENAMES", "/nowhere.json")
    found = anatomy.check_gpu(refused_path)
    assert found == {"checked": False, "reason": "no GPU, nor one in software: no Vulkan driver was found"}


def test_a_refused_operator_is_named_and_counted(refused_path):
    found = checked(refused_path)
    assert (found["operators"], found["taken"]) == (2, 1)
    assert list(found["refused"]) == ["TRANSPOSE_CONV"]
    assert "version" in found["refused"]["TRANSPOSE_CONV"]


def test_where_nothing_runs_on_the_gpu_nothing_is_counted(tmp_path):
    found = checked(tflite_files.write(tmp_path / "m.tflite", refused, image=(1, 4, 4, 4)))
    assert (found["operators"], found["taken"]) == (1, 0)
    assert list(found["refused"]) == ["TRANSPOSE_CONV"]


def test_a_crash_after_compiling_is_no_answer():
    log = "Selected adapter: Any, arch=any\nInitializing WebGPU-based API from graph.\n"
    found = anatomy._verdict(log, {"operators": 3}, status=-11, time_limit=30)
    assert not found["checked"] and "-11" in found["reason"]
    # Time that ran out while it computed is another matter: it had taken them all.
    assert anatomy._verdict(log, {"operators": 3}, status=None, time_limit=30)["taken"] == 3


def test_rewritten_convolutions_run_wholly_on_the_gpu_and_agree(refused_path, tmp_path):
    rewritten = tmp_path / "m.tflite"
    rewritten.write_bytes(refused_path.read_bytes())
    rewrite(rewritten)
    found = checked(rewritten)
    assert found["share"] == 1 and not found["refused"]
    assert found["agrees"] and found["largest_difference"] < 1e-5


def test_a_file_that_breaks_the_delegate_is_not_checked(tmp_path):
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"\x1c\0\0\0TFL3" + bytes(40))
    found = anatomy.check_gpu(broken)
    assert not found["checked"]
    assert "Vulkan" not in found["reason"]


def test_it_gives_up_when_the_time_is_over(refused_path):
    found = anatomy.check_gpu(refused_path, time_limit=0.01)
    assert found == {"checked": False, "reason": "the GPU delegate did not answer within 0.01 s"}
