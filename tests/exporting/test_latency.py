"""How files are timed; nothing here depends on how long anything takes."""

import pytest
import tensorflow as tf
import tflite_files
from tflite_files import numbers

from ganzoo.errors import RunError
from ganzoo.exporting import latency
from ganzoo.exporting.stopwatch import Stopwatch
from ganzoo.lite.threads import all_threads


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    def serve(image):
        return tf.nn.conv2d(image, numbers(3, 3, 2, 4), 1, "SAME")

    return tflite_files.write(tmp_path_factory.mktemp("latency") / "m.tflite", serve, image=(1, None, None, 2))


def test_each_number_of_threads_is_timed_and_memory_is_that_of_a_process_without_tensorflow(path):
    found = latency.measure(path, seconds=0.05)
    assert found["one_thread"]["threads"] == 1
    assert found["all_threads"]["threads"] == all_threads()
    assert min(found["one_thread"]["runs"], found["all_threads"]["runs"]) >= 5
    # This process holds TensorFlow, 500 MiB, and must not be counted.
    assert 10 < found["peak_memory_mib"] < 200


def test_memory_grows_with_the_picture(path):
    with Stopwatch("tflite", path, 1, (1, 2000, 2000, 2)) as large, Stopwatch("tflite", path, 1) as small:
        peaks = [watch.ready().peak_memory() for watch in (large, small)]
    assert peaks[0] - peaks[1] > 2000 * 2000 * (2 + 4) * 4 / 2**20


def test_the_median_and_the_quartiles_are_those_worked_out_by_hand():
    assert latency.summary([5.0, 1.0, 100.0, 2.0, 3.0]) == {"median_ms": 3.0, "spread_ms": 3.0, "runs": 5}
    assert latency.summary([7.0]) == {"median_ms": 7.0, "spread_ms": 0.0, "runs": 1}


def test_a_file_that_can_not_be_run_is_named_in_one_line(path, tmp_path):
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(path.read_bytes()[:500])
    with pytest.raises(RunError, match="broken.tflite: can't be run") as raised:
        latency.measure(broken)
    assert "\n" not in str(raised.value)


def test_a_file_of_several_inputs_is_timed_and_its_classes_exist(tmp_path):
    def serve(latents, label):
        return latents + tf.gather(numbers(3, 4), label)

    file = tflite_files.write(tmp_path / "m.tflite", serve, latents=(1, 4), label=(1,))
    assert latency.measure(file, seconds=0.05)["one_thread"]["runs"] >= 5
    with Stopwatch("savedmodel", file.with_suffix(""), 1) as watch:
        assert watch.ready().run(0.01)
