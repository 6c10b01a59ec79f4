"""What happens between the steps of a run: samples, metrics, checkpoints, display, interruption."""

import json
import math
import signal
import threading
import time
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from ganzoo import pictures
from ganzoo.training import checkpoints
from ganzoo.training.progress import Speed
from ganzoo.training.run_directory import RunDirectory


class AtSteps(keras.callbacks.Callback):
    """Calls `at_step(step, logs)` when a step of the run is done; `step` counts the steps done since the run began."""

    def __init__(self, first_step: int):
        super().__init__()
        self.first_step = first_step

    def on_train_batch_end(self, batch, logs=None):
        self.at_step(self.first_step + batch + 1, logs)

    def at_step(self, step: int, logs: Mapping) -> None:
        raise NotImplementedError


class Samples(AtSteps):
    """Draws the same examples again and again: what the networks make of them, as they learn."""

    def __init__(self, first_step: int, every: int, examples: Mapping, directory: RunDirectory, board):
        super().__init__(first_step)
        self.every, self.examples, self.directory, self.board = every, examples, directory, board
        self.drawn = None

    def at_step(self, step, logs):
        if step % self.every == 0:
            self.draw(step)

    def draw(self, step: int) -> None:
        """Writes the grid of this step, once."""
        if step == self.drawn:
            return
        picture = pictures.grid(self.model.samples(self.examples))
        pictures.save(picture, self.directory.sample(step))
        self.drawn = step
        with self.board.as_default():
            tf.summary.image("samples", np.asarray(picture)[None], step=step)


class Metrics(AtSteps):
    """Appends the terms of the losses to `metrics.jsonl` and to TensorBoard's log."""

    def __init__(self, first_step: int, every: int, last_step: int, batch_size: int, directory: RunDirectory, board):
        super().__init__(first_step)
        self.every, self.last_step, self.batch_size = every, last_step, batch_size
        self.directory, self.board = directory, board
        self.speed = Speed(first_step, last_step)

    def at_step(self, step, logs):
        if step % self.every == 0 or step == self.last_step or self.model.stop_training:
            self.write(step, {name: float(value) for name, value in logs.items()})

    def write(self, step: int, terms: Mapping[str, float]) -> None:
        rate, _ = self.speed.at(step)
        finite = {name: value if math.isfinite(value) else None for name, value in terms.items()}
        nonfinite = sum(value is None for value in finite.values())
        line = {
            "step": step,
            "time": round(time.time(), 3),
            "images_per_second": round(rate * self.batch_size, 3),
            **finite,
            "nonfinite": nonfinite,
        }
        with open(self.directory.metrics, "a", encoding="utf-8") as file:
            file.write(json.dumps(line, allow_nan=False) + "\n")
        with self.board.as_default():
            for name, value in finite.items():
                if value is not None:
                    tf.summary.scalar(name, value, step=step)
            tf.summary.scalar("images_per_second", rate * self.batch_size, step=step)
        self.board.flush()


class Checkpoints(AtSteps):
    """Saves the state of the run."""

    def __init__(self, first_step: int, every: int, keep: int, directory: RunDirectory):
        super().__init__(first_step)
        self.every, self.keep, self.directory = every, keep, directory
        self.saved = None

    def at_step(self, step, logs):
        if step % self.every == 0:
            self.save(step)

    def save(self, step: int) -> None:
        """Writes the networks as they are and the checkpoint of this step, once."""
        if step == self.saved:
            return
        # The networks come first: where there is a checkpoint, nothing is missing.
        for name, network in self.model.released().items():
            self._write_network(network, self.directory.network(name))
        checkpoints.save(self.directory.checkpoints, step, self.model.state(), self.keep)
        self.saved = step

    def _write_network(self, network, path):
        beside = path.with_name(f".{path.stem}.part.keras")
        try:
            network.save(beside)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


class Display(AtSteps):
    """Keeps the progress display up to date. It looks at the losses now and then only: a look waits for the device."""

    def __init__(self, first_step: int, last_step: int, batch_size: int, progress):
        super().__init__(first_step)
        self.last_step, self.batch_size, self.progress = last_step, batch_size, progress
        self.speed = Speed(first_step, last_step)
        self.shown = 0.0

    def at_step(self, step, logs):
        now = time.monotonic()
        if now - self.shown < self.progress.interval and step != self.last_step:
            return
        self.shown = now
        rate, left = self.speed.at(step)
        self.progress.update(step, rate * self.batch_size, left, {name: float(value) for name, value in logs.items()})


class Interruption(AtSteps):
    """Within it, Ctrl-C and SIGTERM end the run after the step at hand, so that what is saved is a whole step."""

    def __init__(self, first_step: int, progress):
        super().__init__(first_step)
        self.progress = progress
        self.received = None

    def __enter__(self):
        self.previous = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.previous[number] = signal.signal(number, self.receive)
        return self

    def __exit__(self, *error):
        for number, handler in self.previous.items():
            signal.signal(number, handler)

    def receive(self, number, frame) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = signal.Signals(number)
        self.progress.say(f"{self.received.name}: stopping after this step; once more to stop without saving")

    def at_step(self, step, logs):
        if self.received is not None:
            self.model.stop_training = True
