"""`ganzoo-lite` with networks that take classes and texts, answer questions or make sound, as on a device."""

import json
import re
import shutil
import struct
import wave
from pathlib import Path

import exported
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import ganzoo
from ganzoo.lite import GanzooLite, card, clips, latents
from ganzoo.lite import network as networks
from ganzoo.lite.errors import UsageError

RED, GREEN = (255, 0, 0), (0, 255, 0)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    makers = (
        exported.classifier,
        exported.listener,
        exported.encoder,
        exported.conditional,
        exported.sequence,
        exported.negative,
    )
    return {make.__name__: make(tmp_path_factory.mktemp(make.__name__)) for make in makers}


def color(path, values, size=(20, 30)):
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", size, values).save(path)


def sound(path, values, rate=8000):
    clips.write(path, np.asarray(values, "float32"), rate)


# exp(9) against two times exp(0).
SURE = np.exp(9) / (np.exp(9) + 2)


def test_a_classifier_names_the_three_best_of_each_picture_of_any_size(models, lite, tmp_path):
    color(tmp_path / "in/a.png", RED)
    color(tmp_path / "in/b.png", GREEN, (3, 500))
    (tmp_path / "in/c.png").write_bytes(b"no image")
    done = lite(models["classifier"], "in")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:2] == [
        "in/a.png: red 100.0 %, green 0.0 %, blue 0.0 %",
        "in/b.png: green 100.0 %, red 0.0 %, blue 0.0 %",
    ]
    assert "skipped: in/c.png: can't be read as an image" in done.stdout


def test_json_has_every_class_with_its_probability_and_nothing_else(models, lite, tmp_path):
    color(tmp_path / "a.png", RED)
    (tmp_path / "b.png").write_bytes(b"no image")
    done = lite(models["classifier"], "a.png", "b.png", "--json", "--out", "new/answers.json")
    assert done.returncode == 0
    assert "skipped: b.png" in done.stderr
    (answer,) = json.loads(done.stdout)
    assert answer["input"] == "a.png"
    assert answer["classes"] == pytest.approx({"red": SURE, "green": (1 - SURE) / 2, "blue": (1 - SURE) / 2}, abs=1e-6)
    assert json.loads((tmp_path / "new/answers.json").read_text()) == [answer]


def unsure(folder):
    """Exports a network of pictures of one size: logarithms of their mean color, which dark ones lack."""
    taken = {"name": "image", "kind": "image", "shape": [1, 8, 8, 3], "dtype": "float32", "mean": 0, "std": 255.0}
    given = {"name": "classes", "kind": "classes", "shape": [1, 3], "dtype": "float32", "names": ["a", "b", "c"]}
    logits = lambda image: tf.math.log(tf.reduce_mean(image, [1, 2]) - 0.5)  # noqa: E731
    return exported.write_any(folder, logits, [taken], given, any_size="whole")


def test_logits_that_are_no_numbers_are_a_failure_told_in_a_line_and_no_json(lite, tmp_path):
    (tmp_path / "model").mkdir()
    file = unsure(tmp_path / "model")
    color(tmp_path / "a.png", RED)
    done = lite(file, "a.png", "--json", "--out", "answers.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{file}: gives logits of values that are not finite" in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "answers.json").exists()


def test_an_encoder_gives_its_code_as_json(models, lite, tmp_path):
    color(tmp_path / "a.png", (255, 0, 51))
    line = lite(models["encoder"], "a.png").stdout
    assert json.loads(line.removeprefix("a.png: ")) == pytest.approx([1.0, 0.0, 0.2])
    assert GanzooLite(models["encoder"]).answer(Image.open(tmp_path / "a.png"))["code"] == pytest.approx([1, 0, 0.2])


def test_a_clip_is_listened_to_its_first_part_and_silence_after_a_short_one(models, lite, tmp_path):
    sound(tmp_path / "loud.wav", np.ones(100))
    sound(tmp_path / "short.wav", np.ones(4))
    sound(tmp_path / "long.wav", np.concatenate([np.zeros(100), np.ones(900)]))
    done = lite(models["listener"], "loud.wav", "short.wav", "long.wav")
    assert (done.returncode, done.stderr) == (0, "")
    # Logits of 5 and -5; of a loudness of a fifth, 3 and -3.
    assert done.stdout.splitlines() == [
        "loud.wav: loud 100.0 %, quiet 0.0 %",
        "short.wav: quiet 99.8 %, loud 0.2 %",
        "long.wav (the first 0.01 of 0.12 s): quiet 100.0 %, loud 0.0 %",
    ]


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_wav_files_of_every_width_are_read_and_their_channels_mixed(width, tmp_path):
    left, right = np.array([0.5, -1.0, 0.0]), np.array([0.25, -1.0, 0.5])
    numbers = np.stack([left, right], axis=1) * 2.0 ** (8 * width - 1)
    whole = (numbers + (128 if width == 1 else 0)).astype("<i8")
    with wave.open(str(tmp_path / "x.wav"), "wb") as file:
        file.setparams((2, width, 8000, 0, "NONE", None))
        file.writeframes(b"".join(int(n).to_bytes(8, "little", signed=True)[:width] for n in whole.reshape(-1)))
    np.testing.assert_array_equal(clips.read(tmp_path / "x.wav", 8000), [0.375, -1.0, 0.25])


def test_a_wav_file_of_40_bits_is_told(tmp_path):
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 46, b"WAVE", b"fmt ", 16, 1, 1, 8000, 40000, 5, 40, b"data", 10)
    (tmp_path / "x.wav").write_bytes(head + bytes(10))
    with pytest.raises(clips.UnreadableClip, match="x.wav: .*its values have 40 bits, and 8, 16, 24 and 32 are read"):
        clips.read(tmp_path / "x.wav")


def test_what_is_written_is_read_again_and_what_is_too_loud_is_clipped(tmp_path):
    sound(tmp_path / "x.wav", [0.0, 0.5, -3.0, np.nan])
    np.testing.assert_allclose(clips.read(tmp_path / "x.wav"), [0, 0.5, -1, 0], atol=1e-4)


def test_clips_go_to_a_folder_or_one_after_the_other_to_a_file(models, lite, tmp_path):
    done = lite(models["sequence"], "--count", 3, "--seed", 5, "--out", "many")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "many/seed_5_0.wav to seed_5_2.wav, 3 clips\n"
    expected = np.clip(latents.draw(5, 3, 4) / 4, -1, 1).repeat(4, axis=1)
    many = np.stack([clips.read(tmp_path / f"many/seed_5_{n}.wav", 8000) for n in range(3)])
    np.testing.assert_allclose(many, expected, atol=1e-4)
    assert lite(models["sequence"], "--count", 2, "--seed", 5, "--out", "one.wav").stdout == "one.wav\n"
    silence = np.zeros(2000)  # A quarter of a second.
    np.testing.assert_allclose(
        clips.read(tmp_path / "one.wav"), np.concatenate([expected[0], silence, expected[1]]), atol=1e-4
    )


def test_samples_take_classes_and_texts_in_turns_and_the_first_stay_the_same(models):
    painter = GanzooLite(models["conditional"])
    many = painter.sample(7, 3, texts=["big", "small big"])
    assert many[:, 0, 0, 0].tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert many[:, 0, 0, 1].tolist() == [1, 2, 1, 2, 1, 2, 1]
    assert (painter.sample(3, 3, texts=["big", "small big"]) == many[:3]).all()
    named = painter.sample(3, 3, classes=["ankle, boot", "coat"], texts=["big"])
    assert named[:, 0, 0, 0].tolist() == [2, 0, 2]
    # Latents are what they are without classes.
    expected = np.rint(128 + 20 * latents.draw(3, 7, 4))
    np.testing.assert_array_equal(many[..., 2].reshape(7, 4), expected)


def test_the_command_paints_classes_and_texts(models, lite, tmp_path):
    options = ["--text", "Small!", "--text", "big", "--count", 4, "--out", "many"]
    done = lite(models["conditional"], "--class", "dress,coat", *options)
    assert (done.returncode, done.stderr) == (0, "")
    found = [Image.open(tmp_path / f"many/seed_0_{n}.png").getpixel((0, 0))[:2] for n in range(4)]
    assert found == [(1, 2), (0, 1), (1, 2), (0, 1)]
    # A class that is called so, and no two classes.
    assert lite(models["conditional"], "--class", "ankle, boot", "--text", "big", "--out", "x.png").returncode == 0


WRONG = [
    (["conditional", "--out", "x.png"], "gives an image: give a text, as --text 'big small'"),
    (["conditional", "--text", "bik", "--out", "x.png"], "'bik'"),
    (["conditional", "--class", "dres", "--text", "big", "--out", "x.png"], "'dres' is unknown; did you mean 'dress'?"),
    (["conditional", "--class", "x", "--text", "big", "--out", "x.png"], "(there are coat, dress, ankle, boot)"),
    (["conditional", "in.png", "--out", "x.png"], "takes latents, a class and a text, and gives an image"),
    (["conditional", "--text", "big"], "--out is missing"),
    (["conditional", "--text", "big", "--json", "--out", "x.png"], "leave --json out"),
    (["sequence", "--class", "x", "--out", "x.wav"], "takes latents and gives a clip: leave --class out"),
    (
        ["sequence", "--text", "x", "--out", "x.wav"],
        "takes latents and gives a clip, and no text can be told: leave it out",
    ),
    (["sequence", "--out", "x.png"], "x.png: not the name of a sound; give one such as x.wav"),
    (["sequence", "in.png", "--out", "x.wav"], "takes latents and gives a clip: leave the INPUTs out"),
    (["classifier"], "takes an image and gives classes, and was given none"),
    (["classifier", "in.png", "--out", "x.png"], "answers are written as JSON"),
    (["classifier", "in.png", "--class", "red"], "--class, --classes and --text: for samples"),
    (["classifier", "gone.png"], "gone.png: no such image"),
    (["listener", "gone.wav"], "gone.wav: no such sound"),
    (["listener", "empty"], "empty: no sounds in this folder; looked for .wav"),
    (["negative", "in.png", "--json", "--out", "x.png"], "takes an image and gives an image: leave --json out"),
]


@pytest.mark.parametrize(("arguments", "problem"), WRONG, ids=lambda value: str(value))
def test_what_does_not_fit_is_told_in_a_line_and_nothing_is_written(models, lite, tmp_path, arguments, problem):
    color(tmp_path / "in.png", RED)
    (tmp_path / "empty").mkdir()
    done = lite(models[arguments[0]], *arguments[1:])
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert re.fullmatch(r"ganzoo-lite: .+\n", done.stderr), done.stderr
    assert problem in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "in.png"]


UNREADABLE = [
    ("in.png", "in.png: can't be read as a .wav file"),
    ("slow.wav", "slow.wav: has 4000 values a second, and 8000 are wanted; convert it"),
]


@pytest.mark.parametrize(("name", "problem"), UNREADABLE)
def test_a_sound_that_can_not_be_taken_is_a_failure_told_in_a_line(models, lite, tmp_path, name, problem):
    color(tmp_path / "in.png", RED)
    sound(tmp_path / "slow.wav", np.ones(100), rate=4000)
    done = lite(models["listener"], name)
    assert (done.returncode, done.stdout) == (1, "")
    assert problem in done.stderr


def test_the_class_translates_only_what_is_translated(models):
    for name in ("classifier", "conditional"):
        with pytest.raises(UsageError, match="and paints no images of others"):
            GanzooLite(models[name])(np.zeros((9, 9, 3), "uint8"))
    with pytest.raises(UsageError, match="answers no questions"):
        GanzooLite(models["negative"]).answer(np.zeros((9, 9, 3), "uint8"))


@pytest.mark.parametrize("names", [None, []])
def test_classes_that_have_no_names_go_by_their_numbers(lite, tmp_path, names):
    for make in (exported.conditional, exported.classifier):
        (tmp_path / make.__name__).mkdir()
        file = make(tmp_path / make.__name__)
        document = json.loads((file.parent / "card.json").read_text())
        for tensor in (*document["files"][file.name]["inputs"], *document["files"][file.name]["outputs"]):
            if tensor["kind"] in ("label", "classes"):
                tensor["names"] = names
        (file.parent / "card.json").write_text(json.dumps(document))
    color(tmp_path / "a.png", RED)
    assert lite("classifier/model.tflite", "a.png").stdout == "a.png: 0 100.0 %, 1 0.0 %, 2 0.0 %\n"
    painted = GanzooLite(tmp_path / "conditional/model.tflite").sample(3, classes=["2", "0,1"], texts=["big"])
    assert painted[:, 0, 0, 0].tolist() == [2, 0, 1]
    done = lite("conditional/model.tflite", "--class", "coat", "--text", "big", "--out", "x.png")
    assert done.returncode == 2
    assert "--class 'coat' is unknown: classes have no names here; give numbers, from 0" in done.stderr


def test_a_class_that_no_network_has_is_refused(models):
    network = GanzooLite(models["conditional"]).network
    with pytest.raises(UsageError, match=r"found class \[0, 3\]; allowed are 0 to 2"):
        networks.draw(network, 0, 2, labels=[0, 3], texts=["big"])


def dresser(folder):
    """Exports a network of latents and a class, which gives a picture of 2 x 2 that shows both."""
    taken = {"name": "latents", "kind": "latents", "shape": [1, 4], "dtype": "float32"}
    label = {"name": "label", "kind": "label", "shape": [1], "dtype": "int32", "names": ["coat", "dress"]}
    given = {"name": "image", "kind": "image", "shape": [1, 2, 2, 3], "dtype": "float32", "mean": 0.0, "std": 1.0}

    def paint(latents, label):
        return tf.tile(tf.reshape(latents, [1, 2, 2, 1]), [1, 1, 1, 3]) + tf.cast(label, "float32")

    return exported.write_any(folder, paint, [taken, label], given)


def test_the_python_of_the_readme_runs_as_it_stands(models, run_bare, tmp_path):
    page = Path(ganzoo.__file__).parents[1] / "export" / "lite" / "README.md"
    (block,) = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    made = {"dcgan": exported.painter(tmp_path / "latents"), "fashion": dresser(tmp_path / "labels")}
    generators = {".": models["negative"], **made}
    for folder, file in [*generators.items(), (".", models["classifier"])]:
        name = "classifier_dynamic.tflite" if file == models["classifier"] else "generator_dynamic.tflite"
        place = tmp_path / folder / name
        place.parent.mkdir(exist_ok=True)
        shutil.copy(file, place)
        described = place.parent / card.NAME
        others = json.loads(described.read_text())["files"] if described.exists() else {}
        exported.write_card(place.parent, {**others, name: exported.entry_of(file.parent, file.name, place)})
    color(tmp_path / "drawing.png", RED)
    color(tmp_path / "photo.png", RED)
    done = run_bare(f"{block}\nprint(len(pictures), len(dresses))", cwd=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, "4 4"), done.stderr
    with Image.open(tmp_path / "colored.png") as painted:
        assert painted.size == (20, 30)
