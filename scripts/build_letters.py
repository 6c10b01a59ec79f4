"""Writes the letters A to Z of 455 fonts: as PNG files in folders, or as the package data of `embedded:letters`.

From Debian's package `fonts-aenigma` 0.0.20080511+dfsg-4: fonts by Brian Kent, who lets everybody change them and pass
them on where the changes are noted and the fonts attributed to him. His words are copied to OUT/copyright.

    train/A/FONT.png    black on white, gray, 32x32 or 64x64 pixels; FONT is the name of the font's file
    test/A/FONT.png     of fonts that have no relative in train/

`build_letters.py ganzoo/data/letters --embedded` writes the package data, the same pictures in the same order:

    gray.zip            A/FONT.webp, without loss
    splits.json         the names, A/FONT, for training and for testing
    labels.csv          name, letter

The letters of a font share one scale and one baseline, since how large each is belongs to its style; only sideways each
is centered for itself. The same package and the same version of Pillow give the same bytes. LICENSE of the package data
is kept by hand.

Needs Debian's `apt-get` and `dpkg-deb`, where the package is not in --packages already. 7 MB, a minute.
"""

import hashlib
import shutil
import string
from pathlib import Path

import click
from debian_packages import unpacked
from package_data import lossless, write_labels, write_splits, write_zip
from PIL import Image, ImageDraw, ImageFont, ImageOps

from ganzoo.data.media import natural

PACKAGE = "fonts-aenigma"
SHA256 = "c7f33a4e5932af82a92c81a5a993a1d117c4309b47532cb0d9c3ad34bc54f5a8"
LEFT_OUT = {
    "90stars": "stars",
    "bin01st": "binary numbers",
    "binx01s": "binary numbers",
    "bitbttf": "tiles of patterns",
    "entlayrb": "a layer to lay beneath letters, without them",
    "fauxsnow": "snowflakes",
    "hdmaker": "eyes of faces",
    "lineding": "tiles of patterns",
    "symmetry": "ornaments",
    "unrespon": "no letters by the codes of letters: one sign for all",
}
"""Fonts, by their file's name, whose A to Z are no letters: what they are instead."""

LETTERS = string.ascii_uppercase
TEST_PERCENT = 8
RELATIVES = {"mini": "kaliber"}
"""First words of names, and that of the family they belong to, where these would else be on different sides."""

EM = 512
CANVAS = 4 * EM
MARGIN = 1 / 16
"""What is left free at each side, as a part of the picture."""

Pictures = dict[str, dict[str, Image.Image]]
"""Those of each split by their name, `A/FONT`."""


@click.command(help=__doc__.split("\n")[0])
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--size", type=click.Choice([32, 64]), default=32, show_default=True, help="Pixels a side.")
@click.option("--embedded", is_flag=True, help="Write package data.")
@click.option("--packages", type=click.Path(path_type=Path), default="build/letters", show_default=True)
def main(out: Path, size: int, embedded: bool, packages: Path):
    root = unpacked(PACKAGE, packages, SHA256) / "usr/share"
    pictures: Pictures = {"train": {}, "test": {}}
    for path in sorted((root / "fonts/truetype/aenigma").glob("*.ttf")):
        if path.stem not in LEFT_OUT:
            font = ImageFont.truetype(path, EM, layout_engine=ImageFont.Layout.BASIC)
            of_split = pictures[split_of(font.getname()[0])]
            of_split |= {f"{letter}/{path.stem}": picture for letter, picture in alphabet(font, size).items()}
    if embedded:
        write_package_data(out, pictures)
    else:
        write_folders(out, pictures)
        shutil.copyfile(root / "doc" / PACKAGE / "copyright", out / "copyright")
    for split, found in pictures.items():
        click.echo(f"{split}: {len(found) // len(LETTERS)} fonts, {len(found)} letters")
    click.echo(f"left out: {', '.join(LEFT_OUT)}")


def write_folders(out: Path, pictures: Pictures):
    for split, found in pictures.items():
        for name, picture in found.items():
            path = out / split / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path)


def write_package_data(out: Path, pictures: Pictures):
    # As a folder's files are read, so that the same seed gives the same batches.
    splits = {split: sorted(found, key=lambda name: natural(f"{name}.png")) for split, found in pictures.items()}
    everything = {name: pictures[split][name] for split, names in splits.items() for name in names}
    out.mkdir(parents=True, exist_ok=True)
    write_zip(out / "gray.zip", {f"{name}.webp": lossless(picture) for name, picture in everything.items()})
    write_splits(out / "splits.json", splits)
    write_labels(out / "labels.csv", {name: {"letter": name.partition("/")[0]} for name in everything})


def split_of(name: str) -> str:
    """Returns "train" or "test", by the first word of a font's name, so that no test font has a near twin in train."""
    family = name.lower().split()[0]
    digest = hashlib.sha256(RELATIVES.get(family, family).encode()).digest()
    return "test" if int.from_bytes(digest[:4], "big") % 100 < TEST_PERCENT else "train"


def alphabet(font: ImageFont.FreeTypeFont, size: int) -> dict[str, Image.Image]:
    """Returns the pictures of A to Z, by letter, at the largest scale that all of them fit."""
    painted = {letter: paint(letter, font) for letter in LETTERS}
    boxes = {letter: picture.getbbox() for letter, picture in painted.items()}
    lefts, tops, rights, bottoms = zip(*boxes.values(), strict=True)
    top, bottom = min(tops), max(bottoms)
    widest = max(right - left for left, right in zip(lefts, rights, strict=True))
    side = max(widest, bottom - top) / (1 - 2 * MARGIN)

    def fitted(letter: str) -> Image.Image:
        left, _, right, _ = boxes[letter]
        x, y = (left + right - side) / 2, (top + bottom - side) / 2
        small = painted[letter].resize((size, size), Image.Resampling.BOX, (x, y, x + side, y + side))
        return ImageOps.invert(small)

    return {letter: fitted(letter) for letter in LETTERS}


def paint(letter: str, font: ImageFont.FreeTypeFont) -> Image.Image:
    """Returns the letter in white on black, with its baseline where that of every other letter is."""
    picture = Image.new("L", (CANVAS, CANVAS))
    ImageDraw.Draw(picture).text((CANVAS / 2, CANVAS * 5 / 8), letter, 255, font, anchor="ms")
    return picture


if __name__ == "__main__":
    main()
