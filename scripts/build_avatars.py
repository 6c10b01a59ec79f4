"""Builds the embedded data set `embedded:avatars` into ganzoo/data/avatars/ from DiceBear's Open Peeps.

Sources, npm packages, by scripts/avatars/package-lock.json:

    @dicebear/open-peeps 9.4.3   parts drawn by Pablo Stanley (CC0 1.0)
    @dicebear/core 9.4.3         puts them together (MIT)

10,000 avatars for training and 2,000 for testing, of disjoint seeds, as two layers that fit pixel by pixel:

    ink.zip      128x128 WebP, without loss: black on white, in 16 levels of gray
    fill.zip     128x128 WebP, without loss: what is under the ink, in flat color
    labels.csv   name, head, face, glasses, beard, mask, hat, skin, shirt, contrast (of hats, beards and hair bands)

The colored avatar is fill x ink. LICENSE is kept by hand. The same packages and library versions give the same bytes.

Needs `pip install resvg-py`, Node.js and npm. Takes two minutes on two cores.
"""

import io
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import click
import numpy as np
import resvg_py
from build_emoji import on_white
from package_data import lossless, write_labels, write_splits, write_zip
from PIL import Image

from ganzoo.lite.formats import open_image

COMPOSER = Path(__file__).with_name("avatars")
COUNTS = {"train": 10_000, "test": 2_000}
SIZE = 128
LEVELS = 16
BLACKS = ("#000", "#231F20", "#22252B")
"""The artist's blacks; every other color is a fill."""


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path(__file__).parent.parent / "ganzoo/data/avatars",
    help="Where to write.  [default: ganzoo/data/avatars]",
)
def main(out: Path):
    """Rebuild the package data of embedded:avatars."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            raise click.ClickException(f"no {program} on this machine; install Node.js, which brings node and npm")
    subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=COMPOSER, check=True)
    avatars = [avatar for split, count in COUNTS.items() for avatar in compose(split, count)]
    names = [avatar["name"] for avatar in avatars]
    with ProcessPoolExecutor() as processes:
        layers = list(processes.map(paint, (avatar["svg"] for avatar in avatars), chunksize=50))

    out.mkdir(parents=True, exist_ok=True)
    for place, layer in enumerate(("ink", "fill")):
        files = (pictures[place] for pictures in layers)
        write_zip(out / f"{layer}.zip", {f"{name}.webp": file for name, file in zip(names, files, strict=True)})
    splits = {split: [name for name in names if name.startswith(split)] for split in COUNTS}
    write_splits(out / "splits.json", splits)
    write_labels(out / "labels.csv", {avatar["name"]: avatar["labels"] for avatar in avatars})
    click.echo(f"{len(names)} avatars -> {out}")


def compose(split: str, count: int) -> Iterator[dict]:
    """Name, SVG and labels of each avatar of a split."""
    command = ["node", "compose.js", split, "0", str(count)]
    lines = subprocess.run(command, cwd=COMPOSER, check=True, capture_output=True, text=True).stdout.splitlines()
    return map(json.loads, lines)


def paint(svg: str) -> tuple[bytes, bytes]:
    """The files of the ink and of the fill of one avatar."""
    ink = np.asarray(draw(recolored(svg, black=None, other="#fff")).convert("L")) / 255
    gray = np.round(np.round(ink * (LEVELS - 1)) * 255 / (LEVELS - 1)).astype(np.uint8)
    # Without antialiasing: between two fills there is ink, nearly everywhere.
    fill = draw(recolored(svg, black="none", other=None).replace('rendering="auto"', 'rendering="crispEdges"'))
    return lossless(Image.fromarray(gray).convert("RGB")), lossless(fill)


def recolored(svg: str, black: str | None, other: str | None) -> str:
    """The SVG with its blacks, and its other colors, replaced; None leaves them."""

    def replaced(found: re.Match) -> str:
        color = black if found[2] in BLACKS else other
        return f'{found[1]}="{color}"' if color else found[0]

    return re.sub(r'(fill|stroke)="(#[0-9A-Fa-f]+)"', replaced, svg)


def draw(svg: str) -> Image.Image:
    return on_white(open_image(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=SIZE, height=SIZE)))))


if __name__ == "__main__":
    main()
