"""Tables of classes and texts in letters by `ganzoo-lite`, of a network that shows what it was given."""

import re

import exported
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ganzoo.lite import GanzooLite, clips, latents
from ganzoo.lite.errors import UsageError


def lettered(folder, names=("A", "B", "Z"), sound=False):
    """Exports a network of 4 latents and a class: red is its number, green the latents; or a clip of both."""
    taken = {"name": "latents", "kind": "latents", "shape": [1, 4], "dtype": "float32"}
    label = {"name": "label", "kind": "label", "shape": [1], "dtype": "int32", "names": list(names)}
    picture = {"name": "image", "kind": "image", "shape": [1, 2, 2, 3], "dtype": "float32", "mean": 0.0, "std": 1.0}
    clip = {"name": "clip", "kind": "clip", "shape": [1, 4, 1], "dtype": "float32", "rate": 8000}

    def paint(latents, label):
        red = tf.fill([1, 2, 2, 1], 1.0) * tf.reshape(tf.cast(label, "float32"), [1, 1, 1, 1])
        green = tf.reshape(128 + 20 * latents, [1, 2, 2, 1])
        return tf.concat([red, green, 0 * red], axis=3)

    def play(latents, label):
        return tf.reshape(tf.cast(label, "float32") / 4 + 0 * latents, [1, 4, 1])

    return exported.write_any(folder, play if sound else paint, [taken, label], clip if sound else picture)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    made = {
        "letters": lettered(tmp_path_factory.mktemp("letters")),
        "sounds": lettered(tmp_path_factory.mktemp("sounds"), sound=True),
        "nameless": lettered(tmp_path_factory.mktemp("nameless"), names=()),
    }
    for make in (exported.conditional, exported.sequence):
        made[make.__name__] = make(tmp_path_factory.mktemp(make.__name__))
    return made


def wanted(rows, labels) -> np.ndarray:
    """What `lettered` paints of rows of latents as each of the labels, row by row."""
    pictures = np.zeros((len(rows), len(labels), 2, 2, 3))
    pictures[..., 0] = np.reshape(labels, (1, -1, 1, 1))
    pictures[..., 1] = np.clip(np.rint(128 + 20 * rows.reshape(-1, 1, 2, 2)), 0, 255)
    return pictures.reshape(-1, 2, 2, 3)


def cells(path, columns: int) -> np.ndarray:
    """The pictures of 2 x 2 in a grid of so many columns, row by row."""
    found = np.asarray(Image.open(path))
    rows = (found.shape[0] - 4) // 6
    assert found.shape == (4 + 6 * rows, 4 + 6 * columns, 3)
    places = [(4 + 6 * row, 4 + 6 * column) for row in range(rows) for column in range(columns)]
    return np.stack([found[top : top + 2, left : left + 2] for top, left in places])


def test_a_table_has_a_column_for_each_class_and_the_same_latents_along_a_row(models, lite, tmp_path):
    done = lite(models["letters"], "--classes", "all", "--seed", 3, "--out", "all.png")
    assert (done.returncode, done.stdout, done.stderr) == (0, "all.png\n", "")
    np.testing.assert_array_equal(cells(tmp_path / "all.png", 3), wanted(latents.draw(3, 8, 4), [0, 1, 2]))
    done = lite(models["letters"], "--classes", "Z,A", "--count", 2, "--out", "many")
    assert done.stdout == "many/seed_0_0_0_Z.png to seed_0_1_1_A.png, 4 pictures\n"
    names = ["seed_0_0_0_Z", "seed_0_0_1_A", "seed_0_1_0_Z", "seed_0_1_1_A"]
    found = [np.asarray(Image.open(tmp_path / f"many/{name}.png")) for name in names]
    np.testing.assert_array_equal(found, wanted(latents.draw(0, 2, 4), [2, 0]))


def test_a_text_is_spelled_in_one_style_a_row_with_white_for_a_space_and_behind_a_short_one(models, lite, tmp_path):
    done = lite(models["letters"], "--text", "za", "--text", "b", "--text", "A Z", "--count", 2, "--out", "text.png")
    assert (done.returncode, done.stderr) == (0, "")
    found, empty = cells(tmp_path / "text.png", 3), [2, 4, 5, 7]
    assert (found.reshape(2, 9, 2, 2, 3)[:, empty] == 255).all()
    filled = np.delete(found.reshape(2, 9, 2, 2, 3), empty, axis=1).reshape(-1, 2, 2, 3)
    np.testing.assert_array_equal(filled, wanted(latents.draw(0, 2, 4), [2, 0, 1, 0, 2]))
    # One style, where nobody says how many; a space has no file.
    done = lite(models["letters"], "--text", "A Z", "--out", "many")
    assert done.stdout == "many/seed_0_0_0_A.png to seed_0_0_2_Z.png, 2 pictures\n"


def test_a_letter_with_an_accent_that_no_class_has_is_painted_as_the_letter_without(models, lite, tmp_path):
    done = lite(models["letters"], "--text", "\u00c4z\u030c", "--out", "text.png")
    assert (done.returncode, done.stderr) == (0, "")
    np.testing.assert_array_equal(cells(tmp_path / "text.png", 2), wanted(latents.draw(0, 1, 4), [0, 2]))


def test_rows_of_a_table_take_texts_in_turns_where_the_network_takes_one_too(models, lite, tmp_path):
    options = ["--text", "big", "--text", "small", "--count", 3]
    assert lite(models["conditional"], "--classes", "all", *options, "--out", "x.png").returncode == 0
    found = cells(tmp_path / "x.png", 3)
    assert found[:, 0, 0, 0].tolist() == [0, 1, 2] * 3
    assert found[:, 0, 0, 1].tolist() == [1, 1, 1, 2, 2, 2, 1, 1, 1]
    np.testing.assert_array_equal(found[3, :, :, 2].reshape(-1), np.rint(128 + 20 * latents.draw(0, 2, 4)[1]))
    done = lite(models["conditional"], "--classes", "ankle, boot", *options[:2], "--count", 1, "--out", "many")
    assert done.stdout == "many/seed_0_0_0_ankle_boot.png\n"


def test_letters_that_are_heard_follow_one_another(models, lite, tmp_path):
    assert lite(models["sounds"], "--text", "Z A", "--out", "x.wav").returncode == 0
    heard = np.concatenate([[0.5] * 4, np.zeros(2000), [0.0] * 4])
    np.testing.assert_allclose(clips.read(tmp_path / "x.wav", 8000), heard, atol=1e-4)
    made = GanzooLite(models["sounds"]).sample(texts="Z A")
    np.testing.assert_array_equal(made[..., 0], [[0.5] * 4, [0.0] * 4, [0.0] * 4])


def test_python_gives_the_pictures_of_a_sheet_row_by_row(models):
    painter = GanzooLite(models["letters"])
    np.testing.assert_array_equal(painter.sample(2, 5, table="all"), wanted(latents.draw(5, 2, 4), [0, 1, 2]))
    np.testing.assert_array_equal(painter.sample(2, table=["Z", "A,B"]), wanted(latents.draw(0, 2, 4), [2, 0, 1]))
    spelled = painter.sample(2, texts="B A")
    assert (spelled[[1, 4]] == 255).all()
    np.testing.assert_array_equal(spelled[[0, 2, 3, 5]], wanted(latents.draw(0, 2, 4), [1, 0]))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["letters", "--text", "AZ!"], "--text: '!' is no class; there are A to B, Z"),
        (["letters", "--text", ""], "--text: found no letter in ''; there are A to B, Z"),
        (["letters", "--text", "A", "--class", "A"], "--text: its letters say which classes are painted, so that"),
        (["letters", "--classes", "all", "--class", "A"], "so that --class must be left out"),
        (["letters", "--classes", "A,C"], "--classes 'C' is unknown (there are A to B, Z)"),
        (["letters", "in.png", "--classes", "A"], "--class, --classes and --text: for samples"),
        (["conditional", "--classes", "dres", "--text", "big"], "'dres' is unknown; did you mean 'dress'?"),
        (["sequence", "--classes", "all"], "takes latents and gives a clip: leave --classes out"),
        (["nameless", "--classes", "all"], "--classes all: classes have no names here; give the numbers"),
        (["nameless", "--text", "12"], "takes latents and a class, and gives an image, and no text can be told"),
    ],
    ids=lambda value: str(value),
)
def test_what_no_sheet_can_be_made_of_is_told_in_a_line_and_nothing_is_written(
    models, lite, tmp_path, arguments, problem
):
    done = lite(models[arguments[0]], *arguments[1:], "--out", "x")
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert re.fullmatch(r"ganzoo-lite: .+\n", done.stderr) and problem in done.stderr, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_sheet_that_is_too_large_for_a_format_is_told_in_a_line(models, lite, tmp_path):
    done = lite(models["letters"], "--text", "AB" * 1400, "--out", "x.webp")
    assert (done.returncode, done.stdout) == (2, "")
    assert "x.webp: WEBP has no room for 16804x10, only for 16383 pixels a side; give a name in .png" in done.stderr
    assert not (tmp_path / "x.webp").exists()


def test_classes_without_names_are_columns_by_their_numbers(models):
    made = GanzooLite(models["nameless"]).sample(1, table="2,0")
    np.testing.assert_array_equal(made, wanted(latents.draw(0, 1, 4), [2, 0]))
    with pytest.raises(UsageError, match="--classes 'A' is unknown: classes have no names here"):
        GanzooLite(models["nameless"]).sample(1, table="A")
