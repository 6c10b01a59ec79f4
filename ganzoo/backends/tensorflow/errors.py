"""TensorFlow's errors in words."""

import contextlib
import os
import re
from collections.abc import Iterator

import tensorflow as tf

from ganzoo.errors import RunError, UsageError


def lost_worker(error: BaseException) -> bool:
    """Returns whether an error means that another worker ended or can't be reached, so that all must start again."""
    if isinstance(error, tf.errors.UnavailableError | tf.errors.DeadlineExceededError):
        return True
    # What one worker says when it gives up ends the operations of all.
    return isinstance(error, tf.errors.OpError) and "Collective ops is aborted by" in error.message


@contextlib.contextmanager
def in_words() -> Iterator[None]:
    """Makes one line of what TensorFlow raises, or the error that a pipeline raised inside TensorFlow, as itself."""
    try:
        yield
    except tf.errors.OpError as error:
        raise _explained(error) from error


def _explained(error: tf.errors.OpError) -> Exception:
    """Returns the error that a pipeline raised within TensorFlow; of any other the first line that says anything."""
    # Without other workers a collective operation can fail too.
    if os.environ.get("TF_CONFIG") and lost_worker(error):
        return RunError(
            "another worker was lost; start all workers again with the same command: the run goes on from its last "
            "checkpoint"
        )
    for kind in (UsageError, RunError):
        if raised := re.search(rf"{kind.__name__}: (.*)", error.message):
            return kind(raised[1])
    empty = ("Graph execution error", "Detected at node", "  File", "Defined at")
    lines = [line.strip() for line in error.message.splitlines() if line.strip() and not line.startswith(empty)]
    return RunError(f"TensorFlow failed: {type(error).__name__}: {lines[0] if lines else 'it says no more'}")
