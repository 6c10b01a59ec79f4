"""`GanzooLite` and `ganzoo-lite`, the latter as on a device: without TensorFlow and without ganzoo."""

import configparser
import importlib
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import exported
import numpy as np
import pytest
from lite.networks import smooth
from PIL import Image

import ganzoo
from ganzoo.core import seeding
from ganzoo.lite import GanzooLite, card, latents
from ganzoo.lite.errors import RunError, UsageError

PACKAGE = Path(ganzoo.__file__).parent.parent / "export/lite"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Models by name; they are not to be changed."""
    folders = {name: tmp_path_factory.mktemp(name) for name in ("negative", "any_size", "painter")}
    return {
        "negative": exported.negative(folders["negative"]),
        "any_size": exported.negative(folders["any_size"], None),
        "painter": exported.painter(folders["painter"]),
    }


@pytest.fixture
def copy(models, tmp_path):
    """A model's file in a folder of its own, with its card."""

    def copy(name):
        shutil.copytree(models[name].parent, tmp_path / "model")
        return tmp_path / "model" / models[name].name

    return copy


def change_card(file, change):
    document = json.loads((file.parent / card.NAME).read_text())
    change(document)
    (file.parent / card.NAME).write_text(json.dumps(document))


@pytest.mark.parametrize("name", ["negative", "any_size"])
@pytest.mark.parametrize("size", [(1, 1), (32, 32), (50, 131)])
def test_arrays_and_pictures_of_any_size_come_back_as_what_they_were(models, name, size):
    painter = GanzooLite(models[name], threads=1)
    image = smooth(*size)
    assert (painter(image) == 255 - image).all()
    painted = painter(Image.fromarray(image))
    assert (np.asarray(painted) == 255 - image).all()


def test_one_runner_takes_one_size_after_another(models):
    painter = GanzooLite(models["any_size"])
    for size in [(40, 50), (70, 33), (40, 50)]:
        assert (painter(smooth(*size)) == 255 - smooth(*size)).all()


@pytest.mark.parametrize("name", ["negative", "any_size"])
def test_threads_that_share_a_runner_get_each_its_own_picture(models, name):
    painter = GanzooLite(models[name], threads=1)
    images = [smooth(40 + index % 3, 40 + index % 5) // 2 + index for index in range(100)]
    with ThreadPoolExecutor(4) as pool:
        painted = list(pool.map(painter, images))
    assert [index for index, image in enumerate(images) if not (painted[index] == 255 - image).all()] == []


def test_threads_that_share_a_runner_get_each_its_own_samples(models):
    painter = GanzooLite(models["painter"], threads=1)
    with ThreadPoolExecutor(4) as pool:
        sampled = list(pool.map(lambda seed: painter.sample(8, seed), range(60)))
    assert [seed for seed in range(60) if not (sampled[seed] == painter.sample(8, seed)).all()] == []


def test_grey_and_transparent_pictures_are_taken(models):
    painter = GanzooLite(models["negative"])
    grey = smooth(40, 40, 1)
    for given in (grey, grey[..., 0], Image.fromarray(grey[..., 0])):
        assert (np.asarray(painter(given)) == 255 - grey).all()
    clear = np.zeros((40, 40, 4), "uint8")
    assert (painter(clear) == np.zeros((40, 40, 3))).all()
    assert painter(Image.fromarray(clear)).mode == "RGB"
    assert (painter(clear, keep_alpha=True) == clear).all()
    assert painter(Image.fromarray(clear), keep_alpha=True).mode == "RGBA"


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4, 3)), np.zeros((1, 4, 4, 3), "uint8"), np.zeros((4, 4, 9), "uint8"), 3]
)
def test_an_array_that_is_no_picture_is_refused(models, image):
    with pytest.raises(UsageError, match="found .*; give a Pillow image, or an array of uint8"):
        GanzooLite(models["negative"])(image)


def test_samples_are_those_of_the_seed_whatever_their_number(models):
    painter = GanzooLite(models["painter"])
    many = painter.sample(5, seed=3)
    assert many.shape == (5, 8, 8, 3)
    assert (painter.sample(2, seed=3) == many[:2]).all()
    expected = np.tanh(latents.draw(3, 5, 6)) * 127.5 + 127.5
    assert np.abs(many.reshape(5, -1, 6)[:, 0] - expected).max() <= 0.51


@pytest.mark.parametrize("seed", [0, 7, 2**40])
def test_a_seed_gives_the_latents_that_training_draws(seed):
    drawn = seeding.generator(seed, "latents").standard_normal((3, 100), dtype="float32")
    assert (latents.draw(seed, 3, 100) == drawn).all()


def test_a_generator_is_told_apart_by_what_it_takes(models):
    with pytest.raises(UsageError, match="paints from latents"):
        GanzooLite(models["painter"])(smooth(9, 9))
    with pytest.raises(UsageError, match="translates images"):
        GanzooLite(models["negative"]).sample()


def test_the_command_needs_nothing_but_numpy_pillow_and_litert(models, run_bare, tmp_path):
    Image.fromarray(smooth(50, 40)).save(tmp_path / "in.jpg")
    program = """
    import json, pathlib
    from ganzoo_lite import cli
    cli.run(cli._parser().parse_args())
    for name in ("tensorflow", "keras", "ganzoo"):
        try:
            __import__(name)
        except ImportError:
            pass
        else:
            raise AssertionError(name)
    here = sys.path[0]
    print(sorted({name.partition(".")[0] for name, module in sys.modules.items()
                  if (getattr(module, "__file__", None) or "").startswith(here)}))
    """.replace("\n    ", "\n")
    done = run_bare(program, models["negative"], "in.jpg", "--out", "out.png", "--threads", 1, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    painted, used = done.stdout.splitlines()
    assert painted == "in.jpg -> out.png"
    assert used == "['PIL', 'ai_edge_litert', 'ganzoo_lite', 'numpy']"
    before, after = (np.asarray(Image.open(tmp_path / name)) for name in ("in.jpg", "out.png"))
    assert (after == 255 - before).all()


def test_what_is_installed_is_what_the_runner_needs():
    setup = configparser.ConfigParser()
    setup.read(PACKAGE / "setup.cfg")
    needed = [re.split(r"[<>=]", line)[0] for line in setup["options"]["install_requires"].split()]
    assert needed == ["ai-edge-litert", "numpy", "pillow"]
    command, _, function = setup["options.entry_points"]["console_scripts"].strip().partition(":")
    package, module = command.partition(" = ")[2].split(".")
    assert [package] == setup["options"]["packages"].split()
    assert (PACKAGE / package / f"{module}.py").is_file()
    assert callable(getattr(importlib.import_module(f"ganzoo.lite.{module}"), function))


def test_samples_go_to_a_grid_or_a_folder(models, lite, tmp_path):
    done = lite(models["painter"], "--out", "new/grid.png", "--count", 4)
    assert (done.returncode, done.stdout, done.stderr) == (0, "new/grid.png\n", "")
    assert Image.open(tmp_path / "new/grid.png").size == (28, 28)
    done = lite(models["painter"], "--out", "many", "--count", 11, "--seed", 5)
    assert (done.returncode, done.stderr) == (0, "")
    files = sorted((tmp_path / "many").iterdir())
    assert [file.name for file in files][::10] == ["seed_5_00.png", "seed_5_10.png"]
    expected = GanzooLite(models["painter"]).sample(11, seed=5)
    assert (np.stack([np.asarray(Image.open(file)) for file in files]) == expected).all()


def test_a_folder_is_painted_as_it_is_laid_out_and_what_is_broken_is_skipped(models, lite, tmp_path):
    (tmp_path / "in/sub").mkdir(parents=True)
    for name in ("a.png", "sub/b.jpg"):
        Image.fromarray(smooth(40, 40)).save(tmp_path / "in" / name)
    (tmp_path / "in/c.png").write_bytes(b"no image")
    done = lite(models["negative"], "in", "--out", "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert "skipped: in/c.png" in done.stdout
    assert sorted(p.name for p in (tmp_path / "out").rglob("*.png")) == ["a.png", "b.png"]


WRONG = [
    (["gone.tflite", "--out", "x.png"], 2, "gone.tflite: no such file"),
    (["text.tflite", "--out", "x.png"], 2, "text.tflite: no TFLite file"),
    (["FOLDER", "in.png", "--out", "x.png"], 2, "a folder; name one of the .tflite files in it: model.tflite"),
    ([".", "in.png", "--out", "x.png"], 2, ".: a folder; name one of the .tflite files in it: text.tflite"),
    (["MODEL"], 2, "--out"),
    (["MODEL", "gone.png", "--out", "x.png"], 2, "gone.png: no such image"),
    (["MODEL", "--out", "x.png"], 2, "translates images and was given none"),
    (["MODEL", "in.png", "--out", "x.png", "--threads", "0"], 2, "--threads: found '0'"),
    (["MODEL", "in.png", "--out", "in.png"], 2, "overwrite an input"),
    (["MODEL", "text.tflite", "--out", "x.png"], 1, "text.tflite: can't be read as an image"),
    (["MODEL", "in.png", "--out", "text.tflite/x.png"], 1, "text.tflite: "),
]


@pytest.mark.parametrize(("arguments", "status", "problem"), WRONG, ids=lambda value: str(value))
def test_what_is_wrong_is_told_in_a_line_and_nothing_is_written(models, lite, tmp_path, arguments, status, problem):
    (tmp_path / "text.tflite").write_text("no model")
    Image.fromarray(smooth(40, 40)).save(tmp_path / "in.png")
    places = {"MODEL": models["negative"], "FOLDER": models["negative"].parent}
    done = lite(*[places.get(argument, argument) for argument in arguments])
    assert done.returncode == status
    assert re.fullmatch(r"ganzoo-lite: .+\n", done.stderr), done.stderr
    assert problem in done.stderr
    assert done.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.png", "text.tflite"]


def test_the_image_may_come_after_the_options(models, lite, tmp_path):
    Image.fromarray(smooth(40, 40)).save(tmp_path / "in.png")
    done = lite(models["negative"], "--out", "out.png", "in.png")
    assert (done.returncode, done.stdout, done.stderr) == (0, "in.png -> out.png\n", "")


def test_a_place_that_can_not_be_written_is_named_by_its_own_name(models, lite, tmp_path):
    Image.fromarray(smooth(40, 40)).save(tmp_path / "in.png")
    done = lite(models["negative"], "in.png", "--out", "/proc/x.png")
    assert done.returncode == 1
    assert done.stderr == "ganzoo-lite: /proc/x.png: no such file or directory\n"


def test_the_module_is_the_command(models, bare, tmp_path):
    command = [sys.executable, "-m", "ganzoo_lite", models["painter"], "--out", "x.png"]
    environment = {**os.environ, "PYTHONPATH": str(bare)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "x.png\n", "")


def test_a_name_that_is_no_pictures_is_refused(models, lite, tmp_path):
    for arguments in ([models["painter"]], [models["negative"], "in.png"]):
        Image.new("RGB", (9, 9)).save(tmp_path / "in.png")
        done = lite(*arguments, "--out", "x.xyz")
        assert (done.returncode, done.stdout) == (2, "")
        assert "x.xyz: not the name of a picture" in done.stderr


def test_a_terminal_shows_how_many_samples_are_done(models, bare, tmp_path):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "ganzoo_lite", models["painter"], "--count", "40", "--out", "many"]
    environment = {**os.environ, "PYTHONPATH": str(bare)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours), os.close(theirs)
    assert done.returncode == 0
    assert "\rmany: 40 of 40 samples" in shown


def test_what_becomes_of_transparency_is_told_and_can_be_chosen(models, lite, tmp_path):
    Image.new("RGBA", (40, 40)).save(tmp_path / "in.png")
    done = lite(models["negative"], "in.png", "--out", "out.png")
    told = "in.png -> out.png (on white where it was transparent; --keep-alpha cuts it out again)\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, told, "")
    assert Image.open(tmp_path / "out.png").mode == "RGB"
    done = lite(models["negative"], "in.png", "--out", "kept.png", "--keep-alpha")
    assert (done.returncode, done.stdout) == (0, "in.png -> kept.png\n")
    assert Image.open(tmp_path / "kept.png").getpixel((9, 9))[3] == 0


def test_a_full_disk_is_told_in_a_line(models, run_bare, tmp_path):
    program = """
import os
from ganzoo_lite.cli import main
os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
main()
"""
    done = run_bare(program, models["painter"], "--out", "x.png", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "ganzoo-lite: no space left on device\n")


def test_a_model_without_its_card_is_refused(copy):
    file = copy("negative")
    (file.parent / card.NAME).unlink()
    with pytest.raises(RunError, match=r"model\.tflite: no card\.json beside it"):
        GanzooLite(file)


def test_a_model_that_was_cut_off_is_not_the_one_of_its_card(copy):
    file = copy("negative")
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(RunError, match=r"model\.tflite: not the file that .*card\.json describes"):
        GanzooLite(file)


def test_a_model_that_is_broken_is_a_line_also_where_its_card_is_right(copy, lite, tmp_path):
    file = copy("negative")
    file.write_bytes(file.read_bytes()[:500])
    change_card(file, lambda document: document["files"][file.name].update(sha256=card.digest(file)))
    Image.fromarray(smooth(40, 40)).save(tmp_path / "in.png")
    done = lite(file, "in.png", "--out", "out.png")
    assert done.returncode == 1
    assert re.fullmatch(r"ganzoo-lite: .*model\.tflite: can't be read as a TFLite file \(.+\)\n", done.stderr)


CARDS = [
    (lambda document: document.update(card_version=3), r"card version 3; this release reads 1 to 2"),
    (lambda document: document.pop("files"), r"not the card of an exported model"),
    (lambda document: document.update(files=["model.tflite"]), r"not the card of an exported model"),
    (lambda document: document.update(files={"other.tflite": {}}), r"says nothing of model\.tflite, but of other"),
    (lambda document: document["files"]["model.tflite"].pop("scale"), r"lacks 'scale'"),
    (lambda document: document["files"]["model.tflite"].update(scale=0), r"garbled \(scale\)"),
    (lambda document: document["files"]["model.tflite"].update(hints=-1), r"garbled \(hints\)"),
    (lambda document: document["files"]["model.tflite"].update(signature="run"), r"can't be read .*run"),
    (lambda document: document["files"]["model.tflite"]["inputs"][0].update(std=0), r"garbled \(std\)"),
    (lambda document: document["files"]["model.tflite"]["inputs"][0].update(shape=[1, 3]), r"garbled \(shape"),
    (
        lambda document: document["files"]["model.tflite"]["inputs"][0].update(shape=[1, 64, 64, 3]),
        r"has image \[1, 32, 32, 3\]",
    ),
    (
        lambda document: document["files"]["model.tflite"]["inputs"][0].update(name="picture"),
        r"card\.json says picture",
    ),
    (lambda document: document["files"]["model.tflite"]["outputs"][0].update(dtype="uint8"), r"has output .* float32"),
]


@pytest.mark.parametrize(("change", "problem"), CARDS, ids=[problem for _, problem in CARDS])
def test_a_card_that_is_wrong_is_named(copy, change, problem):
    file = copy("negative")
    change_card(file, change)
    with pytest.raises(RunError, match=problem):
        GanzooLite(file)


def test_a_card_that_is_no_json_is_named(copy):
    file = copy("negative")
    (file.parent / card.NAME).write_text("no card")
    with pytest.raises(RunError, match=r"card\.json: not the card of an exported model"):
        GanzooLite(file)


MEASURED = """
import re
from ganzoo_lite.cli import main
try:
    main()
finally:
    print(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
"""


def test_a_small_model_is_run_in_less_memory_than_promised(run_bare, models, tmp_path):
    Image.fromarray(smooth(300, 200)).save(tmp_path / "in.jpg")
    done = run_bare(MEASURED, models["negative"], "in.jpg", "--out", "out.png", cwd=tmp_path)
    assert 0 < int(done.stdout.split()[-1]) < 250 * 1024


def painted_from_24_megapixels(run_bare, model, folder):
    """Paints in.jpg, 6000 x 4000, to out.png; returns the process's largest memory in MiB."""
    Image.fromarray(np.broadcast_to(smooth(1, 6000), (4000, 6000, 3))).save(folder / "in.jpg")
    done = run_bare(MEASURED, model, "in.jpg", "--out", "out.png", cwd=folder)
    told, kibibytes = done.stdout.splitlines()
    assert (told, done.returncode) == ("in.jpg -> out.png", 0)
    return int(kibibytes) / 1024


def test_24_megapixels_are_painted_in_little_memory(models, run_bare, tmp_path):
    assert painted_from_24_megapixels(run_bare, models["any_size"], tmp_path) < 768
    with Image.open(tmp_path / "out.png") as painted, Image.open(tmp_path / "in.jpg") as image:
        assert painted.size == (6000, 4000)
        place = (2990, 1990, 3010, 2010)
        assert (np.asarray(painted.crop(place)) == 255 - np.asarray(image.crop(place))).all()


@pytest.mark.slow
def test_24_megapixels_become_384_in_little_memory(run_bare, tmp_path, monkeypatch):
    assert painted_from_24_megapixels(run_bare, exported.enlarger(tmp_path), tmp_path) < 1024
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert Image.open(tmp_path / "out.png").size == (24_000, 16_000)
