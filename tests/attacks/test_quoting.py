"""Errors and lists quote what was made by others, and go to a terminal."""

import tracemalloc

import pytest
from PIL import Image

from ganzoo.errors import printable, quoted

ATTACK = "\x1b]0;owned\x07\x1b[31mred\u202e"


@pytest.mark.parametrize("value", [[], {}, "", 0, None, "folder:x", ["a", 1], {"a": [1.5]}, "\x1b[31m", b"\x00"])
def test_a_value_that_is_short_is_quoted_as_it_is(value):
    assert quoted(value) == repr(value)


def test_a_value_that_means_millions_is_cut_while_it_is_quoted():
    value = ["lol"] * 9
    for _ in range(5):
        value = [value] * 9
    values = [value, {"a": (value,)}, "x" * 10**7, 1 << 10**6]
    tracemalloc.start()
    texts = [quoted(value) for value in values]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert max(map(len, texts)) <= 310
    assert peak < 1 << 20  # of 3 MB and more


def test_a_value_that_holds_itself_is_quoted():
    value = {}
    value["me"] = value
    assert len(quoted(value)) <= 310


def test_nothing_that_a_terminal_acts_on_is_printed():
    assert printable(ATTACK) == r"\x1b]0;owned\x07\x1b[31mred\u202e"
    assert printable("a\nb\tc\x9b31m\udcff") == r"a\nb\tc\x9b31m\udcff"
    assert printable("naïve 日本 👩‍🎨 ×\xa0±") == "naïve 日本 👩‍🎨 ×\xa0±"


@pytest.mark.parametrize(
    "arguments", [["show", ATTACK], ["train", f"{ATTACK}.yaml"], ["generate", "pix2pix/emoji", f"{ATTACK}.png"]]
)
def test_a_name_in_an_error_does_not_reach_the_terminal_raw(ganzoo, arguments):
    done = ganzoo(*arguments, *(["--out", "x.png"] if arguments[0] == "generate" else []))
    assert done.returncode == 2
    assert "owned" in done.stderr and "\x1b" not in done.stderr and "\u202e" not in done.stderr


def test_the_name_of_a_skipped_image_does_not_reach_the_terminal_raw(tmp_path, capsys):
    from lite.networks import identity

    from ganzoo import tables
    from ganzoo.lite.jobs import paint_all, plan_images

    (tmp_path / "in").mkdir()
    (tmp_path / "in" / f"{ATTACK}.png").write_bytes(b"no image")
    Image.new("RGB", (4, 4)).save(tmp_path / "in/a\nb.png")
    paint_all(identity(), plan_images([tmp_path / "in"], tmp_path / "out"), say=tables.say)
    told = capsys.readouterr().out
    assert "\x1b" not in told and len(told.splitlines()) == 3
