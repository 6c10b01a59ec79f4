"""Opens the data sets that come with the package.

`embedded:avatars`, made by scripts/build_avatars.py: busts put together from parts of Open Peeps, drawn by Pablo
Stanley (CC0). Its domains are `colour` and `ink` (black outlines on white), 128x128, aligned to the pixel.
avatars/labels.csv says what they show.

`embedded:emoji`, made by scripts/build_emoji.py: Microsoft's Fluent Emoji (MIT). Its domains are `line` (black line
art), `flat` (flat color), `ink` (outlines of the color regions of `flat`) and `outlined` (both), 128x128, and `3d`
(renders, 256x256).

`embedded:letters`, made by scripts/build_letters.py: A to Z of 455 fonts by Brian Kent (letters/LICENSE). Its domain is
`gray` (black on white, 32x32). Fonts for testing have no relative among those for training.

The same position in two domains shows the same thing, also in unrelated streams. Labels are columns of labels.csv, and
captions are written from them. Emoji have no labels; their captions are their names.
"""

import csv
import functools
import importlib.resources
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ganzoo.config.recipe import DataConfig
from ganzoo.data import avatar_captions, needs
from ganzoo.data.drawings import multiplied, outlined, outlines
from ganzoo.data.fields import Crop, Label, Tokens
from ganzoo.data.images import image_size, read_image
from ganzoo.data.needs import Batch
from ganzoo.data.sources import ImageSet, NoSuchLabel, Source, arrow, check_domain_count, check_no_sound
from ganzoo.errors import UsageError, nearest, quoted


@dataclass(frozen=True)
class Domain:
    """One way in which the things of a data set are shown."""

    layers: tuple[str, ...]
    """The archives that a picture is made from, with the ending of its files: `ink.webp` is a .webp file in ink.zip."""
    made: Callable[..., np.ndarray] = lambda picture: picture
    """Makes the picture from its layers; all are uint8 (H, W, 3)."""


@dataclass(frozen=True)
class DataSet:
    """A data set in a folder of package data, whose splits.json lists the things."""

    domains: Mapping[str, Domain]
    usual: Mapping[tuple[int, ...], tuple[str, ...]]
    """The domains to take when none are named, by the layout of the batch."""
    largest: str
    """The domain to cut pictures out of when none is named."""
    caption: Callable[[str, Mapping[str, str]], str]
    """Writes the caption of a thing from its name and its labels."""


DATA_SETS = {
    "avatars": DataSet(
        {"colour": Domain(("fill.webp", "ink.webp"), multiplied), "ink": Domain(("ink.webp",))},
        {(1,): ("colour",), (2,): ("ink", "colour"), (1, 1): ("colour", "ink")},
        largest="colour",
        caption=lambda name, labels: avatar_captions.sentence(labels),
    ),
    "emoji": DataSet(
        {
            "line": Domain(("line.png",)),
            "flat": Domain(("flat.png",)),
            "ink": Domain(("flat.png",), outlines),
            "outlined": Domain(("flat.png",), outlined),
            "3d": Domain(("3d.webp",)),
        },
        {(1,): ("flat",), (2,): ("line", "flat"), (1, 1): ("flat", "3d")},
        largest="3d",
        caption=lambda name, labels: name.replace("-", " "),
    ),
    "letters": DataSet(
        {"gray": Domain(("gray.webp",))},
        {(1,): ("gray",)},
        largest="gray",
        caption=lambda name, labels: f"the letter {labels['letter']}",
    ),
}


def open_source(data: DataConfig, batch: Batch, split: str) -> Source:
    """Opens the pictures that exist in all chosen domains. Raises UsageError for an unknown name, domain or label."""
    name = data.source.partition(":")[2]
    if name not in DATA_SETS:
        raise UsageError(f"data.source: no data set 'embedded:{name}'{nearest(name, DATA_SETS)}")
    check_no_sound(batch, data.source)
    known = DATA_SETS[name].domains
    domains = data.domains or _usual_domains(DATA_SETS[name], batch)
    for domain in domains:
        if domain not in known:
            raise UsageError(f"data.domains: {data.source} has no domain {quoted(domain)}{nearest(domain, known)}")
    check_domain_count(domains, batch, f"data.domains of {data.source}")
    names = _names(name, [layer for domain in domains for layer in known[domain].layers], split)
    return Source(
        tuple(_image_set(name, domain, names) for domain in domains),
        f"{data.source} ({arrow(domains, batch)})",
        split,
        aligned=True,
        labels=_labels(name, names, data.label) if needs.has(batch, Label) else None,
        captions=_captions(name, names) if needs.has(batch, Tokens) else None,
    )


def _usual_domains(data_set: DataSet, batch: Batch) -> tuple[str, ...]:
    layout = needs.layout(batch)
    cut_out = needs.has(batch, Crop) and layout == (1,)
    return (data_set.largest,) if cut_out else data_set.usual.get(layout, ())


def _labels(data_set: str, names: list[str], column: str | None) -> list[str]:
    rows = _rows(data_set)
    columns = [key for key in next(iter(rows.values()), {}) if key != "name"]
    if not columns:
        labeled = "embedded:avatars or embedded:letters"
        raise NoSuchLabel(f"data.source: embedded:{data_set} has no labels; take {labeled}, or a folder of yours")
    if column is None and len(columns) == 1:
        (column,) = columns
    if column not in columns:
        found = f"no label {quoted(column)}" if column else "several labels"
        raise NoSuchLabel(f"data.label: embedded:{data_set} has {found}{nearest(column, columns)}", columns)
    return [rows[name][column] for name in names]


def _captions(data_set: str, names: list[str]) -> list[str]:
    rows, caption = _rows(data_set), DATA_SETS[data_set].caption
    return [caption(name, rows.get(name, {})) for name in names]


@functools.cache
def _rows(data_set: str) -> dict[str, dict[str, str]]:
    """Reads the labels of each thing by its name from labels.csv; returns nothing if there is no such file."""
    file = _resource(data_set, "labels.csv")
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return {row["name"]: row for row in csv.DictReader(lines)}


def _names(data_set: str, layers: list[str], split: str) -> list[str]:
    names = json.loads(_resource(data_set, "splits.json").read_text(encoding="utf-8"))[split]
    for layer in dict.fromkeys(layers):
        archive, ending = layer.split(".")
        files = set(_archive(data_set, archive).namelist())
        names = [name for name in names if f"{name}.{ending}" in files]
    return names


def _image_set(data_set: str, domain: str, names: list[str]) -> ImageSet:
    drawn = DATA_SETS[data_set].domains[domain]

    def file(layer: str, index: int) -> io.BytesIO:
        archive, ending = layer.split(".")
        return io.BytesIO(_archive(data_set, archive).read(f"{names[index]}.{ending}"))

    def read(index: int) -> np.ndarray:
        return drawn.made(
            *(read_image(file(layer, index), name=f"{names[index]} ({domain})") for layer in drawn.layers)
        )

    def size(index: int) -> tuple[int, int]:
        return image_size(file(drawn.layers[0], index), name=f"{names[index]} ({domain})")

    return ImageSet(names, read, size)


@functools.cache
def _archive(data_set: str, name: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(_resource(data_set, f"{name}.zip").read_bytes()))


def _resource(data_set: str, name: str):
    return importlib.resources.files("ganzoo.data") / data_set / name
