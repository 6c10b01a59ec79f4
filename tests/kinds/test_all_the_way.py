"""Five GANs of other kinds go all the way, from a recipe to a file that a phone runs. Each is one file beside this one:

installed as a package of its own, trained by a command, killed and resumed, asked, evaluated and exported.
"""

import dataclasses
import importlib
import json
import os
import re
import signal
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

# pytest's importlib mode puts no test folder on the path.
sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

import plugins  # noqa: E402
import small  # noqa: E402
import warm  # noqa: E402

import ganzoo  # noqa: E402
from ganzoo.config import registration  # noqa: E402
from ganzoo.lite.runner import open_tflite  # noqa: E402

STEPS, SAVED = 16, 6
SHAPES = {
    "circle": lambda pen, color: pen.ellipse((6, 6, 26, 26), color),
    "cross": lambda pen, color: pen.line((6, 6, 26, 26), color, 5) or pen.line((26, 6, 6, 26), color, 5),
    "ring": lambda pen, color: pen.ellipse((6, 6, 26, 26), outline=color, width=4),
    "square": lambda pen, color: pen.rectangle((7, 7, 25, 25), color),
    "triangle": lambda pen, color: pen.polygon([(16, 5), (27, 26), (5, 26)], color),
}
COLORS = ("red", "green", "blue", "orange")


@dataclasses.dataclass(frozen=True)
class Kind:
    model: str
    network: str
    shapes: dict
    """The shapes of the exported file's inputs, by name."""
    metrics: tuple[str, ...]
    """Among what `ganzoo evaluate` gives."""
    quality: str
    """The measure of the proof, as `card.json` calls it."""
    data: str = "pictures"


OF_LATENTS, SAMPLES = {"latents": [1, 8]}, ("fd_efflite0", "recall")
KINDS = {
    "classifier": Kind(
        "{classes: 5, labels_per_class: 4, ema_decay: 0.9}",
        "classifier",
        {"image": [1, 16, 16, 3]},
        ("test_error", "cross_entropy"),
        "agreement",
    ),
    "conditional": Kind(
        "{classes: 5, ema_decay: 0.9}", "generator", {**OF_LATENTS, "label": [1]}, SAMPLES, "psnr_mean"
    ),
    "sequence": Kind("{}", "generator", OF_LATENTS, ("spectral_distance", "spectral_spread"), "snr_mean", "sounds"),
    "style": Kind("{ema_decay: 0.9}", "generator", OF_LATENTS, SAMPLES, "psnr_mean"),
    "tokens": Kind(
        "{vocabulary: 20, caption_length: 6}", "generator", {**OF_LATENTS, "tokens": [1, 6]}, SAMPLES, "psnr_mean"
    ),
}


def sounds(folder: Path) -> None:
    """Tones of other heights, a second each."""
    random = np.random.default_rng(0)
    for split, count in (("train", 8), ("test", 4)):
        (folder / split).mkdir(parents=True)
        for number in range(count):
            tone = np.sin(2 * np.pi * random.uniform(200, 2000) * np.arange(8000) / 8000)
            with wave.open(str(folder / split / f"{number}.wav"), "wb") as file:
                file.setparams((1, 2, 8000, 0, "NONE", ""))
                file.writeframes((tone * 20_000).astype("<i2").tobytes())


def pictures(folder: Path) -> None:
    """Shapes of each color, in a folder for each shape, and beside each picture what it shows in words."""
    for split, colors in (("train", COLORS), ("test", COLORS[:2])):
        for shape, draw in SHAPES.items():
            (folder / split / shape).mkdir(parents=True)
            for color in colors:
                picture = Image.new("RGB", (32, 32), "white")
                draw(ImageDraw.Draw(picture), color)
                picture.save(folder / split / shape / f"{color}.png")
                (folder / split / shape / f"{color}.txt").write_text(f"A {color} {shape}")


def environment(site: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(site / "site"), "TF_CPP_MIN_LOG_LEVEL": "3"}


def done(site: Path, *words) -> str:
    process = warm.run(words, site, environment(site))
    assert process.returncode == 0, process.stderr[-3000:]
    return process.stdout


@pytest.fixture(scope="module", params=small.each(sorted(KINDS), ("classifier", "conditional")))
def trained(request, tmp_path_factory):
    """The name of a kind, and a folder with its run, and a package that holds its file and no other of its own."""
    name, kind = request.param, KINDS[request.param]
    site = tmp_path_factory.mktemp(name)
    plugins.install(site / "site", f"my{name}", Path(__file__).with_name(f"{name}.py"), [f"{name} = my{name}.network"])
    sounds(site / "sounds")
    pictures(site / "pictures")
    (site / "recipe.yaml").write_text(
        f"architecture: {name}\nmodel: {kind.model}\ndata: {{source: 'folder:{kind.data}'}}\n"
        f"training: {{steps: {STEPS}, batch_size: 4, sample_count: 4, log_every: 4, sample_every: 8, "
        f"checkpoint_every: {SAVED}}}\n"
    )
    done(site, "train", "recipe.yaml", "--run-dir", "run")
    return name, site


@pytest.fixture
def known(trained, monkeypatch):
    """The same, its architecture known in this process too."""
    name, site = trained
    monkeypatch.setattr(registration, "CLASSES", dict(registration.CLASSES))
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.chdir(site)
    importlib.import_module(name)
    return name, site


# All that a run keeps is in the contract's tests of checkpoints too; lazy phases are of this one alone.
@pytest.mark.parametrize("trained", small.each(sorted(KINDS), slow=KINDS.keys() - {"style"}), indirect=True)
def test_killed_and_resumed_it_comes_to_the_same_bits(trained):
    _, site = trained
    words = ("train", "recipe.yaml", "--run-dir", "killed")
    process = warm.Started(words, site, environment(site), site / "said", site / "said")
    while not (site / f"killed/checkpoints/step_{SAVED:07}.npz").exists():
        assert process.poll() is None, (site / "said").read_text()[-3000:]
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done(site, "train", "recipe.yaml", "--run-dir", "killed")
    last = f"checkpoints/step_{STEPS:07}.npz"
    with np.load(site / "run" / last) as one, np.load(site / "killed" / last) as other:
        assert sorted(one.files) == sorted(other.files)
        # The note has times.
        names = [array for array in one.files if array != "note"]
        assert [array for array in names if one[array].tobytes() != other[array].tobytes()] == []


def test_it_is_asked_in_the_words_of_its_kind(trained):
    name, site = trained
    if name == "classifier":
        Image.new("RGB", (40, 30), "red").save(site / "red.png")
        told = json.loads(done(site, "generate", "run", "red.png", "--json"))
        (answer,) = told if isinstance(told, list) else told["answers"]
        assert sorted(answer["classes"]) == sorted(SHAPES)
        assert sum(answer["classes"].values()) == pytest.approx(1, abs=1e-4)
        assert done(site, "generate", "run", "red.png").startswith("red.png: ")
    elif name == "sequence":
        done(site, "generate", "run", "--out", "clips", "--count", "2")
        for file in sorted((site / "clips").iterdir()):
            with wave.open(str(file)) as clip:
                assert (clip.getframerate(), clip.getnframes(), clip.getnchannels()) == (8000, 256, 1)
                assert np.frombuffer(clip.readframes(256), "<i2").std() > 0
    else:
        options = {"conditional": ("--class", "ring,cross"), "tokens": ("--text", "a blue ring"), "style": ()}[name]
        done(site, "generate", "run", "--out", "samples.png", "--count", "4", *options)
        with Image.open(site / "samples.png") as grid:
            assert np.asarray(grid).std() > 1


UNKNOWN = {
    "conditional": (("--class", "sqare"), "sqare.*square"),
    "tokens": (("--text", "a blue rong"), "rong.*ring"),
}


def test_a_word_that_it_does_not_know_is_named_with_the_nearest(trained):
    name, site = trained
    if name not in UNKNOWN:
        pytest.skip("it is asked nothing in words")
    options, told = UNKNOWN[name]
    process = warm.run(["generate", "run", "--out", "samples.png", *options], site, environment(site))
    err = process.stderr
    assert process.returncode == 2
    assert len(err.strip().split("\n")) == 1
    assert re.search(told, err), err


def test_it_is_evaluated_by_the_protocol_that_fits(known):
    name, _ = known
    found = ganzoo.evaluate("run", count=16)
    assert set(KINDS[name].metrics) <= {result["key"] for result in found["results"]}


def test_it_is_exported_with_proof_and_runs_without_keras(known):
    name, site = known
    kind = KINDS[name]
    ganzoo.export("run", "exported", measure=False)
    card = json.loads((site / "exported/card.json").read_text())
    assert {entry["format"] for entry in card["files"].values()} == {"savedmodel", "tflite"}
    for file, entry in card["files"].items():
        assert entry["quality"]["passed"], (file, entry["quality"])
        assert kind.quality in entry["quality"]
        assert {tensor["name"]: tensor["shape"] for tensor in entry["inputs"]} == kind.shapes
    model = ganzoo.load("run")
    assert model.provenance.network == kind.network
    network = open_tflite(site / f"exported/{kind.network}_float32.tflite")
    random = np.random.default_rng(0)
    inputs = {
        tensor.name: random.integers(0, 5, tensor.shape).astype("int32")
        if tensor.dtype == "int32"
        else random.uniform(-1, 1, tensor.shape).astype("float32")
        for tensor in network.interface.inputs
    }
    values = list(inputs.values())
    expected = model(values if len(values) > 1 else values[0], training=False)
    np.testing.assert_allclose(network.call(inputs if len(values) > 1 else values[0]), expected, rtol=0, atol=1e-5)
