"""Options of the command `ganzoo` that several of its commands have, or that come in numbers."""

import re
from collections.abc import Callable
from pathlib import Path

import click

from ganzoo.generators.pretrained import DIRECTIONS

MOST_SEEDS = 10_000

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
network = click.option(
    "--network", metavar="NAME", help="Which of a model's networks, by its name, in place of --direction."
)


def direction(*more: str, default: str = DIRECTIONS[0]):
    """Returns the option --direction, which may be `ab`, `ba` or one of `more`."""
    return click.option(
        "--direction",
        type=click.Choice([*DIRECTIONS, *more]),
        default=default,
        show_default=True,
        help="Which generator of a model that translates both ways.",
    )


def seeds(least: int, example: str) -> Callable:
    """Returns what reads seeds and ranges of them, as in 3,8,20-29, which both ends belong to."""

    def read(context, parameter, value):
        if value is None:
            return None
        found = [re.fullmatch(r"(\d{1,18})(?:-(\d{1,18}))?", part.strip(), re.ASCII) for part in value.split(",")]
        ends = [(int(match[1]), int(match[2] or match[1])) for match in found if match]
        count = sum(last - first + 1 for first, last in ends)
        if len(ends) < len(found) or any(first > last for first, last in ends) or count < least:
            raise click.BadParameter(f"found {value!r}; give {example}")
        if count > MOST_SEEDS:
            raise click.BadParameter(f"found {value!r}, which are {count:,}; give {MOST_SEEDS:,} at most")
        return [seed for first, last in ends for seed in range(first, last + 1)]

    return read


def mixed(context, parameter, value):
    """Reads the seeds of rows and those of columns."""
    if value is None:
        return None
    return tuple(seeds(1, "seeds of rows and of columns, as in 1,2,3 4-7")(context, parameter, part) for part in value)


def edits(context, parameter, value):
    """Reads how far samples are moved along which directions: {name: amount}."""
    found = {}
    # Names of classes may hold a comma; amounts end with a digit.
    for part in [part for text in value for part in re.split(r"(?<=[\d.]),", text)]:
        name, _, amount = part.strip().rpartition("=")
        try:
            found[name.strip()] = found.get(name.strip(), 0.0) + float(amount)
        except ValueError:
            name = ""
        if not name:
            raise click.BadParameter(f"found {part!r}; give a direction and how far, as in glasses=+2,beard=-1")
    return found or None


OF_SAMPLES = (
    click.option(
        "--count",
        type=click.IntRange(min=1),
        help="How many samples, rows or frames.  [default: 16 samples, 8 rows of a table, 1 of letters, or 60 frames "
        "for each two seeds]",
    ),
    click.option("--seed", type=click.IntRange(min=0), help="Seed of the samples.  [default: 0]"),
    click.option(
        "--seeds",
        metavar="A,B-C",
        callback=seeds(1, "seeds and ranges of seeds, as in 3,8,20-29"),
        help="The first sample, or row, of each of these seeds, which is written under it.",
    ),
    click.option(
        "--interpolate",
        metavar="A,B[,C]",
        callback=seeds(2, "two seeds or more, as in 3,8"),
        help="Go from the first sample of seed A to that of B, and on; an animation where --out is in .gif or .apng.",
    ),
    click.option(
        "--latents",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="An .npz file of latents, or of styles as `ganzoo project` writes them; a sample of each.",
    ),
    click.option(
        "--mix",
        metavar="A,B C,D",
        nargs=2,
        callback=mixed,
        help="A table of mixed styles: coarse ones of the rows' seeds A,B, and fine ones of the columns' seeds C,D.",
    ),
    click.option(
        "--edit",
        metavar="NAME=AMOUNT[,...]",
        multiple=True,
        callback=edits,
        help="Move samples along a direction that `ganzoo directions` tells, in standard deviations: glasses=+2.",
    ),
    click.option(
        "--truncation",
        metavar="PSI",
        type=click.FloatRange(0, 1, min_open=True),
        help="Below 1: samples nearer to the average, simpler and more alike.  [default: 1]",
    ),
    click.option(
        "--class",
        "classes",
        metavar="NAME[,NAME]",
        multiple=True,
        help="What the samples shall be, in turns.  [default: all classes]",
    ),
    click.option(
        "--classes",
        "table",
        metavar="all|NAME[,NAME]",
        multiple=True,
        help="A table: a column for each class, and along a row the same latents.",
    ),
    click.option(
        "--text",
        "texts",
        metavar="TEXT",
        multiple=True,
        help="What the samples shall show; several take turns. Where the classes are letters: what they spell, in one "
        "style a row, in capitals if there are no others.",
    ),
)
"""The options of `ganzoo generate` that say which samples are made."""


def of_samples(command: Callable) -> Callable:
    """Gives a command the options `OF_SAMPLES`."""
    for option in reversed(OF_SAMPLES):
        command = option(command)
    return command
