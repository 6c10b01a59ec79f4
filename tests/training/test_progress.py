"""The display of a run, in a pipe and on a terminal."""

import contextlib
import os
import re
import sys
import threading
import time

import pytest

from ganzoo.training import progress


def test_in_a_pipe_a_plain_line_says_all(capsys):
    shown = progress.get_progress()
    shown.start(0, 12_000)
    shown.update(1_500, 22.25, 3 * 3600 + 62, {"generator_l1": 12.3456, "discriminator_real": float("nan")})
    shown.stop()
    line = "step 1,500/12,000  22.2 images/s  3:01:02 left  generator_l1 12.346  discriminator_real nan\n"
    assert capsys.readouterr() == ("", line)


@contextlib.contextmanager
def terminal(monkeypatch, columns=200):
    """A real terminal as standard error; yields a list that holds what was written to it, once it is closed."""
    outside, inside = os.openpty()
    written = []

    def read():
        # A terminal that nobody reads holds up who writes to it.
        with contextlib.suppress(OSError):
            while part := os.read(outside, 4096):
                written.append(part)

    reader = threading.Thread(target=read)
    reader.start()
    with os.fdopen(inside, "w") as file, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", file)
        patched.setenv("TERM", "xterm")
        patched.setenv("COLUMNS", str(columns))
        yield written
    reader.join()
    os.close(outside)


def test_on_a_terminal_a_bar_says_all(monkeypatch):
    with terminal(monkeypatch) as written:
        shown = progress.get_progress()
        shown.start(3, 12)
        shown.update(7, 22.2, 75, {"generator_l1": 12.3456})
        shown.say("a line with [brackets] in between")
        shown.stop()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", b"".join(written).decode())
    for part in ("7/12", "22.2 images/s", "1:15 left", "generator_l1 12.346", "a line with [brackets] in between"):
        assert part in text


@pytest.mark.parametrize(
    ("columns", "losses"),
    [(60, []), (80, []), (100, ["discriminator_fake"]), (140, ["discriminator_fake", "discriminator_real"])],
)
def test_steps_rate_and_time_left_are_there_at_every_width_and_losses_as_far_as_they_fit(monkeypatch, columns, losses):
    terms = {"discriminator_fake": 0.691, "discriminator_real": 0.646, "generator_adversarial": 0.648}
    with terminal(monkeypatch, columns) as written:
        shown = progress.get_progress()
        shown.start(0, 12_000)
        shown.update(1_500, 22.25, 3 * 3600 + 62, terms)
        shown.stop()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", b"".join(written).decode())
    last = [line for line in re.split("[\r\n]+", text) if line.strip()][-1]
    assert "1,500/12,000  22.2 images/s  3:01:02 left" in last
    assert last.count("\u2501") + last.count("\u2578") + last.count("\u257a") >= 12
    assert [name for name in terms if name in last] == losses
    assert len(last) <= columns
    assert "\u2026" not in text


def test_speed_counts_from_the_step_where_a_run_goes_on():
    speed = progress.Speed(1_000, 2_000)
    speed.marks = [(time.monotonic() - 10, 1_000)]
    rate, left = speed.at(1_050)
    assert rate == pytest.approx(5, rel=0.02)
    assert left == pytest.approx(950 / 5, rel=0.02)


def test_speed_forgets_the_slow_beginning():
    now = time.monotonic()
    speed = progress.Speed(0, 1_000)
    # A minute until the first step, and ten steps a second from then on.
    speed.marks = [(now - 70, 0)] + [(now - 10 + second / 2, 5 * second) for second in range(20)]
    speed.at(100)
    assert speed.at(100)[0] == pytest.approx(10, rel=0.02)


def test_the_first_look_gives_finite_numbers():
    rate, left = progress.Speed(5, 10).at(5)
    assert (rate, left) == (0, 5e9)
