"""The streams of a batch with their examples: sets of files, and the numbers of labels and words."""

import dataclasses
import functools
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from ganzoo.config.recipe import DataConfig
from ganzoo.core.seeding import generator
from ganzoo.data import needs
from ganzoo.data.fields import Clip, Field, Label, Stream, Tokens, fields_of
from ganzoo.data.opening import open_source
from ganzoo.data.sources import ClipSet, ImageSet, Source
from ganzoo.errors import UsageError, nearest, quoted
from ganzoo.lite.words import words

Names = Mapping[str, tuple[str, ...]]
"""The meanings of numbers, by key: the class names of a label; the words of tokens, with "" first."""


@dataclasses.dataclass(frozen=True)
class Records:
    """The examples of one stream, in a fixed order."""

    fields: Mapping[str, Field]
    keys: tuple[str, ...]
    """The keys of what is read from files. They seed everything random in the stream."""
    sets: tuple[ImageSet, ...] | tuple[ClipSet, ...]
    """One for each of these keys."""
    places: Sequence[int]
    """The place of each example in the sets."""
    numbers: Mapping[str, np.ndarray]
    """Labels, int32 (N,), and tokens, int32 (N, length), by key."""

    def __len__(self):
        return len(self.places)

    @property
    def noun(self) -> str:
        """The word for the examples: pairs, clips or images."""
        if len(self.keys) > 1:
            return "pairs"
        return "clips" if isinstance(self.sets[0], ClipSet) else "images"

    @functools.cached_property
    def files(self) -> list[str]:
        """The names of the examples; of files, their paths below the folder of the first set."""
        return self.files_of(self.keys[0])

    def files_of(self, key: str) -> list[str]:
        """Returns the names of the files that are read for one key."""
        names = self.sets[self.keys.index(key)].names
        return [names[place] for place in self.places]


def open_streams(
    config, data: DataConfig, split: str, seed: int, known: Names | None = None
) -> tuple[Source, tuple[Records, ...], Names]:
    """Opens the source of a batch. Returns it, the examples of each stream, and what their numbers stand for.

    Args:
        config: an architecture's config, which declares the batch.
        seed: chooses the examples that keep their label, where only some do.
        known: what numbers stand for in a trained network; labels and words are numbered alike. Keys that it lacks are
            numbered by the train split.

    Raises:
        UsageError: when the source can't be opened, its labels or captions don't fit the config, or it has a class that
            is not known.
        RunError: when a download fails.
    """
    source = open_source(data, config.batch, split)
    names = _names(config, data, source, known or {})
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


def names_going_on(config, data: DataConfig, recorded: Names) -> Names:
    """Returns what numbers stand for in a run that is resumed: the names it recorded, then the new words of its data.

    Raises:
        UsageError: when the train split has other classes than the run, or more new words than there is room for.
        RunError: when a download fails.
    """
    if not recorded:
        return {}
    source, names = open_source(data, config.batch, "train"), {}
    for key, field in _numbered(config).items():
        if key in recorded and isinstance(field, Label):
            names[key] = _same_classes(source, recorded[key])
        elif key in recorded:
            names[key] = _with_new_words(source, recorded[key], getattr(config, field.words), field.words)
    return names


def _same_classes(source: Source, recorded: tuple[str, ...]) -> tuple[str, ...]:
    found = set(source.labels)
    other = [f"{quoted(name)} is new" for name in sorted(found - {*recorded})]
    other += [f"{quoted(name)} is gone" for name in sorted({*recorded} - found)]
    if other:
        shown = ", ".join(other[:6]) + (", …" if len(other) > 6 else "")
        raise UsageError(
            f"{source.where}: other classes than those of the run that goes on: {shown}; give the classes that it was "
            "trained on, or begin anew with --fresh"
        )
    return recorded


def _with_new_words(source: Source, recorded: tuple[str, ...], allowed: int, setting: str) -> tuple[str, ...]:
    new = sorted(_words(source) - {*recorded})
    if new and len(recorded) + len(new) > allowed:
        raise UsageError(
            f"{source.where}: {len(new)} words of the captions are new to the run that goes on, the first is "
            f"{quoted(new[0])}, and model.{setting}, {allowed}, has room for {max(allowed - len(recorded), 0)}; leave "
            f"some out, or begin anew with --fresh and model.{setting}={len(recorded) + len(new)}"
        )
    return (*recorded, *new)


def _numbered(config) -> dict[str, Label | Tokens]:
    """Returns the fields of a batch whose numbers stand for something, by key."""
    return {key: field for key, field in fields_of(config).items() if isinstance(field, Label | Tokens)}


def _names(config, data: DataConfig, source: Source, known: Names) -> Names:
    """Returns what numbers stand for: the known names, else those of the train split, whatever split the source is."""
    numbered = _numbered(config)
    names = {key: tuple(known[key]) for key in numbered if known.get(key)}
    if len(names) == len(numbered):
        return names
    trained = source
    if source.split != "train" and not source.in_training:
        trained = open_source(data, config.batch, "train")
    for key, field in numbered.items():
        if key not in names:
            derived = _class_names if isinstance(field, Label) else _vocabulary
            names[key] = derived(config, field, trained)
    return {key: names[key] for key in numbered}


def _class_names(config, field: Label, known: Source) -> tuple[str, ...]:
    found, allowed = sorted(set(known.labels)), getattr(config, field.classes)
    if len(found) != allowed:
        shown = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
        raise UsageError(
            f"{known.where}: found {len(found)} classes ({shown}), and model.{field.classes} is {allowed}; set "
            f"model.{field.classes}={len(found)}"
        )
    return tuple(found)


def _words(source: Source) -> set[str]:
    return {word for caption in source.captions for word in words(caption)}


def _vocabulary(config, field: Tokens, known: Source) -> tuple[str, ...]:
    found = sorted(_words(known))
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
        # Words that no caption for training had are left out.
        said = words(caption)
        found = [numbers[word] for word in said if word in numbers]
        name = source.sets[0].names[place]
        if len(found) > length:
            raise UsageError(
                f"{source.where}: the caption of {name} has {len(found)} words, and model.{setting} is {length}; set "
                f"model.{setting}={len(found)}, or shorten it"
            )
        if not said and source.split == "train":
            raise UsageError(f"{source.where}: the caption of {name} has no word; give it some")
        tokens[place, : len(found)] = found
    return tokens


def _balanced(classes: np.ndarray, names: tuple[str, ...], each: int, setting: str, rng: np.random.Generator):
    """Returns the places, in order, of `each` random examples of every class."""
    counts = Counter(classes.tolist())
    scarce = min(counts, key=counts.get)
    if counts[scarce] < each:
        raise UsageError(
            f"model.{setting}: found {each}, and the class {quoted(names[scarce])} has {counts[scarce]} examples; set "
            f"model.{setting}={counts[scarce]} or less, or give more examples"
        )
    chosen = [rng.permutation(np.flatnonzero(classes == number))[:each] for number in range(len(names))]
    return np.sort(np.concatenate(chosen))
