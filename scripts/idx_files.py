"""The format of MNIST and those data sets that took it over: images and labels of a split in one idx file each."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def images(content: bytes) -> np.ndarray:
    """Returns the images of an idx file: uint8 (N, H, W)."""
    _, count, height, width = np.frombuffer(content, ">u4", 4)
    return np.frombuffer(content, np.uint8, offset=16).reshape(count, height, width)


def labels(content: bytes) -> np.ndarray:
    """Returns the labels of an idx file: uint8 (N,)."""
    return np.frombuffer(content, np.uint8, offset=8)


def write_folders(out: Path, pictures: np.ndarray, numbers: np.ndarray, classes: Sequence[str]) -> None:
    """Writes each picture as OUT/<its class>/<its place>.png."""
    for name in classes:
        (out / name).mkdir(parents=True, exist_ok=True)
    for place, (picture, number) in enumerate(zip(pictures, numbers, strict=True)):
        Image.fromarray(picture).save(out / classes[number] / f"{place:05}.png")
