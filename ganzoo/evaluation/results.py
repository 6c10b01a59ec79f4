"""What an evaluation finds, and how it is told: as JSON and as a table."""

import dataclasses
import math
from collections.abc import Iterable, Sequence

GENERATED = ("output", "samples")
"""What a generator made, whose keys have no name before them."""


@dataclasses.dataclass(frozen=True)
class Column:
    """What numbers are of: a column of the table."""

    of: str
    """`output` or `samples`, or for comparison `train split`, `test split`, `unchanged`, `bicubic`."""
    against: str
    """What it is compared with."""
    direction: str = ""
    """`a to b` or `b to a`, where there are generators of two directions."""

    def key(self, metric: str) -> str:
        """The key of a metric: `psnr`, `bicubic_psnr`, `a_to_b_unchanged_psnr`."""
        parts = [self.direction, "" if self.of in GENERATED else self.of, metric]
        return "_".join(filter(None, parts)).lower().replace(" ", "_").replace("-", "_")


@dataclasses.dataclass(frozen=True)
class Result:
    """One number, and all that it depends on."""

    key: str
    """Its name in JSON, in `evaluation.metrics` and in `metrics.jsonl`."""
    metric: str
    column: Column
    value: float
    better: str
    """`higher` or `lower`."""
    images: int
    """How many it is a mean or a statistic of."""
    how: str
    """The range, resizing, quantising and settings that the number holds for."""
    unit: str = ""
    standard_error: float | None = None
    bias: float | None = None
    """By how much the value is too high because the images are few, by extrapolation."""
    network: str | None = None
    sha256: str | None = None
    """Of the feature network's weights."""
    warning: str | None = None


@dataclasses.dataclass(frozen=True)
class Skipped:
    """What could not be measured."""

    metric: str
    reason: str


def as_document(results: Iterable[Result], common: dict) -> list[dict]:
    """The results as plain values that are strict JSON, each with what is common to all."""
    return [_as_values(result, common) for result in results]


def as_reasons(skipped: Iterable[Skipped]) -> list[dict]:
    """What could not be measured as plain values, each once."""
    return [dataclasses.asdict(one) for one in dict.fromkeys(skipped)]


def tables(results: Sequence[dict]) -> dict[str, list[list[str]]]:
    """A table for each direction: rows of cells, the first row the heads.

    Args:
        results: from `as_document`.
    """
    directions = dict.fromkeys(result["direction"] for result in results)
    return {name: _table([result for result in results if result["direction"] == name]) for name in directions}


def _table(results: Sequence[dict]) -> list[list[str]]:
    """A row for each metric, a column for each thing that was measured."""
    columns = list(dict.fromkeys(result["of"] for result in results))
    rows = [["", *columns, "better", "images"]]
    for metric in dict.fromkeys(result["metric"] for result in results):
        found = {result["of"]: result for result in results if result["metric"] == metric}
        some = next(iter(found.values()))
        counts = " and ".join(f"{count:,}" for count in dict.fromkeys(result["images"] for result in found.values()))
        rows.append([metric, *(cell(found.get(column)) for column in columns), some["better"], counts])
    return rows


def cell(result: dict | None) -> str:
    """A value with its standard error and unit."""
    if result is None:
        return ""
    if result["value"] is None:
        return "not finite"
    value, error = result["value"], result["standard_error"]
    digits = _digits(value / 10, error) if error else _digits(value / 10)
    spread = f" ± {error:.{digits}f}" if error is not None else ""
    return f"{value:,.{digits}f}{spread}{' ' * bool(result['unit'])}{result['unit']}"


def _digits(*scales: float) -> int:
    """Digits after the point, so that the smallest of the numbers has two."""
    smallest = min(abs(scale) for scale in scales)
    return 3 if smallest == 0 else min(max(1 - math.floor(math.log10(smallest)), 0), 6)


def _as_values(result: Result, common: dict) -> dict:
    values = {**dataclasses.asdict(result), **dataclasses.asdict(result.column), **common}
    del values["column"]
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in values.items()
    }
