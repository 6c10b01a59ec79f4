"""The callbacks that write and show between the steps, without the steps."""

import json
import os
import signal
import threading
import time
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from ganzoo.config.recipe import TrainingConfig
from ganzoo.data.fields import Code, Image, Signature
from ganzoo.training import callbacks, checkpoints
from ganzoo.training.board import Board
from ganzoo.training.run_directory import RunDirectory
from ganzoo.training.stopping import Interruption


class Said:
    """A display that remembers."""

    interval = 0

    def __init__(self):
        self.lines, self.updates = [], []

    def say(self, text):
        self.lines.append(text)

    def update(self, step, images_per_second, seconds_left, terms):
        self.updates.append((step, images_per_second, seconds_left, terms))


class Painter:
    """A model that paints one grey, and has one network and one variable."""

    generated = {"sample": "image"}
    fields = {"image": Image()}
    config = SimpleNamespace(deployed={"generator": Signature(takes={"code": Code()}, gives={"image": Image()})})
    rollback_count = 0

    def __init__(self, step: int = 0):
        image = keras.Input((1,))
        self.network = keras.Model(image, keras.layers.Dense(1, name="dense")(image))
        self.steps_done, self.painted, self.stop_training = step, 0, False

    def samples(self, examples):
        self.painted += 1
        return {"sample": np.zeros((4, 8, 8, 3)), "real": examples["image"]}

    def state(self):
        return {variable.path: variable for variable in self.network.variables}

    def released(self):
        return {"generator": self.network}

    def health(self):
        return {"generator_update_ratio": 1e-3}


EXAMPLES = {"image": np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 3))}


def run(callback, steps: int, logs=lambda step: {"loss": 1.0}, first_step: int = 0):
    """Calls a callback as `fit` does, for so many steps or until it stops."""
    callback.set_model(Painter(first_step))
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
    return Board(directory.tensorboard)


def test_steps_are_counted_from_where_the_run_goes_on():
    seen = []
    callback = callbacks.AtSteps()
    callback.at_step = lambda step, logs: seen.append(step)
    run(callback, 3, first_step=100)
    assert seen == [101, 102, 103]


def lines(directory):
    """Strict JSON: Python would read NaN, and JavaScript would not."""

    def refuse(constant):
        raise AssertionError(constant)

    return [json.loads(line, parse_constant=refuse) for line in directory.metrics.read_text("utf-8").splitlines()]


def metrics(directory, board, *, every, last_step, sample_every=1000, said=None):
    samples = callbacks.Samples(sample_every, last_step, EXAMPLES, None, directory, board)
    evaluations = callbacks.Evaluations(0, last_step, None)
    return callbacks.Metrics(
        every, last_step, 4, ("float32", "non_saturating"), samples, evaluations, directory, board, said or Said()
    )


def test_metrics_are_strict_json_where_losses_are_not_finite(directory, board):
    bad = {"a": tf.constant(float("nan")), "b": tf.constant(float("-inf")), "c": tf.constant(0.5)}
    bad["health/d"] = tf.constant(float("inf"))
    good = {"a": tf.constant(1.0), "b": tf.constant(2.0), "health/d": tf.constant(3.0)}
    run(metrics(directory, board, every=1, last_step=9), 2, lambda step: bad if step else good)
    first, second = lines(directory)
    assert (first["a"], first["b"], first["nonfinite"]) == (1.0, 2.0, 0)
    assert (second["a"], second["b"], second["c"], second["nonfinite"]) == (None, None, 0.5, 2)
    # What is no loss stands apart, and is not counted as one.
    assert (first["health"], second["health"]) == tuple(
        {"d": value, "generator_update_ratio": 1e-3} for value in (3.0, None)
    )
    assert first["step"] == 1
    assert second["time"] >= first["time"] > 1.6e9
    assert second["images_per_second"] > 0


@pytest.mark.parametrize(("first", "expected"), [(0, [3, 6, 7]), (4, [6, 7]), (6, [7])])
def test_metrics_are_written_every_few_steps_and_at_the_last(directory, board, first, expected):
    run(metrics(directory, board, every=3, last_step=7), 7 - first, first_step=first)
    assert [line["step"] for line in lines(directory)] == expected


def test_metrics_reach_tensorboard_under_their_names(directory, board):
    logs = {"bad": float("nan"), "health/norm": 7.0}
    run(metrics(directory, board, every=2, last_step=4), 4, lambda step: {"loss": float(step), **logs})
    (path,) = directory.tensorboard.iterdir()
    found = {}
    for event in tf.compat.v1.train.summary_iterator(str(path)):
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, float(tf.make_ndarray(value.tensor))))
    assert found["loss"] == [(2, 1.0), (4, 3.0)]
    assert found["health/norm"] == [(2, 7.0), (4, 7.0)]
    assert [step for step, _ in found["images_per_second"]] == [2, 4]
    assert "bad" not in found


def test_the_display_shows_images_not_batches():
    said = Said()
    display = callbacks.Display(20, 8, said)
    began = time.monotonic
    callback_begins = display.on_train_begin

    def ten_seconds_ago(logs=None):
        callback_begins(logs)
        display.speed.marks = [(began() - 10, 10)]

    display.on_train_begin = ten_seconds_ago
    run(display, 10, lambda step: {"loss": 1.0, "health/norm": 2.0}, first_step=10)
    step, rate, left, terms = said.updates[-1]
    assert (step, left, terms) == (20, 0, {"loss": 1.0})
    assert rate == pytest.approx(8 * 10 / 10, rel=0.05)


def test_the_display_looks_at_the_losses_now_and_then_but_at_the_last():
    # Each look waits for the device.
    said = Said()
    said.interval = 1000
    display = callbacks.Display(50, 8, said)
    run(display, 50)
    assert [update[0] for update in said.updates] in ([50], [1, 50])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_after_the_step_at_hand_and_the_next_one_at_once(number):
    said, before = Said(), signal.getsignal(number)
    interruption = Interruption(said, tf.distribute.get_strategy())

    def logs(step):
        if step == 2:
            os.kill(os.getpid(), number)
        return {"loss": 1.0}

    with interruption:
        assert run(interruption, 10, logs) == 3
    assert interruption.agreed
    assert len(said.lines) == 1
    assert signal.getsignal(number) is before
    with pytest.raises(KeyboardInterrupt):
        interruption.receive(signal.SIGINT, None)


def test_a_second_signal_does_not_cut_off_what_is_being_saved():
    said = Said()
    interruption = Interruption(said, tf.distribute.get_strategy())
    with interruption:
        os.kill(os.getpid(), signal.SIGTERM)
        interruption.saving = True
        os.kill(os.getpid(), signal.SIGINT)
    # It got here: neither raised.
    assert interruption.received == "SIGINT"


def test_a_signal_stops_the_run_though_nobody_reads_what_it_says():
    class Deaf(Said):
        def say(self, text):
            raise AssertionError("said within the handler")

    interruption = Interruption(Deaf(), tf.distribute.get_strategy())
    with interruption:
        os.kill(os.getpid(), signal.SIGTERM)
        # A supervisor may repeat itself within a long step.
        os.kill(os.getpid(), signal.SIGTERM)
    assert interruption.received == "SIGTERM"


def test_training_in_a_thread_leaves_signals_alone():
    interruption, before = Interruption(Said(), tf.distribute.get_strategy()), signal.getsignal(signal.SIGINT)
    during = []

    def train():
        with interruption:
            during.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert during == [before]


def test_samples_replace_those_of_an_earlier_run_and_are_measured_at_their_step(directory, board):
    samples = callbacks.Samples(2, 5, EXAMPLES, None, directory, board)
    directory.sample(4).parent.mkdir()
    directory.sample(4).write_bytes(b"half a picture")
    run(samples, 5)
    assert list(directory.samples()) == [2, 4, 5]
    assert directory.sample(4).read_bytes() == directory.sample(2).read_bytes()
    # One grey has no diversity; the other column is not what a generator made.
    assert samples.measures_at(5)["sample_diversity"] == 0
    assert samples.measures_at(4) == {}
    assert not [name for name in samples.measures_at(5) if name.startswith("real")]


def test_training_images_are_read_once_and_only_to_measure_with(directory, board):
    reads = []

    def training_images():
        reads.append(1)
        return EXAMPLES["image"]

    samples = callbacks.Samples(2, 4, EXAMPLES, training_images, directory, board)
    run(samples, 4)
    assert reads == [1]
    assert "sample_nearest" in samples.measures_at(4)


def test_a_line_between_the_due_ones_changes_no_finding(directory, board):
    # An interrupted run has one more line than a run that was not; both must come to the same end.
    diverging = {"loss": float("nan")}
    watch = metrics(directory, board, every=10, last_step=100)
    watch.set_model(Painter())
    watch.on_train_begin()
    watch.at_step(10, {"loss": 1.0})
    watch.model.stop_training = True
    watch.at_step(11, diverging)
    assert [line["step"] for line in lines(directory)] == [10, 11]
    assert [line["step"] for line in watch.lines] == [10]
    watch.on_train_begin()
    assert [line["step"] for line in watch.lines] == [10]


def test_findings_are_said_once_and_again_when_they_are_gone(directory, board):
    said = Said()
    watch = metrics(directory, board, every=1, last_step=9, said=said)
    run(watch, 4, lambda step: {"loss": float("nan") if step < 3 else 1.0})
    found = [line["findings"] for line in lines(directory)]
    assert found[2][0]["name"] == "diverging"
    assert len([text for text in said.lines if text.startswith("doctor: diverging: ")]) == 1
    watch.tell([])
    assert said.lines[-1] == "doctor: no longer diverging"


def settings(**changes):
    return TrainingConfig(**{"steps": 9, "batch_size": 2, "checkpoint_minutes": 0.0, **changes})


def saving(directory, board, **changes):
    watch = metrics(directory, board, every=1, last_step=9)
    return callbacks.Checkpoints(settings(**changes), watch, directory, {})


def kept(directory):
    return [checkpoints.step_of(path) for path in checkpoints.list_checkpoints(directory.checkpoints)]


def test_the_best_by_an_evaluation_goes_by_the_one_of_its_own_step(directory, board):
    callback = saving(directory, board, checkpoint_every=10, best_metric="psnr", best_is="highest")
    callback.metrics.lines = [
        {"step": 5, "evaluation": {"psnr": 30.0}},
        {"step": 10, "evaluation": {"psnr": 20.0}},
    ]
    assert callback.score(10) == -20.0
    callback.metrics.lines = [{"step": 5, "evaluation": {"psnr": 30.0}}, {"step": 10}]
    assert callback.score(10) == -30.0


def test_the_time_of_an_evaluation_is_no_time_of_training(directory, board):
    watch = metrics(directory, board, every=1, last_step=9)
    watch.set_model(Painter())
    watch.on_train_begin()
    # Ten steps in a hundred seconds, of which ninety went into an evaluation.
    watch.speed.marks = [(time.monotonic() - 100, -9)]
    watch.evaluations.measures, watch.evaluations.seconds = (1, {"psnr": 20.0}), 90.0
    watch.at_step(1, {"loss": tf.constant(1.0)})
    (line,) = lines(directory)
    assert line["evaluation"] == {"psnr": 20.0}
    assert line["images_per_second"] == pytest.approx(4.0, rel=0.05)


def test_a_checkpoint_brings_the_network_of_its_step_and_leaves_nothing_beside(directory, board):
    callback = saving(directory, board, checkpoint_every=2, keep_checkpoints=2)

    def logs(batch):
        callback.model.network.get_layer("dense").kernel.assign([[float(batch + 1)]])

    run(callback, 7, logs)
    # Two, and one that is three lines old.
    assert kept(directory) == [2, 4, 6]
    assert not list(directory.path.rglob(".*"))
    saved = keras.models.load_model(directory.network("generator"))
    assert saved.get_layer("dense").kernel.numpy().tolist() == [[6.0]]


def test_a_long_while_without_a_checkpoint_brings_one(directory, board):
    callback = saving(directory, board, checkpoint_every=100, checkpoint_minutes=0.5)

    def logs(batch):
        if batch in (3, 6):
            callback.time -= 31

    run(callback, 9, logs)
    # Of those by the clock only the newest is of use.
    assert kept(directory) == [7]


def test_a_state_that_is_lost_is_not_saved_and_ends_the_leg(directory, board):
    callback = saving(directory, board, checkpoint_every=2)

    def logs(batch):
        if batch == 3:
            callback.model.network.get_layer("dense").kernel.assign([[float("nan")]])

    run(callback, 5, logs)
    assert kept(directory) == [2]
    assert "hold NaN or infinity" in str(callback.lost)


@pytest.mark.parametrize(("best_is", "expected"), [("lowest", 4), ("highest", 6)])
def test_the_best_checkpoint_is_that_of_the_mean_since_the_one_before(directory, board, best_is, expected):
    callback = saving(directory, board, checkpoint_every=2, keep_checkpoints=1, best_metric="quality", best_is=best_is)
    # Means of two: 3, 2, 5, 4. A single value would choose otherwise.
    values = iter([5, 1, 2, 2, 10, 0, 4, 4])

    def logs(batch):
        callback.metrics.lines.append({"step": batch + 1, "health": {"quality": next(values)}})
        callback.model.network.get_layer("dense").kernel.assign([[float(batch + 1)]])

    run(callback, 8, logs)
    assert expected in kept(directory)
    (best,) = (directory.checkpoints / "best").iterdir()
    assert best == directory.best_network("generator", expected)
    assert keras.models.load_model(best).get_layer("dense").kernel.numpy().tolist() == [[float(expected)]]


def test_a_best_metric_that_no_line_has_is_told_with_those_there_are_and_ends_no_run(directory, board):
    callback = saving(directory, board, checkpoint_every=1, best_metric="qualty")
    callback.set_model(Painter())
    callback.on_train_begin()
    callback.metrics.lines = [{"step": 1, "time": 1.0, "loss": 0.5, "health": {"quality": 2.0}, "findings": []}]
    callback.at_step(1, {})
    said = callback.metrics.progress.lines[-1]
    assert said == "training.best_metric: no line since step 1 has 'qualty'; they have loss, quality"
    assert kept(directory) == [1]
