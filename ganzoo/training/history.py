"""The history of a run's metrics, as far as findings need it; adding a line costs the same however long it is."""

import collections
import itertools
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
    return [name for name in terms(line) if not name.endswith(("_adversarial", "_real", "_fake", "_penalty"))]
