"""Captions: the words beside the right picture, as numbers of a vocabulary that training alone makes."""

import numpy as np
import pytest
from batches import CAPTIONED, config, opened
from made_images import pixels

from ganzoo.config.recipe import DataConfig
from ganzoo.data.avatar_captions import sentence
from ganzoo.data.embedded import _rows
from ganzoo.data.streams import names_going_on
from ganzoo.errors import UsageError
from ganzoo.lite.words import words

CAPTIONS = ("A red ball.", "the BALL, and the don’t", "blue\nball")
WORDS = ("", "a", "and", "ball", "blue", "don't", "red", "the")


def captioned(source, *, length=5, vocabulary=8, split="train", names=None, **data):
    data = DataConfig(source=source if ":" in str(source) else f"folder:{source}", **data)
    return opened(CAPTIONED, data, split=split, names=names, caption_length=length, vocabulary=vocabulary)


@pytest.fixture
def balls(numbered):
    folder = numbered("balls", 3)
    for number, caption in enumerate(CAPTIONS):
        (folder / f"{number}.txt").write_text(caption, "utf-8")
    return folder


def test_tokens_are_the_places_of_words_among_all_in_order_and_0_where_there_are_none(balls):
    pipeline = captioned(balls)
    assert pipeline.names == {"tokens": WORDS}
    assert (pipeline.shapes["tokens"], pipeline.dtypes["tokens"]) == ((4, 5), "int32")
    expected = {0: [1, 6, 3, 0, 0], 1: [7, 3, 2, 7, 5], 2: [4, 3, 0, 0, 0]}
    for step in range(3):
        batch = pipeline.batch(step)
        assert batch["tokens"].dtype == np.int32
        for number, tokens in zip(pixels(batch["image"])[:, 0, 0, 2].tolist(), batch["tokens"].tolist(), strict=True):
            assert tokens == expected[number]


def test_tokens_stay_whole_numbers_through_tf_data(balls):
    from ganzoo.backends.tensorflow.feeding import as_dataset

    pipeline = captioned(balls)
    (served,) = as_dataset(pipeline, 1, 2).as_numpy_iterator()
    assert (served["tokens"].dtype, served["tokens"].tolist()) == (np.int32, pipeline.batch(1)["tokens"].tolist())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vocabulary": 7}, "the captions have 7 words, and model.vocabulary is 7, .*set model.vocabulary=8"),
        ({"length": 4}, "the caption of 1.png has 5 words, and model.caption_length is 4; set model.caption_length=5"),
    ],
)
def test_captions_that_do_not_fit_say_what_to_set(balls, settings, message):
    with pytest.raises(UsageError, match=message):
        captioned(balls, **settings)


def test_a_picture_without_caption_is_named_and_so_is_one_of_no_word(balls):
    (balls / "2.txt").write_text(" … ", "utf-8")
    with pytest.raises(UsageError, match="the caption of 2.png has no word"):
        captioned(balls)
    (balls / "2.txt").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(UsageError, match="2.txt: can't be read as text in UTF-8") as error:
        captioned(balls)
    assert "\n" not in str(error.value)
    (balls / "2.txt").unlink()
    with pytest.raises(UsageError, match="1 of 3 images have no caption, the first is .*2.png; looked for 2.txt"):
        captioned(balls)


def test_words_that_only_test_captions_have_are_left_out_before_they_are_counted(balls, numbered):
    root = balls.parent / "set"
    root.mkdir()
    balls.rename(root / "train")
    folder = numbered("set/test", 1)
    (folder / "0.txt").write_text("a huge, round, shiny and very blue ball", "utf-8")
    pipeline = captioned(root, split="test")
    assert pipeline.fixed(1)["tokens"].tolist() == [[1, 2, 4, 3, 0]] and pipeline.names == {"tokens": WORDS}


def test_words_of_a_run_that_goes_on_keep_their_numbers_and_new_ones_get_the_next(balls):
    data = DataConfig(source=f"folder:{balls}")
    (balls / "0.txt").write_text("an amber ball", "utf-8")
    names = names_going_on(config(CAPTIONED, caption_length=5, vocabulary=10), data, {"tokens": WORDS})
    assert names == {"tokens": (*WORDS, "amber", "an")}
    with pytest.raises(
        UsageError, match="2 words .* new .* 'amber', and model.vocabulary, 9, has room for 1; .*--fresh"
    ):
        names_going_on(config(CAPTIONED, caption_length=5, vocabulary=9), data, {"tokens": WORDS})


def test_words_have_the_numbers_of_the_network_and_those_that_it_lacks_are_left_out(balls):
    known = {"tokens": ("", "ball", "the", "blue")}
    pipeline = captioned(balls, vocabulary=4, names=known)
    assert pipeline.names == known and pipeline.fixed(3)["tokens"].tolist() == [
        [1, 0, 0, 0, 0],
        [2, 1, 2, 0, 0],
        [3, 1, 0, 0, 0],
    ]
    assert captioned(balls, vocabulary=2, names={"tokens": ("", "a")}).fixed(3)["tokens"].max() == 1


def test_a_caption_that_changes_changes_the_fingerprint(balls):
    before = captioned(balls).fingerprint()
    (balls / "0.txt").write_text("A blue ball.", "utf-8")
    (balls / "2.txt").write_text("red ball", "utf-8")
    assert captioned(balls).fingerprint()["digest"] != before["digest"]


def test_emoji_are_called_by_their_names():
    pipeline = captioned("embedded:emoji", length=12, vocabulary=3000)
    tokens, names = pipeline.fixed(1)["tokens"][0], pipeline.names["tokens"]
    assert pipeline.files[0] == "1st-place-medal"
    assert [names[token] for token in tokens if token] == ["1st", "place", "medal"]


def test_a_sentence_says_all_that_an_avatar_wears_and_no_word_of_what_it_does_not():
    row = {"head": "short3", "face": "calm", "glasses": "sunglasses2", "beard": "full4", "mask": "none", "hat": "none"}
    said = sentence({**row, "shirt": "#2c6fbb"})
    assert said == "A person, calm, with short hair, sunglasses and a full beard, in a blue shirt."


def test_every_avatar_has_a_sentence_of_plain_words():
    rows = _rows("avatars")
    sentences = {name: sentence(row) for name, row in rows.items()}
    vocabulary = {word for said in sentences.values() for word in words(said)}
    assert len(vocabulary) < 150 and not {"none", "calm2"} & vocabulary
    assert all(word.isalpha() for word in vocabulary), sorted(vocabulary)
    for name, row in rows.items():
        assert ("beard" in sentences[name]) <= (row["beard"] != "none"), row
        assert ("mask" in sentences[name]) == (row["mask"] == "medicalMask"), row
        assert ("glasses" in sentences[name]) == ("glasses" in row["glasses"]), row
    looks = {tuple(row[key] for key in ("head", "face", "glasses", "beard", "mask", "shirt")) for row in rows.values()}
    assert len(set(sentences.values())) > 0.7 * len(looks)
