"""`ganzoo export` as a user gives it: what it prints, and how it fails."""

import re

import painters
import pytest

WRONG = [
    (["export", "gone"], ["--out"]),
    (["export", "gone", "--out", "out"], ["'gone'", "run directory", ".keras"]),
    (["export", ".", "--out", "out"], ["no generator"]),
    (["export", "empty.keras", "--out", "empty.keras"], ["empty.keras: a file", "folder"]),
    (["export", "empty.keras", "--out", "empty.keras/x"], ["empty.keras: a file", "folder"]),
    (["export", "empty.keras", "--out", "out", "--quantize", "int9"], ["int9", "int8"]),
    (["export", "empty.keras", "--out", "out", "--format", "onnx"], ["onnx", "tflite"]),
    (["export", "empty.keras", "--out", "out", "--size", "big"], ["big", "256x256"]),
    (["export", "empty.keras", "--out", "out", "--direction", "c"], ["'c'", "both"]),
    (["export", "empty.keras", "--out", "out", "--allow-below", "x"], ["--allow-below", "x"]),
]


@pytest.mark.parametrize(("arguments", "parts"), WRONG, ids=lambda value: " ".join(value))
def test_wrong_usage_gets_one_line_status_2_and_no_tensorflow(ganzoo, tmp_path, arguments, parts):
    (tmp_path / "empty.keras").touch()
    done = ganzoo(*arguments, PYTHONPROFILEIMPORTTIME="1")
    told = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    assert (done.returncode, done.stdout, len(told)) == (2, "", 1), done.stderr
    assert told[0].startswith("Error: ")
    assert all(part in told[0] for part in parts), told
    assert not re.search(r"\| +(tensorflow|keras|ai_edge_litert)$", done.stderr, re.MULTILINE)
    assert [path.name for path in tmp_path.iterdir()] == ["empty.keras"]


def test_a_file_that_is_no_model_is_a_failure_told_in_a_line(ganzoo, tmp_path):
    (tmp_path / "broken.keras").write_bytes(b"no model")
    done = ganzoo("export", "broken.keras", "--out", "out")
    assert done.returncode == 1
    assert re.fullmatch(r"Error: broken\.keras: can't be read.+\n", done.stderr), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["broken.keras"]


def test_the_command_writes_the_files_and_prints_their_quality_speed_and_operators(ganzoo, tmp_path):
    painters.painter("dcgan").save(tmp_path / "emoji.keras")
    options = ["--format", "tflite", "--quantize", "int8", "--io", "uint8", "--allow-below", "30"]
    done = ganzoo("export", "emoji.keras", "--out", "out", *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out/emoji_int8_uint8.tflite").is_file()
    row = next(line for line in done.stdout.splitlines() if line.startswith("  emoji_int8_uint8.tflite"))
    assert re.search(r" kB +\d+\.\d dB +\d+\.\d dB +45 dB, allowed 30 .* ms .* MiB +\d+ of \d+ ", row), row
    assert re.search(r"^  emoji_int8_uint8.tflite +.*CONV_2D \d", done.stdout, re.MULTILINE)
