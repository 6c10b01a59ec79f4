"""Ends a leg of a run on all workers at the same step: at an interruption, or when the chief finds that it diverges."""

import signal
import threading

from ganzoo.backends import backend
from ganzoo.training import doctor
from ganzoo.training.callbacks import AtSteps


class Interruption(AtSteps):
    """Ends the run, once entered, after the step at hand on Ctrl-C or SIGTERM, so that a whole step is saved.

    A second Ctrl-C ends it at once, unless what was trained is being saved. Batches are made ahead: one that can't be
    had, in `failures`, ends the run as well, before a step has begun on it.
    """

    def __init__(self, progress, strategy, failures=()):
        super().__init__()
        self.progress, self.strategy, self.failures = progress, strategy, failures
        self.received = None
        self.agreed = False
        self.saving = False

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.saving = False

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
        # Nothing is said here: a handler must not fail, and whoever would read it may be gone.
        again, self.received = self.received is not None, signal.Signals(number).name
        if again and number == signal.SIGINT and not self.saving:
            raise KeyboardInterrupt

    def at_step(self, step, logs):
        if self.received is not None:
            self.progress.say(f"{self.received}: stopping after this step, which is saved")
        # All workers leave at the same step: one that went on would wait for the others for ever.
        self.agreed = backend.devices.any_worker(self.strategy, self.received is not None or bool(self.failures))
        self.model.stop_training |= self.agreed


class Divergence(AtSteps):
    """Ends a leg of a run on every worker when the chief, None on the others, finds that it diverges.

    It looks at the steps whose lines are due, and at no other: where an undisturbed run looks too.
    """

    def __init__(self, log_every: int, sample_every: int, writer, strategy):
        super().__init__()
        self.log_every, self.sample_every = log_every, sample_every
        self.writer, self.strategy = writer, strategy
        self.found = False

    def at_step(self, step, logs):
        if doctor.is_due(step, self.log_every, self.sample_every):
            self.found = backend.devices.any_worker(
                self.strategy, self.writer is not None and self.writer.is_diverging()
            )
            self.model.stop_training |= self.found
