"""Writes Fashion-MNIST as PNG files: OUT/train and OUT/test, with a folder for each of the ten classes.

From Debian's package `dataset-fashion-mnist` (MIT, Copyright (c) 2017 Zalando SE), the authors' four files.

Needs Debian's `apt-get` and `dpkg-deb`, where the package is not in --packages already. 31 MB, a minute.
"""

import gzip
from pathlib import Path

import click
import numpy as np
from debian_packages import unpacked
from PIL import Image

PACKAGE = "dataset-fashion-mnist"
CLASSES = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
FILES = {"train": "train", "test": "t10k"}


@click.command(help=__doc__.split("\n")[0])
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--packages", type=click.Path(path_type=Path), default="build/fashion_mnist", show_default=True)
def main(out: Path, packages: Path):
    root = unpacked(PACKAGE, packages) / "usr/share/datasets/fashion-mnist"
    for split, name in FILES.items():
        images = read(root / f"{name}-images-idx3-ubyte.gz", header=16).reshape(-1, 28, 28)
        labels = read(root / f"{name}-labels-idx1-ubyte.gz", header=8)
        for label in CLASSES:
            (out / split / label).mkdir(parents=True, exist_ok=True)
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            Image.fromarray(image).save(out / split / CLASSES[label] / f"{number:05}.png")


def read(path: Path, header: int) -> np.ndarray:
    """Returns what an idx file holds after its header: uint8."""
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)


if __name__ == "__main__":
    main()
