"""How models are timed; nothing here depends on how long anything takes."""

import json

import pytest
import small
import tensorflow as tf
import tflite_files
from exporting import kinds
from tflite_files import numbers

from ganzoo.errors import RunError
from ganzoo.exporting import benchmark
from ganzoo.exporting.benchmark import Stopwatch
from ganzoo.lite.threads import all_threads

THREADS = sorted({1, all_threads()})


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    def serve(image):
        return tf.nn.conv2d(image, numbers(3, 3, 2, 4), 1, "SAME")

    return tflite_files.write(tmp_path_factory.mktemp("benchmark") / "m.tflite", serve, image=(1, 8, 8, 2))


def check_row(row):
    assert row["bytes"] > 1000 and row["peak_memory_mib"] > 10
    assert [timing["threads"] for timing in row["timings"]] == THREADS
    assert all(timing["runs"] >= 5 for timing in row["timings"])


@pytest.mark.slow
def test_a_tflite_file_is_timed_alone_and_json_is_pure(ganzoo, path):
    done = ganzoo("benchmark", path, "--json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["rows"]
    assert row["name"] == "TFLite m.tflite"
    assert row["bytes"] == path.stat().st_size
    check_row(row)
    assert [timing["speedup"] for timing in row["timings"]] == [None] * len(THREADS)


@pytest.mark.slow
def test_a_keras_model_is_timed_in_every_way(ganzoo, tmp_path):
    small.create("pix2pix").generator.save(tmp_path / "g.keras")
    done = ganzoo("benchmark", "g.keras", "--json")
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)["rows"]}
    tflite = [f"TFLite {precision}" for precision in ("float32", "float16", "dynamic", "int8")]
    assert list(rows) == ["Keras predict", "Keras tf.function", "SavedModel", *tflite, "ONNX Runtime"]
    onnx = rows.pop("ONNX Runtime")
    assert "unavailable" in onnx or onnx["timings"]
    for row in rows.values():
        check_row(row)
    assert [timing["speedup"] for timing in rows["Keras tf.function"]["timings"]] == [1.0] * len(THREADS)


@pytest.mark.parametrize(("name", "status"), [("nothing.tflite", 2), ("broken.tflite", 1)])
def test_a_file_that_can_not_be_timed_is_one_line(ganzoo, tmp_path, name, status):
    (tmp_path / "broken.tflite").write_bytes(b"TFL3")
    done = ganzoo("benchmark", name)
    assert done.returncode == status
    assert name in done.stderr and "Traceback" not in done.stderr and done.stdout == ""
    assert len([line for line in done.stderr.splitlines() if line.startswith("Error: ")]) == 1


@pytest.mark.slow
def test_keras_models_of_several_inputs_are_timed(tmp_path):
    kinds.of_text().save(tmp_path / "g.keras")
    for kind in ("keras predict", "keras function"):
        with Stopwatch(kind, tmp_path / "g.keras", 1) as watch:
            assert watch.ready().run(0.01)


@pytest.fixture(scope="module")
def free_path(tmp_path_factory):
    """A file that takes any size."""

    def serve(image):
        return tf.nn.conv2d(image, numbers(3, 3, 2, 4), 1, "SAME")

    return tflite_files.write(tmp_path_factory.mktemp("free") / "m.tflite", serve, image=(1, None, None, 2))


def test_each_number_of_threads_is_timed_and_memory_is_that_of_a_process_without_tensorflow(free_path):
    found = benchmark.latency(free_path, seconds=0.05)
    assert found["one_thread"]["threads"] == 1
    assert found["all_threads"]["threads"] == all_threads()
    assert min(found["one_thread"]["runs"], found["all_threads"]["runs"]) >= 5
    # This process holds TensorFlow, 500 MiB, and must not be counted.
    assert 10 < found["peak_memory_mib"] < 200


def test_memory_grows_with_the_picture(free_path):
    with Stopwatch("tflite", free_path, 1, (1, 2000, 2000, 2)) as large, Stopwatch("tflite", free_path, 1) as small:
        peaks = [watch.ready().peak_memory for watch in (large, small)]
    assert peaks[0] - peaks[1] > 2000 * 2000 * (2 + 4) * 4 / 2**20


def test_the_median_and_the_quartiles_are_those_worked_out_by_hand():
    assert benchmark.summary([5.0, 1.0, 100.0, 2.0, 3.0]) == {"median_ms": 3.0, "spread_ms": 3.0, "runs": 5}
    assert benchmark.summary([7.0]) == {"median_ms": 7.0, "spread_ms": 0.0, "runs": 1}


def test_a_file_that_can_not_be_run_is_named_in_one_line(free_path, tmp_path):
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(free_path.read_bytes()[:500])
    with pytest.raises(RunError, match="broken.tflite: can't be run") as raised:
        benchmark.latency(broken)
    assert "\n" not in str(raised.value)


def test_a_file_of_several_inputs_is_timed_and_its_classes_exist(tmp_path):
    def serve(latents, label):
        return latents + tf.gather(numbers(3, 4), label)

    file = tflite_files.write(tmp_path / "m.tflite", serve, latents=(1, 4), label=(1,))
    assert benchmark.latency(file, seconds=0.05)["one_thread"]["runs"] >= 5
    with Stopwatch("savedmodel", file.with_suffix(""), 1) as watch:
        assert watch.ready().run(0.01)
