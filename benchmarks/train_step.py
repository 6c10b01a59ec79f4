"""How fast a training step is: ganzoo on TensorFlow and on JAX against plain PyTorch and against the machine's floor.

    python benchmarks/train_step.py                               all architectures, all engines that are installed
    python benchmarks/train_step.py pix2pix --backend jax --turns 9
    python benchmarks/train_step.py --markdown docs/performance.md

For each architecture every engine is built in a process of its own, and they train in turns, a second or two each, so
that whatever else the machine does falls on all alike. Through `fit`, on a batch that is held in memory; PyTorch runs
`pytorch_steps.py`, which is checked first to have as many parameters and, from the same weights, the same losses.

- images/s: medians of the turns. The time is taken from the end of one step to the end of the last, all work done. A
  step with lazy phases, of which there are some in 16, is the mean over all of these.
- of floor: the floating point operations of a step's convolutions and matrix products, as PyTorch counts them when it
  runs them, over the rate of a large product of matrices in the same turn, over the step's time.
- x PyTorch: PyTorch's time over the engine's: median of the turns, and between what quartiles they lie.

Ratios compare; it never passes or fails.
"""

import contextlib
import json
import math
import re
import statistics
import sys
from pathlib import Path

import click
import engines
from machine import described, machine
from rich.console import Console
from rich.table import Table
from workers import Failed, Worker

from ganzoo.errors import UsageError

STATUS = Console(stderr=True)


def defaults(field: str) -> str:
    return "[default: " + ", ".join(f"{name} {getattr(one, field)}" for name, one in engines.DEFAULTS.items()) + "]"


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(engines.DEFAULTS)))
@click.option("--backend", "backends", multiple=True, type=click.Choice(["tensorflow", "jax"]), help="[default: both]")
@click.option("--turns", default=7, show_default=True, type=click.IntRange(1))
@click.option("--steps", type=click.IntRange(1), help="Steps in a turn.  [default: some seconds']")
@click.option("--precision", default="float32", show_default=True, type=click.Choice(engines.PRECISIONS))
@click.option("--jit-compile/--no-jit-compile", default=None, help="ganzoo's XLA.  [default: as it chooses]")
@click.option("--torch-compile", is_flag=True, help="PyTorch's compiled networks.")
@click.option("--torch-fused", is_flag=True, help="PyTorch's fused Adam.")
@click.option("--channels-last", is_flag=True, help="PyTorch's other memory format.")
@click.option("--torch-scaled", is_flag=True, help="PyTorch's modulated convolutions without groups.")
@click.option("--batch", type=click.IntRange(1), help=defaults("batch"))
@click.option("--size", type=click.IntRange(1), help=f"Of images.  {defaults('size')}")
@click.option("--cores", type=click.IntRange(1), help="How many each engine may use.  [default: all]")
@click.option("--check/--no-check", default=True, help="Whether PyTorch computes the same, which takes a minute.")
@click.option("--verbose", is_flag=True, help="Shows what libraries print, and where an error came from.")
@click.option("--json", "as_json", is_flag=True, help="Nothing but JSON on standard output.")
@click.option(
    "--markdown",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file whose table of this precision is replaced.",
)
def main(names, backends, turns, steps, as_json, markdown, check, cores, batch, size, verbose, **options):
    wanted = [*(backends or ("tensorflow", "jax")), "pytorch"]
    missing = [engine for engine in wanted if not engines.installed(engine)]
    for engine in missing:
        STATUS.print(f"{engine}: left out, for it is not installed")
    found = [engine for engine in wanted if engine not in missing]
    if not found:
        raise click.ClickException("no engine is installed; see benchmarks/requirements.txt")
    settings = [engines.DEFAULTS[name]._replace(**options) for name in names or engines.DEFAULTS]
    settings = [one._replace(batch=batch or one.batch, size=size or one.size) for one in settings]
    for setting in settings:
        check_size(setting)
    results = []
    for setting in settings:
        try:
            results.append(measure(setting, found, turns, steps, cores, check, verbose))
        except Failed as error:
            STATUS.print(f"{setting.name}: left out, for it failed: {error}", markup=False)
    if not results:
        raise click.ClickException("nothing could be measured; --verbose shows what happened")
    about = machine([about for result in results for about in result["about"].values()], cores)
    if as_json:
        click.echo(json.dumps({"machine": about, "options": options, "results": results}))
    else:
        show(results, about)
    if markdown:
        title = f"{about['kind']} {options['precision']}"
        replace_table(markdown, title, as_markdown(results, about, options, turns))


def check_size(setting: engines.Setting) -> None:
    try:
        engines.config_of(setting)
    except UsageError as error:
        raise click.UsageError(str(error)) from None


def measure(setting: engines.Setting, names, turns: int, steps, cores, check: bool, verbose: bool) -> dict:
    """All that one architecture's turns told; engines that fail are left out, saying so."""
    with contextlib.ExitStack() as stack:
        workers, about, warm = {}, {}, {}
        for name in names:
            with left_out_if_it_fails(setting, name), STATUS.status(f"{setting.name}: {name} is being built"):
                worker = Worker(name, setting, cores, verbose)
                stack.callback(worker.stop)
                # Compiles; the second time tells how long a step takes.
                worker.asked("run", setting.cycle)
                warm[name] = worker.asked("run", setting.cycle) / setting.cycle
                workers[name], about[name] = worker, worker.asked("about")
        if not workers:
            raise Failed("no engine is left")
        for name in workers if check and "pytorch" in workers else ():
            if name != "pytorch":
                with STATUS.status(f"{setting.name}: {name} and PyTorch are compared"):
                    compare(setting, workers[name], workers["pytorch"])
        operations = workers["pytorch"].asked("operations") if "pytorch" in workers else None
        steps = {name: in_cycles(setting, steps or max(2, round(1.5 / taken))) for name, taken in warm.items()}
        seconds, products = take_turns(setting, workers, turns, steps)
    return {
        **setting._asdict(),
        "steps": steps,
        "operations": operations,
        "products": products,
        "seconds": seconds,
        "about": about,
        "engines": [summary(setting, name, seconds, operations, products) for name in seconds],
    }


def in_cycles(setting, steps: int) -> int:
    """So many steps or some more, so that lazy phases have their share of them."""
    return setting.cycle * math.ceil(steps / setting.cycle)


def take_turns(setting, workers: dict[str, Worker], turns: int, steps: dict) -> tuple[dict, list[float]]:
    """Returns for each turn seconds a step by engine, and the rate of the product of matrices."""
    seconds, products = {name: [] for name in workers}, []
    for turn in range(turns):
        with STATUS.status(f"{setting.name}: turn {turn + 1} of {turns}"):
            products.append(next(iter(workers.values())).asked("product"))
            for name, worker in workers.items():
                seconds[name].append(worker.asked("run", steps[name]) / steps[name])
    return seconds, products


@contextlib.contextmanager
def left_out_if_it_fails(setting, engine: str):
    try:
        yield
    except Failed as error:
        STATUS.print(f"{setting.name}: {engine}: left out, for it failed: {error}", markup=False)


def compare(setting, keras: Worker, pytorch: Worker) -> None:
    """Raises Failed where PyTorch has other networks, or its first step other losses."""
    found = pytorch.asked("compare", keras.asked("first_step"))
    problems = [
        f"{name}: {ours} parameters, in PyTorch {theirs}"
        for name, (ours, theirs) in found["parameters"].items()
        if ours != theirs
    ]
    problems += [
        f"{name}: {ours:.6g}, in PyTorch {theirs:.6g}"
        for name, (ours, theirs) in found["losses"].items()
        if not abs(ours - theirs) <= 1e-3 * abs(ours)
    ]
    if problems:
        raise Failed(f"what {keras.engine} computes is not what PyTorch does: {problems[0]}")


def summary(setting, engine: str, seconds: dict, operations: float | None, products: list[float]) -> dict:
    """The numbers of one engine."""
    own = seconds[engine]
    result = {"engine": engine, "seconds": statistics.median(own)}
    result["images_per_second"] = setting.batch / result["seconds"]
    if operations:
        floors = [operations / product for product in products]
        result["of_floor"] = statistics.median(floor / taken for floor, taken in zip(floors, own, strict=True))
    if "pytorch" in seconds:
        ratios = [theirs / taken for theirs, taken in zip(seconds["pytorch"], own, strict=True)]
        result["ratio"] = statistics.median(ratios)
        result["quartiles"] = quartiles(ratios)
    return result


def quartiles(values) -> list[float]:
    if len(values) < 2:
        return [values[0], values[0]]
    lower, _, upper = statistics.quantiles(values, method="inclusive")
    return [lower, upper]


# What is shown.


HEADERS = ("", "engine", "s/step", "images/s", "of floor", "x PyTorch", "quartiles")


def rows_of(results) -> list[tuple[str, ...]]:
    return [cells(result, engine) for result in results for engine in result["engines"]]


def cells(result: dict, engine: dict) -> tuple[str, ...]:
    of_floor = f"{engine['of_floor']:.2f}" if "of_floor" in engine else ""
    ratio = between = ""
    if "ratio" in engine and engine["engine"] != "pytorch":
        ratio, between = f"{engine['ratio']:.2f}", "{:.2f} to {:.2f}".format(*engine["quartiles"])
    title = f"{result['name']} {result['size']}, batch {result['batch']}"
    return (
        title,
        engine["engine"],
        digits(engine["seconds"]),
        digits(engine["images_per_second"]),
        of_floor,
        ratio,
        between,
    )


def digits(value: float) -> str:
    """Three digits, and no exponent."""
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}"


def product_of(results) -> float | None:
    rates = [rate for result in results for rate in result["products"] if rate]
    return statistics.median(rates) if rates else None


def show(results, about) -> None:
    table = Table(*HEADERS, box=None)
    for column in table.columns[2:]:
        column.justify = "right"
    for line in rows_of(results):
        table.add_row(*line)
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    console.print(f"\n{described(about)}", highlight=False)
    if product_of(results):
        console.print(f"The product of matrices: {product_of(results) / 1e9:,.0f} GFLOP/s", highlight=False)


def as_markdown(results, about, options, turns: int) -> str:
    lines = [f"| {' | '.join(HEADERS)} |", "|---|---" + "|---:" * (len(HEADERS) - 2) + "|"]
    lines += [f"| {' | '.join(line)} |" for line in rows_of(results)]
    chosen = [f"`--{key.replace('_', '-')}`" for key, value in options.items() if value is True]
    chosen += ["`--no-jit-compile`"] if options["jit_compile"] is False else []
    note = [described(about), options["precision"], *chosen, f"{turns} turns"]
    if product_of(results):
        note.append(f"the product of matrices {product_of(results) / 1e9:,.0f} GFLOP/s")
    return "\n".join([*lines, "", "; ".join(note) + "."])


def replace_table(path: Path, title: str, text: str) -> None:
    """Writes between the two markers of this title, which are appended where the file has none."""
    begin, end = f"<!-- {title}: made by benchmarks/train_step.py -->", f"<!-- end of {title} -->"
    before = path.read_text("utf-8") if path.exists() else ""
    block = f"{begin}\n{text}\n{end}"
    found = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    after = found.sub(lambda _: block, before) if found.search(before) else f"{before}\n{block}\n".lstrip("\n")
    path.write_text(after, "utf-8")


if __name__ == "__main__":
    main()
