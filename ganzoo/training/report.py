"""The page of a run, `report.html`: findings, samples through time, curves, recipe, and how to have it again.

One file that needs nothing beside it: pictures and curves are in it. It may be written at any moment of a run, and
takes no TensorFlow.
"""

import base64
import collections
import functools
import io
import math
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import jinja2
import yaml
from PIL import Image

from ganzoo.files.atomic import replacing
from ganzoo.lite.formats import open_image
from ganzoo.recipes import registry
from ganzoo.training import doctor, history, metrics_file, run_directory
from ganzoo.training.run_directory import RunDirectory

FRAMES = 40
"""Samples shown, at most."""
SIDE = 1024
"""Pixels of the longer side of the newest sample, at most."""
PIXELS = 12_000_000
"""Pixels of all samples together, at most: what keeps the page light and its writing quick."""
FRAME_BYTES = 4_000_000
"""Bytes of all samples together; in the page they take a third more."""
POINTS = 400
"""Points of a curve, at most."""

GIVEN = {"image": "PICTURE.png", "clip": "CLIP.wav"}
"""Placeholders of files in a command, by the kind of the network's input."""
MEASURES = ("health", "evaluation")
"""Keys of a line of metrics, under which its measures are by name."""


def write(directory: RunDirectory) -> None:
    """Writes `report.html` of the run as it stands, in one go: a reader never sees half of it.

    Raises:
        UsageError: when the directory is no run.
        OSError: when the page can't be written.
    """
    page = _template().render(_contents(directory))
    with replacing(directory.report) as beside:
        beside.write_text(page, "utf-8")


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["count"] = "{:,}".format
    return environment.from_string(resources.files(__package__).joinpath("report.html.jinja").read_text("utf-8"))


def _contents(directory: RunDirectory) -> dict:
    recipe = run_directory.read_config(directory)
    records = run_directory.read_records(directory)
    run = records.run
    lines = metrics_file.read(directory)
    measured = [line for line in lines if "rollback" not in line]
    rollbacks = [{"to": line["step"], **line["rollback"]} for line in lines if "rollback" in line]
    last = max([line["step"] for line in measured] + [each["to"] for each in rollbacks], default=0)
    frames = _frames(list(directory.samples().items()))
    return {
        "directory": directory.path,
        "recipe": recipe,
        "recipe_text": yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True),
        "run": run,
        "versions": records.versions,
        "written": datetime.now().astimezone(),
        "step": lines[-1]["step"] if lines else max([frame["step"] for frame in frames], default=0),
        "last_step": recipe["training"]["steps"],
        "measured": measured[-1]["step"] if measured else None,
        "findings": measured[-1].get("findings") if measured else None,
        "early": _too_early(recipe["training"], measured),
        "rollbacks": rollbacks,
        "frames": frames,
        "charts": _charts(measured) if last else [],
        "last_charted": last,
        "commands": _commands(directory, recipe, run),
    }


def _too_early(training: Mapping, lines: Sequence[Mapping]) -> str | None:
    due = doctor.due_lines(lines, training.get("log_every", 1), training.get("sample_every", 1))
    return doctor.too_early(training, due[-1]["step"] if due else None)


def _commands(directory: RunDirectory, recipe: Mapping, run: Mapping) -> list[tuple[str, str]]:
    """Returns commands, each with its purpose."""
    path, architecture = str(directory.path), recipe["architecture"]
    again = ["train", str(directory.config), "--run-dir", f"{path}-again"]
    for option in ("init", "strategy"):
        if run.get(option) not in (None, "auto"):
            again += [f"--{option}", str(run[option])]
    deployed = registry.config_class(architecture).deployed if architecture in registry.names() else {}
    kinds = next((signature.kinds for signature in deployed.values()), ("image",))
    inputs = [GIVEN[kind] for kind in kinds if kind in GIVEN]
    commands = [
        (again, f"Train the same again, with seed {recipe['training'].get('seed')}"),
        (["train", str(directory.config), "--run-dir", path], "Go on where this run stopped"),
        (["generate", path, *inputs, "--out", "painted.png"], "Paint with what it has learnt"),
        (["doctor", path], "Ask what is wrong with it"),
    ]
    return [(shlex.join(["ganzoo", *words]), purpose) for words, purpose in commands]


# Samples.


def _frames(samples: Sequence[tuple[int, Path]]) -> list[dict]:
    """Returns at most `FRAMES` samples, evenly spread, the first and the last among them, as they go into the page."""
    if not samples:
        return []
    count = min(len(samples), FRAMES)
    chosen = [samples[round(index * (len(samples) - 1) / max(count - 1, 1))] for index in range(count)]
    # The same whatever their number, so that each is encoded once, and once more as the newest.
    areas = [min(SIDE**2, PIXELS // FRAMES)] * (count - 1) + [SIDE**2]

    def frame(sample, area):
        step, path = sample
        try:
            return {"step": step, **_webp(path, path.stat().st_mtime_ns, area, FRAME_BYTES // FRAMES)}
        except OSError:  # it was moved away, or is no picture
            return None

    # Pillow works outside the interpreter's lock.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [drawn for drawn in pool.map(frame, chosen, areas) if drawn]


@functools.lru_cache(2 * FRAMES)
def _webp(path: Path, changed: int, area: int, most: int) -> dict:
    """A picture as a data URI, of at most `area` pixels and about `most` bytes; the same file is encoded once."""
    with open_image(path) as picture:
        picture = picture.convert("RGB")
    width, height = picture.size
    scale = min(1, SIDE / max(picture.size), math.sqrt(area / (width * height)))
    while True:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        # Two steps, the first a cheap one: quick, and no worse to look at.
        resized = picture if scale == 1 else picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2)
        file = io.BytesIO()
        resized.save(file, "WEBP", quality=80, method=1)
        content = file.getvalue()
        if len(content) <= most or max(size) <= 256:
            break
        scale *= 0.7
    uri = f"data:image/webp;base64,{base64.b64encode(content).decode('ascii')}"
    return {"uri": uri, "width": width, "height": height}


# Curves. The page draws them; here they are gathered.


class Chart(NamedTuple):
    """The health values that are drawn together: those whose key has one of the endings."""

    title: str
    endings: tuple[str, ...]
    scale: str
    """`linear`, from or to 0; `share`, from 0 to 1 or more; or `log`."""
    shows: str


HEALTH = (
    Chart("Discriminator accuracy", ("_accuracy",), "share", "Share of its verdicts that are right; 0.5 is guessing."),
    Chart("Discriminator logits", ("_logit",), "linear", "Mean verdict, before the loss."),
    Chart("Gradient norms", ("_gradient_norm",), "log", "Length of each network's gradient."),
    Chart("Update ratios", ("_update_ratio",), "log", "Length of the last update over that of the weights."),
    Chart(
        "Samples",
        ("_diversity", "_saturation", "_nearest"),
        "share",
        "Diversity is relative to real images: 0 when all samples are one. Saturation is the share of values at the "
        "ends of their range. Nearest is 0 when samples are copies of training images, about 1 when they are new.",
    ),
    Chart(
        "Checkerboard",
        ("_checkerboard",),
        "log",
        "Share of patterns of 2 pixels against the samples' coarse content: artefacts.",
    ),
    Chart(
        "Classes",
        ("class_spread", "label_effect"),
        "share",
        "The spread is that of the class whose samples are most alike, relative to other classes. The effect of the "
        "label is 0 when it changes nothing.",
    ),
    Chart("Other measures", ("",), "linear", "By their names in metrics.jsonl."),
)
"""A key goes to the first chart that takes it."""
MEASURED = "How good the generators are, on a few test images: evaluation.images of them."
LOSSES = "Each term of the loss, with its weight."


def _charts(lines: Sequence[Mapping]) -> list[dict]:
    """Returns the charts for which there are values: title, shows, scale and curves, each a name and its points."""
    terms = _curves(lines, lambda line: {key: line[key] for key in history.terms(line)})
    health, evaluation = (_curves(lines, lambda line, part=part: line.get(part) or {}) for part in MEASURES)
    critics = {key: terms.pop(key) for key in list(terms) if key.startswith("discriminator")}
    # Each on a scale of its own: one is in dB, another a share.
    found = [(Chart(_words(key), (), "linear", MEASURED), {key: evaluation[key]}) for key in sorted(evaluation)]
    found += [
        (Chart("Generator losses", (), "linear", LOSSES), terms),
        (Chart("Discriminator losses", (), "linear", LOSSES), critics),
    ]
    for chart in HEALTH:
        keys = [key for key in sorted(health) if key.endswith(chart.endings)]
        common = chart.endings[0] if len(chart.endings) == 1 else ""
        found.append((chart, {key.removesuffix(common): health.pop(key) for key in keys}))
    speed = _curves(lines, lambda line: {"images per second": line.get("images_per_second")})
    found.append((Chart("Speed", (), "linear", "Images per second of training."), speed))
    return [
        {
            "title": chart.title,
            "shows": chart.shows,
            "scale": chart.scale,
            "curves": [{"name": _words(key), "points": _thinned(curve)} for key, curve in curves.items()],
        }
        for chart, curves in found
        if curves
    ]


def _curves(lines: Sequence[Mapping], values: Callable[[Mapping], Mapping]) -> dict[str, list]:
    """Returns the (step, value) of each key, the value to four digits; it is None where it was not finite."""
    curves = collections.defaultdict(list)
    for line in lines:
        for key, value in values(line).items():
            curves[key].append((line["step"], None if value is None else float(f"{value:.4g}")))
    return curves


def _thinned(curve: list) -> list:
    """Returns at most `POINTS` points: of each stretch the lowest, the highest and a gap, so that none is lost."""
    if len(curve) <= POINTS:
        return curve
    length = math.ceil(len(curve) / ((POINTS - 2) // 3))
    kept = {0, len(curve) - 1}
    for begin in range(0, len(curve), length):
        stretch = range(begin, min(begin + length, len(curve)))
        drawn = [index for index in stretch if curve[index][1] is not None]
        kept.update([index for index in stretch if curve[index][1] is None][:1])
        if drawn:
            kept |= {min(drawn, key=lambda index: curve[index][1]), max(drawn, key=lambda index: curve[index][1])}
    return [curve[index] for index in sorted(kept)]


def _words(key: str) -> str:
    return key.replace("_", " ")
