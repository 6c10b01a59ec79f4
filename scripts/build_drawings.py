"""Builds the test drawings of the colorers: 24 icons of Lucide, in three pens, without color and with dabs of it.

Source: the npm package lucide-static 1.62.0 (ISC License). Nothing is trained on them.

    plain/NAME_PEN.png     128x128, black on white; PEN is 1, 2 or 3, the stroke in Lucide's units, 24 to a picture
    dabbed/NAME_PEN.png    with a dab in each of its two largest regions, as a person would lay them

Needs `pip install resvg-py`, and npm where the package is not in --packages already.
"""

import io
import itertools
import tarfile
from pathlib import Path

import click
import numpy as np
import resvg_py
from build_emoji import on_white
from npm_packages import fetch
from PIL import Image, ImageDraw, ImageFilter

from ganzoo.lite.formats import open_image

PACKAGE = "lucide-static@1.62.0"
NAMES = """
    apple banana bell bird book cake cat cherry cloud coffee crown cup-soda
    dog egg fish ghost heart house leaf rabbit sailboat shirt squirrel star
"""
PENS = (1, 2, 3)
SIZE = 128
COLORS = ("#e03c31", "#2c6fbb", "#27ae60", "#fdb813", "#7d4fb0", "#e67e22", "#e279c7", "#16a085")
RADIUS = 6


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--packages",
    type=click.Path(path_type=Path),
    default="build/drawings",
    show_default=True,
    help="Folder of the package's .tgz file; where it is missing it is fetched by npm.",
)
def main(out: Path, packages: Path):
    """Build the test drawings in the folder OUT."""
    colors = itertools.cycle(COLORS)
    for folder in ("plain", "dabbed"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    with tarfile.open(fetch(PACKAGE, packages)) as tar:
        for name in NAMES.split():
            svg = tar.extractfile(f"package/icons/{name}.svg").read().decode()
            chosen = (next(colors), next(colors))
            for pen in PENS:
                drawing = draw(svg, pen)
                drawing.save(out / "plain" / f"{name}_{pen}.png")
                dabbed(drawing, chosen).save(out / "dabbed" / f"{name}_{pen}.png")
    click.echo(f"{len(NAMES.split())} drawings in {len(PENS)} pens -> {out}")


def draw(svg: str, pen: int) -> Image.Image:
    svg = svg.replace('stroke-width="2"', f'stroke-width="{pen}"').replace("currentColor", "black")
    # Room around it, as a person leaves.
    svg = svg.replace('viewBox="0 0 24 24"', 'viewBox="-2 -2 28 28"')
    return on_white(open_image(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=SIZE, height=SIZE)))))


def dabbed(drawing: Image.Image, colors: tuple[str, ...]) -> Image.Image:
    """The drawing with a dab of each color in one of its largest regions, the largest first, under the lines."""
    dabs = Image.new("RGB", drawing.size, "white")
    pen = ImageDraw.Draw(dabs)
    for region, color in zip(regions(drawing), colors, strict=False):
        (x, y), room = middle(region)
        radius = min(RADIUS, room)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)
    multiplied = np.asarray(dabs).astype(int) * np.asarray(drawing) // 255
    return Image.fromarray(multiplied.astype(np.uint8))


def regions(drawing: Image.Image) -> list[Image.Image]:
    """Masks, black and white, of what lines enclose, the largest first."""
    left = drawing.convert("L").point(lambda level: 255 * (level > 128))
    ImageDraw.floodfill(left, (0, 0), 0)
    found = []
    while (box := left.getbbox()) is not None:
        before = left.copy()
        row = np.asarray(left)[box[1]]
        ImageDraw.floodfill(left, (int(row.argmax()), box[1]), 0)
        found.append(Image.fromarray(np.asarray(before) - np.asarray(left)))
    return sorted(found, key=lambda mask: -np.count_nonzero(mask))


def middle(region: Image.Image) -> tuple[tuple[int, int], int]:
    """The point (x, y) of a region that is farthest from its border, and about how far that is, in pixels."""
    room = 0
    while (smaller := region.filter(ImageFilter.MinFilter(3))).getbbox() is not None:
        region, room = smaller, room + 1
    rows, columns = np.nonzero(np.asarray(region))
    place = len(rows) // 2
    return (int(columns[place]), int(rows[place])), room


if __name__ == "__main__":
    main()
