"""Words are split alike wherever a caption is read, and what is not known is named."""

import pytest

from ganzoo.lite.errors import UsageError
from ganzoo.lite.words import tokens, words

KNOWN = ("", "ball", "blue", "red", "round")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A red-and-BLUE ball, no. 2!", ["a", "red", "and", "blue", "ball", "no", "2"]),
        ("don't 'quote' me’s snake_case", ["don't", "quote", "me's", "snake", "case"]),
        ("Größe cafe\u0301 ÉTÉ", ["größe", "caf\u00e9", "été"]),
        ("Кот и пёс", ["кот", "и", "пёс"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        (" … ' ", []),
    ],
)
def test_words_are_runs_of_letters_digits_and_apostrophes_of_any_script(text, expected):
    assert words(text) == expected


def test_tokens_are_places_in_the_vocabulary_filled_up_with_0():
    assert tokens("Round, red BALL", KNOWN, 5) == [4, 3, 1, 0, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a bleu bal",
            r"not among the 4 known words: 'a'; 'bleu' \(did you mean 'blue'\?\); 'bal' \(did you mean 'ball'\?\)",
        ),
        ("red red blue", "found 3 words; a caption has 2 at most"),
        ("…", "found no word in '…'; give it some of the 4 known"),
    ],
)
def test_what_has_no_number_is_refused_in_a_line_that_names_it(text, message):
    with pytest.raises(UsageError, match=message) as error:
        tokens(text, KNOWN, 2)
    assert "\n" not in str(error.value)
