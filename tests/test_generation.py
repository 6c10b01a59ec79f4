import contextlib
import json
import os
import pty
import re
import sys
import warnings
import wave
from pathlib import Path

import exported
import keras
import numpy as np
import pytest
import signed
from click.testing import CliRunner
from keras import layers, ops
from PIL import Image

import ganzoo
from ganzoo.cli import cli
from ganzoo.errors import RunError, UsageError
from ganzoo.generators import inference, pictures, provenance
from ganzoo.generators.checking import check_options
from ganzoo.generators.generation import generate_images, generate_samples, plan_images


def negative(channels=3):
    image = keras.Input((None, None, channels))
    return keras.Model(image, -image, name="negative")


def painter():
    latents = keras.Input((6,))
    return keras.Model(latents, layers.Reshape((8, 8, 1))(layers.Dense(64, activation="tanh")(latents)), name="painter")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def paint(tmp_path):
    """Makes an image file of one colour, and the folders above it."""

    def paint(name, colour=(10, 20, 30), size=(9, 5), mode="RGB"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, size, colour).save(path)
        return path.relative_to(tmp_path)

    return paint


def plan(inputs, out):
    return [(str(source), str(target)) for source, target in plan_images(inputs, out)]


def test_one_image_goes_to_the_file_or_into_the_folder_that_was_named(paint):
    image = paint("a/x.jpg")
    assert plan([image], Path("new/y.png")) == [("a/x.jpg", "new/y.png")]
    assert plan([image], Path("new/y.webp")) == [("a/x.jpg", "new/y.webp")]
    assert plan([image], Path("new")) == [("a/x.jpg", "new/x.png")]


def test_a_folder_that_looks_like_a_picture_is_a_folder(paint):
    paint("out.png/old.png")
    assert plan([paint("x.jpg")], Path("out.png")) == [("x.jpg", "out.png/x.png")]


def test_a_folder_is_laid_out_as_it_was_and_what_is_no_image_is_left(paint):
    paint("in/b.png"), paint("in/sub/a.JPG"), Path("in/notes.txt").write_text("no image")
    assert plan([Path("in")], Path("out")) == [("in/b.png", "out/b.png"), ("in/sub/a.JPG", "out/sub/a.png")]


@pytest.mark.parametrize(
    ("inputs", "out", "parts"),
    [
        (["in/a.png", "in/b.png"], "out.png", ["out.png", "2 images", "folder"]),
        (["in"], "out.png", ["out.png", "folder"]),
        (["in/a.pgn"], "out", ["in/a.pgn", "did you mean 'a.png'"]),
        (["nowhere/a.png"], "out", ["nowhere/a.png", "no such"]),
        (["empty"], "out", ["empty", "no images", ".png"]),
        (["in/a.png"], "in/a.png", ["in/a.png", "overwrite an input"]),
        (["in/a.png"], "in", ["in/a.png", "overwrite an input"]),
        (["in/a.png", "in/a.jpg"], "out", ["in/a.png", "in/a.jpg", "out/a.png"]),
        (["in/a.png", "other/a.png"], "out", ["in/a.png", "other/a.png", "out/a.png"]),
    ],
)
def test_nothing_is_lost_or_overwritten(paint, inputs, out, parts):
    for name in ("in/a.png", "in/b.png", "in/a.jpg", "other/a.png"):
        paint(name)
    if inputs == ["in"]:
        Path("in/a.jpg").unlink()
    Path("empty").mkdir()
    with pytest.raises(UsageError) as caught:
        plan_images([Path(name) for name in inputs], Path(out))
    assert all(part in str(caught.value) for part in parts), caught.value


@pytest.mark.parametrize("out", ["samples.txt", "x.xyz", "new/x.pgn"])
def test_a_name_that_is_no_pictures_is_refused_for_images_as_for_samples(paint, out):
    image = paint("a.png")
    with pytest.raises(UsageError, match="not the name of a picture"):
        plan_images([image], Path(out))
    with pytest.raises(UsageError, match="not the name of a picture"):
        check_options([], Path(out), of_images=False)
    Path(out).mkdir(parents=True)
    assert plan([image], Path(out)) == [("a.png", f"{out}/a.png")]


@pytest.mark.parametrize("out", ["samples", "run.2", "2020.02.02", "."])
def test_a_folder_may_have_a_point_in_its_name(paint, out):
    assert plan([paint("in/a.png")], Path(out)) == [("in/a.png", str(Path(out) / "a.png"))]


def test_samples_go_one_by_one_into_a_folder():
    model = painter()
    told = generate_samples(model, Path("many"), count=11, seed=5)
    assert told == "many/seed_5_00.png to seed_5_10.png, 11 pictures"
    found = np.stack([np.asarray(Image.open(file)) for file in sorted(Path("many").iterdir())])
    assert (found == inference.sample(model, 11, 5)[..., 0]).all()


def test_a_terminal_shows_how_many_samples_are_done(monkeypatch):
    ours, theirs = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with open(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        generate_samples(painter(), Path("many"), count=40)
        generate_samples(painter(), Path("grid.png"), count=40)
    shown = b""
    # A terminal gives 4 kB at a time, and on Linux an error once its other end is closed.
    with contextlib.suppress(OSError):
        while part := os.read(ours, 100_000):
            shown += part
    os.close(ours)
    shown = shown.decode()
    for title in ("many", "grid.png"):
        assert re.search(rf"{title}.*40/40 samples", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)), shown


def test_the_same_folder_again_is_refused_for_what_it_holds(paint):
    paint("in/a.png"), paint("in/painted/a.png")
    with pytest.raises(UsageError, match=r"in/painted/a\.png is there already, perhaps painted before.*beside"):
        plan_images([Path("in")], Path("in/painted"))


def test_an_image_that_can_not_be_read_is_told_before_a_network_is_needed():
    Path("in").mkdir()
    for name in ("a.png", "b.png"):
        (Path("in") / name).write_bytes(b"no image")
    with pytest.raises(RunError, match=r"none of the 2 images"):
        plan_images([Path("in")], Path("out"))
    with pytest.raises(RunError, match=r"a\.png: can't be read"):
        plan_images([Path("in/a.png")], Path("out"))


def test_a_large_picture_that_is_taken_gives_no_warning(paint, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    image = paint("in.png", size=(150, 100))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        generate_images(negative(), plan_images([image], Path("out.png")))
    assert Path("out.png").is_file()


def test_a_picture_that_can_not_be_written_is_counted_and_the_others_are_painted(paint):
    paint("in/a.png"), paint("in/b.png"), paint("in/c.png")
    Path("out/b.png").mkdir(parents=True)
    said = []
    with pytest.raises(RunError, match=r"1 of 3 pictures can't be written, the first is out/b\.png"):
        generate_images(negative(), plan_images([Path("in")], Path("out")), said.append)
    assert [line for line in said if "out/b.png" in line and line.startswith("skipped: ")]
    assert all(Path(name).is_file() for name in ("out/a.png", "out/c.png"))


def test_images_are_painted_in_their_own_size_and_mode(paint):
    images = [paint("in/a.png"), paint("in/b.png", (0, 0, 0, 0), (40, 3), "RGBA"), paint("in/c.png", 40, (1, 1), "L")]
    generate_images(negative(), plan_images([Path("in")], Path("out")))
    painted = [Image.open(Path("out") / image.name) for image in images]
    assert [(p.size, p.getpixel((0, 0))) for p in painted] == [
        ((9, 5), (245, 235, 225)),
        ((40, 3), (0, 0, 0)),  # Transparent is white, its negative black.
        ((1, 1), (215, 215, 215)),
    ]


def test_a_grey_network_paints_grey(paint):
    generate_images(negative(channels=1), plan_images([paint("a.png", (40, 40, 40))], Path("b.png")))
    assert Image.open("b.png").getpixel((0, 0)) == 215


def test_an_image_that_can_not_be_read_is_named_counted_and_skipped(paint):
    paint("in/a.png"), Path("in/broken.png").write_bytes(b"no image"), paint("in/z.png")
    said = []
    generate_images(negative(), plan_images([Path("in")], Path("out")), said.append)
    assert sorted(os.listdir("out")) == ["a.png", "z.png"]
    assert any("broken.png" in line and "skipped" in line for line in said)
    assert "1 of 3" in said[-1]


def test_images_of_which_none_can_be_read_are_a_failure():
    Path("in").mkdir()
    for name in ("a.png", "b.png"):
        (Path("in") / name).write_bytes(b"no image")
    with pytest.raises(RunError, match=r"none of the 2 images.*a\.png"):
        generate_images(negative(), [(Path(f"in/{name}"), Path(f"out/{name}")) for name in ("a.png", "b.png")])
    with pytest.raises(RunError, match=r"a\.png"):
        generate_images(negative(), [(Path("in/a.png"), Path("out"))])
    assert not Path("out").exists()


def test_a_model_of_a_size_is_run_in_tiles_if_asked(paint):
    image = keras.Input((8, 8, 3))
    flat = layers.Reshape((8, 8, 3))(layers.Flatten()(image))
    stiff = keras.Model(image, flat, name="stiff")
    sharp = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype="uint8")
    Image.fromarray(sharp).save("in.png")
    generate_images(stiff, [(Path("in.png"), Path("whole.png"))])
    generate_images(stiff, [(Path("in.png"), Path("tiles.png"))], tiles=True)
    assert (np.asarray(Image.open("tiles.png")) == sharp).all()
    assert not (np.asarray(Image.open("whole.png")) == sharp).all()


def test_samples_are_laid_out_in_a_square():
    generate_samples(painter(), Path("new/grid.png"), count=9)
    width, height = Image.open("new/grid.png").size
    assert abs(width - height) < 8
    assert width > 3 * 8


def test_a_way_between_two_seeds_shows_more_than_one_picture():
    generate_samples(painter(), Path("way.png"), count=4, interpolate=(1, 2))
    generate_samples(painter(), Path("still.png"), count=4, interpolate=(1, 1))
    way, still = (np.asarray(Image.open(name)) for name in ("way.png", "still.png"))
    assert len(np.unique(way)) > len(np.unique(still))


def constant():
    """Paints a latent of one number as the brightness of the picture, and all of it."""
    latents = keras.Input((1,))
    return keras.Model(latents, ops.reshape(ops.repeat(ops.tanh(latents), 64, axis=1), (-1, 8, 8, 1)), name="constant")


def frames(path):
    """The brightness that is shown in each twentieth of a second. Files hold equal frames as one that lasts."""
    with Image.open(path) as animation:
        for index in range(animation.n_frames):
            animation.seek(index)
            shown = int(np.asarray(animation.convert("L"))[4, 4])
            yield from [shown] * round(animation.info.get("duration", 50) / 50)


@pytest.mark.parametrize("count", [1, 2, 7, 8])
def test_an_animation_of_so_many_frames_goes_there_and_back_and_shows_neither_end_twice(count):
    start, end = (inference.sample(constant(), 1, seed)[0, 4, 4, 0] for seed in (1, 2))
    generate_samples(constant(), Path("way.apng"), count=count, interpolate=(1, 2))
    way = list(frames("way.apng"))
    assert len(way) == count
    assert way[0] == start
    assert way.count(start) == 1
    if count > 1:
        turn = way.index(end)
        step = np.sign(int(end) - int(start))
        assert (np.diff(way[: turn + 1]) * step > 0).all()
        assert (np.diff(way[turn:]) * step < 0).all()


def test_a_gif_moves_as_a_file_of_all_colours_does_and_never_ends():
    for name in ("way.gif", "way.apng"):
        generate_samples(constant(), Path(name), interpolate=(1, 2, 3))
    way, exact = list(frames("way.gif")), list(frames("way.apng"))
    assert len(way) == 120
    assert way == exact
    assert [Image.open(name).info["loop"] for name in ("way.gif", "way.apng")] == [0, 0]


def test_seeds_are_painted_in_their_order_each_with_its_own_under_it():
    generate_samples(constant(), Path("seeds.png"), seeds=(7, 3))
    (first, second), caption = (inference.sample(constant(), 1, seed)[0, 0, 0, 0] for seed in (7, 3)), slice(12, 26)
    found = np.asarray(Image.open("seeds.png").convert("L"))
    assert found.shape == (4 + 8 + pictures.TITLE_HEIGHT + 4, 4 + 8 + 4 + 8 + 4)
    assert (found[4:12, 4:12] == first).all()
    assert (found[4:12, 16:24] == second).all()
    under = [found[caption, left : left + 8] for left in (4, 16)]
    assert all((label < 128).any() for label in under)
    assert (under[0] != under[1]).any()


def test_the_truncation_reaches_what_is_painted_in_every_way():
    for options in ({"seed": 5}, {"seeds": (5, 6)}, {"interpolate": (5, 6)}):
        for truncation in (1.0, 0.01):
            generate_samples(constant(), Path(f"{truncation}.png"), truncation=truncation, **options)
        full, near = (np.asarray(Image.open(f"{truncation}.png"))[4:12, 4:12, 0] for truncation in (1.0, 0.01))
        assert abs(int(full[0, 0]) - 127) > 10, options
        assert abs(int(near[0, 0]) - 127) < 6, options


@pytest.mark.parametrize(
    ("options", "out", "of_images", "parts"),
    [
        (["--seeds", "--count"], "x.png", False, ["--seeds", "--count", "left out"]),
        (["--seed", "--seeds", "--interpolate"], "x.png", False, ["--seeds", "--seed and --interpolate"]),
        (["--interpolate", "--seed", "--count"], "x.gif", False, ["--interpolate", "--seed must"]),
        (["--count"], "x.gif", False, ["x.gif", "animation", "--interpolate A,B", ".png"]),
        ([], "x.APNG", False, ["x.APNG", "animation"]),
        (["--truncation"], "x.png", True, ["--truncation", "latents"]),
    ],
)
def test_an_option_that_would_say_nothing_is_refused(options, out, of_images, parts):
    with pytest.raises(UsageError) as caught:
        check_options(options, Path(out), of_images=of_images)
    assert all(part in str(caught.value) for part in parts), caught.value


def test_options_that_go_together_are_taken():
    check_options(["--interpolate", "--count", "--truncation"], Path("x.gif"), of_images=False)
    check_options(["--seeds", "--truncation"], Path("x.png"), of_images=False)
    check_options([], Path("x.gif"), of_images=True)


@pytest.mark.parametrize(
    ("option", "found"),
    [
        ("--seeds", ""),
        ("--seeds", "3,"),
        ("--seeds", "a"),
        ("--seeds", "-3"),
        ("--seeds", "29-20"),
        ("--seeds", "0-999999999"),
        ("--interpolate", "8"),
        ("--interpolate", "1;2"),
    ],
)
def test_seeds_that_can_not_be_read_are_told_in_words(option, found):
    done = CliRunner().invoke(cli, ["generate", "x.keras", "--out", "x.png", f"{option}={found}"])
    assert done.exit_code == 2
    assert all(part in done.output for part in (option, repr(found), "give")), done.output


def test_a_model_is_told_what_it_does_not_take(paint):
    with pytest.raises(UsageError, match="painter paints from latents"):
        generate_images(painter(), plan_images([paint("x.png")], Path("out")))
    with pytest.raises(UsageError, match="negative translates images"):
        generate_samples(negative(), Path("x.png"))


def test_a_tflite_file_is_run_by_the_command_without_tensorflow(ganzoo, tmp_path, paint):
    exported.negative(tmp_path)
    paint("in.png", size=(50, 41))
    done = ganzoo("generate", "model.tflite", "in.png", "--out", "out.png", PYTHONPROFILEIMPORTTIME="1")
    assert (done.returncode, done.stdout) == (0, "in.png -> out.png\n")
    painted = Image.open("out.png")
    assert (painted.size, painted.getpixel((49, 40))) == ((50, 41), (245, 235, 225))
    said = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    assert said == []
    assert not re.search(r"\| +(tensorflow|keras)$", done.stderr, re.MULTILINE)


def test_the_command_takes_seeds_and_ranges_of_them(ganzoo, tmp_path):
    file = exported.painter(tmp_path)
    assert ganzoo("generate", file.name, "--seeds", "9, 3-4", "--truncation", ".5", "--out", "x.png").returncode == 0
    generate_samples(file, Path("expected.png"), seeds=(9, 3, 4), truncation=0.5)
    assert (np.asarray(Image.open("x.png")) == np.asarray(Image.open("expected.png"))).all()
    done = ganzoo("generate", file.name, "--interpolate", "1,2,3", "--count", "6", "--out", "x.gif")
    assert (done.returncode, done.stdout, done.stderr) == (0, "x.gif\n", "")
    assert len(list(frames("x.gif"))) == 6


def test_an_exported_model_that_is_broken_is_told_in_a_line(ganzoo, tmp_path):
    file = exported.painter(tmp_path)
    file.write_bytes(file.read_bytes()[:-1])
    done = ganzoo("generate", file.name, "--out", "out.png")
    assert done.returncode == 1
    assert re.fullmatch(r"Error: model\.tflite: not the file that .*card\.json describes.+\n", done.stderr)
    (tmp_path / "card.json").unlink()
    assert "no card.json beside it" in ganzoo("generate", file.name, "--out", "out.png").stderr
    assert not (tmp_path / "out.png").exists()


@pytest.fixture
def network(monkeypatch):
    """Saves a network of `signed`, as training saves it; gives the file."""
    signed.register(monkeypatch)

    def write(build):
        model, path = build(), Path(f"{build.__name__}.keras")
        model.save(path)
        provenance.write(path, model.provenance)
        return path

    return write


def run(*arguments) -> tuple[int, str]:
    """Returns what the command says, in this process, where an architecture of a test is known."""
    done = CliRunner().invoke(cli, ["generate", *map(str, arguments)])
    assert isinstance(done.exception, UsageError | None), done.exception
    return (2, str(done.exception)) if done.exception else (done.exit_code, done.output)


def greys(path) -> list[float]:
    """Returns the values of each sample in a folder, between -1 and 1."""
    return [np.asarray(Image.open(file)).mean() / 127.5 - 1 for file in sorted(Path(path).iterdir())]


def test_samples_are_of_the_classes_that_are_named_in_turns(network):
    path = network(signed.conditional)
    assert run(path, "--class", "shoe,coat", "--count", 4, "--out", "many/")[0] == 0
    assert greys("many") == pytest.approx([0.5, -0.5, 0.5, -0.5], abs=0.08)
    assert run(path, "--count", 3, "--out", "all/")[0] == 0
    assert greys("all") == pytest.approx([-0.5, 0.0, 0.5], abs=0.08)
    # The latents are those of the seed, whatever the class.
    assert len({inference.sample(path, 1, seed, classes=["coat"]).tobytes() for seed in range(9)}) > 1


def test_samples_show_what_a_text_says(network):
    path = network(signed.worded)
    assert run(path, "--text", "A blue... cat!", "--count", 1, "--out", "x.png")[1].startswith("text: not among the 3")
    assert run(path, "--text", "Blue!", "--text", "blue cat", "--count", 2, "--out", "many/")[0] == 0
    assert greys("many") == pytest.approx([0.3, 0.0], abs=0.08)


def test_a_way_stays_with_the_class_that_it_began_with(network):
    generate_samples(network(signed.conditional), Path("way"), count=3, interpolate=(1, 2), classes=["shoe", "coat"])
    assert greys("way") == pytest.approx([0.5, 0.5, 0.5], abs=0.08)


def test_clips_are_written_as_sound_of_their_own_rate(network):
    path = network(signed.player)
    assert run(path, "--count", 2, "--out", "many/")[1] == "many/seed_0_0.wav to seed_0_1.wav, 2 clips\n"
    wanted = inference.sample(path, 2)[:, :, 0]
    for file, values in zip(sorted(Path("many").iterdir()), wanted, strict=True):
        with wave.open(str(file)) as sound:
            assert (sound.getframerate(), sound.getnframes(), sound.getsampwidth()) == (800, 32, 2)
            heard = np.frombuffer(sound.readframes(32), "<i2") / 32767
        np.testing.assert_allclose(heard, values, atol=1e-4)
    assert "give one such as x.wav" in run(path, "--out", "x.png")[1]


def test_a_classifier_says_of_each_picture_what_it_is(network, paint):
    path = network(signed.classifier)
    paint("in/bright.png", (255, 255, 255)), paint("in/dark.png", (0, 0, 0))
    # Logits of -4, 0 and 4.
    shares = np.exp([4, 0, -4]) / np.exp([4, 0, -4]).sum()
    told = "shoe 98.2 %, dress 1.8 %, coat 0.0 %"
    assert run(path, "in")[1].splitlines()[0] == f"in/bright.png: {told}"
    found = json.loads(run(path, "in", "--json", "--out", "found.json")[1])
    assert json.loads(Path("found.json").read_text()) == found
    assert list(found[1]["classes"]) == ["coat", "dress", "shoe"]
    assert list(found[1]["classes"].values()) == pytest.approx(list(shares), abs=1e-6)


def test_sound_is_told_apart_too_and_a_code_is_told_as_numbers(network, paint):
    with wave.open("loud.wav", "wb") as sound:
        sound.setnchannels(1), sound.setsampwidth(2), sound.setframerate(800)
        sound.writeframes(np.full(32, 32767, "<i2").tobytes())
    assert run(network(signed.listener), "loud.wav")[1].startswith("loud.wav: shoe 98.2 %")
    (found,) = json.loads(run(network(signed.encoder), paint("x.png", (255, 255, 255)), "--json")[1])
    assert found == {"input": "x.png", "code": pytest.approx([1.0, -1.0])}


def test_a_decoder_makes_pictures_of_codes(network):
    path = network(signed.decoder)
    assert run(path, "--count", 2, "--out", "many/")[0] == 0
    assert len(set(greys("many"))) == 2


@pytest.mark.parametrize(
    ("build", "options", "parts"),
    [
        (signed.conditional, ["--class", "dres", "--out", "x.png"], ["'dres'", "did you mean 'dress'", "coat, dress"]),
        (signed.conditional, ["--text", "blue", "--out", "x.png"], ["takes latents and label", "leave --text out"]),
        (signed.conditional, [], ["--out", "missing"]),
        (signed.conditional, ["--json", "--out", "x.png"], ["--json", "makes images"]),
        (signed.worded, ["--out", "x.png"], ["--text 'blue cat'"]),
        (signed.worded, ["--text", "blu dog", "--out", "x.png"], ["'blu'", "did you mean 'blue'", "3 known words"]),
        (signed.classifier, [], ["looks at images", "name images"]),
        (signed.classifier, ["in.png", "--out", "x.png"], ["x.png", "ends in .json"]),
        (signed.classifier, ["in.png", "--class", "coat"], ["--class", "makes none"]),
        (signed.classifier, ["gone.png"], ["gone.png", "no such"]),
        (signed.decoder, ["in.png", "--out", "x.png"], ["takes code, and no images", "leave them out"]),
    ],
)
def test_what_a_network_does_not_take_or_give_is_told_before_it_is_opened(network, paint, build, options, parts):
    paint("in.png")
    path = network(build)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(keras.models, "load_model", None)
        status, said = run(path, *options)
    assert status == 2
    assert all(part in said for part in parts), said


def test_python_writes_what_the_command_writes(network, paint):
    path, said = network(signed.conditional), []
    assert run(path, "--class", "shoe", "--count", 3, "--seed", 5, "--out", "command/")[0] == 0
    assert ganzoo.generate(path, out="python/", classes="shoe", count=3, seed=5, say=said.append) == []
    assert said == ["python/seed_5_0.png to seed_5_2.png, 3 pictures"]
    names = [file.name for file in sorted(Path("command").iterdir())]
    assert [(Path("command") / name).read_bytes() for name in names] == [
        (Path("python") / name).read_bytes() for name in names
    ]
    ganzoo.generate(negative(), paint("in.png", (10, 20, 30)), "out.png", say=said.append)
    assert said[1:] == ["in.png -> out.png"]
    assert Image.open("out.png").getpixel((0, 0)) == (245, 235, 225)


def test_python_is_told_what_a_classifier_says_and_what_could_not_be_read(network, paint):
    paint("in/dark.png", (0, 0, 0))
    Path("in/broken.png").write_bytes(b"none")
    warned = []
    (found,) = ganzoo.generate(network(signed.classifier), "in", warn=warned.append)
    assert max(found["classes"], key=found["classes"].get) == "coat"
    assert len(warned) >= 1
    assert "broken.png" in warned[0]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "--out is missing: name the file of the images to write, or a folder for many"),
        ({"out": "x.png", "count": 0}, "--count: found 0; give a whole number from 1 up"),
        ({"out": "x.png", "seeds": (3, -1)}, "seed: found -1; give whole numbers from 0 up"),
        ({"out": "x.png", "seeds": (3,), "seed": 0}, "--seeds: says what is painted, so that --seed must"),
        ({"out": "x.png", "truncation": 2.0}, "truncation: found 2.0; give a number above 0, up to 1"),
        ({"inputs": "gone.png", "out": "x.png"}, "takes latents and label, and no images: leave them out"),
    ],
)
def test_python_is_told_in_a_line_what_can_not_be_done(network, given, told):
    with pytest.raises(UsageError) as error:
        ganzoo.generate(network(signed.conditional), **given)
    assert told in str(error.value)
    assert not Path("x.png").exists()
