"""The history of a run's metrics, as far as findings need it; adding a line costs the same however long it is."""

import collections
import itertools
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

WINDOW = 5
"""Lines whose median counts, where single steps are noisy."""
IN_A_ROW = 3
"""Lines, or samples, that must all show it, where one could be chance."""
WARM_UP = 100
"""Steps before which samples tell nothing: every generator begins with gray ones."""
REACH = 1000
"""Lines, or samples, that are kept: nothing is found to be older."""
UPDATE = "_update_ratio"
GAME = ("_adversarial", "_real", "_fake", "_penalty")
"""Ends of the names of terms that are part of the game between networks: their size says nothing."""


class Sample(NamedTuple):
    """One measure on the samples of a step."""

    step: int
    value: float


class SampleMeasure:
    """One measure on samples, of all steps so far from `WARM_UP` on.

    Attributes:
        best: the largest value.
        recent: the last ones.
    """

    def __init__(self):
        self.best = float("-inf")
        self.recent = collections.deque(maxlen=REACH)

    def add(self, step: int, value: float) -> None:
        self.best = max(self.best, value)
        self.recent.append(Sample(step, value))

    def trailing(self, is_sick: Callable[[float], bool]) -> list[Sample]:
        """The samples at the end for all of whose values something holds, in order."""
        return list(itertools.takewhile(lambda sample: is_sick(sample.value), reversed(self.recent)))[::-1]


class Period:
    """The lines with the same terms of the losses: another phase of training has others, and other gradients.

    Attributes:
        count: how many there were.
        first, last: the first and the last `WINDOW` of them.
        largest_updates: by network, the largest part of its weights that an update changed.
    """

    def __init__(self):
        self.count, self.first, self.last = 0, [], collections.deque(maxlen=WINDOW)
        self.largest_updates: dict[str, float] = {}

    def add(self, line: Mapping) -> None:
        self.count += 1
        if len(self.first) < WINDOW:
            self.first.append(line)
        self.last.append(line)
        for key, ratio in line["health"].items():
            if key.endswith(UPDATE) and ratio is not None:
                name = key.removesuffix(UPDATE)
                self.largest_updates[name] = max(ratio, self.largest_updates.get(name, 0.0))


class History:
    """The lines of metrics of a run, but for what is too long ago to matter.

    Attributes:
        lines: the last ones.
        period: that of the last line.
        first_values: by term of the losses, its first values that are not 0.
    """

    def __init__(self, lines: Iterable[Mapping] = ()):
        self.lines = collections.deque(maxlen=REACH)
        self.first_values: dict[str, list[float]] = collections.defaultdict(list)
        self._periods = collections.defaultdict(Period)
        self._samples = collections.defaultdict(SampleMeasure)
        for line in lines:
            self.add(line)

    def add(self, line: Mapping) -> None:
        """Adds the next line; those of rollbacks are none of it."""
        if "rollback" in line:
            return
        line = {"health": {}, **line}
        self.lines.append(line)
        self.period.add(line)
        for term in terms(line):
            if line[term] and len(self.first_values[term]) < IN_A_ROW:
                self.first_values[term].append(line[term])
        if line["step"] >= WARM_UP:
            for key, value in line["health"].items():
                if value is not None:
                    self._samples[key].add(line["step"], value)

    @property
    def period(self) -> Period:
        return self._periods[frozenset(terms(self.lines[-1]))]

    def last(self, count: int) -> list[Mapping]:
        return list(itertools.islice(reversed(self.lines), count))[::-1]

    def trailing(self, is_sick: Callable[[Mapping], bool]) -> list[Mapping]:
        """The lines at the end for all of which something holds, in order."""
        return list(itertools.takewhile(is_sick, reversed(self.lines)))[::-1]

    def samples_of(self, suffix: str) -> Iterator[tuple[str, SampleMeasure]]:
        """Yields each measure whose name ends so, those of the last line first."""
        for key in dict.fromkeys([*self.lines[-1]["health"], *self._samples]):
            if key.endswith(suffix) and key in self._samples:
                yield key, self._samples[key]


def terms(line: Mapping) -> list[str]:
    """The names of the terms of the losses."""
    others = ("step", "time", "images_per_second", "nonfinite", "rollbacks", "health", "evaluation", "findings")
    return [name for name in line if name not in others]


def distances(line: Mapping) -> list[str]:
    """The names of the terms that are distances between images, and no part of the game against a discriminator."""
    return [name for name in terms(line) if not name.endswith(GAME)]


def discriminators(line: Mapping) -> list[str]:
    return [key.removesuffix("_real_logit") for key in line["health"] if key.endswith("_real_logit")]


def gradient_norms(line: Mapping) -> list[str]:
    return [key for key in line["health"] if key.endswith("_gradient_norm")]


def generators(line: Mapping) -> list[str]:
    names = [key.removesuffix("_gradient_norm") for key in gradient_norms(line)]
    return [name for name in names if name not in discriminators(line)]


def largest_logit(line: Mapping, name: str) -> float:
    logits = [line["health"].get(f"{name}_{kind}_logit") for kind in ("real", "fake")]
    return max((abs(logit) for logit in logits if logit is not None), default=0.0)


def accuracies(window, name: str) -> tuple[float | None, float | None]:
    """Returns the median accuracies on real and on fake images."""
    return median(window, f"{name}_real_accuracy"), median(window, f"{name}_fake_accuracy")


def median(lines, key: str, minus: str | None = None) -> float | None:
    """The median of a value, or of its difference to another, over the lines; None where half of them have none."""
    pairs = [(line["health"].get(key), line["health"].get(minus) if minus else 0.0) for line in lines]
    values = [first - second for first, second in pairs if None not in (first, second)]
    return statistics.median(values) if 2 * len(values) > len(lines) else None
