"""Files that travel tell nothing of the machine that they were made on."""

import pytest

from ganzoo.files import redaction


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ({"data": {"source": "folder:/home/ada/ink,~/color"}}, {"data": {"source": "folder:ink,color"}}),
        ({"data": {"source": r"folder:C:\Users\ada\ink"}}, {"data": {"source": "folder:ink"}}),
        (
            {"data": {"source": "url:file:///home/ada/x.zip#sha256=12"}},
            {"data": {"source": "url:file:x.zip#sha256=12"}},
        ),
        (
            {"data": {"source": "url:https://ada:key@a.org/x.zip#sha256=1"}},
            {"data": {"source": "url:https://a.org/x.zip#sha256=1"}},
        ),
        ({"evaluation": {"network": "/home/ada/own.keras"}}, {"evaluation": {"network": "own.keras"}}),
        ({"evaluation": {"network": "ada/own.keras"}}, {"evaluation": {"network": "own.keras"}}),
        (
            {"model": {"teacher": "~/runs/large", "content_weights": "../ada/vgg.h5"}},
            {"model": {"teacher": "large", "content_weights": "vgg.h5"}},
        ),
        ({"model": {"parts": ["/home/ada/a", {"deep": "~/b"}]}}, {"model": {"parts": ["a", {"deep": "b"}]}}),
    ],
)
def test_of_every_path_in_a_recipe_the_last_name_alone_is_left(found, shown):
    assert redaction.without_places(found) == shown
    assert redaction.without_places(shown) == shown


@pytest.mark.parametrize("text", ["pix2pix/emoji", "embedded:emoji", "tfds:oxford/pets", "efficientnet-lite0", 3, None])
def test_what_is_no_path_stays(text):
    assert redaction.without_places(text) == text


def test_words_name_a_source_without_its_place():
    words = "4 pairs from folder:/home/ada/ink,/home/ada/color (ink -> color), test split"
    found = redaction.in_words(words, "folder:/home/ada/ink,/home/ada/color")
    assert found == "4 pairs from folder:ink,color (ink -> color), test split"
    words = "4 images from url:file:///home/ada/x.zip, test split"
    assert (
        redaction.in_words(words, "url:file:///home/ada/x.zip#sha256=12") == "4 images from url:file:x.zip, test split"
    )
