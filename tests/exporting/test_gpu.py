"""What is said of the GPU delegate, which runs in software here."""

import pytest
import tensorflow as tf
import tflite_files
from tflite_files import numbers

from ganzoo.exporting import convolutions, gpu


def refused(image):
    """A transposed convolution with a ReLU, which the delegate doesn't take."""
    return tf.nn.relu(tf.nn.conv2d_transpose(image, numbers(4, 4, 8, 4), (1, 8, 8, 8), 2, "SAME") + numbers(8))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """What the delegate refuses, and a tanh, which it takes."""

    def serve(image):
        return tf.nn.tanh(refused(image))

    return tflite_files.write(tmp_path_factory.mktemp("gpu") / "m.tflite", serve, image=(1, 4, 4, 4))


def checked(path):
    found = gpu.check(path, time_limit=60)
    if not found["checked"] and "no Vulkan driver" in found["reason"]:
        pytest.skip("there is no SwiftShader: Debian's package chromium has it")
    return found


def test_without_a_driver_it_is_not_checked_and_says_why(path, monkeypatch):
    monkeypatch.setenv("VK_ICD_FILENAMES", "/nowhere.json")
    found = gpu.check(path)
    assert found == {"checked": False, "reason": "no GPU, nor one in software: no Vulkan driver was found"}


def test_a_refused_operator_is_named_and_counted(path):
    found = checked(path)
    assert (found["operators"], found["taken"]) == (2, 1)
    assert list(found["refused"]) == ["TRANSPOSE_CONV"]
    assert "version" in found["refused"]["TRANSPOSE_CONV"]


def test_where_nothing_runs_on_the_gpu_nothing_is_counted(tmp_path):
    found = checked(tflite_files.write(tmp_path / "m.tflite", refused, image=(1, 4, 4, 4)))
    assert (found["operators"], found["taken"]) == (1, 0)
    assert list(found["refused"]) == ["TRANSPOSE_CONV"]


def test_a_crash_after_compiling_is_no_answer():
    log = "Selected adapter: Any, arch=any\nInitializing WebGPU-based API from graph.\n"
    found = gpu._verdict(log, {"operators": 3}, status=-11, time_limit=30)
    assert not found["checked"] and "-11" in found["reason"]
    # Time that ran out while it computed is another matter: it had taken them all.
    assert gpu._verdict(log, {"operators": 3}, status=None, time_limit=30)["taken"] == 3


def test_rearranged_convolutions_run_wholly_on_the_gpu_and_agree(path, tmp_path):
    rearranged = tmp_path / "m.tflite"
    rearranged.write_bytes(path.read_bytes())
    convolutions.rearrange(rearranged)
    found = checked(rearranged)
    assert found["share"] == 1 and not found["refused"]
    assert found["agrees"] and found["largest_difference"] < 1e-5


def test_a_file_that_breaks_the_delegate_is_not_checked(tmp_path):
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"\x1c\0\0\0TFL3" + bytes(40))
    found = gpu.check(broken)
    assert not found["checked"]
    assert "Vulkan" not in found["reason"]


def test_it_gives_up_when_the_time_is_over(path):
    found = gpu.check(path, time_limit=0.01)
    assert found == {"checked": False, "reason": "the GPU delegate did not answer within 0.01 s"}
