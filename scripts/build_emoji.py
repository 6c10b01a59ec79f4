"""Builds the embedded data set `embedded:emoji` into ganzoo/data/emoji/ from Microsoft's Fluent Emoji.

Sources, npm packages that hold Microsoft's artwork (MIT, Copyright (c) Microsoft Corporation):

    @iconify-json/fluent-emoji-high-contrast 1.2.6   line art, SVG       -> line.zip  128x128 grey PNG
    @iconify-json/fluent-emoji-flat 1.2.6            flat colour, SVG    -> flat.zip  128x128 RGB PNG
    @lobehub/fluent-emoji-3d 1.1.0                   256x256 renders     -> 3d.zip    256x256 WebP, quality 90

Everything is painted on white. A picture's name is the emoji's; the same name is the same emoji in every archive.
splits.json says which names are for training and which for testing. LICENSE is kept by hand. The same packages and
library versions give the same bytes.

Needs `pip install resvg-py`, and npm where the packages are not in --packages already. Takes less than a minute.
"""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import click
import resvg_py
from npm_packages import fetch
from package_data import encode, write_splits, write_zip
from PIL import Image, ImageOps

from ganzoo.lite.formats import open_image

LINE = "@iconify-json/fluent-emoji-high-contrast@1.2.6"
FLAT = "@iconify-json/fluent-emoji-flat@1.2.6"
RENDERS = "@lobehub/fluent-emoji-3d@1.1.0"

SIZE = 128
TEST_PERCENT = 10
VARIANT_WORDS = """
    man men woman women person people boy girl prince princess king queen grandfather grandmother older
    light medium dark skin tone facing left right up down
    black blue brown green grey orange pink purple red white yellow
    small large one two three four five six seven eight nine ten eleven twelve
"""
"""Words that tell variants of one emoji apart."""


@click.command()
@click.option(
    "--packages",
    type=click.Path(path_type=Path),
    default="build/emoji",
    show_default=True,
    help="Folder of the three .tgz files; what is missing is fetched by npm.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path(__file__).parent.parent / "ganzoo/data/emoji",
    help="Where to write.  [default: ganzoo/data/emoji]",
)
def main(packages: Path, out: Path):
    """Rebuild the package data of embedded:emoji."""
    line_package, flat_package, renders_package = (fetch(package, packages) for package in (LINE, FLAT, RENDERS))
    line_icons, flat_icons = read_json(line_package, "icons.json"), read_json(flat_package, "icons.json")
    names = sorted(set(line_icons["icons"]) & set(flat_icons["icons"]))
    renders = read_renders(renders_package, read_json(flat_package, "chars.json"), names)

    out.mkdir(parents=True, exist_ok=True)
    write_zip(out / "line.zip", {f"{name}.png": png(paint(line_icons, name).convert("L")) for name in names})
    write_zip(out / "flat.zip", {f"{name}.png": png(compact(paint(flat_icons, name))) for name in names})
    write_zip(out / "3d.zip", {f"{name}.webp": webp(on_white(square(renders[name]))) for name in sorted(renders)})
    splits = {split: [name for name in names if split_of(name) == split] for split in ("train", "test")}
    write_splits(out / "splits.json", splits)
    click.echo(f"{len(names)} names ({len(splits['test'])} test), {len(renders)} of them in 3D -> {out}")


def read_json(package: Path, name: str):
    with tarfile.open(package) as tar:
        return json.load(tar.extractfile(f"package/{name}"))


def read_renders(package: Path, names_by_characters: dict, names: list[str]) -> dict[str, Image.Image]:
    """The 3D renders by emoji name: their files are named by code points."""
    wanted = set(names)
    names_by_characters = {plain(characters): name for characters, name in names_by_characters.items()}
    renders = {}
    with tarfile.open(package) as tar:
        for member in sorted(tar.getmembers(), key=lambda member: member.name):
            name = names_by_characters.get(plain(Path(member.name).stem))
            if member.name.endswith(".webp") and name in wanted and name not in renders:
                renders[name] = open_image(io.BytesIO(tar.extractfile(member).read()))
    return renders


def plain(characters: str) -> str:
    """Code points as both packages mean them: no variation selectors, no leading zeros."""
    return "-".join(point.lstrip("0") for point in characters.split("-") if point != "fe0f")


def paint(icons: dict, name: str) -> Image.Image:
    # Four icons say that they are 33 high: at 32 they stay in register with their twin in the other style.
    body = icons["icons"][name]["body"]
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" color="black" viewBox="0 0 32 32">{body}</svg>'
    pixels = resvg_py.svg_to_bytes(svg_string=svg, width=SIZE, height=SIZE)
    return on_white(open_image(io.BytesIO(bytes(pixels))))


def square(render: Image.Image) -> Image.Image:
    """Two of the renders are 256x264."""
    return ImageOps.pad(render, (256, 256), Image.Resampling.BICUBIC, color=(0, 0, 0, 0))


def on_white(image: Image.Image) -> Image.Image:
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def compact(image: Image.Image) -> Image.Image:
    """With a palette, if the image has few enough colours for that to lose nothing."""
    colors = image.getcolors(256)
    return image.quantize(len(colors), dither=Image.Dither.NONE) if colors and exact(image, len(colors)) else image


def exact(image: Image.Image, colors: int) -> bool:
    return image.quantize(colors, dither=Image.Dither.NONE).convert("RGB").tobytes() == image.tobytes()


def png(image: Image.Image) -> bytes:
    return encode(image, "PNG", optimize=True)


def webp(image: Image.Image) -> bytes:
    return encode(image, "WEBP", quality=90, method=6)


def split_of(name: str) -> str:
    """By the name without its variant words, so that no test image has a near twin among the training images."""
    words = [word for word in name.split("-") if word not in VARIANT_WORDS.split()]
    digest = hashlib.sha256("-".join(words or ["person"]).encode()).digest()
    return "test" if int.from_bytes(digest[:4], "big") % 100 < TEST_PERCENT else "train"


if __name__ == "__main__":
    main()
