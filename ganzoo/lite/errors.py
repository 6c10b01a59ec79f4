"""The two errors that users see as one line. Each says what was found, where, what is allowed and what to do.

Quoted text may come from anywhere: it is cut, and escaped so that a terminal shows it and does not act on it.
"""

import difflib
import re
import reprlib
from collections.abc import Iterable

LONGEST = 300
"""The most characters of a quotation."""
_LONGEST_WORD = 200
"""The most characters of a word that is compared with names."""


class UsageError(ValueError):
    """The request can't be met as it stands: a wrong name, key, value or file. Exit status 2."""


class RunError(RuntimeError):
    """Something failed while running: a full disk, a lost network, a broken file. Exit status 1."""


def reason(error: Exception) -> str:
    """Returns another library's error message in a line."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    return str(error).strip().partition("\n")[0][:LONGEST] or type(error).__name__


class _Cut(reprlib.Repr):
    """Cuts while it writes: a few lines of YAML can stand for more values than fit in memory."""

    def __init__(self):
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother = 3, LONGEST, LONGEST

    def repr_int(self, value, level):
        # Python refuses to write longer numbers.
        return super().repr_int(value, level) if value.bit_length() < 10_000 else "a number of thousands of digits"


def quoted(value: object) -> str:
    """Writes a value as Python does, leaving out what is long or deeply nested."""
    text = _Cut().repr(value)
    return text if len(text) <= LONGEST + 2 else f"{text[:LONGEST]}..."


def near_miss(word: object, names: Iterable[str]) -> str:
    """Returns `; did you mean 'x'?`, or nothing if no name is near."""
    matches = difflib.get_close_matches(word[:_LONGEST_WORD], names, n=1, cutoff=0.6) if isinstance(word, str) else []
    return f"; did you mean {quoted(matches[0])}?" if matches else ""


def nearest(word: object, allowed: Iterable[str]) -> str:
    """Ends an error about a name: `; did you mean 'x'?` for a near miss, else `; allowed: x, y`."""
    allowed = list(allowed)
    return near_miss(word, allowed) or f"; allowed: {', '.join(allowed) or 'none'}"


def printable(text: str) -> str:
    """Escapes the control characters of a line, as \\x1b: names of files may hold any.

    Also escapes marks that turn the direction of writing, and lone surrogates, as in names that are not text.
    """
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
