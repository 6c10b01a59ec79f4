"""Rewritten convolutions compute what they did."""

import numpy as np
import pytest
import tensorflow as tf
import tflite_files
from tflite_files import numbers

from ganzoo.exporting import anatomy
from ganzoo.exporting.rewrite import phase_kernels, rewrite


def outputs(path, **values):
    """By name of the signature's outputs."""
    return anatomy.interpreter(path).get_signature_runner()(**values)


def operators(path) -> dict[str, int]:
    counts: dict[str, int] = {}
    for found in anatomy.describe(path, gpu=False)["operators"]:
        counts[found["name"]] = counts.get(found["name"], 0) + found["count"]
    return counts


def transposed(x, filters, size, stride, padding, given):
    kernel = numbers(size, size, filters, x.shape[-1], seed=10 * size + stride)
    return tf.nn.conv2d_transpose(x, kernel, (1, *given, filters), stride, padding)


def test_transposed_convolutions_are_replaced_and_give_the_same(tmp_path):
    def serve(image, pixel):
        return {
            "gan": tf.nn.relu(transposed(image, 6, 4, 2, "SAME", (10, 14)) + numbers(6)),
            "valid": transposed(image, 2, 4, 2, "VALID", (12, 16)),
            "thirds": transposed(image, 2, 6, 3, "SAME", (15, 21)),
            "no overlap": transposed(image, 2, 2, 2, "SAME", (10, 14)),
            "from a pixel": transposed(pixel, 5, 4, 1, "VALID", (4, 4)),
            "bottleneck": transposed(pixel, 5, 4, 2, "SAME", (2, 2)),
        }

    path = tflite_files.write(tmp_path / "m.tflite", serve, image=(1, 5, 7, 3), pixel=(1, 1, 1, 8))
    values = {"image": numbers(1, 5, 7, 3, seed=1), "pixel": numbers(1, 1, 1, 8, seed=2)}
    before, parameters = outputs(path, **values), anatomy.describe(path, gpu=False)["parameters"]
    assert operators(path)["TRANSPOSE_CONV"] == 6
    assert rewrite(path) == 6
    assert operators(path)["CONV_2D"] == 6 and "TRANSPOSE_CONV" not in operators(path)
    after = outputs(path, **values)
    for name, expected in before.items():
        np.testing.assert_allclose(after[name], expected, atol=2e-5, err_msg=name)
    biases = (6 + 2 + 2) * 4 + 2 * 9 + (5 + 5) * 16
    added = anatomy.describe(path, gpu=False)["parameters"] - parameters
    assert added <= biases, "the old kernels were left in the file"


def test_convolutions_of_few_filters_are_replaced_and_give_the_same(tmp_path):
    def serve(image):
        return {
            "same": tf.nn.relu(tf.nn.conv2d(image, numbers(9, 9, 4, 3), 1, "SAME") + numbers(3)),
            "valid": tf.nn.conv2d(image, numbers(3, 5, 4, 3), 1, "VALID"),
            "single": tf.nn.conv2d(image, numbers(3, 3, 4, 1), 1, "SAME"),
        }

    path = tflite_files.write(tmp_path / "m.tflite", serve, image=(1, 8, 10, 4))
    values = {"image": numbers(1, 8, 10, 4, seed=1)}
    before = outputs(path, **values)
    assert rewrite(path) == 3
    assert operators(path)["DEPTH_TO_SPACE"] == 3
    for name, found in outputs(path, **values).items():
        np.testing.assert_allclose(found, before[name], atol=2e-5, err_msg=name)


def test_what_can_not_be_bettered_stays_to_the_byte(tmp_path):
    def serve(image, free):
        return {
            "multiplies zeros": transposed(image, 8, 3, 2, "SAME", (12, 12)),
            "odd": tf.nn.conv2d(image[:, :5], numbers(3, 3, 4, 3), 1, "SAME"),
            "steps of two": tf.nn.conv2d(image, numbers(3, 3, 4, 3), 2, "SAME"),
            "dilated": tf.nn.conv2d(image, numbers(3, 3, 4, 3), 1, "SAME", dilations=2),
            "one by one": tf.nn.conv2d(image, numbers(1, 1, 4, 3), 1, "SAME"),
            "many filters": tf.nn.conv2d(image, numbers(3, 3, 4, 5), 1, "SAME"),
            "free": tf.nn.conv2d(free, numbers(3, 3, 4, 3), 1, "SAME"),
        }

    path = tflite_files.write(tmp_path / "m.tflite", serve, image=(1, 6, 6, 4), free=(1, None, None, 4))
    content = path.read_bytes()
    assert rewrite(path) == 0
    assert path.read_bytes() == content


@pytest.mark.parametrize("size", [2, 3])
def test_a_phase_is_every_second_pixel_of_the_kernel(size):
    """By hand, in one dimension: out[s m + r] = sum over i of x[m - i] w[s i + r]."""
    kernel = np.zeros((1, 2 * size, 2 * size, 1), "float32")
    kernel[0, 0, :, 0] = np.arange(2 * size)
    phases = phase_kernels(kernel, size)
    assert phases.shape == (size * size, 2, 2, 1)
    # The first row of phases holds the kernel's first row, which is the last tap; columns count down.
    assert phases[:size, 1, :, 0].tolist() == [[size + r, r] for r in range(size)]
    assert not phases[size:].any()
