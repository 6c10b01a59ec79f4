"""The command `ganzoo-lite`."""

import argparse
import contextlib
import os
import sys
from pathlib import Path

from . import __version__
from .errors import RunError, UsageError, printable
from .quiet import silence_libraries

DESCRIPTION = (
    "Runs a network that ganzoo exported to TFLite, without TensorFlow: paints each INPUT, says what it is, or samples."
)


def main() -> None:
    """Runs the command and exits: 0 done, 2 wrong usage, 1 a failure while running, 130 interrupted."""
    try:
        arguments = _parser().parse_intermixed_args()
        silence_libraries()
        run(arguments)
        # An error of the last write must be caught here, not when Python exits.
        sys.stdout.flush()
        status = 0
    except UsageError as error:
        status = _fail(error, 2)
    except RunError as error:
        status = _fail(error, 1)
    except OSError as error:
        where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        status = _fail(f"{where}{(error.strerror or 'can not be used').lower()}", 1)
        # At exit, Python would try again to write what standard output did not take.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except MemoryError:
        status = _fail("not enough memory; give a name in .png, which is written as it is painted", 1)
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def run(arguments: argparse.Namespace) -> None:
    """Runs the command; raises its errors."""
    from . import pixels, runner

    network = runner.open_tflite(arguments.model, arguments.threads)
    _check(network, arguments)
    if arguments.large:
        pixels.allow_large()
    act = _sample if not arguments.inputs else _paint if network.interface.output.kind == "image" else _answer
    act(network, arguments)


def _check(network, arguments: argparse.Namespace) -> None:
    """Raises UsageError for options that don't fit the network's inputs and outputs, before anything is run."""
    makes = network.interface.output.kind in ("image", "clip")
    if makes and arguments.json:
        raise UsageError(f"{network.name} {network.described}: leave --json out")
    if makes and not arguments.out:
        raise UsageError("--out is missing: name the file to write, or a folder for many; see ganzoo-lite --help")
    if not makes and arguments.out and arguments.out.suffix.lower() != ".json":
        raise UsageError(f"--out {arguments.out}: answers are written as JSON; give a name that ends in .json")
    if arguments.inputs and (arguments.classes or arguments.table or arguments.texts):
        raise UsageError("--class, --classes and --text: for samples; leave them out where INPUTs are given")
    if arguments.inputs and network.takes_latents and network.interface.output.kind != "image":
        raise UsageError(f"{network.name} {network.described}: leave the INPUTs out")


def _paint(network, arguments: argparse.Namespace) -> None:
    from .jobs import paint_all, plan_images
    from .painting import input_channels

    jobs = plan_images(arguments.inputs, arguments.out)
    input_channels(network)
    options = {"tiles": arguments.tiles, "keep_alpha": arguments.keep_alpha}
    paint_all(network, jobs, **options, say=_say, progress_of=_progress_of)


def _answer(network, arguments: argparse.Namespace) -> None:
    from . import asking

    files = asking.find(network.interface.input.kind, arguments.inputs)
    # With --json, standard output holds nothing else.
    say, warn = (lambda text: None, _warn) if arguments.json else (_say, _say)
    _tell(asking.ask_all(network, files, say, warn), arguments)


def _sample(network, arguments: argparse.Namespace) -> None:
    from . import clips, jobs, samples
    from .network import made

    out, kind = arguments.out, network.interface.output.kind
    if kind in ("image", "clip"):
        # Raises for a wrong name before anything is made.
        (jobs if kind == "image" else clips).is_file(out)
    asked = {"classes": arguments.classes, "table": arguments.table, "texts": arguments.texts}
    inputs, names, sheet = samples.drawn(network, arguments.seed, arguments.count, **asked)
    batches = made(network, inputs)
    if kind not in ("image", "clip"):
        _tell(_described(network, batches, names, arguments), arguments)
        return
    with _progress_of(out, "samples") as progress:
        if kind == "clip":
            written = clips.write_samples(batches, out, names, network.interface.output.rate, progress)
        else:
            written = samples.write(batches, out, names, progress, sheet)
    _say(written)


def _described(network, batches, names: list[str], arguments: argparse.Namespace) -> list[dict]:
    from . import answers

    values = (one for batch in batches for one in batch)
    told = (answers.document(one, network) for one in values)
    found = [{"input": name, **answer} for name, answer in zip(names, told, strict=True)]
    for answer in () if arguments.json else found:
        _say(f"{answer['input']}: {answers.words(answer)}")
    return found


def _tell(found: list[dict], arguments: argparse.Namespace) -> None:
    """Writes the answers as JSON to standard output, to a file, or both, as asked for."""
    from . import answers

    if arguments.json:
        print(answers.as_json(found))
    if arguments.out:
        answers.write(found, arguments.out)


def _warn(text: str) -> None:
    print(f"ganzoo-lite: {printable(text)}", file=sys.stderr)


def _say(text: str) -> None:
    print(printable(text), flush=True)


@contextlib.contextmanager
def _progress_of(path: Path, unit: str = "tiles"):
    """Shows the progress in a line, if on a terminal."""
    if not sys.stderr.isatty():
        yield None
        return

    def progress(done: int, total: int) -> None:
        if total > 1:
            print(f"\r{printable(path.name)}: {done} of {total} {unit}", end="", file=sys.stderr, flush=True)

    try:
        yield progress
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="ganzoo-lite", description=DESCRIPTION)
    parser.add_argument("model", metavar="MODEL.tflite", type=Path, help="an exported file, its card.json beside it")
    parser.add_argument(
        "inputs", metavar="INPUT", nargs="*", type=Path, help="images of any size, or .wav files, or folders of them"
    )
    parser.add_argument(
        "--out", type=Path, help="the picture or .wav file to write, or a folder for many; of answers, a JSON file"
    )
    parser.add_argument(
        "--count",
        type=_whole(1),
        help="how many samples of latents (16), or rows: of a table (8), or of letters in a style (1)",
    )
    parser.add_argument("--seed", type=_whole(0), default=0, help="seed of the samples, as ganzoo generate's (0)")
    parser.add_argument(
        "--class",
        dest="classes",
        metavar="NAME[,NAME]",
        action="append",
        help="what the samples shall be, in turns (all classes)",
    )
    parser.add_argument(
        "--classes",
        dest="table",
        metavar="all|NAME[,NAME]",
        action="append",
        help="a table: a column for each class, and along a row the same latents",
    )
    parser.add_argument(
        "--text",
        dest="texts",
        action="append",
        help="what the samples shall show; several are taken in turns. Where the classes are letters: what they spell, "
        "in one style a row, in capitals if there are no others",
    )
    parser.add_argument("--json", action="store_true", help="answers about INPUTs as JSON, each class with its share")
    parser.add_argument("--threads", type=_whole(1, 256), help="how many threads to run on (one for each core)")
    parser.add_argument(
        "--tiles",
        action="store_true",
        help="run in tiles also a network that sees a picture as a whole, instead of resizing the picture for it",
    )
    parser.add_argument(
        "--keep-alpha",
        action="store_true",
        help="cut pictures out again where they were transparent, also of a network that paints all of them",
    )
    parser.add_argument("--large", action="store_true", help="take images of more than 178 megapixels")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        raise UsageError(f"{message}; ganzoo-lite --help tells more")


def _whole(least: int, most: int | None = None):
    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or number < least or (most and number > most):
            allowed = f"from {least} to {most}" if most else f"from {least} up"
            raise argparse.ArgumentTypeError(f"found {text!r}; give a whole number {allowed}")
        return number

    return parse


def _fail(problem, status: int) -> int:
    print(f"ganzoo-lite: {printable(' '.join(str(problem).split()))}", file=sys.stderr)
    return status
