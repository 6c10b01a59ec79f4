"""Stores what 20 steps led to, in float64 under TensorFlow, so that a change of the code that changes it is seen.

    python tests/engines/trained.py FOLDER float64 20 cyclegan dcgan pix2pix srgan
    python tests/engines/stored.py FOLDER

writes it anew, for a change of numbers that is meant. Other processors round otherwise, so the bits themselves are not
kept, but two numbers of each array.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_suffix(".json")


def numbers_of(state: Mapping[str, np.ndarray]) -> dict[str, list[float]]:
    """Returns of each array its root mean square, and the mean of its values by weights that differ by place."""
    found = {}
    for name, values in state.items():
        flat = np.ravel(values).astype(np.float64)
        weights = np.cos(np.arange(flat.size) ** 2 % 1009)
        found[name] = [float(np.sqrt(np.mean(flat**2))), float(np.mean(flat * weights))] if flat.size else [0.0, 0.0]
    return found


def main(folder: str) -> None:
    stored = {}
    for file in sorted(Path(folder).glob("*.npz")):
        with np.load(file) as arrays:
            state = {name: arrays[name] for name in arrays.files if not name.startswith("terms/")}
        stored[file.stem] = {name: [float(f"{value:.12e}") for value in two] for name, two in numbers_of(state).items()}
    text = json.dumps(stored).replace('"], ', '"],\n').replace("], ", "],\n").replace("{", "{\n")
    FILE.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
