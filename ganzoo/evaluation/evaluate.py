"""`ganzoo.evaluate`: how good a generator is, in numbers that say all that they depend on."""

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.backends.quiet import import_keras
from ganzoo.backends.versions import versions
from ganzoo.config.recipe import Recipe
from ganzoo.errors import RunError, UsageError, quoted
from ganzoo.evaluation import instruments, protocols, results, subject
from ganzoo.evaluation.results import Result, Skipped
from ganzoo.evaluation.setting import Setting
from ganzoo.evaluation.splits import Split, open_split
from ganzoo.files import redaction
from ganzoo.files.atomic import check_clock, replacing
from ganzoo.generators.generator import opens_in_keras
from ganzoo.lite import card

if TYPE_CHECKING:
    import keras

FOLDER = "evaluation"
"""The folder of a run directory where its evaluations and their pictures are kept."""


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
        model: a pretrained name, a run directory, a `.keras` file, an exported file, or a Keras model of one of
            ganzoo's architectures.
        data: a source of test images, as `folder:PATH`, in place of the recipe's; needed for what lies in no run
            directory, unless it was trained on `embedded:` data.
        direction: `ab`, `ba` or `both`, of a model that has two generators.
        network: the feature network of the distribution metrics: `efficientnet-lite0`, `inception`, which is fetched
            once, or a `.keras` file. None: the recipe's, and where that can't be had, none.
        perceptual: perceptual distances, of `vgg16` and `lpips`, whose weights are fetched once; None: those whose
            weights are on this machine.
        count: at most so many test images, and so many samples; 2 at least.
        out: a folder for `evaluation.json` and pictures. None: `evaluation` in the run directory, if it is one.
        watch: shows how far it is; see `ganzoo.evaluation.setting.Watch`.

    Returns:
        Plain values: model, protocol, data, split, results, skipped, warnings, versions. Each result says what it was
        measured of, on how many images, against what, how, and with which network.

    Raises:
        UsageError: when the model, the data or a network that was asked for can't be had, or they don't fit.
        RunError: when a file or an image can't be read, or a generator paints what is no number.
    """
    from_disk = isinstance(model, str | Path)
    files = subject.find(model, direction) if from_disk else None
    if count is not None and count < 2:
        raise UsageError(f"count: found {count}; give 2 or more")
    check_clock()
    instruments.check_names(network, perceptual)
    if files and files.recipe:
        protocols.protocol_of(files.recipe)
    test = _known_data(files, data)  # Errors come before Keras, which takes seconds.
    folder = _folder(files, out)
    import_keras()
    found = subject.open_files(files, data) if from_disk else subject.of_model(model, data)
    recipe = _limited(found.recipe, count)
    protocol, usual = protocols.protocol_of(found.recipe), found.recipe.evaluation.network
    tools = instruments.choose(protocol, network, perceptual, usual, found.travelled)
    test = test or open_split(recipe, "test", found.names)
    document = _measured(dataclasses.replace(found, recipe=recipe), test, test.at_most(count), tools, folder, watch)
    if folder:
        _write(document, folder)
    if files:
        _note_in_cards(files, {**document, "data": redaction.in_words(document["data"], recipe.data.source)})
    return document


def _known_data(files: subject.Files | None, data: str | None) -> Split | None:
    """Returns the test images, where the recipe is known without opening the model.

    Raises:
        UsageError: for a file without data, or for data that can't be had.
    """
    if files is None:
        return None
    if data is None and files.unopened:
        raise UsageError(
            f"{files.name}: trained on {quoted(files.unopened)}, by a recipe that came inside the file, and what "
            "such a one names is not opened by itself; give test data as --data SOURCE"
        )
    if files.recipe is not None:
        return open_split(subject.with_source(files.recipe, data), "test", files.names)
    if data is None:
        raise UsageError(
            f"{files.name}: not in a run directory, so that its test data is not known; give it as --data SOURCE"
        )
    return None


def _folder(files: subject.Files | None, out: str | Path | None) -> Path | None:
    """Returns the folder of numbers and pictures, which is made now, so that nothing is measured in vain."""
    folder = Path(out).expanduser() if out else files.run / FOLDER if files and files.run else None
    if folder:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise UsageError(f"{folder}: a file, where a folder for the evaluation is needed; move it away") from None
    return folder


def _limited(recipe: Recipe, count: int | None) -> Recipe:
    fewer = min(count or recipe.evaluation.samples, recipe.evaluation.samples)
    return dataclasses.replace(recipe, evaluation=dataclasses.replace(recipe.evaluation, samples=fewer))


def _measured(
    found: subject.Subject,
    whole: Split,
    test: Split,
    tools: instruments.Instruments,
    folder: Path | None,
    watch: Callable,
) -> dict:
    """Returns all that is found, on the part `test` of the test images."""
    train = _train(found.recipe, whole)
    setting = Setting(
        found.networks,
        found.recipe,
        test,
        tools,
        train=train if isinstance(train, Split) else None,
        own=lambda: _own(found, whole, train),
        watch=watch,
        show=lambda name, picture: _show(picture, folder, name),
    )
    measured = [*tools.skipped, *protocols.measure(setting), *([train] if isinstance(train, Skipped) else [])]
    of_results = [one for one in measured if isinstance(one, Result)]
    if not of_results:
        reasons = "; ".join(f"{one.metric}: {one.reason}" for one in measured)
        raise UsageError(f"{found.name}: nothing can be measured on {test.description}: {reasons}")
    common = {
        "data": test.description,
        "split": "all" if whole.in_training else "test",
        "preparation": test.preparation,
        "versions": versions("pillow"),
    }
    return {
        "model": found.name,
        "sha256": dict(found.sha256),
        "architecture": found.recipe.architecture,
        "protocol": protocols.protocol_of(found.recipe).name,
        **common,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "results": results.as_document(of_results, common),
        "skipped": results.as_reasons(one for one in measured if isinstance(one, Skipped)),
        "warnings": [*_leaks(found, whole), *(result.warning for result in of_results if result.warning)],
    }


def _train(recipe: Recipe, whole: Split) -> Split | Skipped | None:
    """Returns the train split beside the test split `whole`, or why there is none; None where it is of no use."""
    if not protocols.protocol_of(recipe).train:
        return None
    if whole.in_training:
        return Skipped("train split", "the data has one set of images, for training and for testing")
    try:
        return open_split(recipe, "train", whole.names)
    except (UsageError, RunError) as error:
        return Skipped("train split", str(error))


def _own(found: subject.Subject, whole: Split, train: Split | Skipped | None) -> tuple[Split, Split] | None:
    """The splits of the data that the generators were trained on, where these are two."""
    if found.own is None:
        return None
    if not found.on_own_data:
        try:
            whole = open_split(found.own, "test", found.names)
        except (UsageError, RunError):
            return None
        train = _train(found.own, whole)
    return (whole, train) if isinstance(train, Split) else None


def _leaks(found: subject.Subject, whole: Split) -> list[str]:
    if whole.in_training and found.on_own_data:
        return ["the data has no test split: these are the images that the model was trained on"]
    return []


def _show(picture, folder: Path | None, name: str) -> None:
    from ganzoo.generators import pictures

    if folder:
        pictures.save(picture, folder / f"{name}.png")


def _write(document: dict, folder: Path) -> None:
    with replacing(folder / "evaluation.json") as beside:
        beside.write_text(f"{json.dumps(document, indent=2, allow_nan=False)}\n", "utf-8")
    with (folder / "evaluations.jsonl").open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(document, allow_nan=False) + "\n")


def _note_in_cards(files: subject.Files, document: dict) -> None:
    """Adds to the cards of exported files what they score."""
    scores = {key: document[key] for key in ("protocol", "data", "split", "time", "versions")}
    scores["values"] = {result["key"]: result["value"] for result in document["results"]}
    for path in files.paths.values():
        if not opens_in_keras(path):
            place = path.parent / card.NAME
            cards = json.loads(place.read_text("utf-8"))
            cards["files"][path.name]["evaluation"] = scores
            with replacing(place) as beside:
                beside.write_text(json.dumps(cards, indent=2, allow_nan=False) + "\n", "utf-8")
