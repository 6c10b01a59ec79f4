"""Data that comes with the package. `embedded:emoji`: Microsoft's Fluent Emoji (MIT), built by scripts/build_emoji.py.

Domains: `line` (black line art, 128x128), `flat` (flat colour, 128x128), `3d` (renders, 256x256), all on white. The
same position in two sets is the same emoji, also where the task is unpaired.
"""

import functools
import importlib.resources
import io
import json
import zipfile

from ganzoo.config import DataConfig, nearest
from ganzoo.data.images import image_size, read_image
from ganzoo.data.sources import ImageSet, Source, arrow, check_domain_count
from ganzoo.errors import UsageError

DATA_SETS = ("emoji",)
DOMAINS = {"line": ".png", "flat": ".png", "3d": ".webp"}
USUAL_DOMAINS = {
    "latent": ("flat",),
    "paired": ("line", "flat"),
    "unpaired": ("flat", "3d"),
    "super_resolution": ("3d",),
}


def open_source(data: DataConfig, task: str, split: str) -> Source:
    """The emoji that exist in all of the chosen domains. Raises UsageError for an unknown name or domain."""
    data_set = data.source.partition(":")[2]
    if data_set not in DATA_SETS:
        raise UsageError(f"data.source: no data set 'embedded:{data_set}'{nearest(data_set, DATA_SETS)}")
    domains = data.domains or USUAL_DOMAINS[task]
    for domain in domains:
        if domain not in DOMAINS:
            raise UsageError(f"data.domains: {data.source} has no domain {domain!r}{nearest(domain, DOMAINS)}")
    check_domain_count(domains, task, f"data.domains of {data.source}")
    names = _names(domains, split)
    return Source(
        tuple(_image_set(domain, names) for domain in domains),
        f"{data.source} ({arrow(domains, task)})",
        split,
        aligned=True,
    )


def _names(domains: tuple[str, ...], split: str) -> list[str]:
    names = json.loads(_resource("splits.json").read_text(encoding="utf-8"))[split]
    for domain in domains:
        files = set(_archive(domain).namelist())
        names = [name for name in names if name + DOMAINS[domain] in files]
    return names


def _image_set(domain: str, names: list[str]) -> ImageSet:
    def file(index):
        return io.BytesIO(_archive(domain).read(names[index] + DOMAINS[domain]))

    return ImageSet(
        names,
        lambda index: read_image(file(index), name=f"{names[index]} ({domain})"),
        lambda index: image_size(file(index), name=f"{names[index]} ({domain})"),
    )


@functools.cache
def _archive(domain: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(_resource(f"{domain}.zip").read_bytes()))


def _resource(name: str):
    return importlib.resources.files("ganzoo.data") / "emoji" / name
