"""Data that comes with the package.

`embedded:avatars`, by scripts/build_avatars.py: busts put together from parts of Open Peeps, which Pablo Stanley drew
(CC0). `colour` and `ink`, black outlines on white, 128x128, fit to the pixel. avatars/labels.csv says what they show.

`embedded:emoji`, by scripts/build_emoji.py: Microsoft's Fluent Emoji (MIT). `line` (black line art), `flat` (flat
color), `ink` (outlines of what is of one color in `flat`) and `outlined` (both), 128x128, and `3d` (renders, 256x256).

The same position in two domains is the same thing, also where the task is unpaired.
"""

import functools
import importlib.resources
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ganzoo.config import DataConfig, nearest
from ganzoo.data.drawings import multiplied, outlined, outlines
from ganzoo.data.images import image_size, read_image
from ganzoo.data.sources import ImageSet, Source, arrow, check_domain_count
from ganzoo.errors import UsageError, quoted


@dataclass(frozen=True)
class Domain:
    """One way in which a data set's things are shown."""

    layers: tuple[str, ...]
    """The archives that its pictures are made of, with the ending of the files in them: `ink.webp` is of ink.zip."""
    made: Callable[..., np.ndarray] = lambda picture: picture
    """What makes the picture of the layers: uint8 (H, W, 3) all."""


@dataclass(frozen=True)
class DataSet:
    """What is in a folder of package data, beside splits.json."""

    domains: Mapping[str, Domain]
    usual: Mapping[str, tuple[str, ...]]
    """The domains that a task takes where none are named."""


DATA_SETS = {
    "avatars": DataSet(
        {"colour": Domain(("fill.webp", "ink.webp"), multiplied), "ink": Domain(("ink.webp",))},
        {
            "latent": ("colour",),
            "paired": ("ink", "colour"),
            "unpaired": ("colour", "ink"),
            "super_resolution": ("colour",),
        },
    ),
    "emoji": DataSet(
        {
            "line": Domain(("line.png",)),
            "flat": Domain(("flat.png",)),
            "ink": Domain(("flat.png",), outlines),
            "outlined": Domain(("flat.png",), outlined),
            "3d": Domain(("3d.webp",)),
        },
        {
            "latent": ("flat",),
            "paired": ("line", "flat"),
            "unpaired": ("flat", "3d"),
            "super_resolution": ("3d",),
        },
    ),
}


def open_source(data: DataConfig, task: str, split: str) -> Source:
    """The pictures that exist in all of the chosen domains. Raises UsageError for an unknown name or domain."""
    name = data.source.partition(":")[2]
    if name not in DATA_SETS:
        raise UsageError(f"data.source: no data set 'embedded:{name}'{nearest(name, DATA_SETS)}")
    known = DATA_SETS[name].domains
    domains = data.domains or DATA_SETS[name].usual[task]
    for domain in domains:
        if domain not in known:
            raise UsageError(f"data.domains: {data.source} has no domain {quoted(domain)}{nearest(domain, known)}")
    check_domain_count(domains, task, f"data.domains of {data.source}")
    names = _names(name, [layer for domain in domains for layer in known[domain].layers], split)
    return Source(
        tuple(_image_set(name, domain, names) for domain in domains),
        f"{data.source} ({arrow(domains, task)})",
        split,
        aligned=True,
    )


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
