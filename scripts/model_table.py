"""Prints the tables of pretrained generators, from their cards: the README's, and that of docs/pretrained.md.

A test holds the pages to them.
"""

from collections.abc import Iterator, Mapping

from ganzoo.generators import zoo

HEADS = ("generator", "does", "weights", "trained", "measured on the test split; after it, what to read it against")
SHORT = 4
"""The columns that the README has, the first ones."""
DIGITS = {
    "FD-EffLite0": 1,
    "read as named": 3,
    "accuracy score (CAS)": 3,
    "PSNR (Y), dB": 2,
    "PSNR, dB": 2,
    "VGG16 distance": 3,
    "test error, %": 2,
}
"""The metrics in the table, and their digits after the point."""
OWN = ("output", "samples", "L1 alone")
"""Endings of the names of a generator's own rows; the other rows are to compare it with."""
CALLED = {"train split": "real images", "test split": "real images", "a to b": "A to B", "b to a": "B to A"}


def main():
    print(table(SHORT), table(), sep="\n\n")


def table(columns: int = len(HEADS)) -> str:
    rows = [HEADS, ["---"] * len(HEADS), *(row(zoo.card(name)) for name in zoo.names())]
    return "\n".join(f"| {' | '.join(cells[:columns])} |" for cells in rows)


def row(card: Mapping) -> list[str]:
    training = card["training"]
    return [
        f"`{card['name']}`",
        card["summary"].replace("; for research", " (research use)"),
        f"{card['files']['float16'] / 1e6:.1f} MB",
        f"{training['minutes']:.0f} min",
        "<br>".join(line for entry in with_rivals(card["evaluation"]) for line in measured(entry)),
    ]


def with_rivals(evaluations: list[Mapping]) -> list[Mapping]:
    """Puts the rows of rivals, which have entries of their own, beside those of the generator."""
    first, *others = evaluations
    rivals = [entry for entry in others if entry["protocol"] == first["protocol"] and entry["data"] == first["data"]]
    rivals = [entry for entry in rivals if not any(row.endswith(OWN) for row in entry["rows"])]
    rows = first["rows"] | {name: row for entry in rivals for name, row in entry["rows"].items()}
    return [{**first, "rows": rows}, *(entry for entry in others if entry not in rivals)]


def measured(entry: Mapping) -> Iterator[str]:
    """A line for each direction: every metric with what the generator has, and in brackets what the others have."""
    rows = entry["rows"]
    if entry["protocol"].startswith("classes:"):
        share, rarest = min((share, name) for name, share in rows["samples"].items())
        yield f"of {len(rows['samples'])} classes the rarest, {rarest}, is {share:.1%} of the samples"
        return
    for own in (name for name in rows if name.endswith(OWN)):
        way = own.removesuffix("output") if own.endswith("output") else ""
        others = {
            name.removeprefix(way): values for name, values in rows.items() if name.startswith(way) and name != own
        }
        parts = [metric_text(metric, rows[own][metric], others) for metric in DIGITS if metric in rows[own]]
        yield f"{place(entry, own)}{'; '.join(parts)}"


def place(entry: Mapping, own: str) -> str:
    """Names the data, direction or rival before the numbers, if it is not the usual one."""
    where = [part for part in ("Set5", "Set14") if f"/{part}," in entry["data"]]
    precision = ["int8"] if "int8.tflite" in entry["command"] else []
    way = [CALLED.get(name, name) for name in [own.removesuffix("output").removesuffix("samples").strip()]]
    words = " ".join(filter(None, [*where, *precision, *way]))
    return f"{words}: " if words else ""


def metric_text(metric: str, value: float, others: Mapping) -> str:
    digits = DIGITS[metric]
    against = [f"{CALLED.get(name, name)} {of[metric]:.{digits}f}" for name, of in others.items() if metric in of]
    called, _, unit = metric.partition(", ")
    brackets = f" ({', '.join(against)})" if against else ""
    return f"{called} {value:.{digits}f}{f' {unit}' if unit else ''}{brackets}"


if __name__ == "__main__":
    main()
