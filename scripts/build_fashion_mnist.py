"""Writes Fashion-MNIST as PNG files: OUT/train and OUT/test, with a folder for each of the ten classes.

From Debian's package `dataset-fashion-mnist` (MIT, Copyright (c) 2017 Zalando SE), the authors' four files.

Needs Debian's `apt-get` and `dpkg-deb`, where the package is not in --packages already. 31 MB, a minute.
"""

import gzip
from pathlib import Path

import click
import idx_files
from debian_packages import unpacked

PACKAGE = "dataset-fashion-mnist"
CLASSES = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
FILES = {"train": "train", "test": "t10k"}


@click.command(help=__doc__.split("\n")[0])
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--packages", type=click.Path(path_type=Path), default="build/fashion_mnist", show_default=True)
def main(out: Path, packages: Path):
    root = unpacked(PACKAGE, packages) / "usr/share/datasets/fashion-mnist"
    for split, name in FILES.items():
        images, labels = (
            gzip.decompress((root / f"{name}-{kind}-idx{sides}-ubyte.gz").read_bytes())
            for kind, sides in (("images", 3), ("labels", 1))
        )
        idx_files.write_folders(out / split, idx_files.images(images), idx_files.labels(labels), CLASSES)


if __name__ == "__main__":
    main()
