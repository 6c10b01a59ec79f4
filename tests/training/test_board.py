"""The board, as TensorBoard and TensorFlow read it."""

import io
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.scalar import metadata as scalar_metadata

from ganzoo.training.board import Board

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), "uint8")


def fill(folder, first_step=0):
    board = Board(folder)
    for step in range(first_step, first_step + 3):
        board.scalar("loss", step + 0.25, step)
        board.scalar("health/norm", float("inf"), step)
    board.image("samples", PIL.Image.fromarray(PIXELS), first_step + 2)
    return board


def read(folder) -> EventAccumulator:
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return accumulator


def test_tensorboard_finds_each_value_and_picture_under_its_plugin(tmp_path):
    fill(tmp_path).close()
    found = read(tmp_path)
    assert set(found.PluginTagToContent(scalar_metadata.PLUGIN_NAME)) == {"loss", "health/norm"}
    assert set(found.PluginTagToContent(image_metadata.PLUGIN_NAME)) == {"samples"}
    points = [(event.step, tf.make_ndarray(event.tensor_proto)) for event in found.Tensors("loss")]
    assert [(step, value.shape, float(value)) for step, value in points] == [(n, (), n + 0.25) for n in range(3)]
    (picture,) = found.Tensors("samples")
    width, height, png = picture.tensor_proto.string_val
    assert (picture.step, width, height) == (2, b"7", b"5")
    np.testing.assert_array_equal(np.asarray(PIL.Image.open(io.BytesIO(png))), PIXELS)
    assert 1.6e9 < picture.wall_time < 1e10


def test_the_records_are_those_of_tensorflow_but_for_the_time_and_the_coding_of_the_picture(tmp_path):
    # A wrong checksum, or anything that TensorFlow's own reader refuses, would raise here.
    fill(tmp_path / "ours").close()
    writer = tf.summary.create_file_writer(str(tmp_path / "theirs"))
    with writer.as_default():
        for step in range(3):
            tf.summary.scalar("loss", step + 0.25, step)
            tf.summary.scalar("health/norm", float("inf"), step)
        tf.summary.image("samples", PIXELS[None], 2)
    writer.close()

    def records(name):
        (path,) = (tmp_path / name).iterdir()
        events = list(tf.compat.v1.train.summary_iterator(str(path)))
        assert events.pop(0).file_version == "brain.Event:2"
        return [(event.step, value) for event in events for value in event.summary.value]

    for (step, ours), (their_step, theirs) in zip(records("ours"), records("theirs"), strict=True):
        assert (step, ours.tag, ours.metadata) == (their_step, theirs.tag, theirs.metadata)
        values, their_values = tf.make_ndarray(ours.tensor), tf.make_ndarray(theirs.tensor)
        # The last of a picture is its file.
        assert (values.dtype, values.shape) == (their_values.dtype, their_values.shape)
        np.testing.assert_array_equal(values.reshape(-1)[:2], their_values.reshape(-1)[:2])


def test_a_run_that_goes_on_adds_to_what_is_there(tmp_path):
    fill(tmp_path / "a" / "b").close()
    fill(tmp_path / "a" / "b", first_step=3).close()
    assert len(list((tmp_path / "a" / "b").iterdir())) == 2
    # TensorBoard's loader of one directory goes from file to file.
    assert [event.step for event in read(tmp_path / "a" / "b").Tensors("loss")] == list(range(6))


def test_what_was_added_can_be_read_while_the_run_goes_on(tmp_path):
    board = fill(tmp_path)
    board.flush()
    assert len(read(tmp_path).Tensors("loss")) == 3
    board.close()
    board.close()


def test_a_full_disk_is_an_error_that_the_run_can_explain(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        Board(tmp_path / "file")


def test_neither_tensorflow_nor_keras_is_loaded(tmp_path):
    program = (
        "import sys, pathlib, PIL.Image\n"
        "from ganzoo.training.board import Board\n"
        "board = Board(pathlib.Path(sys.argv[1]))\n"
        "board.scalar('loss', 1.0, 1)\n"
        "board.image('samples', PIL.Image.new('RGB', (4, 4)), 1)\n"
        "board.close()\n"
        "print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True)
    assert (ran.stdout, ran.returncode) == ("set()\n", 0), ran.stderr
    assert len(read(tmp_path).Tensors("loss")) == 1
