"""The command as a user gives it: the installed entry point, in a process of its own."""

import json
import re
import signal
import subprocess
import sys

import keras
import pytest
import yaml
from keras import layers
from PIL import Image

import ganzoo as package
from ganzoo.errors import UsageError
from ganzoo.recipes.recipes import load_recipe

TINY = ["--set", "model.image_size=64", "--set", "model.base_filters=2", "--set", "training.sample_count=2"]

WRONG = [
    (["trian"], ["trian", "train"]),
    (["train"], ["RECIPE"]),
    (["train", "pix2px"], ["pix2px", "did you mean 'pix2pix'"]),
    (["train", "mine.yaml"], ["mine.yaml", "no such file"]),
    (["train", "pix2pix", "--set", "model.image_sze=64"], ["image_sze", "did you mean 'image_size'"]),
    (["train", "pix2pix", "--set", "training.batch_size=0"], ["training.batch_size", "0"]),
    (["train", "pix2pix", "--set", "training.steps"], ["training.steps", "key=value"]),
    (["train", "pix2pix", "--steps", "0"], ["--steps", "0"]),
    (["train", "pix2pix", "--strategy", "tpus"], ["--strategy", "tpus", "multi-worker"]),
    (["show", "dcgn"], ["dcgn", "dcgan"]),
    (["generate", "run", "--out", "x.png"], ["'run'", "run directory", ".keras"]),
    (["generate", ".", "--out", "x.png"], ["no generator", "ganzoo train"]),
    (["generate", "empty.keras"], ["--out"]),
    (["generate", "empty.keras", "--out", "x.txt"], ["x.txt", "picture"]),
    (["generate", "empty.keras", "gone.png", "--out", "x.png"], ["gone.png", "no such"]),
    (["generate", "empty.keras", "--interpolate", "3", "--out", "x.png"], ["--interpolate", "'3'", "3,8"]),
    (["generate", "empty.keras", "--count", "0", "--out", "x.png"], ["--count", "0"]),
    (["list", "--jsn"], ["--jsn", "--json"]),
    (["doctor"], ["RUN_DIR"]),
    (["doctor", "gone"], ["gone", "no run directory"]),
    (["doctor", "empty.keras"], ["empty.keras", "file"]),
]


@pytest.mark.parametrize(("arguments", "parts"), WRONG, ids=lambda value: " ".join(value))
def test_wrong_usage_gets_one_line_that_helps_and_status_2(ganzoo, tmp_path, arguments, parts):
    (tmp_path / "empty.keras").touch()
    done = ganzoo(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"Error: .+\n", done.stderr), done.stderr
    assert all(part in done.stderr for part in parts), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["empty.keras"]


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["train", "--help"], ["--version"], ["list"], ["list", "--json"], [], *[wrong for wrong, _ in WRONG]],
    ids=" ".join,
)
def test_a_quick_answer_loads_no_tensorflow(ganzoo, tmp_path, arguments):
    (tmp_path / "empty.keras").touch()
    imports = ganzoo(*arguments, PYTHONPROFILEIMPORTTIME="1").stderr
    assert re.search(r"\| +ganzoo\.cli$", imports, re.MULTILINE)
    assert not re.search(r"\| +(tensorflow|keras|tensorflow_datasets)$", imports, re.MULTILINE)


@pytest.mark.parametrize(("module", "name"), [("ganzoo", "ganzoo"), ("ganzoo.lite", "ganzoo-lite")])
def test_a_module_is_run_as_its_command(module, name):
    done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{name}")


@pytest.fixture
def models(tmp_path):
    """A generator of latents and one of images, as Keras saves them, and images of which one is broken."""
    latents, image = keras.Input((4,)), keras.Input((None, None, 3))
    keras.Model(latents, layers.Reshape((2, 2, 1))(latents), name="painter").save(tmp_path / "painter.keras")
    keras.Model(image, layers.Activation("linear")(image), name="same").save(tmp_path / "same.keras")
    Image.new("RGBA", (9, 9)).save(tmp_path / "in.png")
    (tmp_path / "broken.png").write_bytes(b"no image")


LATE = [
    (["painter.keras", "in.png", "--out", "x.png"], 2, "painter.keras: takes latents, and no images"),
    (["same.keras", "--out", "x.png"], 2, "same.keras: translates images and was given none"),
    (["same.keras", "broken.png", "--out", "x.png"], 1, "broken.png: can't be read as an image"),
    (["same.keras", "in.png", "--out", "x.xyz"], 2, "x.xyz: not the name of a picture"),
    (["dcgan/emoji", "in.png", "--out", "x.png"], 2, "dcgan/emoji: takes latents, and no images"),
    (["pix2pix/emoji", "--out", "x.png"], 2, "translates images and was given none"),
]


@pytest.mark.parametrize(("arguments", "status", "problem"), LATE, ids=lambda value: str(value))
def test_what_is_wrong_with_a_model_and_its_inputs_is_told_without_keras(
    ganzoo, models, tmp_path, arguments, status, problem
):
    done = ganzoo("generate", *arguments, PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == status
    assert problem in done.stderr
    assert not re.search(r"\| +(tensorflow|keras)$", done.stderr, re.MULTILINE)
    assert not (tmp_path / arguments[-1]).exists()


def test_samples_go_one_by_one_into_a_folder(ganzoo, models, tmp_path):
    done = ganzoo("generate", "painter.keras", "--count", 3, "--out", "many/")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "many/seed_0_0.png to seed_0_2.png, 3 pictures\n"
    assert [Image.open(path).size for path in sorted((tmp_path / "many").iterdir())] == [(2, 2)] * 3


@pytest.mark.parametrize(
    ("options", "mode", "told"),
    [
        ([], "RGB", " (on white where it was transparent; --keep-alpha cuts it out again)"),
        (["--keep-alpha"], "RGBA", ""),
    ],
)
def test_what_becomes_of_transparency_is_told_and_can_be_chosen(ganzoo, models, tmp_path, options, mode, told):
    done = ganzoo("generate", "same.keras", "in.png", "--out", "out.png", *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"in.png -> out.png{told}\n"
    assert Image.open(tmp_path / "out.png").mode == mode


def test_the_list_names_all_there_is_and_in_a_pipe_is_plain(ganzoo):
    done = ganzoo("list")
    assert (done.returncode, done.stderr) == (0, "")
    for name in [*package.list_architectures(), *package.list_recipes()]:
        assert re.search(rf"^  {name} +\S", done.stdout, re.MULTILINE), name
    assert "\x1b" not in done.stdout


def test_with_json_nothing_but_json_is_printed(ganzoo):
    done = ganzoo("list", "--json")
    assert done.stderr == ""
    known = json.loads(done.stdout)
    assert [entry["name"] for entry in known["architectures"]] == package.list_architectures()
    assert [entry["name"] for entry in known["recipes"]] == package.list_recipes()
    assert all(entry["summary"] for entry in known["recipes"])


def test_show_gives_the_settings_and_the_layers_of_every_network(ganzoo):
    done = ganzoo("show", "dcgan", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    shown = json.loads(done.stdout)
    assert shown["recipe"] == "dcgan_avatars"
    assert shown["settings"]["architecture"] == "dcgan"
    assert "ganzoo train dcgan" in shown["header"]
    assert shown["networks"].keys() == {"generator", "discriminator"}
    for network in shown["networks"].values():
        assert network["parameters"] == sum(layer["parameters"] for layer in network["layers"]) > 0
        assert all(layer["output"] for layer in network["layers"])


def test_show_reads_well_for_people(ganzoo):
    done = ganzoo("show", "dcgan")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("dcgan_avatars\n")
    assert "ganzoo train dcgan" in done.stdout
    assert re.search(r"^generator: [\d,]+ parameters:$", done.stdout, re.MULTILINE)


def test_a_full_disk_is_a_failure_told_in_a_line(ganzoo):
    with open("/dev/full", "w") as full:
        done = ganzoo("list", stdout=full)
    assert done.returncode == 1
    assert re.fullmatch(r"Error: no space left.+\n", done.stderr), done.stderr


def test_a_place_that_can_not_be_written_is_named(ganzoo, tmp_path):
    latents = keras.Input((4,))
    keras.Model(latents, layers.Reshape((2, 2, 1))(latents), name="tiny").save(tmp_path / "tiny.keras")
    (tmp_path / "file").write_text("no folder")
    done = ganzoo("generate", "tiny.keras", "--out", "file/x.png")
    assert done.returncode == 1
    assert re.fullmatch(r"Error: file: .+\n", done.stderr), done.stderr


def test_a_model_that_is_broken_is_a_failure_told_in_a_line(ganzoo, tmp_path):
    (tmp_path / "broken.keras").write_bytes(b"no model")
    done = ganzoo("generate", "broken.keras", "--out", "x.png")
    assert done.returncode == 1
    assert re.fullmatch(r"Error: broken\.keras: can't be read.+\n", done.stderr), done.stderr


def write_run(folder, *lines):
    """A run directory that holds what the doctor reads."""
    folder.mkdir()
    config = {"architecture": "dcgan", "model": {}, "data": {}, "training": {"steps": 6000}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def measured(step, **terms):
    return {"step": step, **terms, "nonfinite": sum(term is None for term in terms.values()), "health": {}}


def test_the_doctor_says_what_is_wrong_since_when_and_what_to_try(ganzoo, tmp_path):
    back = {"number": 1, "from": 460, "reason": "generator_l1 rose to 900, beyond 800"}
    write_run(
        tmp_path / "run",
        measured(400, generator_l1=30.0),
        {"step": 400, "rollback": back},
        measured(1425, generator_l1=30.0),
        measured(1450, generator_l1=None),
        measured(1475, generator_l1=None),
    )

    done = ganzoo("doctor", "run", COLUMNS="60")
    assert (done.returncode, done.stderr) == (0, "")
    first, *_ = done.stdout.splitlines()
    assert first == "run: step 1,475 of 6,000"
    assert "went back from step 460 to step 400" in done.stdout
    assert "diverging (since step 1,450)\n  generator_l1 became NaN or infinite\n" in done.stdout
    assert "model.learning_rate" in done.stdout
    assert "healthy" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 60

    told = json.loads(ganzoo("doctor", "run", "--json").stdout)
    assert (told["run"], told["step"], told["last_step"]) == ("run", 1475, 6000)
    assert [(finding["name"], finding["since"]) for finding in told["findings"]] == [("diverging", 1450)]
    assert told["rollbacks"] == [{"to": 400, **back}]


def test_the_doctor_calls_a_healthy_run_healthy_and_loads_no_tensorflow(ganzoo, tmp_path):
    write_run(tmp_path / "run", *(measured(step, generator_l1=30.0) for step in range(25, 150, 25)))
    done = ganzoo("doctor", "run", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    assert done.stdout.startswith("run: step 125 of 6,000\nhealthy: ")
    assert not re.search(r"\| +(tensorflow|keras)$", done.stderr, re.MULTILINE)


def test_the_doctor_of_a_run_without_metrics_does_not_call_it_healthy(ganzoo, tmp_path):
    write_run(tmp_path / "run")
    done = ganzoo("doctor", "run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "no metrics yet" in done.stdout
    assert "healthy" not in done.stdout
    assert json.loads(ganzoo("doctor", "run", "--json").stdout)["step"] is None


def test_the_doctor_of_a_run_whose_lines_hold_no_health_does_not_call_it_healthy(ganzoo, tmp_path):
    lines = [{"step": step, "generator_l1": 30.0, "nonfinite": 0} for step in range(25, 150, 25)]
    write_run(tmp_path / "run", *lines)
    done = ganzoo("doctor", "run")
    assert done.stdout.startswith("run: step 125 of 6,000\nnothing to judge it by: ")
    assert "healthy" not in done.stdout


def test_what_was_trained_paints(ganzoo, tmp_path):
    trained = ganzoo("train", "pix2pix", *TINY, "--set", "training.batch_size=1", "--steps", 2, "--run-dir", "run")
    assert trained.returncode == 0, trained.stderr
    assert "Warning" not in trained.stderr
    assert yaml.safe_load((tmp_path / "run/config.yaml").read_text())["model"]["image_size"] == 64
    Image.new("RGBA", (50, 81), "red").save(tmp_path / "in.png")

    painted = ganzoo("generate", "run", "in.png", "--out", "out.jpg")

    assert (painted.returncode, painted.stderr) == (0, "")
    assert painted.stdout == "in.png -> out.jpg\n"
    assert Image.open(tmp_path / "out.jpg").size == (50, 81)


def test_a_dry_run_tells_the_plan_and_writes_nothing(ganzoo, tmp_path):
    done = ganzoo("train", "pix2pix", *TINY, "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "runs/pix2pix_avatars" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_shows_no_traceback(command, tmp_path):
    image = keras.Input((None, None, 3))
    keras.Model(image, layers.Activation("linear")(image), name="same").save(tmp_path / "same.keras")
    (tmp_path / "in").mkdir()
    for number in range(2000):
        Image.new("RGB", (256, 256)).save(tmp_path / f"in/{number}.png")
    arguments = [command, "generate", "same.keras", "in", "--out", "out"]
    with subprocess.Popen(
        arguments,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What a shell starts in the background ignores it, and so do its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as running:
        running.stdout.readline()
        running.send_signal(signal.SIGINT)
        _, told = running.communicate()
    assert running.returncode == 130
    assert told.strip() == ""
    assert 0 < len(list((tmp_path / "out").iterdir())) < 2000


def test_show_of_a_run_tells_how_far_it_is_its_findings_and_settings(ganzoo, tmp_path):
    write_run(tmp_path / "run", measured(1450, generator_l1=None))
    document = yaml.safe_load((tmp_path / "run/config.yaml").read_text())
    document["training"]["batch_size"] = 4
    (tmp_path / "run/config.yaml").write_text(yaml.safe_dump({**document, "run": {"strategy": "auto"}}))
    done = ganzoo("show", "run", KERAS_BACKEND="none")
    assert done.stdout.startswith("run: step 1,450 of 6,000\n\ndiverging (since step 1,450)")
    assert "\narchitecture: dcgan\n" in done.stdout


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("batch_size", "training.batch_size"),
        ("batchsize", "training.batch_size"),
        ("seed", "training.seed"),
        ("latent_dim", "model.latent_dim"),
        ("load_size", "data.load_size"),
    ],
)
def test_a_setting_without_its_section_is_answered_with_it(key, answer):
    with pytest.raises(UsageError, match=f"unknown section '{key}'; the setting is {answer}$"):
        load_recipe("dcgan", [f"{key}=4"])
