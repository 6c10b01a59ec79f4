"""From a trained network to files: what `ganzoo generate` does. Imports no Keras until a model is used."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganzoo.backends.quiet import import_keras
from ganzoo.generators import checking, directions, inference, mixing, pictures, pretrained
from ganzoo.generators.generator import Generator, is_tflite
from ganzoo.lite import answers, asking, clips, pixels, samples, sheets
from ganzoo.lite import jobs as lite_jobs
from ganzoo.lite.jobs import is_file, plan_images
from ganzoo.lite.sheets import Sheet
from ganzoo.lite.tiling import Progress

if TYPE_CHECKING:
    import keras

__all__ = ["generate", "generate_answers", "generate_images", "generate_samples", "plan_images"]

FRAMES = 60
"""Frames of an animation between two seeds, there and back: 3 seconds."""
OPTIONS = {"classes": "class", "table": "classes", "texts": "text"}
"""The command's names of options, where they differ."""


def generate(
    model: "str | Path | keras.Model | Generator",
    inputs: str | Path | Sequence[str | Path] = (),
    out: str | Path | None = None,
    *,
    count: int | None = None,
    seed: int | None = None,
    seeds: Sequence[int] = (),
    interpolate: Sequence[int] = (),
    latents: str | Path | None = None,
    mix: tuple[Sequence[int], Sequence[int]] | None = None,
    edit: Mapping[str, float] | None = None,
    truncation: float | None = None,
    classes: str | Sequence[str] = (),
    table: str | Sequence[str] = (),
    texts: str | Sequence[str] = (),
    tiles: bool = False,
    keep_alpha: bool = False,
    large: bool = False,
    direction: str = "ab",
    network: str | None = None,
    say: Callable[[str], None] = lambda line: None,
    warn: Callable[[str], None] = lambda line: None,
) -> list[dict[str, Any]]:
    """Writes samples, or a picture of each input; or tells what each input is. The command `ganzoo generate` is this.

    For arrays in place of files call the network: `ganzoo.load(model)`, or `gan(x)` of a GAN.

    Args:
        model: a name from `ganzoo.list_pretrained()`, a run directory, a `.keras` file, a SavedModel directory, a
            `.tflite` file, its `card.json` beside it, or a Keras model.
        inputs: images of any size or `.wav` files, or folders of them, where the model works on such.
        out: the picture or `.wav` file to write, or a folder for many; of answers a JSON file, which may be left out.
        count: how many samples, by default 16; of a table, how many rows, by default 8; of what is spelled, how many
            styles, by default 1; of an animation, how many frames, by default 60 for each two seeds.
        seed: of the samples, by default 0.
        seeds: the first sample of each is made, in place of `count` of one seed.
        interpolate: two seeds or more, between whose first samples the samples lie; an animation where `out` ends in
            .gif or .apng.
        latents: an `.npz` file of `latents`, (N, length), or of `styles`, (N, layers, length), as `ganzoo.project`
            writes them: a sample of each is made.
        mix: seeds of rows and of columns, of a network that has styles: a table whose pictures have the coarse styles
            of their row's seed, which stands at its left, and the fine ones of their column's, which stands above.
        edit: by the name of a direction, see `ganzoo.directions`, how far samples are moved along it, in standard
            deviations; whatever the truncation.
        truncation: in (0, 1]: less makes samples that are simpler and more alike; by default 1.
        classes: names of what the samples shall be, in turns; none: all.
        table: names of classes, or `all`: a table with a column for each, and along a row the same latents.
        texts: what the samples shall show, in turns; of a model that takes a class, whose classes are characters, what
            they spell: a row of the same latents, in capitals if there are no others.
        tiles: runs also a network that sees a picture as a whole in tiles.
        keep_alpha: cuts pictures out again where they were transparent, also if the network does not enlarge them.
        large: takes images of more than 178 megapixels, here and from now on.
        direction: `ab` or `ba`: which generator of a model that translates both ways.
        network: which of a model's networks, by its name, in place of the direction.
        say: is told, a line at a time, what was written or found.
        warn: is told of each input that a classifier or an encoder could not read.

    Returns:
        What a classifier or an encoder says of each input, as `generate_answers` does; else nothing.

    Raises:
        UsageError: for what can't be done as asked, before anything is written.
        RunError: when no input can be read, or something can't be written; the others were made.
    """
    inputs = [Path(path) for path in _each(inputs)]
    target = None if out is None else Path(out)
    several = {"seeds": seeds, "interpolate": interpolate, "classes": _each(classes)}
    several |= {"table": _each(table), "texts": _each(texts)}
    single = {"count": count, "seed": seed, "truncation": truncation}
    shaped = {"mix": mix, "latents": latents, "edit": edit or None}
    given: dict[str, Any] = {name: list(values) for name, values in several.items() if len(values)}
    given |= {name: value for name, value in {**single, **shaped}.items() if value is not None}
    checking.check_numbers(given)
    found = pretrained.find(model, network, direction)
    checking.check(found, [f"--{OPTIONS.get(name, name)}" for name in given], target, has_inputs=bool(inputs))
    if large:
        pixels.allow_large()
    gives_answers = found.gives in checking.ANSWERS
    if inputs:
        jobs = asking.find(found.works_on, inputs) if gives_answers else plan_images(inputs, target)
    else:
        checking.check_conditions(found, given.get("classes"), given.get("table"), given.get("texts"))
    if not (found.path and is_tflite(found.path)):
        import_keras()
    if gives_answers:
        return generate_answers(found, jobs, target, say, warn)
    if inputs:
        generate_images(found, jobs, say, tiles=tiles, keep_alpha=keep_alpha)
    else:
        if edit:
            given["edit"] = directions.step(directions.known(found), edit)
        say(generate_samples(found, target, **given))
    return []


def _each(given: str | Path | Sequence) -> Sequence:
    return [given] if isinstance(given, str | Path) else given


def generate_samples(
    model,
    out: Path,
    *,
    count: int | None = None,
    seed: int = 0,
    seeds: Sequence[int] = (),
    interpolate: Sequence[int] = (),
    latents: str | Path | None = None,
    mix: tuple[Sequence[int], Sequence[int]] | None = None,
    edit: np.ndarray | None = None,
    truncation: float = 1.0,
    classes: Sequence[str] | None = None,
    table: Sequence[str] | None = None,
    texts: Sequence[str] | None = None,
) -> str:
    """Writes a grid of samples; or, of a way between seeds, an animation where `out` ends in .gif or .apng.

    Clips are written one after the other into a .wav file. On a terminal, a bar shows how far it is.

    Args:
        model: a generator of latents: anything that `inference.open_network` takes.
        out: the picture to write; or a folder, into which each sample, or frame, is written as a PNG of its own.
        count: how many samples, by default 16; of a sheet, how many rows, by default as many as it says; of an
            animation, how many frames, by default 60 for each two seeds.
        seed: of the latents.
        seeds: the first sample of each is painted, the seed written under it in a grid; `count` and `seed` say nothing
            then.
        interpolate: two seeds or more; the samples then lie on the way from the first sample of one to that of the
            next. An animation goes there and back. Of a sheet, its rows do.
        latents: a file, see `generate`.
        mix: seeds of the rows and of the columns of a table of mixed styles; all but `truncation` says nothing then.
        edit: what is added to the code of each, see `directions.step`.
        truncation: see `inference.sample`.
        classes: names of the classes of the samples, in turns.
        table: see `sheets.asked`.
        texts: of the samples, in turns; or spelled on a sheet, see `sheets.asked`.

    Returns:
        What was written, in words.

    Raises:
        UsageError: when the model takes images, or as `inference.sample` and `inference.interpolate` do.
    """
    network = inference.open_network(model)
    if mix:
        with _bar(out, "samples") as progress:
            return mixing.write(network, out, *mix, truncation, progress)
    sheet, texts = sheets.of_network(network, classes=classes, table=table, texts=texts)
    conditions = {"classes": classes, "texts": texts}
    if interpolate and checking.moves(out):
        count = count or FRAMES * (len(interpolate) - 1)
        given = _ways(inference.there_and_back, network, count, interpolate, sheet, conditions)
        names = [""] * count
    elif interpolate:
        count = count or (sheets.ROWS if sheet else samples.COUNT)
        given = _ways(inference.way, network, count, interpolate, sheet, conditions)
        names = [f"{'_'.join(map(str, interpolate))}_{index:0{len(str(count))}d}" for index in range(count)]
    elif latents:
        given = inference.stored(network, Path(latents))
        names = [f"{Path(latents).stem}_{index:05d}" for index in range(len(next(iter(given.values()))))]
    elif seeds:
        given, names = inference.first_of(network, seeds, **conditions), [f"seed_{number}" for number in seeds]
    else:
        count = count or (sheet.rows if sheet else samples.COUNT)
        given, names = inference.drawn(network, seed, count, **conditions), samples.names(seed, count)
    rows = len(names)
    if sheet:
        names = sheet.names(names)
        # Styles are of a class already.
        given = given if network.parts and interpolate else sheet.spread(given, network)
    if edit is not None:
        given, truncation = directions.edited(network, given, edit, truncation), 1.0
    batches = inference.made(network, given, truncation)
    if network.interface.output.kind == "clip":
        with _bar(out, "clips") as progress:
            return clips.write_samples(batches, out, names, network.interface.output.rate, progress)
    with _bar(out, "samples") as progress:
        if interpolate and checking.moves(out):
            images = np.concatenate(list(samples.told(batches, len(names), progress)))
            pictures.save_animation(_frames(images, rows, sheet) if sheet else images, out)
            return str(out)
        if seeds and is_file(out):
            images = np.concatenate(list(samples.told(batches, len(names), progress)))
            others = [""] * (len(names) // rows - 1)
            captions = [caption for number in seeds for caption in (str(number), *others)]
            batches, progress = [pictures.captioned(images, captions)], None
        return samples.write(batches, out, names, progress, sheet)


def _ways(
    way: Callable, network, count: int, seeds: Sequence[int], sheet: Sheet | None, conditions
) -> inference.Inputs:
    """Returns what lies on a way; on a sheet of a network in two parts row by row, styles of each place's class."""
    if not (sheet and network.parts):
        return way(network, count, seeds, **conditions)
    columns = [way(network, count, seeds, classes=[place[1]]) for place in sheet.places if place]
    stacked = {name: np.stack([column[name] for column in columns], axis=1) for name in columns[0]}
    return {name: values.reshape(-1, *values.shape[2:]) for name, values in stacked.items()}


def _frames(images: np.ndarray, rows: int, sheet: Sheet) -> np.ndarray:
    """Returns a picture of each row of a sheet, uint8 (rows, H, W, C)."""
    each = [np.asarray(sheet.picture(row)) for row in np.split(images, rows)]
    return np.stack(each)[..., : images.shape[-1]]


def generate_images(
    model,
    jobs: Sequence[tuple[Path, Path]],
    say: Callable[[str], None] = print,
    *,
    tiles: bool = False,
    keep_alpha: bool = False,
) -> None:
    """Translates or enlarges images of any size and mode. One that can't be read, or written, is named and skipped.

    EXIF, dpi and the ICC profile are kept, and of enlarged images transparency. On a terminal, a bar shows how far an
    image of many tiles is.

    Args:
        model: a generator of images: anything that `inference.open_network` takes.
        jobs: (image to read, picture to write), from `plan_images`.
        say: is told of each picture that was written and each image that was skipped.
        tiles: see `inference.translate`.
        keep_alpha: cut a picture out again where its image was transparent, also if it is not enlarged.

    Raises:
        UsageError: when the model takes latents.
        RunError: when no image can be read, or a picture can't be written; the others were painted.
    """
    opened = inference.open_network(model)
    lite_jobs.paint_all(opened, jobs, tiles=tiles, keep_alpha=keep_alpha, say=say, progress_of=_bar)


def generate_answers(
    model,
    files: Sequence[Path],
    out: Path | None = None,
    say: Callable[[str], None] = print,
    warn: Callable[[str], None] = print,
) -> list[dict]:
    """Returns the answers of a classifier or an encoder to pictures or clips.

    Args:
        model: anything that `inference.open_network` takes.
        files: from `asking.find`; one that can't be read is skipped.
        out: a JSON file that the answers are written to.
        say: is told a line of each: of classes the best three, in percent.
        warn: is told of each that is skipped.

    Returns:
        Of each `input`, its path, and `classes`, the probability of each by name, or `code`, its numbers.

    Raises:
        UsageError: when the model takes or gives something else.
        RunError: when no file can be read, or what the model says of one is no numbers.
    """
    found = asking.ask_all(inference.open_network(model), files, say, warn)
    if out:
        answers.write(found, out)
    return found


@contextlib.contextmanager
def _bar(path: Path, unit: str = "tiles") -> Iterator[Progress | None]:
    """Yields what a bar of an image's tiles is updated by; None where there is no terminal to show it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn(unit),
    ]
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(path.name, total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=total > 1)
