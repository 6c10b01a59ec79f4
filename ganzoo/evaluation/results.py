"""The results of an evaluation, as values and as JSON."""

import dataclasses
import math
from collections.abc import Iterable

GENERATED = ("output", "samples")
"""The columns of a generator's own images; their keys have no name before them."""


@dataclasses.dataclass(frozen=True)
class Column:
    """The thing that numbers are about: a column of the table."""

    of: str
    """`output` or `samples`; for comparison `train split`, `test split`, `unchanged`, `matched colours`, `bicubic`; of
    what reads images `true positives`, `false positives`."""
    against: str
    """The images that it is compared with."""
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
    """`higher`, `lower`, or `as real`: the nearer to what real images have."""
    images: int
    """The number of images that the value is a mean or a statistic of."""
    how: str
    """The range, resizing, quantising and settings that the number holds for."""
    unit: str = ""
    standard_error: float | None = None
    subset_error: float | None = None
    """The standard error of a kernel distance over its subsets."""
    real_images: int | None = None
    """The number of real images that a distribution metric compares with."""
    bias: float | None = None
    """The approximate amount by which the value is too high because the images are few."""
    network: str | None = None
    sha256: str | None = None
    """The digest of the feature network's weights."""
    warning: str | None = None


@dataclasses.dataclass(frozen=True)
class Skipped:
    """Something that could not be measured."""

    metric: str
    reason: str


def as_document(results: Iterable[Result], common: dict) -> list[dict]:
    """The results as plain values that are strict JSON, each with what is common to all."""
    return [_as_values(result, common) for result in results]


def as_reasons(skipped: Iterable[Skipped]) -> list[dict]:
    """Returns what could not be measured as plain values, each once."""
    return [dataclasses.asdict(one) for one in dict.fromkeys(skipped)]


def _as_values(result: Result, common: dict) -> dict:
    values = {**dataclasses.asdict(result), **dataclasses.asdict(result.column), **common}
    del values["column"], values["same"]
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in values.items()
    }
