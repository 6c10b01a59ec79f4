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
    """`output` or `samples`; for comparison `train split`, `test split`, `unchanged`, `matched colours`, `bicubic`."""
    against: str
    """What it is compared with."""
    direction: str = ""
    """`a to b` or `b to a`, where there are generators of two directions."""
    same: bool = False
    """Each image shows the same thing as one of those that it is compared with: the sets are not independent."""

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
    subset_error: float | None = None
    """Of a kernel distance: the standard error over its subsets."""
    real_images: int | None = None
    """Of a distribution metric: how many real images it is against."""
    bias: float | None = None
    """By about how much the value is too high because the images are few."""
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
    """A row for each metric, with an arrow to the better side, and a column for each thing that was measured."""
    columns = list(dict.fromkeys(result["of"] for result in results))
    rows = [["", *columns, "images"]]
    for metric in dict.fromkeys(result["metric"] for result in results):
        found = {result["of"]: result for result in results if result["metric"] == metric}
        arrow = {"higher": "\N{UPWARDS ARROW}", "lower": "\N{DOWNWARDS ARROW}"}[next(iter(found.values()))["better"]]
        counts = " and ".join(dict.fromkeys(map(count_of, found.values())))
        rows.append([f"{metric} {arrow}", *(cell(found.get(column)) for column in columns), counts])
    return rows


def count_of(result: dict) -> str:
    """How many images, and of a distribution metric against how many: `1,000 : 140`."""
    real = result["real_images"]
    return f"{result['images']:,}" + (f" : {real:,}" if real else "")


def cell(result: dict | None) -> str:
    """A value with its standard error and unit; dB with two digits after the point, as papers have them."""
    if result is None:
        return ""
    if result["value"] is None:
        return "not finite"
    value, error, unit = result["value"], result["standard_error"], result["unit"]
    if unit == "dB":
        digits = 2
    elif error:
        # SSIM is compared to four digits, whatever its spread.
        digits = 4 if abs(value) <= 1 else _digits(error)
    else:
        digits = _digits(value / 10)
    spread = f" ± {error:.{digits}f}" if error is not None else ""
    return f"{value:,.{digits}f}{spread}{' ' * bool(unit)}{unit}"


def _digits(scale: float) -> int:
    """Digits after the point that show two of a number of this size."""
    return 3 if scale == 0 else min(max(1 - math.floor(math.log10(abs(scale))), 0), 4)


def _as_values(result: Result, common: dict) -> dict:
    values = {**dataclasses.asdict(result), **dataclasses.asdict(result.column), **common}
    del values["column"], values["same"]
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in values.items()
    }
