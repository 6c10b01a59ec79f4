"""What pictures are said to show: attributes of labels."""

import pytest
from PIL import Image

from ganzoo.config.recipe import DataConfig
from ganzoo.data.attributes import attributes
from ganzoo.errors import UsageError
from ganzoo.lite import formats

GRAY = Image.new("L", (8, 8), 128)


def folder(path, names, table=None):
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        formats.save(GRAY, path / name)
    if table:
        (path / "labels.csv").write_text(table)
    return DataConfig(source=f"folder:{path}")


def test_a_label_with_none_is_one_attribute_and_another_label_one_for_each_value(tmp_path):
    table = "file,glasses,skin\na.png,none,pale\nb.png,round,dark\nc.png,square,dark\n"
    assert attributes(folder(tmp_path, ["a.png", "b.png", "c.png"], table)) == {
        "glasses": {"a.png": False, "b.png": True, "c.png": True},
        "skin:dark": {"a.png": False, "b.png": True, "c.png": True},
        "skin:pale": {"a.png": True, "b.png": False, "c.png": False},
    }


def test_a_label_of_many_values_none_of_which_is_frequent_is_left_out(tmp_path):
    names = [f"{number}.png" for number in range(11)]
    rows = [f"{name},cut {number},{number % 2}" for number, name in enumerate(names)]
    found = attributes(folder(tmp_path, names, "\n".join(["file,hair,odd", *rows])))
    assert list(found) == ["odd:0", "odd:1"]


def test_classes_of_folders_are_attributes_by_their_names_even_one_called_none(tmp_path):
    found = attributes(folder(tmp_path, ["cat/a.png", "none/b.png"]))
    assert {name: list(values.values()) for name, values in found.items()} == {
        "cat": [True, False],
        "none": [False, True],
    }


def test_the_label_that_is_named_is_taken_alone_and_a_wrong_one_is_told():
    avatars = DataConfig(source="embedded:avatars", label="hat")
    (hats,) = attributes(avatars, "test").values()
    # As in labels.csv: 147 of the 2,000.
    assert (len(hats), sum(hats.values())) == (2000, 147)
    with pytest.raises(UsageError, match="no label 'hut'; did you mean 'hat'"):
        attributes(DataConfig(source="embedded:avatars", label="hut"))


def test_pictures_without_labels_have_no_attributes(tmp_path):
    assert attributes(folder(tmp_path, ["a.png", "b.png"])) == {}
    assert attributes(DataConfig(source="embedded:emoji")) == {}
