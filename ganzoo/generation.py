"""From a trained generator to picture files: what `ganzoo generate` does. Imports no Keras until a model is used."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from ganzoo import pictures
from ganzoo.config import nearest
from ganzoo.data.images import EXTENSIONS, read_image
from ganzoo.errors import RunError, UsageError

if TYPE_CHECKING:
    import keras


def generate_samples(
    model: "keras.Model", out: Path, *, count: int = 16, seed: int = 0, between: tuple[int, int] | None = None
) -> None:
    """Writes a grid of samples.

    Args:
        model: a generator of latents.
        out: the picture to write.
        count: how many samples.
        seed: of the latents.
        between: two seeds; the samples then lie on the way from the one's first sample to the other's.

    Raises:
        UsageError: when the model takes images.
    """
    from ganzoo import inference

    if not inference.takes_latents(model):
        raise UsageError(f"{model.name} translates images and was given none: name images, or a folder of them")
    images = inference.interpolate(model, count, between) if between else inference.sample(model, count, seed)
    pictures.save(pictures.grid({"": images}), out)


def generate_images(
    model: "keras.Model", jobs: Sequence[tuple[Path, Path]], say: Callable[[str], None] = print
) -> None:
    """Translates or enlarges images of any size and mode. One that can't be read is named and skipped.

    Args:
        model: a generator of images.
        jobs: (image to read, picture to write), from `plan_images`.
        say: is told of each picture that was written and each image that was skipped.

    Raises:
        UsageError: when the model takes latents.
        RunError: when no image can be read.
    """
    from ganzoo import inference

    if inference.takes_latents(model):
        raise UsageError(f"{model.name} paints from latents and takes no images: leave out {jobs[0][0]}")
    translate = inference.translator(model)
    skipped = 0
    for source, target in jobs:
        try:
            image = read_image(source, model.input_shape[-1])
        except RunError as error:
            if len(jobs) == 1:
                raise
            skipped += 1
            say(f"skipped: {error}")
            continue
        painted = translate(image)
        pictures.save(Image.fromarray(painted if painted.shape[2] > 1 else painted[..., 0]), target)
        say(f"{source} -> {target}")
    if skipped == len(jobs):
        raise RunError(f"none of the {skipped} images can be read, the first is {jobs[0][0]}")
    if skipped:
        say(f"{skipped} of {len(jobs)} images skipped: they can't be read")


def plan_images(inputs: Sequence[Path], out: Path) -> list[tuple[Path, Path]]:
    """Which picture is written of which image: one image to the file `out`, or many into the folder `out`.

    A folder among the inputs stands for the images in it and below, whose pictures are laid out as they are. `out` is
    a file when its suffix is a picture's.

    Raises:
        UsageError: for an input that is not there, a folder without images, many images and one file, or a picture
            that would overwrite another or its own input.
    """
    images = [pair for path in inputs for pair in _find(path)]
    if pictures.format_of(out) and not out.is_dir():
        if len(images) > 1:
            raise UsageError(f"--out {out}: a file, for {len(images)} images; give a folder")
        jobs = [(images[0][0], out)]
    else:
        jobs = [(image, out / place.with_suffix(".png")) for image, place in images]
    _check_targets(jobs)
    return jobs


def plan_samples(out: Path) -> Path:
    """Where the grid goes. Raises UsageError when `out` is no name of a picture."""
    if out.is_dir() or not pictures.format_of(out):
        raise UsageError(f"--out {out}: not the name of a picture; give one such as {out / 'samples.png'}")
    return out


def _find(path: Path) -> list[tuple[Path, Path]]:
    """(image, its place in the output) for an image, or for all in a folder."""
    if path.is_file():
        return [(path, Path(path.name))]
    if not path.is_dir():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UsageError(f"{path}: no such image or folder{nearest(path.name, beside) if len(beside) < 20 else ''}")
    found = sorted(p for p in path.rglob("*") if p.suffix.lower() in EXTENSIONS and p.is_file())
    if not found:
        raise UsageError(f"{path}: no images in this folder; looked for {', '.join(EXTENSIONS)}")
    return [(image, image.relative_to(path)) for image in found]


def _check_targets(jobs: Sequence[tuple[Path, Path]]) -> None:
    sources = {source.resolve() for source, _ in jobs}
    taken = {}
    for source, target in jobs:
        if target.resolve() in sources:
            raise UsageError(f"--out: {target} would overwrite an input; give another name or folder")
        if target in taken:
            raise UsageError(f"--out: {taken[target]} and {source} would both become {target}; give one at a time")
        taken[target] = source
