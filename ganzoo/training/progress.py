"""The progress of a run: a bar on a terminal, a plain line now and then in a pipe."""

import contextlib
import sys
import time
from collections.abc import Mapping

from ganzoo.errors import printable

BAR = 24
"""Characters of the bar, where there is room."""
PLAIN_SECONDS = 15
"""Seconds between two plain lines."""
BAR_SECONDS = 0.5
"""Seconds between two looks at the losses; each look waits for the device."""


class PlainProgress:
    """A line at the start, every quarter of a minute, and at the end, on standard error."""

    interval = PLAIN_SECONDS

    def start(self, first_step: int, last_step: int) -> None:
        self.last_step = last_step

    def update(self, step: int, images_per_second: float, seconds_left: float, terms: Mapping[str, float]) -> None:
        left = _duration(seconds_left)
        losses = "  ".join(f"{name} {value:.3f}" for name, value in terms.items())
        self.say(f"step {step:,}/{self.last_step:,}  {images_per_second:.1f} images/s  {left} left  {losses}")

    def say(self, text: str) -> None:
        # Whoever reads it may be gone; the run goes on.
        with contextlib.suppress(OSError):
            print(printable_lines(text), file=sys.stderr, flush=True)

    def stop(self) -> None:
        pass


class BarProgress:
    """A bar with steps, images per second, time left and as many terms of the losses as the line has room for."""

    interval = BAR_SECONDS

    def __init__(self):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        self.column = BarColumn(bar_width=BAR)
        self.bar = Progress(
            self.column,
            TextColumn("{task.fields[status]}", table_column=Column(no_wrap=True)),
            TextColumn("[dim]{task.fields[losses]}", table_column=Column(no_wrap=True)),
            console=Console(stderr=True),
        )

    def start(self, first_step: int, last_step: int) -> None:
        self.last_step = last_step
        self.bar.start()
        status = f"{first_step:,}/{last_step:,}"
        self.task = self.bar.add_task("", total=last_step, completed=first_step, status=status, losses="")

    def update(self, step: int, images_per_second: float, seconds_left: float, terms: Mapping[str, float]) -> None:
        left = _duration(seconds_left)
        status = f"{step:,}/{self.last_step:,}  {images_per_second:.1f} images/s  {left} left"
        # Between two of three columns is a space.
        room = self.bar.console.width - len(status) - 2
        self.column.bar_width = max(4, min(BAR, room))
        losses = _fitting(terms, room - self.column.bar_width)
        self.bar.update(self.task, completed=step, status=status, losses=losses)

    def say(self, text: str) -> None:
        self.bar.console.print(printable_lines(text), markup=False, highlight=False, soft_wrap=True)

    def stop(self) -> None:
        self.bar.stop()


def get_progress() -> PlainProgress | BarProgress:
    """The bar where standard error is a terminal, else plain lines."""
    return BarProgress() if sys.stderr.isatty() else PlainProgress()


class Speed:
    """Steps per second over the last while, and the time that is left at that speed."""

    def __init__(self, step: int, last_step: int):
        self.last_step = last_step
        self.marks = [(time.monotonic(), step)]

    def leave_out(self, seconds: float) -> None:
        """Counts the last seconds as none: something else than steps was done in them."""
        self.marks = [(time + seconds, step) for time, step in self.marks]

    def at(self, step: int) -> tuple[float, float]:
        """Returns (steps per second, seconds left)."""
        self.marks = [*self.marks[-20:], (time.monotonic(), step)]
        (began, first), (now, _) = self.marks[0], self.marks[-1]
        rate = (step - first) / max(now - began, 1e-9)
        return rate, (self.last_step - step) / max(rate, 1e-9)


def printable_lines(text: str) -> str:
    """Returns the lines, none of which makes a terminal do anything."""
    return "\n".join(map(printable, text.split("\n")))


def _fitting(terms: Mapping[str, float], room: int) -> str:
    """The first terms, as many as there is room for."""
    text = ""
    for name, value in terms.items():
        longer = f"{text}  {name} {value:.3f}".lstrip()
        if len(longer) > room:
            break
        text = longer
    return text


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
