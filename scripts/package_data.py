"""Writes the files of a data set that comes with the package: the same things give the same bytes."""

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from PIL import Image


def encode(image: Image.Image, codec: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, codec, **options)
    return buffer.getvalue()


def lossless(image: Image.Image) -> bytes:
    return encode(image, "WEBP", lossless=True, quality=80, method=4)


def write_zip(path: Path, files: Mapping[str, bytes]):
    """An uncompressed archive (the images are compressed) with no trace of when it was made."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    click.echo(f"{path.name}: {len(files)} images, {path.stat().st_size / 1e6:.1f} MB")


def write_splits(path: Path, splits: Mapping[str, Sequence[str]]):
    """Which names are for training, and which for testing."""
    path.write_text(json.dumps(splits, indent=0) + "\n", encoding="utf-8")


def write_labels(path: Path, labels: Mapping[str, Mapping[str, str]]):
    """A row of labels for each name, all of the same columns."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("name", *next(iter(labels.values()))))
        writer.writerows((name, *row.values()) for name, row in labels.items())
