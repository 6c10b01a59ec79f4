"""Finds the module that opens a source of pictures or clips."""

import dataclasses
import importlib

from ganzoo.config.recipe import DataConfig
from ganzoo.data.needs import Batch
from ganzoo.data.sources import NoSuchLabel, Source
from ganzoo.errors import UsageError, near_miss, nearest, quoted

OPENERS = {"embedded": "embedded", "folder": "folder", "tfds": "tfds", "url": "archive"}


def open_source(data: DataConfig, batch: Batch, split: str = "train") -> Source:
    """Opens the sets that `data.source` names, as a batch needs them.

    Raises:
        UsageError: for an unknown split, scheme or name, or a source that can't serve the batch.
        RunError: when a download fails.
    """
    if split not in ("train", "test"):
        raise UsageError(f"split {quoted(split)} is unknown{nearest(split, ('train', 'test'))}")
    scheme, colon, rest = data.source.partition(":")
    if scheme not in OPENERS or not rest:
        suggestion = near_miss(scheme, OPENERS) if colon else f"; did you mean 'folder:{data.source}'?"
        raise UsageError(
            f"data.source: found {quoted(data.source)}; allowed are embedded:NAME, folder:PATH, folder:PATH_A,PATH_B, "
            f"tfds:NAME and url:ADDRESS#sha256=…{suggestion}"
        )
    module = importlib.import_module(f"ganzoo.data.{OPENERS[scheme]}")
    return module.open_source(data, batch, split)


def of_source(data: DataConfig, source: str, batch: Batch) -> DataConfig:
    """Returns the settings for another source, prepared alike, with its usual domains.

    The label is kept only if the other source has one of that name.

    Raises:
        UsageError, RunError: as `open_source` does, if there is a label to look for.
    """
    alike = dataclasses.replace(data, source=source, domains=())
    try:
        if data.label:
            open_source(alike, batch, "test")
    except NoSuchLabel:
        return dataclasses.replace(alike, label=None)
    return alike
