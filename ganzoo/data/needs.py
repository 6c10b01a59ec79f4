"""Derives what a batch needs of a source from its fields: how many sets, of what, and labels or captions.

A batch is the tuple of streams that an architecture's config declares.
"""

from ganzoo.data.fields import Clip, Image, Label, Smaller, Stream, Tokens
from ganzoo.errors import UsageError

Batch = tuple[Stream, ...]


def read_keys(stream: Stream) -> tuple[str, ...]:
    """Returns the keys of what a stream reads from files, in order: clips, or pictures not made from others."""
    return tuple(
        key
        for key, field in stream.fields.items()
        if isinstance(field, Image | Clip) and not isinstance(field, Smaller)
    )


def has(batch: Batch, *kinds: type) -> bool:
    """Tells whether any field of a batch is an instance of these classes."""
    return any(isinstance(field, kinds) for stream in batch for field in stream.fields.values())


def is_described(batch: Batch) -> bool:
    """Tells whether a batch has labels or captions; then all its streams read the same set."""
    return has(batch, Label, Tokens)


def groups(batch: Batch) -> tuple[tuple[str, ...], ...]:
    """Returns the keys of the sets that a source must have. Sets of one group belong together, like input and target.

    A batch with labels or captions has one group: the keys of its longest stream.

    Raises:
        UsageError: when a stream reads nothing from files, or a batch has both pictures and clips.
    """
    found = tuple(map(read_keys, batch))
    if not found or not all(found):
        raise UsageError(f"{named(batch)} has a stream without a picture or a clip; give it one")
    if has(batch, Image) and has(batch, Clip):
        raise UsageError(f"{named(batch)} has both pictures and clips; no source has")
    return (max(found, key=len),) if is_described(batch) else found


def layout(batch: Batch) -> tuple[int, ...]:
    """Returns the number of sets in each group: (1,) for a picture, (2,) for a pair, (1, 1) for two unrelated sets."""
    return tuple(map(len, groups(batch)))


def named(batch: Batch) -> str:
    """Names a batch in errors: `a batch of input, target`."""
    return f"a batch of {', '.join(key for stream in batch for key in stream.fields) or 'nothing'}"
