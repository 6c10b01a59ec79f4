"""Draws a label map of a façade, in the colours of CMP Facades: something to paint that is no image of the data set.

python scripts/draw_label_map.py labels.png
ganzoo generate pix2pix/facades labels.png --out facade.png
"""

from pathlib import Path

import click
from PIL import Image, ImageDraw

SIZE = 256
BACKGROUND, WALL, WINDOW, DOOR = (0, 0, 220), (0, 48, 255), (0, 128, 255), (0, 205, 255)
CORNICE, SILL, BALCONY, BLIND, SHOP = (32, 255, 224), (112, 255, 140), (192, 255, 60), (255, 240, 0), (172, 0, 0)


@click.command(help=__doc__.split("\n")[0])
@click.argument("out", type=click.Path(path_type=Path))
def main(out: Path):
    image = Image.new("RGB", (SIZE, SIZE), BACKGROUND)
    draw = ImageDraw.Draw(image)
    draw.rectangle((20, 22, 235, 255), fill=WALL)
    draw.rectangle((16, 18, 239, 27), fill=CORNICE)
    for top in (42, 96, 150):
        for left in (38, 86, 140, 188):
            draw_window(draw, left, top, balcony=top == 96 and left in (86, 140))
    draw.rectangle((20, 202, 235, 207), fill=CORNICE)
    draw.rectangle((34, 214, 104, 255), fill=SHOP)
    draw.rectangle((114, 212, 142, 255), fill=DOOR)
    draw.rectangle((152, 214, 222, 255), fill=SHOP)
    out.parent.mkdir(parents=True, exist_ok=True)
    image.save(out)


def draw_window(draw: ImageDraw.ImageDraw, left: int, top: int, balcony: bool):
    draw.rectangle((left, top, left + 28, top + 36), fill=WINDOW)
    draw.rectangle((left, top, left + 28, top + 8), fill=BLIND)
    if balcony:
        draw.rectangle((left - 5, top + 26, left + 33, top + 41), fill=BALCONY)
    else:
        draw.rectangle((left - 3, top + 37, left + 31, top + 40), fill=SILL)


if __name__ == "__main__":
    main()
