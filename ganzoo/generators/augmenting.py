"""Fills up the rare classes of a folder with samples: what `ganzoo augment` does."""

import itertools
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from ganzoo.backends.quiet import import_keras
from ganzoo.data.labels import CSV
from ganzoo.errors import RunError, UsageError, nearest, quoted
from ganzoo.generators import inference, pretrained
from ganzoo.generators.generator import Generator, is_tflite
from ganzoo.lite import card
from ganzoo.lite.folders import image_files
from ganzoo.lite.network import draw
from ganzoo.recipes.recipes import load_recipe

if TYPE_CHECKING:
    import keras

TAKEN = ["label", "latents"]
"""What a generator must take, in alphabetical order."""
MANIFEST = "made.json"
"""The file in the new folder that says which pictures were made, and by what."""


def augment(
    model: "str | Path | keras.Model | Generator",
    data: str,
    out: str | Path,
    *,
    to: int | None = None,
    truncation: float = 1.0,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Copies a folder of classes, and fills up the rare ones with samples. The command `ganzoo augment` is this.

    The pictures that are there are copied as they are, those for testing too; samples go into the training split alone,
    as `made_00001.png`, and `made.json` says which they are.

    Args:
        model: makes pictures of latents and a class: a name from `ganzoo.list_pretrained()`, a run directory, a
            `.keras` file, a SavedModel directory, a `.tflite` file or a Keras model.
        data: `folder:PATH`, where PATH, or PATH/train, holds a folder of pictures for each class.
        out: the folder to write, which must not be there yet.
        to: the number of training pictures that each class shall have at least; None: as many as the largest has.
        truncation: in (0, 1]: less makes samples that are simpler and more alike.
        seed: of the samples.
        say: is told, a line for each class, how many samples it was given.

    Returns:
        What `made.json` holds, but for `earlier`, the same of what was filled up before: `model`, its `sha256` where it
            is a file, `seed`, `truncation`, and `made`: of each file the class, and the place among the samples of this
            seed.

    Raises:
        UsageError: for a model that makes no pictures of classes, a class that it does not know, a folder without
            classes, nothing to fill up, or an `out` that is there; before anything is written.
        RunError: when a picture can't be copied.
    """
    if not 0 < truncation <= 1:
        raise UsageError(f"truncation: found {truncation}; give a number above 0, up to 1")
    generator, target = pretrained.find(model), Path(out).expanduser()
    names = _classes_of(generator)
    missing = check(data, target, to)
    root, split = _folders(data)
    for name in missing:
        if name not in names:
            raise UsageError(f"{split / name}: {generator.title} knows no class {quoted(name)}{nearest(name, names)}")
    if not (generator.path and is_tflite(generator.path)):
        import_keras()
    earlier = _manifests(root / MANIFEST)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as temporary:
        copy = Path(temporary) / "copy"
        _copy(root, copy)
        into = copy / split.relative_to(root)
        labels = [name for name, count in missing.items() for _ in range(count)]
        made = {
            str(path.relative_to(copy)): {"class": name, "number": number}
            for number, (name, path) in enumerate(_written(generator, labels, into, seed, truncation))
        }
        report = {
            "model": generator.title,
            "sha256": card.digest(generator.path) if generator.path and generator.path.is_file() else None,
            "seed": seed,
            "truncation": truncation,
            "made": made,
        }
        (copy / MANIFEST).write_text(json.dumps(report | {"earlier": earlier}, indent=1) + "\n", "utf-8")
        copy.rename(target)
    for name, count in missing.items():
        say(f"{name}: {count:,} made")
    return report


def _classes_of(generator: Generator) -> tuple[str, ...]:
    """Returns the names of the classes that a generator paints."""
    if sorted(generator.taken) != TAKEN or generator.gives != "image":
        makes = f"makes {generator.gives} of {' and '.join(generator.taken) or 'what no file tells'}"
        raise UsageError(f"{generator.title}: {makes}; give a model that makes pictures of latents and a class")
    return generator.taken["label"]


def check(data: str, out: Path, to: int | None) -> dict[str, int]:
    """Returns how many pictures each class lacks, of those that lack some. Raises UsageError as `augment` does."""
    root, split = _folders(data)
    if tables := [path for path in (root / CSV, split / CSV) if path.exists()]:
        raise UsageError(f"{tables[0]}: says the classes, and --data must have a folder for each; sort the pictures so")
    found = counts(data)
    if to is not None and to < 1:
        raise UsageError(f"--to: found {to}; give a whole number from 1 up")
    goal = to or max(found.values())
    missing = {name: goal - count for name, count in found.items() if count < goal}
    if not missing:
        raise UsageError(
            f"--data {data}: found {min(found.values()):,} pictures or more of each class, and nothing to fill up to "
            f"{goal:,}; give a larger --to"
        )
    if out.exists():
        raise UsageError(f"--out {out}: is there already; give a folder that is to be made")
    check_outside(out, data, "--out")
    return missing


def check_outside(folder: Path, data: str, option: str) -> None:
    """Raises UsageError where a folder lies within the data."""
    root, _ = _folders(data)
    if folder.expanduser().resolve().is_relative_to(root.resolve()):
        raise UsageError(f"{option} {folder}: lies in {root}, which is copied; give a folder elsewhere")


def check_recipe(recipe: str) -> None:
    """Raises UsageError for a recipe whose generator makes no pictures of a class."""
    found = load_recipe(recipe)
    signatures = found.model.deployed.values()
    if not any(sorted(one.kinds) == TAKEN and one.made == "image" for one in signatures):
        raise UsageError(
            f"{recipe}: {found.architecture} makes no pictures of a class that is named; give another recipe"
        )


def counts(data: str) -> dict[str, int]:
    """Returns how many training pictures each class has, by its name. Raises UsageError where there are none."""
    _, split = _folders(data)
    folders = sorted(path for path in split.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))
    found = {folder.name: count for folder in folders if (count := sum(1 for _ in image_files(folder)))}
    if not found:
        raise UsageError(f"--data {data}: found no folders with pictures in it; give a folder for each class")
    return found


def _manifests(path: Path) -> list[dict]:
    """Returns what was said of earlier samples by the `made.json` of a folder, the newest first."""
    if not path.exists():
        return []
    try:
        last = json.loads(path.read_text("utf-8"))
        earlier = last.pop("earlier")
        last["made"].items()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"{path}: is not what ganzoo augment writes under that name; rename it") from None
    return [last, *earlier]


def _copy(root: Path, copy: Path) -> None:
    """Copies a folder, whose copy can be written to."""
    try:
        shutil.copytree(root, copy)
    except shutil.Error as error:
        source, _, reason = error.args[0][0]
        raise RunError(f"{source}: can't be copied: {reason}; mend that, and give the command again") from error
    for folder in (copy, *(path for path in copy.rglob("*") if path.is_dir())):
        folder.chmod(folder.stat().st_mode | 0o700)


def _folders(data: str) -> tuple[Path, Path]:
    """Returns the folder of a source, and that of its training pictures."""
    kind, _, place = data.partition(":")
    root = Path(place).expanduser()
    if kind != "folder" or not place or not root.is_dir():
        raise UsageError(f"--data {data}: found no such folder; give folder:PATH, whose sub folders are classes")
    return root, root / "train" if (root / "train").is_dir() else root


def _written(
    generator: Generator, labels: list[str], into: Path, seed: int, truncation: float
) -> Iterator[tuple[str, Path]]:
    """Writes a sample of each label into the folder of its class; yields the label and the file."""
    known = generator.taken["label"]
    drawn = draw(generator.network, seed, len(labels), labels=[known.index(name) for name in labels])
    pictures = (picture for batch in inference.made(generator.network, drawn, truncation) for picture in batch)
    places = {name: _free_names(into / name) for name in dict.fromkeys(labels)}
    for name, picture in zip(labels, pictures, strict=True):
        path = next(places[name])
        Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(path)
        yield name, path


def _free_names(folder: Path) -> Iterator[Path]:
    """Yields names for samples that are not taken in a folder."""
    paths = (folder / f"made_{number:05}.png" for number in itertools.count(1))
    return (path for path in paths if not path.exists())
