"""The command `ganzoo`. It reads arguments and prints; what it does is in the modules it calls."""

import errno
import os
import sys
import warnings
from pathlib import Path

import click

from ganzoo import options, tables
from ganzoo.backends.quiet import import_keras
from ganzoo.backends.strategy_names import STRATEGIES
from ganzoo.errors import RunError, UsageError
from ganzoo.lite.quiet import silence_libraries


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="keras-ganzoo", prog_name="ganzoo")
def cli():
    """A zoo of GANs: train one on your images, and paint with it.

    \b
    ganzoo train pix2pix                        trains on the artwork that comes with ganzoo
    ganzoo generate runs/pix2pix_emoji photo.jpg --out painted.png
    """


@cli.command("list")
@options.as_json
def list_command(as_json):
    """Show the architectures, recipes and pretrained generators that there are."""
    from ganzoo.generators.catalog import catalog

    tables.tell(catalog(), as_json, tables.print_catalog)


@cli.command()
@click.argument("name")
@options.as_json
def show(name, as_json):
    """Show what a recipe does, a pretrained generator is or a run came to, and its networks layer by layer.

    NAME is a name that `ganzoo list` shows, a YAML file or a run directory. Of a recipe and a run there are also the
    settings; of a pretrained generator its card: what it is for, its weaknesses, licence, training and measured
    quality.
    """
    from ganzoo.generators import catalog

    report = _examined_run(Path(name))
    source = str(Path(name) / "config.yaml") if report else name
    described = ({"run": report} if report else {}) | catalog.describe(source)
    if not as_json:
        # At once: the networks need Keras, which takes seconds.
        tables.print_described(described)
        sys.stdout.flush()
    import_keras()
    networks = catalog.networks(source)
    tables.tell({**described, "networks": networks}, as_json, lambda told: tables.print_networks(told["networks"]))


def _examined_run(path: Path) -> dict | None:
    """Returns what the doctor says of a run; None where the path is none."""
    from ganzoo.training.doctor import examine
    from ganzoo.training.run_directory import RunDirectory

    directory = RunDirectory(path)
    return examine(directory) if directory.config.is_file() else None


@cli.command()
@click.argument("recipe")
@click.option("--data", metavar="SOURCE", help="embedded:NAME, folder:PATH, tfds:NAME or url:ADDRESS#sha256=...")
@click.option("--run-dir", type=click.Path(path_type=Path), help="Where the run is kept.  [default: runs/RECIPE]")
@click.option("--steps", type=click.IntRange(min=1), help="The step to stop at, if not the recipe's last.")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Change a setting: training.seed=1.")
@click.option(
    "--strategy",
    type=click.Choice(STRATEGIES),
    default="auto",
    show_default=True,
    help="How the work is spread over devices.",
)
@click.option("--init", metavar="MODEL", help="Start from the weights of a pretrained name, a run or a .keras file.")
@click.option("--fresh", is_flag=True, help="Start anew; a run that is there is moved aside.")
@click.option("--dry-run", is_flag=True, help="Check everything, print the plan and write nothing.")
def train(recipe, data, run_dir, steps, overrides, strategy, init, fresh, dry_run):
    """Train by RECIPE, or go on where its run stopped.

    RECIPE is a name that `ganzoo list` shows, an architecture's name, or a YAML file.
    """
    from ganzoo.recipes import recipes

    loaded = recipes.load_recipe(recipe, overrides, data)
    run_dir = run_dir or Path("runs") / recipes.recipe_name(recipe)
    from ganzoo import training

    training.train(loaded, run_dir, steps=steps, strategy=strategy, init=init, fresh=fresh, dry_run=dry_run)


@cli.command()
@click.argument("model")
@click.argument("inputs", metavar="[INPUT]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The picture or .wav file to write, or a folder for many; of answers, a JSON file.",
)
@options.of_samples
@click.option("--tiles", is_flag=True, help="Run in tiles also a network that sees a picture as a whole.")
@click.option(
    "--keep-alpha",
    is_flag=True,
    help="Cut pictures out again where they were transparent, also if the network paints all of them.",
)
@click.option("--large", is_flag=True, help="Take images of more than 178 megapixels.")
@options.direction()
@options.network
@options.as_json
def generate(model, inputs, out, tiles, keep_alpha, large, direction, network, as_json, **of_samples):
    """Paint with MODEL: samples, in a grid or each for itself in a folder, or one picture of each INPUT.

    MODEL is a pretrained name that `ganzoo list` shows, a run directory, a .keras file, or what was exported: a
    SavedModel directory or a .tflite file, its card.json beside it. INPUT is an image of any size, or a folder of
    images; large ones are painted in tiles that overlap and blend. A network that sees a picture as a whole, as
    Pix2Pix's does, paints it at the size that it was trained at, and the result is resized; --tiles suits maps and
    textures. A classifier or an encoder says of each INPUT, an image or a .wav file, what it is; --json prints that
    for programs, and needs no --out.
    """
    from ganzoo.generators import checking, generation, pretrained
    from ganzoo.generators.generator import is_tflite

    found = pretrained.find(model, network, direction)
    if as_json:
        checking.check_json(found)
    if found.path and is_tflite(found.path):
        silence_libraries()
    given = {name: value for name, value in of_samples.items() if value is not None}
    told = generation.generate(
        found,
        inputs,
        out,
        **given,
        tiles=tiles,
        keep_alpha=keep_alpha,
        large=large,
        say=(lambda line: None) if as_json else tables.say,
        warn=lambda line: tables.echo(line, err=True),
    )
    if as_json:
        tables.tell(told, as_json, lambda _: None)


@cli.command()
@click.argument("model")
@click.option("--data", metavar="SOURCE", required=True, help="folder:PATH, with a folder of pictures for each class.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The folder to make.")
@click.option("--to", type=click.IntRange(min=1), help="How many training pictures each class shall have at least.")
@click.option("--balance", is_flag=True, help="As many as the largest class has; so it is without --to, too.")
@click.option(
    "--truncation",
    metavar="PSI",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Below 1: samples nearer to the average, simpler and more alike.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the samples.")
@click.option(
    "--from-run",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="MODEL is a recipe: train it on the folder first, in this run directory, or go on there.",
)
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="With --from-run: change a setting.")
def augment(model, data, out, to, balance, truncation, seed, from_run, overrides):
    """Copy a folder of classes, and fill up the rare ones with samples of MODEL.

    MODEL makes pictures of the class that is named: a pretrained name, a run directory, a .keras file, or what was
    exported. Samples go among the training pictures alone, as made_00001.png; made.json says which they are, by which
    model and seed. What was there is copied as it is. docs/augment.md says when that helps, and when not.
    """
    from ganzoo.generators import augmenting

    if balance and to:
        raise UsageError(f"--balance fills up to the largest class, and --to to {to:,}: give one of them")
    if overrides and not from_run:
        raise UsageError("--set: changes how a model is trained, and none is without --from-run; leave it out")
    if from_run:
        from ganzoo.training import train

        augmenting.check_recipe(model)
        augmenting.check(data, out.expanduser(), to)
        augmenting.check_outside(from_run, data, "--from-run")
        classes = f"model.classes={len(augmenting.counts(data))}"
        train(model, from_run, data=data, overrides=[classes, *overrides])
        model = from_run
    augmenting.augment(model, data, out, to=to, truncation=truncation, seed=seed, say=tables.say)


@cli.command()
@click.argument("model")
@click.argument("picture", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The folder to write to.")
@click.option("--steps", type=click.IntRange(min=1), default=500, show_default=True, help="Steps of the search.")
@options.as_json
def project(model, picture, out, steps, as_json):
    """Find the styles by which MODEL, a StyleGAN2, paints what looks like PICTURE.

    Writes before_and_after.png, the picture beside what the model paints, and styles.npz, which
    `ganzoo generate --latents` takes. MODEL is a pretrained name, a run directory or a .keras file.
    """
    from ganzoo.generators import projecting

    found = projecting.project(model, picture, out, steps=steps, say=(lambda line: None) if as_json else tables.say)
    if as_json:
        tables.tell(found, as_json, lambda _: None)


@cli.command()
@click.argument("model")
@click.option("--out", type=click.Path(path_type=Path), help="The folder to write to.  [default: MODEL's own]")
@click.option("--data", metavar="SOURCE", help="Labeled pictures, in place of what MODEL was trained on.")
@click.option("--count", type=click.IntRange(min=1), help="How many principal directions.  [default: 10]")
@options.as_json
def directions(model, out, data, count, as_json):
    """Find directions that steer what MODEL, a StyleGAN2, paints, for `ganzoo generate --edit`.

    Principal ones are those along which its styles differ most. Where its data has labels, as glasses or beard, there
    is a direction for each, with how many samples show it before and after. Writes directions.json, and
    directions.png, which shows them all; of a pretrained name only where --out says. What lies beside MODEL already,
    and is of its weights, is told at once.
    """
    from ganzoo.generators import finding

    say = (lambda line: tables.echo(line, err=True)) if as_json else tables.say
    found = [one.document() for one in finding.directions(model, out, data=data, count=count, say=say)]
    tables.tell({"directions": found}, as_json, lambda told: tables.print_directions(told["directions"]))


@cli.command()
@click.argument("model")
@options.direction()
@options.network
@options.as_json
def benchmark(model, direction, network, as_json):
    """Time MODEL in every way there is to run it, side by side.

    MODEL is a pretrained name, a run directory or a .keras file, which runs in Keras, as a SavedModel, in TFLite and
    in ONNX Runtime; or a SavedModel directory or a .tflite file, which runs as it is. Each way takes its turn in a
    process of its own, on one thread and on all.
    """
    from ganzoo.generators import pretrained

    pretrained.find(model, network, direction)  # Errors come before Keras, which takes seconds.
    from ganzoo.exporting.benchmark import benchmark

    report = benchmark(model, direction, network=network, say=lambda line: tables.echo(line, err=True))
    tables.tell(report, as_json, tables.print_benchmark)


@cli.command()
@click.argument("model")
@click.option("--data", metavar="SOURCE", help="Test images, in place of the test split of the model's recipe.")
@click.option(
    "--network",
    metavar="NAME",
    help="Feature network: efficientnet-lite0, inception or a .keras file.  [default: the recipe's]",
)
@click.option(
    "--perceptual",
    metavar="NAME",
    multiple=True,
    help="Perceptual distance: vgg16 or lpips; may be given twice.  [default: those on this machine]",
)
@click.option("--count", type=click.IntRange(min=2), help="At most so many test images, spread evenly, and samples.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder for the numbers and pictures.  [default: evaluation/ in a run directory]",
)
@options.direction("both", default="both")
@options.as_json
def evaluate(model, data, network, perceptual, count, out, direction, as_json):
    """Tell how good MODEL is, in numbers that say what they depend on.

    MODEL is a pretrained name, a run directory, a .keras file, or what was exported. It is measured on the test split
    of its recipe's data. What can't be measured here is listed, with the reason.
    """
    from ganzoo.evaluation.evaluate import evaluate

    options = {"network": network, "perceptual": perceptual or None, "count": count, "out": out}
    document = evaluate(model, data, direction=direction, **options, watch=tables.watched)
    tables.tell(document, as_json, tables.print_evaluation)


@cli.command()
@click.argument("model")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The folder for the files.")
@click.option("--format", "formats", metavar="FORMAT", multiple=True, help="savedmodel or tflite.  [default: both]")
@click.option(
    "--quantize",
    metavar="PRECISION",
    multiple=True,
    help="Of TFLite: none, float16, dynamic, int8 or int16x8.  [default: the first three, if near enough]",
)
@click.option("--size", metavar="HxW", help="Height and width of the pictures; free for any, which SRGAN takes.")
@click.option(
    "--io",
    type=click.Choice(["float", "uint8"]),
    default="float",
    show_default=True,
    help="uint8: pixels in and out, their scaling in the file.",
)
@click.option(
    "--calibration", metavar="SOURCE", help="Images for int8, in place of the recipe's: folder:PATH or the like."
)
@click.option("--allow-below", metavar="DB", type=float, help="The dB that will do where a file misses its floor.")
@options.direction("both")
@options.network
def export(model, out, formats, quantize, size, io, calibration, allow_below, direction, network):
    """Export MODEL to a SavedModel and TFLite files, each with the proof that it paints the same.

    MODEL is a pretrained name, a run directory or a .keras file. Every file is run on real images and compared with
    Keras; where one comes not near enough, none is written, or of those that were not asked for by name the others.
    What the files take and give, and how good and fast they are, is in the card.json beside them.
    """
    from ganzoo.exporting.export import export

    silence_libraries()
    given = {"formats": formats, "quantize": quantize}
    made = export(
        model,
        out,
        **{name: value for name, value in given.items() if value},
        size=size,
        io=io,
        calibration=calibration,
        allow_below=allow_below,
        direction=direction,
        network=network,
        say=tables.say,
    )
    tables.print_export(str(made.folder), made.files)


@cli.command()
@click.argument("run_dir", type=click.Path(file_okay=False, path_type=Path))
@options.as_json
def doctor(run_dir, as_json):
    """Tell what is wrong with the run in RUN_DIR, be it running or done, and what to try."""
    from ganzoo.training import doctor
    from ganzoo.training.run_directory import RunDirectory

    report = doctor.examine(RunDirectory(run_dir))
    tables.tell(report, as_json, tables.print_diagnosis)


def main():
    """Runs the command and exits: 0 done, 2 wrong usage, 1 a failure while running, 130 interrupted."""
    warnings.showwarning = lambda message, *_, **__: tables.echo(f"Warning: {message}", err=True)
    try:
        status = cli.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        status = 2
    except click.ClickException as error:
        status = _fail(error.format_message(), error.exit_code)
    except UsageError as error:
        status = _fail(error, 2)
    except RunError as error:
        status = _fail(error, 1)
    except OSError as error:
        if not _is_users(error):
            raise
        status = _fail(_file_problem(error), 1)
    except MemoryError as error:
        said = f": {error}" if str(error) else ""
        status = _fail(f"not enough memory{said}; end what else takes it, and give the same command again", 1)
    except (click.Abort, KeyboardInterrupt):
        status = 130
    sys.exit(status or 0)


def _fail(problem, status: int) -> int:
    tables.echo(f"Error: {' '.join(str(problem).split())}", err=True)
    return status


def _is_users(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT) or error.filename is not None


def _file_problem(error: OSError) -> str:
    where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{where}no space left on the disk; free some and give the same command again"
    return f"{where}{(error.strerror or 'can not be used').lower()}"
