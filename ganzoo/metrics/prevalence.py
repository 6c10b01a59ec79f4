"""How many of a set show something, as told by a reader that errs at known rates (Rogan and Gladen 1978).

What few show is read more often from the many that don't show it: the bare share of what is read would mislead.
"""

import dataclasses
import math

import numpy as np

from ganzoo.errors import UsageError


@dataclasses.dataclass(frozen=True)
class Prevalence:
    """The share of a set that shows something."""

    value: float
    """The estimated share, from 0 to 1."""
    standard_error: float
    """That of drawing the set, and the examples by which the reader is known."""
    read: float
    """The share from which it is read."""
    true_positives: float
    """The share, of known examples that show it, from which it is read."""
    false_positives: float
    """The share, of known examples that don't, from which it is read."""


def prevalence(read: np.ndarray, read_of_known: np.ndarray, known: np.ndarray) -> Prevalence:
    """Returns the share of a set that shows something.

    Args:
        read: whether the reader takes each of the set to show it, bool (N,).
        read_of_known: whether it takes each of other examples to, bool (M,), which it did not learn from.
        known: whether these do show it, bool (M,).

    Raises:
        UsageError: when the reader reads it no more often from examples that show it than from others, or there are
            none of either kind.
    """
    count, shown = len(read), int(known.sum())
    if not (count and shown and len(known) - shown):
        raise UsageError(
            f"{count} examples, {shown} known to show it and {len(known) - shown} not to; there must be some of each"
        )
    share, right, wrong = (float(part.mean()) for part in (read, read_of_known[known], read_of_known[~known]))
    if right <= wrong:
        raise UsageError(f"the reader reads it from {right:.0%} of examples that show it, and {wrong:.0%} of others")
    value = min(max((share - wrong) / (right - wrong), 0.0), 1.0)
    # Of three shares, each of its own examples, by how much each moves the value.
    variance = (
        share * (1 - share) / count
        + value**2 * right * (1 - right) / shown
        + (1 - value) ** 2 * wrong * (1 - wrong) / (len(known) - shown)
    )
    return Prevalence(value, math.sqrt(variance) / (right - wrong), share, right, wrong)
