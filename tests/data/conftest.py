"""Shared by the tests of the data side."""

import sys
from pathlib import Path

import pytest

# pytest's importlib mode puts no test folder on the path.
sys.path.insert(0, str(Path(__file__).parent))

from made_images import coordinates, save  # noqa: E402


@pytest.fixture
def numbered(tmp_path):
    """Makes a folder of `count` PNGs, 0.png, 1.png, …, each telling its number and coordinates."""

    def make(name: str, count: int, width: int = 16, height: int = 16, first: int = 0) -> Path:
        for number in range(count):
            save(tmp_path / name / f"{number}.png", coordinates(first + number, width, height))
        return tmp_path / name

    return make
