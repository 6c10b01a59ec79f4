"""Splits a folder of trainA and trainB into OUT/trainA, testA, trainB, testB: every tenth image is for testing."""

import shutil
from pathlib import Path

import click

EVERY = 10


@click.command(help=__doc__.split("\n")[0])
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("out", type=click.Path(path_type=Path))
def main(folder: Path, out: Path):
    for side in "AB":
        for number, file in enumerate(sorted((folder / f"train{side}").iterdir())):
            target = out / f"{'train' if number % EVERY else 'test'}{side}"
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target / file.name)


if __name__ == "__main__":
    main()
