"""How long a `.tflite` file takes for one image, and how much memory, in a process without TensorFlow."""

import contextlib
import statistics
from pathlib import Path
from typing import Any

from ganzoo.exporting.stopwatch import Stopwatch
from ganzoo.lite.threads import all_threads

ROUNDS = 5


def measure(path: Path, *, seconds: float = 2.0, shape: tuple[int, ...] | None = None) -> dict[str, Any]:
    """Times the file at `path` on one thread and on all, in turns, for about `seconds`, at least five runs each:

        one_thread         {threads, median_ms, spread_ms, runs}; the spread is between the quartiles
        all_threads        the same; on a single processor, equal to `one_thread`
        peak_memory_mib    of the process on all threads, Python and the runtime included; None where it isn't known

    Args:
        shape: of its input, when the file takes any size. Default: 64 by 64 pixels.

    Raises:
        RunError: when the file can't be run.
    """
    with contextlib.ExitStack() as stack:
        watches = {
            threads: stack.enter_context(Stopwatch("tflite", path, threads, shape))
            for threads in sorted({1, all_threads()})
        }
        times = in_turns([watch.ready() for watch in watches.values()], seconds / len(watches))
        summaries = {
            threads: {"threads": threads, **summary(found)} for threads, found in zip(watches, times, strict=True)
        }
        return {
            "one_thread": summaries[1],
            "all_threads": summaries[all_threads()],
            "peak_memory_mib": watches[all_threads()].peak_memory(),
        }


def in_turns(watches: list[Stopwatch], seconds: float, rounds: int = ROUNDS) -> list[list[float]]:
    """Milliseconds of each run of each, so that what else goes on in the machine meets all alike."""
    times: list[list[float]] = [[] for _ in watches]
    for _ in range(rounds):
        for watch, found in zip(watches, times, strict=True):
            found += watch.run(seconds / rounds)
    return times


def summary(times: list[float]) -> dict[str, float]:
    """Median, distance between the quartiles, and number."""
    low, median, high = statistics.quantiles(times, n=4, method="inclusive") if len(times) > 1 else 3 * times
    return {"median_ms": median, "spread_ms": high - low, "runs": len(times)}
