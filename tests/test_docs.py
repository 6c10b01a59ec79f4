"""The pages of `docs/`, and every command and block of Python in the documentation, against what there is."""

import re
import shlex
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo.cli import cli
from ganzoo.data.images import read_image
from ganzoo.errors import UsageError
from ganzoo.lite import card
from ganzoo.lite import cli as lite_cli
from ganzoo.lite.network import Network
from ganzoo.recipes import recipes, registry
from scripts import model_table, settings_page

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = {
    str(page.relative_to(ROOT)): page.read_text("utf-8")
    for page in (
        *(ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))),
        *(ROOT / "export" / part / "README.md" for part in ("", "lite", "web")),
    )
}
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
RUN = {"README.md": 1, "docs/training.md": 1, "docs/fit.md": 11, "docs/evaluation.md": 2, "export/lite/README.md": 1}
"""Blocks of Python that a test runs. That of export/README.md says the same as that of export/lite."""


def commands(page: str) -> list[str]:
    """The commands of a page: those of lines that are indented, and those in the text, without what is said of them."""
    text = re.sub("```.*?```", "", PAGES[page], flags=re.DOTALL).replace("\\\n", "")
    start = r"(?:[A-Z_]+=\S+ )*(?:ganzoo|ganzoo-lite|python|pip) "
    lines = re.findall(f"^    ({start}.*)$", text, re.MULTILINE) + re.findall(f"`({start}[^`]+)`", text)
    # `ganzoo evaluate --json` in a sentence is short for one that names a model.
    said = [re.split(r"  +(?!-)", line)[0] for line in lines if not re.search(r"\[--|^ganzoo \w+ --json$", line)]
    return [part for line in said for part in line.split(" && ")]


def problem(command: str) -> str | None:
    """Why a command can't be run as it stands; None: nothing is known against it."""
    words = [word for word in shlex.split(command, comments=True) if not re.fullmatch(r"[A-Z_]+=\S+", word)]
    program, *arguments = words
    check = {"ganzoo": of_ganzoo, "ganzoo-lite": of_lite, "python": of_python, "pip": of_pip}[program]
    try:
        return check(arguments)
    except (UsageError, click.ClickException) as error:
        return str(error)


def of_ganzoo(arguments: list[str]) -> None:
    name, *rest = arguments
    if name not in cli.commands and not name.startswith("-"):
        raise UsageError(f"no command {name}")
    # The name of a command alone stands for the command.
    if rest:
        read = cli.commands[name].make_context(name, rest).params
        if name == "train" and recipes_own(read["recipe"]):
            recipes.load_recipe(read["recipe"], read["overrides"], read["data"])


def recipes_own(name: str) -> bool:
    """Whether a word names a recipe, and not what a reader is to put there."""
    return name.islower() and not name.endswith(".yaml") and not name.startswith("<")


def of_lite(arguments: list[str]) -> None:
    lite_cli._parser().parse_intermixed_args(arguments)


def of_python(arguments: list[str]) -> str | None:
    if arguments[:2] == ["-m", "pytest"]:
        return next((f"no file {path}" for path in arguments[2:] if not (ROOT / path).exists()), None)
    script = ROOT / arguments[0]
    if not script.is_file():
        return f"no file {script}"
    options = [word for word in arguments[1:] if word.startswith("--")]
    return next((f"no option {option}" for option in options if f'"{option}"' not in script.read_text("utf-8")), None)


def of_pip(arguments: list[str]) -> str | None:
    extras = (ROOT / "setup.cfg").read_text("utf-8").partition("[options.extras_require]")[2]
    for word in arguments[1:]:
        wanted = re.fullmatch(r"(?:\.|keras-ganzoo)\[(\w+)\]", word)
        if wanted and not re.search(rf"^{wanted[1]} =", extras, re.MULTILINE):
            return f"no extra {wanted[1]}"
        if "/" in word and not (ROOT / word).exists():
            return f"nothing at {word}"
    return None


@pytest.mark.parametrize("page", PAGES)
def test_no_command_of_the_documentation_has_a_name_option_or_setting_that_is_not_there(page):
    assert [(command, why) for command in commands(page) if (why := problem(command))] == []


def test_a_wrong_command_would_be_found():
    wrong = [
        "ganzoo trian pix2pix",
        "ganzoo train pix2pixx --dry-run",
        "ganzoo train pix2pix --set training.stepss=3",
        "ganzoo generate dcgan/avatars --countt 3 --out a.png",
        "ganzoo-lite a.tflite --cuont 3",
        "python scripts/no_such.py",
        "python scripts/training_queue.py --no-such",
        "python -m pytest tests/no_such.py",
        'pip install -e ".[nothing]"',
    ]
    assert [command for command in wrong if not problem(command)] == []


@pytest.mark.parametrize("page", PAGES)
def test_no_link_of_a_page_is_dead(page):
    text = re.sub("```.*?```", "", PAGES[page], flags=re.DOTALL)
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    folder = (ROOT / page).parent
    assert [link for link in links if not (folder / link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_no_file_that_a_page_names_has_moved(page):
    named = re.findall(r"`((?:ganzoo|tests|scripts|benchmarks|docs|export|zoo_configs|weights)/[\w./]+)`", PAGES[page])
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_no_block_of_python_is_left_out_of_the_tests():
    found = {page: len(PYTHON.findall(text)) for page, text in PAGES.items() if page != "export/README.md"}
    assert {page: count for page, count in found.items() if count} == RUN


def test_each_answer_of_contributing_is_a_file_that_holds_what_it_names():
    answers = re.findall(
        r"^\| (?:is|would) [^|]*\| `([^`]+)`[^|]*\| `(\w+)` \|$", PAGES["CONTRIBUTING.md"], re.MULTILINE
    )
    assert len(answers) == 5
    for path, name in answers:
        held = (ROOT / path).read_text("utf-8")
        assert re.search(rf"^ *(?:def|class) {name}\b|^{name}\b.* = ", held, re.MULTILINE), (path, name)


def test_contributing_names_each_room_and_no_other():
    rooms = re.findall(r"^\| `(\w+)/` \|", PAGES["CONTRIBUTING.md"], re.MULTILINE)
    assert sorted(rooms) == sorted(path.parent.name for path in (ROOT / "ganzoo").glob("*/__init__.py"))


def test_no_architecture_or_recipe_is_missing_from_the_page_on_training():
    named = set(re.findall(r"`(\w+)`", PAGES["docs/training.md"]))
    default = {registry.config_class(name).default_recipe for name in ganzoo.list_architectures()}
    assert set(ganzoo.list_architectures()) <= named
    assert set(ganzoo.list_recipes()) - default <= named


def test_the_numbers_of_the_page_on_pretrained_generators_are_those_of_the_cards():
    assert model_table.table() in PAGES["docs/pretrained.md"], "run python scripts/model_table.py"


def test_the_page_of_settings_is_what_its_script_writes():
    assert PAGES["docs/settings.md"] == settings_page.page(), "run python scripts/settings_page.py"


def test_no_setting_is_without_a_meaning():
    rows = [row for _, _, table in settings_page.tables() for row in table]
    assert len(rows) > 80
    assert [name for name, *_, meaning in rows if not meaning] == []


def test_the_page_on_fit_runs_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning) as told:
        exec("\n".join(PYTHON.findall(PAGES["docs/fit.md"])), {})
    assert not [warning for warning in told if "fit: " in str(warning.message)]
    assert Image.open("epoch_1.png").size == (4 * 32, 32)
    assert (tmp_path / "generator.keras").exists()


def test_the_protocol_and_the_metrics_of_the_page_on_evaluation_run_as_they_stand(monkeypatch):
    from ganzoo.evaluation import protocol
    from ganzoo.evaluation.setting import Setting

    monkeypatch.setattr(protocol, "REGISTERED", dict(protocol.REGISTERED))
    protocol_block, metrics_block = PYTHON.findall(PAGES["docs/evaluation.md"])
    names = {"__name__": "mypackage.darkness"}
    exec(protocol_block, names)
    latents, image = card.Tensor("z", "latents", (1, 4), "float32"), card.Tensor("x", "image", (1, 8, 8, 3), "float32")
    half = Network("half black", card.Interface("", (latents,), (image,)), lambda z: np.eye(2)[None, :, :, None] * 255)
    (result,) = names["darkness"](Setting({"generator": half}, recipe=None, test=None, instruments=None))
    assert result.value == 127.5
    exec(metrics_block, names)
    assert names["real"].whole.count == 64


@pytest.mark.slow
def test_the_python_of_the_page_on_training_runs_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(*PYTHON.findall(PAGES["docs/training.md"]), names)
    assert names["images"].shape == (16, 64, 64, 3)


@pytest.mark.slow
def test_the_commands_of_the_page_on_training_run(tmp_path, ganzoo):
    rng = np.random.default_rng(0)
    folders = ("facades/train", "drawings", "paintings", "summer2winter/trainA", "summer2winter/trainB", "photos")
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
        width = 512 if "facades" in folder else 256
        Image.fromarray(rng.integers(0, 256, (256, width, 3), "uint8")).save(tmp_path / folder / "1.png")
    Image.new("RGB", (128, 128), "white").save(tmp_path / "drawing.png")
    assert ganzoo("train", "dcgan", "--steps", "1").returncode == 0
    for command in commands("docs/training.md"):
        program, *arguments = shlex.split(command)
        if program == "ganzoo" and arguments[0] == "train" and ".zip" not in command and "tfds:" not in command:
            if "--data" in arguments:
                arguments += ["--dry-run", "--run-dir", "runs/other"]
            elif recipes_own(arguments[1]):
                arguments += ["--steps", "1"]
            else:
                continue
        elif program != "ganzoo" or arguments[0] != "generate":
            continue
        done = ganzoo(*arguments)
        assert done.returncode == 0, (command, done.stderr)
    assert len(list((tmp_path / "many").iterdir())) == 1000


@pytest.mark.slow
def test_each_picture_of_the_gallery_is_what_its_command_paints(tmp_path, ganzoo):
    page = PAGES["docs/gallery.md"]
    shown = re.findall(r"!\[[^]]*\]\((gallery/[^)/]+\.\w+)\)", page)
    painted = [command for command in commands("docs/gallery.md") if command.startswith("ganzoo generate")]
    for file in (DOCS / "gallery" / "inputs").iterdir():
        (tmp_path / file.name).symlink_to(file)
    assert len(shown) == len(painted) == 8
    for picture, command in zip(shown, painted, strict=True):
        assert ganzoo(*shlex.split(command)[1:]).returncode == 0
        made, kept = (read_image(file) for file in (tmp_path / command.split()[-1], DOCS / picture))
        assert made.shape == kept.shape, command
        # JPEG's own errors are of its blocks of 8 x 8; their means stay.
        means = [blocks.mean((1, 3)) for blocks in (eights(made), eights(kept))]
        assert np.abs(means[0] - means[1]).mean() < 1, command


def eights(pixels: np.ndarray) -> np.ndarray:
    height, width = (side // 8 for side in pixels.shape[:2])
    return pixels[: 8 * height, : 8 * width].astype(float).reshape(height, 8, width, 8, 3)
