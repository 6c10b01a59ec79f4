"""Tables of classes and texts in letters, of a BigGAN's generator, against the network itself."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest
import small
from click.testing import CliRunner
from PIL import Image

import ganzoo
from ganzoo.cli import cli
from ganzoo.errors import UsageError
from ganzoo.generators import pictures, provenance
from ganzoo.generators.provenance import Provenance
from ganzoo.lite import latents

GAP, SIDE, LENGTH = 4, 32, 20
LETTERS = ("A", "B", "C", "E", "T-shirt/top")


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Files of one untrained network, whose classes are letters, and letters and a word, and its Keras model."""
    folder = tmp_path_factory.mktemp("networks")
    sizes = {"image_size": SIDE, "channels": 1, "classes": 4, "block_latents": LENGTH // 4}
    gan = small.create("biggan", **sizes)
    model = gan.released()["generator"]
    for name, classes in (("letters", LETTERS[:4]), ("words", LETTERS[1:])):
        model.save(folder / f"{name}.keras")
        known = Provenance("biggan", "generator", {"model": sizes}, {"label": classes})
        provenance.write(folder / f"{name}.keras", known)
    return folder, model


@pytest.fixture(autouse=True)
def _in_the_folder_of_the_networks(networks, tmp_path, monkeypatch):
    for file in networks[0].iterdir():
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def expected(networks):
    """Paints latents as classes by the Keras model itself."""
    model = networks[1]

    def paint(drawn, labels) -> np.ndarray:
        values = np.asarray(model([np.asarray(drawn), np.asarray(labels, "int32")], training=False))
        return np.rint((np.clip(values, -1, 1) + 1) * 127.5)[..., 0]

    return paint


def run(*arguments) -> str:
    """Returns what the command says; raises its errors."""
    done = CliRunner().invoke(cli, ["generate", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def cells(path, columns: int, height: int = SIDE) -> np.ndarray:
    """The pictures of a grid of so many columns, row by row; raises where it is of another size."""
    found = np.asarray(Image.open(path).convert("L"), "float32")
    rows = (found.shape[0] - GAP) // (height + GAP)
    assert found.shape == (GAP + rows * (height + GAP), GAP + columns * (SIDE + GAP))
    return np.stack(
        [
            found[top : top + SIDE, left : left + SIDE]
            for top in range(GAP, found.shape[0], height + GAP)
            for left in range(GAP, found.shape[1], SIDE + GAP)
        ]
    )


def same(found, wanted) -> None:
    """Within one level of 255: a batch of another size is added up in another order."""
    np.testing.assert_allclose(found, wanted, atol=1)


def test_a_table_has_a_column_for_each_class_and_the_same_latents_along_a_row(expected):
    assert run("letters.keras", "--classes", "all", "--seed", 5, "--out", "all.png") == "all.png\n"
    wanted = expected(np.repeat(latents.draw(5, 8, LENGTH), 4, axis=0), np.tile(range(4), 8))
    assert abs(wanted[0] - wanted[1]).max() > 3, "the test can't tell the classes apart"
    same(cells("all.png", 4), wanted)
    run("letters.keras", "--classes", "C,A", "--classes", "E", "--count", 2, "--out", "three.png")
    same(cells("three.png", 3), expected(np.repeat(latents.draw(0, 2, LENGTH), 3, axis=0), [2, 0, 3] * 2))


def test_the_files_of_a_table_are_named_by_row_and_class(expected):
    told = run("words.keras", "--classes", "all", "--count", 2, "--seed", 5, "--out", "many")
    assert told == "many/seed_5_0_0_B.png to seed_5_1_3_T-shirt_top.png, 8 pictures\n"
    wanted = expected(np.repeat(latents.draw(5, 2, LENGTH), 4, axis=0), [0, 1, 2, 3] * 2)
    names = [f"seed_5_{row}_{name}.png" for row in (0, 1) for name in ("0_B", "1_C", "2_E", "3_T-shirt_top")]
    assert sorted(path.name for path in Path("many").iterdir()) == names
    same([np.asarray(Image.open(f"many/{name}"), "float32") for name in names], wanted)


def test_a_text_is_spelled_in_one_style_a_row_with_white_for_a_space(expected):
    run("letters.keras", "--text", "Be cAb", "--count", 2, "--seed", 3, "--out", "text.png")
    found = cells("text.png", 6)
    assert (found[[2, 8]] == pictures.BACKGROUND).all()
    wanted = expected(np.repeat(latents.draw(3, 2, LENGTH), 5, axis=0), [1, 3, 2, 0, 1] * 2)
    same(found[[0, 1, 3, 4, 5, 6, 7, 9, 10, 11]], wanted)


def test_several_texts_have_a_line_each_in_every_style_and_one_style_is_the_default(expected):
    run("letters.keras", "--text", "CAB", "--text", "E", "--out", "once.png")
    found = cells("once.png", 3)
    assert len(found) == 6 and (found[4:] == pictures.BACKGROUND).all()
    same(found[:4], expected(np.repeat(latents.draw(0, 1, LENGTH), 4, axis=0), [2, 0, 1, 3]))
    told = run("letters.keras", "--text", "C B", "--text", "E", "--count", 2, "--out", "many")
    assert told == "many/seed_0_0_0_C.png to seed_0_1_3_E.png, 6 pictures\n"
    same(np.asarray(Image.open("many/seed_0_0_3_E.png"), "float32"), found[3])


def test_rows_of_seeds_have_the_seed_under_their_first_picture_and_truncation_reaches_them(expected):
    options = ["--seeds", "7,3", "--truncation", 0.5]
    run("letters.keras", "--classes", "all", *options, "--out", "seeds.png")
    found = cells("seeds.png", 4, SIDE + pictures.TITLE_HEIGHT)
    first = np.concatenate([latents.draw(seed, 1, LENGTH) for seed in (7, 3)])
    same(found, expected(0.5 * np.repeat(first, 4, axis=0), [0, 1, 2, 3] * 2))
    row = np.asarray(Image.open("seeds.png").convert("L"))[GAP + SIDE : GAP + SIDE + pictures.TITLE_HEIGHT]
    written = [(row[:, left : left + SIDE] < 128).any() for left in range(GAP, row.shape[1], SIDE + GAP)]
    assert written == [True, False, False, False]
    told = run("letters.keras", "--text", "AB", *options, "--out", "many")
    assert told == "many/seed_7_0_A.png to seed_3_1_B.png, 4 pictures\n"


def test_a_way_between_seeds_leads_from_row_to_row_and_an_animation_shows_a_row_at_a_time(expected):
    run("letters.keras", "--text", "A C", "--interpolate", "1,2", "--count", 3, "--out", "way.png")
    way = cells("way.png", 3)
    ends = np.concatenate([latents.draw(seed, 1, LENGTH) for seed in (1, 2)])
    same(way[[0, 2, 6, 8]], expected(np.repeat(ends, 2, axis=0), [0, 2, 0, 2]))
    run("letters.keras", "--text", "A C", "--interpolate", "1,2", "--count", 4, "--out", "way.apng")
    with Image.open("way.apng") as film:
        assert (film.n_frames, film.mode) == (4, "L")
        for number, row in enumerate((0, 1, 2, 1)):
            film.seek(number)
            film.save("frame.png")
            same(cells("frame.png", 3), way[3 * row : 3 * row + 3])
    run("letters.keras", "--class", "C", "--interpolate", "1,2", "--count", 3, "--out", "one")
    same([np.asarray(Image.open(file), "float32") for file in sorted(Path("one").iterdir())], way[[2, 5, 8]])
    run("letters.keras", "--class", "C", "--interpolate", "1,2", "--count", 4, "--out", "one.apng")
    with Image.open("one.apng") as film:
        same(np.asarray(film, "float32"), way[2])


def test_python_writes_the_sheet_that_the_command_writes():
    run("letters.keras", "--classes", "A,B", "--count", 2, "--out", "command.png")
    ganzoo.generate("letters.keras", out="python.png", table=["A", "B"], count=2)
    run("letters.keras", "--text", "cab", "--out", "command_text.png")
    ganzoo.generate("letters.keras", out="python_text.png", texts="cab")
    ganzoo.generate("letters.keras", out="all.png", table="all", count=1)
    for name in ("", "_text"):
        assert Path(f"command{name}.png").read_bytes() == Path(f"python{name}.png").read_bytes()
    assert len(cells("all.png", 4)) == 4


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--text", "CAB?"], "--text: '?' is no class; there are A to C, E"),
        (["--text", " "], "--text: found no letter in ' '; there are A to C, E"),
        (["--text", "A", "--class", "A"], "--text: its letters say which classes are painted, so that --class must be"),
        (["--text", "A", "--classes", "all"], "so that --classes must be left out"),
        (["--classes", "all", "--class", "A"], "--classes: says which classes are painted, so that --class must be"),
        (["--classes", "A,D"], "--classes 'D' is unknown (there are A to C, E)"),
        (["--classes", "all", "--seeds", "1", "--count", 2], "--seeds: says what is painted"),
        (["--classes", "all", "in.png"], "takes latents and label, and no images"),
        (["--text", "A", "--out", "x.gif"], "x.gif: an animation, which --interpolate A,B makes"),
    ],
)
def test_what_no_sheet_can_be_made_of_is_told_before_the_network_is_opened(options, told, monkeypatch):
    monkeypatch.setattr(keras.models, "load_model", None)
    with pytest.raises(UsageError, match=re.escape(told)):
        run("letters.keras", "--out", "x.png", *options)
    assert not Path("x.png").exists()


def test_classes_of_words_are_not_spelled_and_the_nearest_is_told_of_an_unknown_one():
    with pytest.raises(UsageError, match="takes latents and label: leave --text out"):
        run("words.keras", "--text", "B", "--out", "x.png")
    with pytest.raises(UsageError, match=r"--classes 'T-shirt' is unknown; did you mean 'T-shirt/top'\?"):
        run("words.keras", "--classes", "B,T-shirt", "--out", "x.png")


def test_a_generator_without_classes_makes_no_table():
    with pytest.raises(UsageError, match="dcgan/emoji: takes latents: leave --classes out"):
        run("dcgan/emoji", "--classes", "all", "--out", "x.png")
