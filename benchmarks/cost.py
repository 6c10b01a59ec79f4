"""The cost of a training step against image size and batch: seconds and memory, as JSON and as a plot.

    python benchmarks/cost.py                                         all architectures, to docs/cost.json and .svg
    python benchmarks/cost.py pix2pix --backend jax --out cost_jax    one of them on JAX, to files of other names

Every point is measured in a new process: the time of a step after the first ones, and the most memory that the process
held beyond that of the imported framework: weights, the optimizers' averages, and what the step itself holds. On an
accelerator it is the accelerator's memory. A point that, going by smaller ones, would exceed the limits is left out,
and so is one that fails; both are said. What the JSON file holds already is not measured again, so that the same
command goes on where it was stopped, and draws the plot anew where all is there.
"""

import json
from pathlib import Path

import click
import engines
from machine import available_memory, described, machine
from workers import Failed, Worker

from ganzoo.errors import UsageError

SIZES = (64, 128, 256, 512)
BATCHES = (1, 4, 16, 64)


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(engines.DEFAULTS)))
@click.option("--backend", default="tensorflow", show_default=True, type=click.Choice(["tensorflow", "jax"]))
@click.option("--precision", default="float32", show_default=True, type=click.Choice(engines.PRECISIONS))
@click.option("--sizes", multiple=True, type=int, help=f"[default: {', '.join(map(str, SIZES))}]")
@click.option("--batches", multiple=True, type=int, help=f"[default: {', '.join(map(str, BATCHES))}]")
@click.option("--seconds", default=30.0, show_default=True, help="The longest step that is measured.")
@click.option("--gib", type=float, help="The most memory.  [default: 0.7 of what is free]")
@click.option("--out", default="docs/cost", show_default=True, type=click.Path(path_type=Path), help="Without suffix.")
@click.option("--verbose", is_flag=True, help="Shows what libraries print, and where an error came from.")
def main(names, backend, precision, sizes, batches, seconds, gib, out, verbose):
    names = names or tuple(engines.DEFAULTS)
    limits = {"seconds": seconds, "bytes": int(gib * 2**30) if gib else int(0.7 * available_memory())}
    found = Results(out.with_suffix(".json"), backend, precision)
    for name in names:
        for size in sizes or SIZES:
            setting = engines.DEFAULTS[name]._replace(size=size, precision=precision)
            if not allowed(setting):
                click.echo(f"{name} at {size}: left out, it takes no such images")
                continue
            for batch in batches or BATCHES:
                measure_if_due(found, setting._replace(batch=batch), limits, verbose)
    draw(found, out.with_suffix(".svg"))
    click.echo(f"{out}.json, {out}.svg")


class Results:
    """The points of one backend and precision, and the file that holds them.

    Raises:
        UsageError: when the file holds points of something else.
    """

    def __init__(self, path: Path, backend: str, precision: str):
        self.path, self.backend = path, backend
        self.what = {"backend": backend, "precision": precision}
        self.machine, self.points = None, []
        if path.exists():
            document = json.loads(path.read_text("utf-8"))
            if document["what"] != self.what:
                found = " ".join(document["what"].values())
                raise UsageError(f"{path}: holds points of {found}; give another --out, or delete it")
            self.machine, self.points = document["machine"], document["points"]

    def point(self, name: str, size: int, batch: int) -> dict | None:
        wanted = {"name": name, "size": size, "batch": batch}
        return next((point for point in self.points if wanted.items() <= point.items()), None)

    def of(self, name: str, size: int) -> list[dict]:
        points = (point for point in self.points if (point["name"], point["size"]) == (name, size))
        return sorted(points, key=lambda point: point["batch"])

    def add(self, point: dict, about: dict) -> None:
        self.points.append(point)
        self.machine = machine([about])
        document = {"what": self.what, "machine": self.machine, "points": self.points}
        self.path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def allowed(setting: engines.Setting) -> bool:
    try:
        engines.config_of(setting)
    except UsageError:
        return False
    return True


def measure_if_due(found: Results, setting: engines.Setting, limits: dict, verbose: bool) -> None:
    title = f"{setting.name} at {setting.size}, batch {setting.batch}"
    if found.point(setting.name, setting.size, setting.batch):
        return
    beyond = too_much(found, setting, limits)
    if beyond:
        click.echo(f"{title}: left out, it would take some {beyond}")
        return
    try:
        point, about = measure(found.backend, setting, verbose)
    except Failed as error:
        click.echo(f"{title}: left out, it failed: {error}")
        return
    found.add(point, about)
    click.echo(f"{title}: {point['seconds']:.3f} s, {point['bytes'] / 2**30:.2f} GiB")


def too_much(found: Results, setting: engines.Setting, limits: dict) -> str | None:
    """Returns in words what of a point would exceed the limits, going by smaller ones; None: nothing that is known."""
    seconds, held = (expected(found, setting, key) for key in ("seconds", "bytes"))
    if seconds is not None and seconds > limits["seconds"]:
        return f"{seconds:.0f} s a step"
    if held is not None and held > limits["bytes"]:
        return f"{held / 2**30:.1f} GiB"
    return None


def expected(found: Results, setting: engines.Setting, key: str) -> float | None:
    """The least of what bounds a point from above: it is a part that does not grow, and one that grows with pixels."""
    size, batch = setting.size, setting.batch
    smaller = [p for p in found.points if p["name"] == setting.name and p["size"] <= size and p["batch"] <= batch]
    bounds = [batch / p["batch"] * (size / p["size"]) ** 2 * p[key] for p in smaller]
    row = [p for p in found.of(setting.name, size) if p["batch"] < batch]
    if len(row) > 1:
        first, last = row[-2:]
        growth = max(0, (last[key] - first[key]) / (last["batch"] - first["batch"]))
        bounds.append(last[key] + growth * (batch - last["batch"]))
    return min(bounds, default=None)


def measure(backend: str, setting: engines.Setting, verbose: bool) -> tuple[dict, dict]:
    """One point, and what the engine says about itself."""
    worker = Worker(backend, setting, verbose=verbose)
    try:
        worker.asked("run", setting.cycle)
        steps = setting.cycle * max(1, min(20 // setting.cycle, round(2 / worker.asked("run", setting.cycle))))
        seconds = worker.asked("run", steps) / steps
        held = worker.asked("peak_memory")
        about = worker.asked("about")
    finally:
        worker.stop()
    return {
        "name": setting.name,
        "size": setting.size,
        "batch": setting.batch,
        "seconds": seconds,
        "bytes": held,
    }, about


def draw(found: Results, path: Path) -> None:
    """A column for each architecture: time above, memory below, against the batch; a line for each size."""
    import matplotlib

    matplotlib.use("svg")
    # Text stays text, and the same points give the same file.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "cost", "font.size": 9})
    from matplotlib import pyplot

    names = list(dict.fromkeys(point["name"] for point in found.points))
    if not names:
        return
    figure, axes = pyplot.subplots(
        2, len(names), figsize=(3 * len(names) + 0.6, 5.2), sharex=True, sharey="row", squeeze=False
    )
    colours = dict(zip(SIZES, matplotlib.colormaps["viridis"]([0.85, 0.6, 0.35, 0.05]), strict=True))
    for column, name in enumerate(names):
        for size in sorted({point["size"] for point in found.points if point["name"] == name}):
            points = found.of(name, size)
            for row, (key, unit) in enumerate((("seconds", 1), ("bytes", 2**30))):
                values = [point[key] / unit for point in points]
                style = {"marker": "o", "markersize": 3.5, "color": colours.get(size, "grey")}
                axes[row][column].plot([point["batch"] for point in points], values, label=f"{size} px", **style)
        axes[0][column].set_title(name)
        axes[1][column].set_xlabel("images in a batch")
    for axis in axes.flat:
        axis.set_xscale("log", base=2)
        axis.set_yscale("log")
        axis.set_xticks(BATCHES, [str(batch) for batch in BATCHES])
        axis.minorticks_off()
        axis.grid(alpha=0.3, linewidth=0.5)
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes[0][0].set_ylabel("seconds a step")
    axes[1][0].set_ylabel("GiB")
    handles = {
        label: handle for axis in axes.flat for handle, label in zip(*axis.get_legend_handles_labels(), strict=1)
    }
    handles = dict(sorted(handles.items(), key=lambda item: int(item[0].split()[0])))
    figure.legend(handles.values(), handles.keys(), loc="upper center", ncols=len(handles), frameon=False)
    figure.text(0.5, 0.005, described(found.machine), ha="center", fontsize=7, color="grey")
    figure.tight_layout(rect=(0, 0.02, 1, 0.95))
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    try:
        main()
    except UsageError as error:
        raise SystemExit(f"error: {error}") from None
