"""`ganzoo.evaluate`: how good a generator is, in numbers that say all that they depend on."""

import dataclasses
import importlib.metadata
import json
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.errors import UsageError
from ganzoo.evaluation import instruments, results, subject
from ganzoo.evaluation.examples import Examples, open_examples
from ganzoo.files import replacing
from ganzoo.quiet import import_tensorflow

if TYPE_CHECKING:
    import keras

FOLDER = "evaluation"
"""In a run directory: where its evaluations and their pictures are kept."""
LINES = "evaluations.jsonl"


def evaluate(
    model: "str | Path | keras.Model",
    data: str | None = None,
    *,
    direction: str = subject.BOTH,
    network: str | None = None,
    perceptual: Sequence[str] | None = None,
    count: int | None = None,
    out: str | Path | None = None,
    watch: Callable = lambda items, length, title: items,
) -> dict:
    """Measures how good a generator is, by the protocol of its recipe: see `ganzoo.evaluation.protocols`.

    Of a run directory the numbers are also added to `evaluation/evaluations.jsonl` in it; of an exported file they go
    into its entry of `card.json`.

    Args:
        model: a run directory, a `.keras` file, an exported file, or a Keras model of one of ganzoo's architectures.
        data: a source of test images, as `folder:PATH`, in place of the recipe's; needed for what lies in no run
            directory.
        direction: `ab`, `ba` or `both`, of a model that has two generators.
        network: the feature network of the distribution metrics: `efficientnet-lite0`, `inception`, which is fetched
            once, or a `.keras` file. None: the recipe's, and where that can't be had, none.
        perceptual: perceptual distances, of `vgg16` and `lpips`, whose weights are fetched once; None: those whose
            weights are on this machine.
        count: at most so many test images, and so many samples.
        out: a folder for `evaluation.json` and pictures. None: `evaluation` in the run directory, if it is one.
        watch: shows how far it is; see `ganzoo.evaluation.protocols.Watch`.

    Returns:
        Plain values: model, protocol, data, split, results, skipped, versions. Each result says what it was measured
        of, on how many images, against what, how, and with which network.

    Raises:
        UsageError: when the model, the data or a network that was asked for can't be had, or they don't fit.
        RunError: when a file or an image can't be read.
    """
    from_disk = isinstance(model, str | Path)
    files = subject.find(model, direction) if from_disk else None
    instruments.check_names(network, perceptual)
    recipe = subject.with_source(files.recipe, data) if files and files.recipe else None
    if recipe:
        open_examples(recipe, "test")  # Errors come before TensorFlow, which takes seconds.
    elif from_disk and data is None:
        raise UsageError(
            f"{model}: not in a run directory, so that its test data is not known; give it as --data SOURCE"
        )
    import_tensorflow()
    found = subject.open_files(files, recipe, data) if from_disk else subject.of_model(model, data)
    folder = Path(out).expanduser() if out else files.run / FOLDER if files and files.run else None
    document = _measured(found, data, network, perceptual, count, folder, watch)
    if folder:
        _write(document, folder)
    if files:
        _note_in_cards(files, document)
    return document


def _measured(found: subject.Subject, data, network, perceptual, count, folder, watch) -> dict:
    from ganzoo.evaluation import protocols

    recipe = found.recipe
    if count is not None:
        limited = dataclasses.replace(recipe.evaluation, samples=min(count, recipe.evaluation.samples))
        recipe = dataclasses.replace(recipe, evaluation=limited)
    protocol = protocols.protocol_of(recipe)
    whole = open_examples(recipe, "test")
    test = whole.at_most(count)
    tools = instruments.open_instruments(
        network or recipe.evaluation.network,
        () if protocol == "samples" else perceptual,
        features=protocol != "super_resolution",
        must=network is not None,
    )
    setting = protocols.Setting(
        found.networks,
        recipe,
        test,
        None if whole.in_training else _train(recipe),
        tools,
        watch,
        lambda name, picture: _show(picture, folder, name),
    )
    measured = list(protocols.measure(setting))
    common = {"data": test.description, "split": "test", "versions": versions()}
    warnings = [result.warning for result in measured if isinstance(result, results.Result) and result.warning]
    if whole.in_training and found.trained_here:
        warnings.insert(0, "the data has no test split: these are the images that the model was trained on")
    return {
        "model": found.name,
        "architecture": recipe.architecture,
        "protocol": protocol,
        **common,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "results": results.as_document((one for one in measured if isinstance(one, results.Result)), common),
        "skipped": results.as_reasons(one for one in (*tools.skipped, *measured) if isinstance(one, results.Skipped)),
        "warnings": list(dict.fromkeys(warnings)),
    }


def _train(recipe) -> Examples | None:
    try:
        return open_examples(recipe, "train")
    except UsageError:
        # Of a folder that holds test images alone.
        return None


def versions() -> dict[str, str]:
    """The versions that decide on the last digits of a number."""
    packages = ("keras-ganzoo", "tensorflow", "keras", "numpy", "pillow")
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in packages}}


def _show(picture, folder: Path | None, name: str) -> None:
    from ganzoo import pictures

    if folder:
        pictures.save(picture, folder / f"{name}.png")


def _write(document: dict, folder: Path) -> None:
    text = json.dumps(document, indent=2, allow_nan=False)
    with replacing(folder / "evaluation.json") as beside:
        beside.write_text(f"{text}\n", "utf-8")
    with (folder / LINES).open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(document, allow_nan=False) + "\n")


def _note_in_cards(files: subject.Files, document: dict) -> None:
    """Adds what was found to the cards of exported files."""
    from ganzoo import pretrained
    from ganzoo.lite import card

    for path in files.paths.values():
        if pretrained.is_keras(path):
            continue
        place = path.parent / card.NAME
        cards = json.loads(place.read_text("utf-8"))
        cards["files"][path.name]["evaluation"] = {
            key: document[key] for key in ("protocol", "data", "split", "time", "results", "skipped", "versions")
        }
        with replacing(place) as beside:
            beside.write_text(json.dumps(cards, indent=2) + "\n", "utf-8")
