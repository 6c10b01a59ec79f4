"""What a batch needs of a source, by its fields: how many sets, of what, and whether examples have labels or captions.

A batch is a tuple of streams, as the config of an architecture declares it.
"""

from ganzoo.data.fields import Clip, Image, Label, Smaller, Stream, Tokens
from ganzoo.errors import UsageError

Batch = tuple[Stream, ...]


def read_keys(stream: Stream) -> tuple[str, ...]:
    """The keys of what a stream reads from files, in order: clips, or pictures but those made of others."""
    return tuple(
        key
        for key, field in stream.fields.items()
        if isinstance(field, Image | Clip) and not isinstance(field, Smaller)
    )


def has(batch: Batch, *kinds: type) -> bool:
    """Whether any field of a batch is of one of these classes."""
    return any(isinstance(field, kinds) for stream in batch for field in stream.fields.values())


def is_described(batch: Batch) -> bool:
    """Whether a batch has labels or captions: all its streams are then of one set."""
    return has(batch, Label, Tokens)


def groups(batch: Batch) -> tuple[tuple[str, ...], ...]:
    """The keys of the sets that a source must have; those of one group belong together, as an input and its target.

    All streams of a batch that has labels or captions are of one set, which the longest of them names.

    Raises:
        UsageError: when a stream reads nothing from files, or a batch both pictures and clips.
    """
    found = tuple(map(read_keys, batch))
    if not found or not all(found):
        raise UsageError(f"{named(batch)} has a stream without a picture or a clip; give it one")
    if has(batch, Image) and has(batch, Clip):
        raise UsageError(f"{named(batch)} has both pictures and clips; no source has")
    return (max(found, key=len),) if is_described(batch) else found


def layout(batch: Batch) -> tuple[int, ...]:
    """How many sets belong together: (1,) for a picture, (2,) for a pair, (1, 1) for two that are unrelated."""
    return tuple(map(len, groups(batch)))


def named(batch: Batch) -> str:
    """What a batch is called in errors: `a batch of input, target`."""
    return f"a batch of {', '.join(key for stream in batch for key in stream.fields) or 'nothing'}"
