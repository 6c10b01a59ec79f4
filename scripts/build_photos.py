"""Cuts the 37 photographs of four Debian packages into tiles for super-resolution: OUT/train and OUT/test.

Every photograph is taken at 1600, 1100, 750 and 500 pixels on its longer side, cut into tiles of 192 pixels, and of
these the ones kept in which there is something to learn: what bicubic interpolation doesn't bring back after x4. The
tiles of HELD_OUT go to test/. credits.yaml names author and licence of each photograph, as the packages state them.

Needs Debian's `apt-get` and `dpkg-deb`, where the packages are not in --packages already. 168 MB, a minute.
"""

from pathlib import Path

import click
import numpy as np
import yaml
from debian_packages import unpacked
from PIL import Image

from ganzoo.lite.formats import open_image

PHOTOS = {
    "lomiri-wallpapers-16.04": """
        Bridge_by_Sander_Klootwijk: Sander Klootwijk, CC-BY-SA-4.0
        Dragonfly_by_Bolly: Bolly, CC-BY-SA-4.0
        Picture_0B_by_freespace: Trevor "Freespace", CC-BY-4.0
        Picture_1A_by_freespace: Trevor "Freespace", CC-BY-4.0
        Wine_by_Jakkub_Mede: Jakub Mede, CC-BY-4.0
        aitzgorri_by_Aitzol_Berasategi: Aitzol Berasategi, CC-BY-4.0
        free_by_Peter_Nerlich: Peter Nerlich, CC-BY-SA-4.0
        friends_by_Aitzol_Berasategi: Aitzol Berasategi, CC-BY-4.0
        greentock_by_Peter_Nerlich: Peter Nerlich, CC-BY-SA-4.0
        life_by_Aitzol_Berasategi: Aitzol Berasategi, CC-BY-4.0
        picosdeeuropa_by_Aitzol_Berasategi: Aitzol Berasategi, CC-BY-4.0
        seeding_by_Clements_Engelhardt: Clemens Engelhardt, CC0-1.0
        sunset_by_Aitzol_Berasategi: Aitzol Berasategi, CC-BY-4.0
    """,
    "lomiri-wallpapers-20.04": """
        Kleiber_by_Lukas_Baubkus: Lukas Baubkus, CC-BY-SA-3.0
    """,
    "mate-backgrounds": """
        nature/Aqua: Charles Barbin, GPL-2+
        nature/Blinds: Lennart Poettering and Andrea Cimitan, GPL-2+
        nature/Dune: Marco Cogoni and Hylke Bons, GPL-2+
        nature/FreshFlower: Jens Ansorg, GPL-2+
        nature/Garden: Charles Barbin, GPL-2+
        nature/GreenMeadow: Timothy Schellhase and Lapo Calamandrei, GPL-2+
        nature/LadyBird: Charles Barbin, GPL-2+
        nature/RainDrops: blackcombwhistler07, GPL-2+
        nature/Storm: Sergey Nazarov, GPL-2+
        nature/TwoWings: Charles Barbin and Hylke Bons, GPL-2+
        nature/Wood: Jean-François Fortin Tam, GPL-2+
        nature/YellowFlower: Charles Barbin, GPL-2+
    """,
    "plasma-workspace-wallpapers": """
        BytheWater/contents/images/2560x1600: Maciej Wiklo, LGPLv3
        ColdRipple/contents/images/2560x1600: Risto Saukonpää, LGPLv3
        ColorfulCups/contents/images/2560x1600: Dmitri Popov, LGPLv3
        DarkestHour/contents/images/2560x1600: Risto Saukonpää, LGPLv3
        EveningGlow/contents/images/2560x1600: Ian Hex, LGPLv3
        FallenLeaf/contents/images/2560x1600: Martin Klapetek, LGPLv3
        Grey/contents/images/2560x1600: Sigi Sagi, LGPLv3
        Kite/contents/images/2560x1600: Risto Saukonpää, LGPLv3
        OneStandsOut/contents/images/2560x1600: Risto Saukonpää, LGPLv3
        Path/contents/images/2560x1600: Risto Saukonpää, LGPLv3
        summer_1am/contents/images/2560x1600: Risto Saukonpää, LGPLv3
    """,
}
"""By package: photograph, author, licence. What else the packages hold is drawn or rendered."""

HELD_OUT = ("Dragonfly", "Garden", "EveningGlow", "picosdeeuropa")
LONGER_SIDES = (1600, 1100, 750, 500)
TILE = 192
EASIEST_KEPT = 40.0
"""dB: a tile that bicubic interpolation brings back better than this teaches nothing."""


@click.command(help=__doc__.split("\n")[0])
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--packages", type=click.Path(path_type=Path), default="build/photos", show_default=True)
def main(out: Path, packages: Path):
    credits = {}
    for package, listed in PHOTOS.items():
        root = unpacked(package, packages)
        for line in listed.strip().splitlines():
            path, credit = (part.strip() for part in line.split(": "))
            author, licence = credit.rsplit(", ", 1)
            title = path.split("/")[0 if "contents" in path else -1]
            split = "test" if title.startswith(HELD_OUT) else "train"
            kept = write_tiles(next(root.rglob(f"{path}.jpg")), title, out / split)
            credits[title] = {"author": author, "licence": licence, "package": package, "split": split, "tiles": kept}
    (out / "credits.yaml").write_text(yaml.safe_dump(credits, allow_unicode=True, sort_keys=False))
    for split in ("train", "test"):
        print(f"{split}: {sum(c['tiles'] for c in credits.values() if c['split'] == split)} tiles")


def write_tiles(photo: Path, title: str, folder: Path) -> int:
    """Writes the tiles of a photograph that are worth it, and returns how many they are."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = 0
    with open_image(photo) as opened:
        whole = opened.convert("RGB")
    for side in LONGER_SIDES:
        scale = side / max(whole.size)
        image = whole.resize([round(length * scale) for length in whole.size], Image.Resampling.LANCZOS)
        for top in range(0, image.height - TILE + 1, TILE):
            for left in range(0, image.width - TILE + 1, TILE):
                tile = image.crop((left, top, left + TILE, top + TILE))
                if bicubic_psnr(tile) < EASIEST_KEPT:
                    tile.save(folder / f"{title}_{side}_{top}_{left}.png")
                    kept += 1
    return kept


def bicubic_psnr(tile: Image.Image) -> float:
    small = tile.resize((TILE // 4, TILE // 4), Image.Resampling.BICUBIC)
    back = small.resize(tile.size, Image.Resampling.BICUBIC)
    error = np.asarray(tile, float) - np.asarray(back, float)
    return 10 * np.log10(255**2 / np.mean(error**2)) if error.any() else np.inf


if __name__ == "__main__":
    main()
