"""What is written and shown between the steps, without the steps."""

import json
import os
import signal
import threading
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from ganzoo.training import callbacks
from ganzoo.training.run_directory import RunDirectory


class Said:
    """A display that remembers."""

    interval = 0

    def __init__(self):
        self.lines, self.updates = [], []

    def say(self, text):
        self.lines.append(text)

    def update(self, step, images_per_second, seconds_left, terms):
        self.updates.append((step, images_per_second, seconds_left, terms))


def run(callback, steps: int, logs=lambda step: {"loss": 1.0}):
    """Calls a callback as `fit` does, for so many steps or until it stops."""
    callback.set_model(types.SimpleNamespace(stop_training=False))
    callback.on_train_begin()
    done = 0
    for batch in range(steps):
        callback.on_train_batch_end(batch, logs(batch))
        done += 1
        if callback.model.stop_training:
            break
    callback.on_train_end()
    return done


@pytest.fixture
def directory(tmp_path):
    return RunDirectory(tmp_path)


@pytest.fixture
def board(directory):
    return tf.summary.create_file_writer(str(directory.tensorboard))


def test_steps_are_counted_from_where_the_run_goes_on():
    seen = []
    callback = callbacks.AtSteps(first_step=100)
    callback.at_step = lambda step, logs: seen.append(step)
    run(callback, 3)
    assert seen == [101, 102, 103]


def lines(directory):
    """Strict JSON: Python would read NaN, and JavaScript would not."""

    def refuse(constant):
        raise AssertionError(constant)

    return [json.loads(line, parse_constant=refuse) for line in directory.metrics.read_text("utf-8").splitlines()]


def test_metrics_are_strict_json_where_losses_are_not_finite(directory, board):
    metrics = callbacks.Metrics(0, 1, 9, 4, directory, board)
    bad = {"a": tf.constant(float("nan")), "b": tf.constant(float("-inf")), "c": tf.constant(0.5)}
    run(metrics, 2, lambda step: bad if step else {"a": tf.constant(1.0), "b": tf.constant(2.0)})
    first, second = lines(directory)
    assert (first["a"], first["b"], first["nonfinite"]) == (1.0, 2.0, 0)
    assert (second["a"], second["b"], second["c"], second["nonfinite"]) == (None, None, 0.5, 2)
    assert first["step"] == 1
    assert second["time"] >= first["time"] > 1.6e9
    assert second["images_per_second"] > 0


@pytest.mark.parametrize(("first", "expected"), [(0, [3, 6, 7]), (4, [6, 7]), (6, [7])])
def test_metrics_are_written_every_few_steps_and_at_the_last(directory, board, first, expected):
    run(callbacks.Metrics(first, 3, 7, 4, directory, board), 7 - first)
    assert [line["step"] for line in lines(directory)] == expected


def test_metrics_reach_tensorboard_under_their_names(directory, board):
    run(callbacks.Metrics(0, 2, 4, 4, directory, board), 4, lambda step: {"loss": float(step), "bad": float("nan")})
    (path,) = directory.tensorboard.iterdir()
    found = {}
    for event in tf.compat.v1.train.summary_iterator(str(path)):
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, float(tf.make_ndarray(value.tensor))))
    assert found["loss"] == [(2, 1.0), (4, 3.0)]
    assert [step for step, _ in found["images_per_second"]] == [2, 4]
    assert "bad" not in found


def test_the_display_shows_images_not_batches():
    said = Said()
    display = callbacks.Display(10, 20, 8, said)
    display.speed.marks = [(display.speed.marks[0][0] - 10, 10)]
    run(display, 10)
    step, rate, left, terms = said.updates[-1]
    assert (step, left, terms) == (20, 0, {"loss": 1.0})
    assert rate == pytest.approx(8 * 10 / 10, rel=0.05)


def test_the_display_looks_at_the_losses_now_and_then_but_at_the_last():
    # Each look waits for the device.
    said = Said()
    said.interval = 1000
    display = callbacks.Display(0, 50, 8, said)
    run(display, 50)
    assert [update[0] for update in said.updates] in ([50], [1, 50])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_after_the_step_at_hand_and_the_next_one_at_once(number):
    said, before = Said(), signal.getsignal(number)
    interruption = callbacks.Interruption(0, said)

    def logs(step):
        if step == 2:
            os.kill(os.getpid(), number)
        return {"loss": 1.0}

    with interruption:
        assert run(interruption, 10, logs) == 3
    assert interruption.received is number
    assert len(said.lines) == 1
    assert signal.getsignal(number) is before
    with pytest.raises(KeyboardInterrupt):
        interruption.receive(number, None)


def test_training_in_a_thread_leaves_signals_alone():
    interruption, before = callbacks.Interruption(0, Said()), signal.getsignal(signal.SIGINT)
    during = []

    def train():
        with interruption:
            during.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert during == [before]


class Painter:
    """A model that paints one grey, and has one network and one variable."""

    def __init__(self):
        image = keras.Input((1,))
        self.network = keras.Model(image, keras.layers.Dense(1, name="dense")(image))
        self.painted, self.stop_training = 0, False

    def samples(self, examples):
        self.painted += 1
        return {"sample": np.zeros((examples["count"], 8, 8, 3))}

    def state(self):
        return {variable.path: variable for variable in self.network.variables}

    def released(self):
        return {"generator": self.network}


def test_samples_are_painted_once_a_step_and_replace_those_of_an_earlier_run(directory, board):
    samples = callbacks.Samples(0, 2, {"count": 4}, directory, board)
    samples.set_model(Painter())
    directory.sample(4).parent.mkdir()
    directory.sample(4).write_bytes(b"half a picture")
    samples.draw(0)
    for batch in range(5):
        samples.on_train_batch_end(batch)
    samples.draw(5)
    samples.draw(5)
    assert samples.model.painted == 4
    assert sorted(path.name for path in directory.sample(0).parent.iterdir()) == [
        f"step_000000{step}.png" for step in (0, 2, 4, 5)
    ]
    assert directory.sample(4).read_bytes() == directory.sample(2).read_bytes()


def test_a_checkpoint_brings_the_network_of_its_step_and_leaves_nothing_beside(directory):
    saving = callbacks.Checkpoints(0, 2, 2, directory)
    saving.set_model(Painter())
    kernel = saving.model.network.get_layer("dense").kernel
    for batch in range(7):
        kernel.assign([[float(batch + 1)]])
        saving.on_train_batch_end(batch)
    names = sorted(str(path.relative_to(directory.path)) for path in directory.path.rglob("*") if path.is_file())
    assert names == ["checkpoints/step_0000004.npz", "checkpoints/step_0000006.npz", "generator.keras"]
    saved = keras.models.load_model(directory.network("generator"))
    assert saved.get_layer("dense").kernel.numpy().tolist() == [[6.0]]
