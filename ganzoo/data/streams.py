"""The streams of a batch with their examples: what is read from files, and the numbers of labels and words."""

import dataclasses
import functools
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from ganzoo.config import DataConfig
from ganzoo.data import needs
from ganzoo.data.fields import Clip, Field, Label, Stream, Tokens, fields_of
from ganzoo.data.opening import open_source
from ganzoo.data.sources import ClipSet, ImageSet, Source
from ganzoo.errors import UsageError, nearest, quoted
from ganzoo.lite.words import words
from ganzoo.seeding import generator

Names = Mapping[str, tuple[str, ...]]
"""What numbers stand for: the class names of each label's key, the words of each tokens' key with "" first."""


@dataclasses.dataclass(frozen=True)
class Records:
    """What is known of the examples of one stream, in a fixed order."""

    fields: Mapping[str, Field]
    keys: tuple[str, ...]
    """Of what is read from files. What is random in the stream goes by them."""
    sets: tuple[ImageSet, ...] | tuple[ClipSet, ...]
    """For each of these keys."""
    places: Sequence[int]
    """Of each example in the sets."""
    numbers: Mapping[str, np.ndarray]
    """Labels, int32 (N,), and tokens, int32 (N, length), by key."""

    def __len__(self):
        return len(self.places)

    @property
    def noun(self) -> str:
        """What the examples are, for people."""
        if len(self.keys) > 1:
            return "pairs"
        return "clips" if isinstance(self.sets[0], ClipSet) else "images"

    @functools.cached_property
    def files(self) -> list[str]:
        """What the examples are called: of files, their paths below the folder of the first set."""
        return self.files_of(self.keys[0])

    def files_of(self, key: str) -> list[str]:
        """Those that are read for one key."""
        names = self.sets[self.keys.index(key)].names
        return [names[place] for place in self.places]


def open_streams(config, data: DataConfig, split: str, seed: int) -> tuple[Source, tuple[Records, ...], Names]:
    """The source of a batch, the examples of each of its streams, and what their numbers stand for.

    Args:
        config: an architecture's config, whose `batch` it is.
        seed: chooses the examples of a label of which only so many have one.

    Raises:
        UsageError: when the source can't be had, or its labels or captions don't fit the config.
        RunError: when a download fails.
    """
    source = open_source(data, config.batch, split)
    names = _names(config, data, source)
    sets = iter(source.sets)
    streams = []
    for stream in config.batch:
        keys = needs.read_keys(stream)
        own = source.sets[: len(keys)] if needs.is_described(config.batch) else tuple(next(sets) for _ in keys)
        streams.append(_records(config, stream, source, own, names, seed))
    return source, tuple(streams), names


def _records(config, stream: Stream, source: Source, sets, names: Names, seed: int) -> Records:
    keys, numbers, places = needs.read_keys(stream), {}, range(len(sets[0]))
    for key, field in stream.fields.items():
        if isinstance(field, Clip):
            _check_rate(sets[keys.index(key)], getattr(config, field.rate), field.rate, source.where)
        elif isinstance(field, Label):
            numbers[key] = _classes(source, names[key])
            if source.split == "train" and field.each and (each := getattr(config, field.each)) is not None:
                places = _balanced(numbers[key], names[key], each, field.each, generator(seed, "labelled", keys))
        elif isinstance(field, Tokens):
            numbers[key] = _tokens(source, names[key], getattr(config, field.length), field.length)
    return Records(stream.fields, keys, sets, places, {key: values[places] for key, values in numbers.items()})


def _check_rate(clips: ClipSet, rate: int, setting: str, source: str) -> None:
    others = [index for index in range(len(clips)) if clips.rate(index) != rate]
    if others:
        found = clips.rate(others[0])
        raise UsageError(
            f"{source}: {len(others)} of {len(clips)} clips have another rate than model.{setting}, {rate}, the first "
            f"is {clips.names[others[0]]}, of {found}; resample them, or set model.{setting}={found}"
        )


def _names(config, data: DataConfig, source: Source) -> dict[str, tuple[str, ...]]:
    """What the numbers of labels and tokens stand for: of the train split, whichever split the source is of."""
    if not needs.is_described(config.batch):
        return {}
    known = source
    if source.split != "train" and not source.in_training:
        known = open_source(data, config.batch, "train")
    names = {}
    for key, field in fields_of(config).items():
        if isinstance(field, Label):
            names[key] = _class_names(config, field, known)
        elif isinstance(field, Tokens):
            names[key] = _vocabulary(config, field, known)
    return names


def _class_names(config, field: Label, known: Source) -> tuple[str, ...]:
    found, allowed = sorted(set(known.labels)), getattr(config, field.classes)
    if len(found) != allowed:
        shown = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
        raise UsageError(
            f"{known.where}: found {len(found)} classes ({shown}), and model.{field.classes} is {allowed}; set "
            f"model.{field.classes}={len(found)}"
        )
    return tuple(found)


def _vocabulary(config, field: Tokens, known: Source) -> tuple[str, ...]:
    found = sorted({word for caption in known.captions for word in words(caption)})
    allowed = getattr(config, field.words)
    if len(found) >= allowed:
        raise UsageError(
            f"{known.where}: the captions have {len(found):,} words, and model.{field.words} is {allowed}, of which "
            f"0 is no word; set model.{field.words}={len(found) + 1}"
        )
    return ("", *found)


def _classes(source: Source, names: tuple[str, ...]) -> np.ndarray:
    numbers = {name: number for number, name in enumerate(names)}
    for place, label in enumerate(source.labels):
        if label not in numbers:
            raise UsageError(
                f"{source.where}: {source.sets[0].names[place]} of the {source.split} split has the label "
                f"{quoted(label)}, which no example for training has{nearest(label, names)}"
            )
    return np.array([numbers[label] for label in source.labels], np.int32)


def _tokens(source: Source, names: tuple[str, ...], length: int, setting: str) -> np.ndarray:
    numbers = {word: number for number, word in enumerate(names) if word}
    tokens = np.zeros((len(source.captions), length), np.int32)
    for place, caption in enumerate(source.captions):
        # Words that only captions for testing have are left out.
        found = [numbers[word] for word in words(caption) if word in numbers]
        name = source.sets[0].names[place]
        if len(found) > length:
            raise UsageError(
                f"{source.where}: the caption of {name} has {len(found)} words, and model.{setting} is {length}; set "
                f"model.{setting}={len(found)}, or shorten it"
            )
        if not found and source.split == "train":
            raise UsageError(f"{source.where}: the caption of {name} has no word; give it some")
        tokens[place, : len(found)] = found
    return tokens


def _balanced(classes: np.ndarray, names: tuple[str, ...], each: int, setting: str, rng: np.random.Generator):
    """The places, in order, of `each` examples of every class, chosen at random."""
    counts = Counter(classes.tolist())
    scarce = min(counts, key=counts.get)
    if counts[scarce] < each:
        raise UsageError(
            f"model.{setting}: found {each}, and the class {quoted(names[scarce])} has {counts[scarce]} examples; set "
            f"model.{setting}={counts[scarce]} or less, or give more examples"
        )
    chosen = [rng.permutation(np.flatnonzero(classes == number))[:each] for number in range(len(names))]
    return np.sort(np.concatenate(chosen))
