"""The two errors that users see as one line. Each says what was found, where, what is allowed and what to do.

What they quote was made by others: it is cut, and written so that a terminal shows it and does not act on it.
"""

import difflib
import re
import reprlib
from collections.abc import Iterable

LONGEST = 300
"""Characters of what is quoted."""
_LONGEST_WORD = 200
"""Of what is compared with names."""


class UsageError(ValueError):
    """What was asked for can't be done as asked: a wrong name, key, value or file. Exit status 2."""


class RunError(RuntimeError):
    """Something failed while running: a full disk, a lost network, a broken file. Exit status 1."""


def reason(error: Exception) -> str:
    """What another library says is wrong, in a line."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    return str(error).strip().partition("\n")[0][:LONGEST] or type(error).__name__


class _Cut(reprlib.Repr):
    """Cuts while it writes: a few lines of YAML can mean more values than there is memory for."""

    def __init__(self):
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother = 3, LONGEST, LONGEST

    def repr_int(self, value, level):
        # Python refuses to write longer ones.
        return super().repr_int(value, level) if value.bit_length() < 10_000 else "a number of thousands of digits"


def quoted(value: object) -> str:
    """A value as Python writes it, of which what is long or deep is left out."""
    text = _Cut().repr(value)
    return text if len(text) <= LONGEST + 2 else f"{text[:LONGEST]}..."


def near_miss(word: object, names: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or nothing where no name is near."""
    matches = difflib.get_close_matches(word[:_LONGEST_WORD], names, n=1, cutoff=0.6) if isinstance(word, str) else []
    return f"; did you mean {quoted(matches[0])}?" if matches else ""


def nearest(word: object, allowed: Iterable[str]) -> str:
    """`; did you mean 'x'?` for a near miss, else `; allowed: x, y`. The end of an error about a name."""
    allowed = list(allowed)
    return near_miss(word, allowed) or f"; allowed: {', '.join(allowed) or 'none'}"


def printable(text: str) -> str:
    """A line whose control characters are written out, as \\x1b: names of files may hold any.

    So are those that turn the direction of writing, and halves of characters, as in names that are no text.
    """
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
