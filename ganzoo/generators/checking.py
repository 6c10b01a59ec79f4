"""What can be asked of a trained network: checks as far as files tell, before Keras is loaded."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ganzoo.errors import UsageError
from ganzoo.generators import directions, pictures
from ganzoo.generators.generator import Generator
from ganzoo.lite import answers, clips, sheets, words
from ganzoo.lite.jobs import is_file

EXCLUDED = {
    "--latents": ("--count", "--seed", "--seeds", "--interpolate", "--mix", "--class", "--classes", "--text"),
    "--mix": ("--count", "--seed", "--seeds", "--interpolate", "--edit", "--class", "--classes", "--text"),
    "--seeds": ("--count", "--seed", "--interpolate"),
    "--interpolate": ("--seed",),
}
"""The options that can't be given beside another one."""
ANSWERS = ("classes", "code")
"""Kinds that are told, and not painted or played."""
LONGEST_TEXT = 1_000_000
"""Words; how many a model takes is told by itself."""


def check_options(options: Collection[str], out: Path, *, of_images: bool, gives: str = "image") -> None:
    """Raises UsageError for options that exclude one another, or don't go with what is made, and for a wrong `out`.

    Args:
        options: the names of those options for samples that were given, such as `--seeds`.
        out: where the picture goes.
        of_images: images are painted, and not samples.
        gives: the kind of what is made.
    """
    if of_images and options:
        raise UsageError(f"{', '.join(options)}: for samples of latents; leave it out where images are painted")
    for option, excluded in EXCLUDED.items():
        found = [other for other in excluded if other in options]
        if option in options and found:
            raise UsageError(f"{option}: says what is painted, so that {' and '.join(found)} must be left out")
    if gives == "clip":
        clips.is_file(out)
        return
    if not of_images:
        is_file(out)
    if moves(out) and not of_images and "--interpolate" not in options:
        raise UsageError(f"--out {out}: an animation, which --interpolate A,B makes; give that, or a name in .png")


def check_numbers(given: Mapping[str, Any]) -> None:
    """Raises UsageError for a count below 1 or a seed below 0, which the command lets nobody give."""
    if given.get("count", 1) < 1:
        raise UsageError(f"--count: found {given['count']}; give a whole number from 1 up")
    mixed = [seed for seeds in given.get("mix", ()) for seed in seeds]
    seeds = [given.get("seed", 0), *given.get("seeds", ()), *given.get("interpolate", ()), *mixed]
    if min(seeds) < 0:
        raise UsageError(f"seed: found {min(seeds)}; give whole numbers from 0 up")


def check_json(generator: Generator) -> None:
    """Raises UsageError for a model of which no answers can be told as JSON."""
    if generator.gives not in ANSWERS:
        makes = several(generator.gives)
        raise UsageError(f"--json: for answers, and {generator.title} makes {makes}; leave it out")


def check(generator: Generator, options: Collection[str], out: Path | None, *, has_inputs: bool) -> None:
    """Raises UsageError for what can't be asked of a model, as far as files tell: Keras takes seconds to load.

    Args:
        options: the names of those options for samples that were given, such as `--seeds`.
        out: where what is made goes; None: nowhere.
        has_inputs: pictures or clips were given.
    """
    where, gives = generator.title, generator.gives
    if generator.taken and has_inputs and generator.works_on is None:
        raise UsageError(f"{where}: takes {' and '.join(generator.taken)}, and no images: leave them out")
    if gives in ANSWERS:
        if options:
            raise UsageError(f"{', '.join(options)}: for samples, and {where} makes none; leave it out")
        if out and out.suffix.lower() != ".json":
            raise UsageError(f"--out {out}: answers are written as JSON; give a name that ends in .json")
    elif out is None:
        raise UsageError(f"--out is missing: name the file of the {several(gives)} to write, or a folder for many")
    else:
        check_options(options, out, of_images=has_inputs, gives=gives)
    if "--edit" in options:
        directions.check_styles(generator)
    if generator.works_on and gives not in ANSWERS and (*generator.taken, gives) != ("image", "image"):
        raise UsageError(f"{where}: makes {gives} of {' and '.join(generator.taken)}, which is not done here; call it")
    if generator.works_on and not has_inputs:
        does = "translates" if (generator.works_on, gives) == ("image", "image") else "looks at"
        given = several(generator.works_on)
        raise UsageError(f"{where}: {does} {given} and was given none: name {given}, or a folder of them")


def check_conditions(
    generator: Generator, classes: Sequence[str] | None, table: Sequence[str] | None, texts: Sequence[str] | None
) -> None:
    """Raises UsageError for a class, a word or a character that a model does not know, as far as files tell."""
    taken, where = generator.taken, generator.title
    if not taken:
        return
    what = f"{where}: takes {' and '.join(taken)}"
    _, texts = sheets.asked(what, taken, classes=classes, table=table, texts=texts)
    for given, kind, option in ((classes, "label", "--class"), (texts, "tokens", "--text")):
        if given and kind not in taken:
            raise UsageError(f"{what}: leave {option} out")
    if classes:
        answers.numbers(classes, taken["label"])
    for text in texts or ():
        if taken.get("tokens"):
            words.tokens(text, taken["tokens"], LONGEST_TEXT)
    if "tokens" in taken and not texts:
        example = " ".join(word for word in taken["tokens"][:3] if word)
        raise UsageError(f"{where}: makes what a text says; give one, as --text {example!r}")


def several(kind: str) -> str:
    """`images` of `image`."""
    return f"{kind}s"


def moves(out: Path) -> bool:
    """Tells whether a file is to be an animation."""
    return out.suffix.lower() in pictures.ANIMATIONS and not out.is_dir()
