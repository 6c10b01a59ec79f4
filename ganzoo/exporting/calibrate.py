"""Finds the range of every tensor of a TFLite file on examples, for quantizing it to 8 bits.

A range as wide as the largest value ever seen makes steps that are too coarse for the many values that are small. The
range taken is the one of the least mean squared error, of rounding and of clipping together. It gained 1 to 5 dB over
ranges of minimum and maximum, and over moving averages of them, with every generator that was measured.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ganzoo.exporting import litert_private
from ganzoo.lite import card
from ganzoo.lite.network import taken
from ganzoo.lite.threads import all_threads

EXAMPLES = 64
"""The most examples that are used; of large pictures fewer do, for there is more in each."""
FEWEST = 16
PIXELS = 2**21
"""The most pixels that all pictures together may have."""
VALUES = 2**15
"""Values of a tensor that are looked at, drawn at random from all examples."""
SHARES = np.linspace(1.0, 0.2, 33)
"""The limits that are tried, as shares of the largest value."""
STEPS = 255
"""The number of steps in a range of 8 bits."""


class Seen(NamedTuple):
    """The values that one tensor held."""

    low: float
    high: float
    drawn: np.ndarray
    """Some of its values."""
    rank: int


def example_count(output_shape: Sequence[int | None]) -> int:
    """Returns how many examples suffice for pictures, or clips, of a size."""
    pixels = math.prod(side or 1 for side in output_shape[1:3])
    return max(FEWEST, min(EXAMPLES, PIXELS // pixels))


def one_by_one(inputs: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """Splits examples, (N, ...) by the names of the inputs, into N batches of one."""
    count = len(next(iter(inputs.values())))
    return [{name: values[place : place + 1] for name, values in inputs.items()} for place in range(count)]


def fed(inputs: Mapping[str, np.ndarray], interface: card.Interface) -> dict[str, np.ndarray]:
    """Returns examples as a file takes them, of examples as whoever uses it has them; both by the inputs' names."""
    return {tensor.name: taken(tensor, inputs[tensor.name]) for tensor in interface.inputs}


def observe(path: Path, examples: Sequence[Mapping]) -> dict[str, Seen]:
    """Runs a float32 TFLite file of one signature on examples, its inputs by name. Returns what every tensor held."""
    from ai_edge_litert.interpreter import Interpreter

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It warns of the memory, which is needed here.
        interpreter = Interpreter(str(path), experimental_preserve_all_tensors=True, num_threads=all_threads())
    run = interpreter.get_signature_runner()
    seen_of = {index for node in litert_private.nodes(interpreter) for index in node["outputs"]}
    seen_of |= {details["index"] for details in interpreter.get_input_details()}
    tensors = [
        (details["index"], details["name"])
        for details in interpreter.get_tensor_details()
        if details["index"] in seen_of and details["dtype"] == np.float32
    ]
    runs = {name: [] for _, name in tensors}
    random, count = np.random.default_rng(0), VALUES // len(examples)
    for example in examples:
        run(**example)
        for index, name in tensors:
            values = interpreter.get_tensor(index)
            flat = values.reshape(-1)
            drawn = flat if flat.size <= count else flat[random.integers(0, flat.size, count)]
            runs[name].append((float(flat.min()), float(flat.max()), drawn, values.ndim))
    found = {}
    for name, seen in runs.items():
        low, high, drawn, (rank, *_) = zip(*seen, strict=True)
        found[name] = Seen(min(low), max(high), np.concatenate(drawn), rank)
    return found


def ranges(seen: Mapping[str, Seen], *, clip: bool) -> dict[str, dict[str, np.ndarray]]:
    """Returns `min` and `max` of every tensor by name, which `litert-quantizer` calls QSVs.

    Args:
        seen: from `observe`.
        clip: take the ranges of the least error; otherwise minimum and maximum, which suit 16 bits.
    """
    found = {}
    for name, tensor in seen.items():
        limits = least_error(tensor.drawn, tensor.low, tensor.high) if clip else (tensor.low, tensor.high)
        low, high = (np.full((1,) * tensor.rank, limit, "float32") for limit in limits)
        found[name] = {"min": low, "max": high}
    return found


def least_error(values: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """Returns the range within (low, high) into which values are quantized with the least mean squared error."""
    for _ in range(2):
        if high > 0:
            high = min((high * share for share in SHARES), key=lambda limit: _error(values, low, limit))
        if low < 0:
            low = min((low * share for share in SHARES), key=lambda limit: _error(values, limit, high))
    return low, high


def _error(values: np.ndarray, low: float, high: float) -> float:
    low, high = min(low, 0.0), max(high, 0.0)
    step = (high - low) / STEPS
    return float(np.mean((values - np.clip(np.rint(values / step) * step, low, high)) ** 2))
