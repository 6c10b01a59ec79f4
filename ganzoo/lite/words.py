"""Splits captions into words and numbers these: the same way for training, `ganzoo generate` and `ganzoo-lite`."""

import difflib
import unicodedata
from collections.abc import Sequence

from .errors import UsageError, quoted

APOSTROPHES = str.maketrans("’ʼ", "''")


def words(text: str) -> list[str]:
    """Returns the words of a text in lower case: runs of letters, digits and apostrophes of any script."""
    text = unicodedata.normalize("NFC", text.lower()).translate(APOSTROPHES)
    parts = "".join(sign if _is_of_a_word(sign) else " " for sign in text).split()
    # Apostrophes at the ends of a word are quotation marks.
    return [word for part in parts if (word := part.strip("'"))]


def _is_of_a_word(sign: str) -> bool:
    # Marks belong to the letter before them: without marks, words of Hindi would fall to pieces.
    return sign.isalnum() or sign == "'" or unicodedata.category(sign)[0] == "M"


def tokens(text: str, vocabulary: Sequence[str], length: int) -> list[int]:
    """Returns the numbers of a text's words, padded with 0 to `length`.

    Args:
        text: a caption.
        vocabulary: the word of each number; that of 0 is "".
        length: the most words in a caption.

    Raises:
        UsageError: for a text of no words, of more than `length`, or with unknown words; names each with the nearest
            known ones.
    """
    found, numbers = words(text), {word: number for number, word in enumerate(vocabulary) if word}
    if not found:
        raise UsageError(f"text: found no word in {quoted(text)}; give it some of the {len(numbers):,} known ones")
    if unknown := [word for word in dict.fromkeys(found) if word not in numbers]:
        shown = "; ".join(quoted(word) + _nearest(word, numbers) for word in unknown)
        raise UsageError(f"text: not among the {len(numbers):,} known words: {shown}; use others")
    if len(found) > length:
        raise UsageError(f"text: found {len(found)} words; a caption has {length} at most: leave some out")
    return [numbers[word] for word in found] + [0] * (length - len(found))


def _nearest(word: str, known) -> str:
    close = difflib.get_close_matches(word[:50], known, n=3, cutoff=0.6)
    return f" (did you mean {', '.join(map(quoted, close))}?)" if close else ""
