"""The command `ganzoo-lite`."""

import argparse
import contextlib
import os
import sys
from pathlib import Path

from . import __version__
from .errors import RunError, UsageError, printable
from .quiet import silence_libraries

DESCRIPTION = "Runs a generator that ganzoo exported to TFLite, without TensorFlow: paints each INPUT, or samples."


def main() -> None:
    """Runs the command and exits: 0 done, 2 wrong usage, 1 a failure while running, 130 interrupted."""
    try:
        arguments = _parser().parse_intermixed_args()
        silence_libraries()
        run(arguments)
        # What can't be written must be found here, not when Python is about to leave.
        sys.stdout.flush()
        status = 0
    except UsageError as error:
        status = _fail(error, 2)
    except RunError as error:
        status = _fail(error, 1)
    except OSError as error:
        where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        status = _fail(f"{where}{(error.strerror or 'can not be used').lower()}", 1)
        # Python would try again to write what standard output did not take.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except MemoryError:
        status = _fail("not enough memory; give a name in .png, which is written as it is painted", 1)
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def run(arguments: argparse.Namespace) -> None:
    """What `main` does, with errors raised."""
    from . import runner
    from .jobs import is_file, plan_images
    from .pixels import allow_large

    runner.check_is_tflite(arguments.model)
    if arguments.inputs:
        if arguments.large:
            allow_large()
        jobs = plan_images(arguments.inputs, arguments.out)
    else:
        is_file(arguments.out)  # A wrong name is told before anything is painted.
    network = runner.open_tflite(arguments.model, arguments.threads)
    if arguments.inputs:
        _paint(network, jobs, arguments)
    else:
        _sample(network, arguments.out, arguments.count, arguments.seed)


def _paint(network, jobs: list[tuple[Path, Path]], arguments: argparse.Namespace) -> None:
    from .jobs import paint_all

    paint_all(
        network,
        jobs,
        tiles=arguments.tiles,
        keep_alpha=arguments.keep_alpha,
        say=lambda text: print(printable(text), flush=True),
        progress_of=_progress_of,
    )


def _sample(network, out: Path, count: int, seed: int) -> None:
    from . import latents, samples
    from .network import latent_length, painted_latents

    batches = painted_latents(network, latents.draw(seed, count, latent_length(network)))
    with _progress_of(out, "samples") as progress:
        written = samples.write(batches, out, samples.names(seed, count), progress)
    print(printable(str(written)))


@contextlib.contextmanager
def _progress_of(path: Path, unit: str = "tiles"):
    """On a terminal, a line that tells how far it is."""
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
    parser.add_argument("inputs", metavar="INPUT", nargs="*", type=Path, help="images of any size, or folders of them")
    parser.add_argument("--out", required=True, type=Path, help="the picture to write, or a folder for many")
    parser.add_argument("--count", type=_whole(1), default=16, help="how many samples of latents (16)")
    parser.add_argument("--seed", type=_whole(0), default=0, help="seed of the samples, as ganzoo generate's (0)")
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
