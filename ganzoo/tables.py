"""The output of commands: JSON, or tables and paragraphs for people."""

import json
import math
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence

import click

from ganzoo.errors import printable

ARROWS = {"higher": "\N{UPWARDS ARROW}", "lower": "\N{DOWNWARDS ARROW}", "as real": "\N{ALMOST EQUAL TO}"}
"""Signs of the better side of a metric: the last one is the side of real images."""
TOLD_OF_A_CARD = ("intended_use", "weaknesses", "licence", "data", "credits", "training", "parameters", "files")
"""Keys of a card that are printed in words; the rest is tables, or for machines."""


def echo(text: str = "", err: bool = False) -> None:
    """Prints a text of lines, none of which makes the terminal do anything."""
    click.echo("\n".join(map(printable, text.split("\n"))), err=err)


def say(line: str) -> None:
    """Prints one line, which makes the terminal do nothing."""
    click.echo(printable(line))


def tell(found: dict, as_json: bool, in_words: Callable[[dict], None]) -> None:
    """Prints what a command found: nothing but JSON, or for people."""
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        in_words(found)


def print_table(title: str, rows: list[list[str]]) -> None:
    """Prints a table that fits the terminal or, where there is none, aligned lines that are never cut."""
    rows = [[printable(cell) for cell in row] for row in rows or [["none yet"]]]
    if sys.stdout.isatty():
        _print_rich_table(title, rows)
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    echo(f"{title}:")
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        echo("  " + "  ".join(cells).rstrip())


def _print_rich_table(title: str, rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*([""] * len(rows[0])), box=None, show_header=False, padding=(0, 1))
    for row in rows:
        table.add_row(Text(row[0], style="bold"), *map(Text, row[1:]))
    Console().print(Text(printable(title), style="cyan"), table)


def print_catalog(known: dict) -> None:
    for kind, entries in known.items():
        print_table(kind.capitalize(), [[entry["name"], entry["summary"], *_whereabouts(entry)] for entry in entries])


def _whereabouts(entry: dict) -> list[str]:
    """Returns how large a pretrained generator is and whether it must be fetched; nothing for other entries."""
    if "bytes" not in entry:
        return []
    return [f"{entry['bytes'] / 1e6:.1f} MB{'' if entry['here'] else ', not on this machine'}"]


def print_directions(found: Sequence[Mapping]) -> None:
    """Prints what directions there are, and what each does."""
    rows = [["", "shown at -2, 0, +2", "share of variance"]]
    for one in found:
        shown = ", ".join(f"{100 * share:.0f} %" for share in one.get("shown", ()))
        rows.append([one["name"], shown, f"{100 * one['share']:.1f} %" if "share" in one else ""])
    print_table("directions", rows)


def print_benchmark(report: dict) -> None:
    timed = [row for row in report["rows"] if "timings" in row]
    threads = [timing["threads"] for timing in timed[0]["timings"]] if timed else []
    heads = [head for n in threads for head in (f"{n} thread{'s' * (n > 1)}, ms", "spread", "x tf.function")]
    table = [["", "size", *heads, "memory"]]
    for row in timed:
        cells = [cell for timing in row["timings"] for cell in _timing_cells(timing)]
        memory = "" if row["peak_memory_mib"] is None else f"{row['peak_memory_mib']:.0f} MiB"
        table.append([row["name"], f"{row['bytes'] / 1e6:.1f} MB", *cells, memory])
    print_table(report["model"], table)
    for row in report["rows"]:
        if "timings" not in row:
            _print_paragraph(f"{row['name']}: not available: {row['unavailable']}")


def _timing_cells(timing: dict) -> list[str]:
    speedup = "" if timing["speedup"] is None else f"{timing['speedup']:.2f}"
    return [f"{timing['median_ms']:.2f}", f"{timing['spread_ms']:.2f}", speedup]


def print_export(folder: str, files: Mapping[str, dict]) -> None:
    """Prints how good, large and fast exported files are; `files` are entries of a card by name."""
    print_table(folder, quality_table(files))
    operators = [[name, *_operator_cells(entry["anatomy"])] for name, entry in files.items() if "anatomy" in entry]
    if operators:
        print_table("Operators", [["", "operators", "left in float"], *operators])


def quality_table(files: Mapping[str, dict]) -> list[list[str]]:
    """Returns rows of cells, the first row the heads."""
    threads = next((entry["latency"]["all_threads"]["threads"] for entry in files.values() if "latency" in entry), None)
    timed = [] if threads is None else ["1 thread", f"{threads} threads", "memory", "XNNPACK", "GPU", "MACs", "weights"]
    # Of one export all have the same, unless it is of networks of several kinds.
    metrics = dict.fromkeys(entry["quality"]["metric"].upper() for entry in files.values())
    agreement = ["same class"] if any("agreement" in entry["quality"] for entry in files.values()) else []
    rows = [["", "size", " or ".join(metrics), "worst", "floor", "difference", *agreement, *timed]]
    for name, entry in files.items():
        speed = _speed_cells(entry) if "latency" in entry else [""] * len(timed)
        rows.append([name, *_quality_cells(entry), *(_agreement(entry["quality"]) for _ in agreement), *speed])
    return rows


def _quality_cells(entry: dict) -> list[str]:
    quality, size = entry["quality"], entry["bytes"]
    metric = quality["metric"]
    allowed = "" if quality["passed"] else f", allowed {quality['allowed_below']:g}"
    return [
        f"{size / 1e6:.2f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB",
        f"{quality[metric + '_mean']:.1f} dB",
        f"{quality[metric + '_worst']:.1f} dB",
        f"{quality['floor']:g} dB{allowed}",
        f"{quality['largest_difference']:.1g}",
    ]


def _agreement(quality: dict) -> str:
    return f"{quality['agreement']:.1%}, floor {quality['agreement_floor']:.0%}" if "agreement" in quality else ""


def _speed_cells(entry: dict) -> list[str]:
    latency, anatomy = entry["latency"], entry["anatomy"]
    gpu = anatomy["gpu"] if anatomy["gpu"] and anatomy["gpu"]["checked"] else None
    return [
        f"{latency['one_thread']['median_ms']:.2f} ms",
        f"{latency['all_threads']['median_ms']:.2f} ms",
        f"{latency['peak_memory_mib']:.0f} MiB",
        _share(anatomy["xnnpack"]),
        _share(gpu) + (", differs" if gpu["agrees"] is False else "") if gpu else "not checked",
        _count(anatomy["macs"]),
        _count(anatomy["parameters"]),
    ]


def _share(found: dict | None) -> str:
    return f"{found['taken']} of {found['operators']}" if found else ""


def _count(number: int) -> str:
    for unit, name in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= unit:
            return f"{number / unit:.3g}{name}"
    return str(number)


def _operator_cells(anatomy: dict) -> list[str]:
    operators = [f"{operator['name']} {operator['count']}" for operator in anatomy["operators"]]
    left = [f"{name} {count}" for name, count in (anatomy["float_operators"] or {}).items()]
    return [", ".join(operators), ", ".join(left)]


def print_evaluation(document: dict) -> None:
    title = f"{document['model']} on {document['data']}"
    for direction in dict.fromkeys(result["direction"] for result in document["results"]):
        rows = _evaluation_table([result for result in document["results"] if result["direction"] == direction])
        if sys.stdout.isatty():
            # A value stays in one line with its error.
            rows = [[cell.replace(" ", "\N{NO-BREAK SPACE}") for cell in row] for row in rows]
        print_table(f"{title}, {direction}" if direction else title, rows)
    _print_paragraph(f"Images: {document['preparation']}. ±: one standard error.")
    for warning in document["warnings"]:
        _print_paragraph(f"Beware: {warning}.")
    for skipped in document["skipped"]:
        _print_paragraph(f"Not measured: {skipped['metric']}: {skipped['reason']}")


def _evaluation_table(results: Sequence[dict]) -> list[list[str]]:
    """Returns the heads, and a row for each metric with a column for each thing that was measured."""
    columns = list(dict.fromkeys(result["of"] for result in results))
    rows = [["", *columns, "images"]]
    for metric in dict.fromkeys(result["metric"] for result in results):
        found = {result["of"]: result for result in results if result["metric"] == metric}
        arrow = ARROWS[next(iter(found.values()))["better"]]
        counts = " and ".join(dict.fromkeys(map(image_counts, found.values())))
        rows.append([f"{metric} {arrow}", *(evaluation_cell(found.get(column)) for column in columns), counts])
    return rows


def image_counts(result: dict) -> str:
    """Returns how many images were measured, and for a distribution against how many: `1,000 : 140`."""
    real = result["real_images"]
    return f"{result['images']:,}" + (f" : {real:,}" if real else "")


def evaluation_cell(result: dict | None) -> str:
    """Returns a value with its standard error and unit; dB with two digits after the point, as papers have them."""
    if result is None:
        return ""
    if result["value"] is None:
        return "not finite"
    value, error, unit = result["value"], result["standard_error"], result["unit"]
    if unit == "dB":
        digits = 2
    elif error:
        # SSIM is compared to four digits, whatever its spread.
        digits = 4 if abs(value) <= 1 else _digits(error)
    else:
        digits = _digits(value / 10)
    spread = f" ± {error:.{digits}f}" if error is not None else ""
    return f"{value:,.{digits}f}{spread}{' ' * bool(unit)}{unit}"


def _digits(scale: float) -> int:
    """Digits after the point that show two of a number of this size."""
    return 3 if scale == 0 else min(max(1 - math.floor(math.log10(abs(scale))), 0), 4)


def watched(items, length: int, title: str):
    """Returns the items; going through them shows a bar on a terminal."""
    if not sys.stderr.isatty():
        return items
    from rich.console import Console
    from rich.progress import track

    return track(items, title, total=length, console=Console(stderr=True), transient=True)


def print_described(described: dict) -> None:
    import yaml

    if "card" in described:
        _print_card(described["card"])
        return
    if "run" in described:
        print_diagnosis(described["run"])
        echo()
    else:
        echo(f"{described['recipe']}\n\n{described['header']}\n")
    echo(yaml.safe_dump(described["settings"], sort_keys=False))


def _print_card(card: dict) -> None:
    echo(f"{card['name']}\n\n{card.get('summary', '')}\n")
    # Where there are no numbers, a text may say why.
    why = [key for key in ("evaluation", "exports") if isinstance(card.get(key), str)]
    for key in [*(key for key in TOLD_OF_A_CARD if card.get(key)), *why]:
        echo(f"{_words(key).capitalize()}:")
        for line in _lines(card[key]):
            _print_paragraph(line, "  ")
    evaluations, exports = (_entries(card.get(key)) for key in ("evaluation", "exports"))
    for one in evaluations:
        title, table = _card_evaluation(one)
        print_table(f"\n{title}", table)
    if keys := list(dict.fromkeys(key for file in exports for key in file)):
        rows = [[_text(file.get(key)) for key in keys] for file in exports]
        print_table("\nexports", [list(map(_words, keys)), *rows])
    echo()


def _entries(found) -> list[Mapping]:
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _card_evaluation(one: Mapping) -> tuple[str, list[list[str]]]:
    """Returns a title, which tells the protocol, and a table: the heads, and a row for each metric."""
    title = f"{_words(str(one.get('protocol')))} on {one.get('data')}, by {one.get('command')}"
    outputs, errors = one.get("rows") or {}, one.get("standard_errors") or {}
    if not outputs:
        return title, [["no numbers"]]
    metrics = list(dict.fromkeys(metric for values in outputs.values() for metric in values))
    cells = {
        name: [_measured(values.get(metric), errors.get(name, {}).get(metric)) for metric in metrics]
        for name, values in outputs.items()
    }
    counts = one.get("images") or {}
    images = [["images", *(_text(counts.get(name)) for name in outputs)]] if counts else []
    return title, [["", *map(_words, outputs)], *map(list, zip(metrics, *cells.values(), strict=True)), *images]


def _measured(value, error) -> str:
    """Returns a metric's value, with its standard error where that is known."""
    return _text(value) if error is None else f"{_text(value)} ± {_text(error)}"


def _lines(value) -> list[str]:
    """Returns a line for each item, and for each item of an item; those of a list begin with a dash."""
    if isinstance(value, Mapping):
        return [
            f"{_words(str(key))}: {line}"
            for key, inner in value.items()
            for line in (map(_text, inner) if isinstance(inner, list) else [_text(inner)])
        ]
    return [f"- {_text(item)}" for item in value] if isinstance(value, list) else [_text(value)]


def _text(value) -> str:
    """Returns a value in a line; numbers have four digits, with separators of thousands."""
    match value:
        case None:
            return ""
        case bool() | str():
            return str(value)
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
        case Mapping():
            return ", ".join(f"{_words(str(key))} {_text(inner)}" for key, inner in value.items())
        case list():
            return ", ".join(map(_text, value))
        case _:
            return str(value)


def _words(key: str) -> str:
    return key.replace("_", " ")


def print_networks(networks: dict) -> None:
    for name, network in networks.items():
        rows = [
            [
                layer["name"],
                layer["kind"],
                " x ".join(str(size or "any") for size in layer["output"]),
                f"{layer['parameters']:,}",
            ]
            for layer in network["layers"]
        ]
        print_table(f"{name}: {network['parameters']:,} parameters", rows)


def print_diagnosis(report: dict) -> None:
    if report["step"] is None:
        echo(f"{report['run']}: no metrics yet, so there is nothing to say of its health")
    else:
        echo(f"{report['run']}: step {report['step']:,} of {report['last_step']:,}")
    for rollback in report["rollbacks"]:
        way = f"from step {rollback['from']:,} to step {rollback['to']:,}"
        _print_paragraph(f"went back {way}, because {rollback['reason']}")
    if report["step"] is not None and not report["findings"]:
        if report["early"]:
            verdict = report["early"]
        elif report["judged"] is None:
            verdict = "nothing to judge it by: no line that is looked at holds values of health"
        else:
            seen = "losses, the discriminator's logits, gradients, updates and samples"
            verdict = f"healthy: nothing is wrong with {seen}"
        _print_paragraph(verdict)
    for finding in report["findings"]:
        echo(f"\n{finding['name']} (since step {finding['since']:,})")
        _print_paragraph(finding["evidence"], "  ")
        _print_paragraph(f"{finding['advice']}.", "  ")


def _print_paragraph(text: str, indent: str = "") -> None:
    """Prints text in lines that fit the terminal; a key of a recipe is never broken."""
    width = shutil.get_terminal_size((100, 0)).columns - len(indent)
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    echo(textwrap.indent("\n".join(lines), indent))
