"""The card of a pretrained generator, `card.yaml`, as text: what `ganzoo show` prints of it."""

from collections.abc import Mapping

KEYS = (
    "name",
    "summary",
    "intended_use",
    "weaknesses",
    "licence",
    "data",
    "credits",
    "training",
    "parameters",
    "files",
    "evaluation",
    "exports",
    "fixed_output",
    "check",
)
"""All that a card holds, in this order."""
TOLD = ("intended_use", "weaknesses", "licence", "data", "credits", "training", "parameters", "files")
"""What is told in words; the rest is tables, or for machines."""


def facts(card: Mapping) -> dict[str, list[str]]:
    """What a card says in words: lines by title."""
    told = {_words(key).capitalize(): _lines(card[key]) for key in TOLD if card.get(key)}
    # Where there are no numbers, it may say why.
    why = {_words(key).capitalize(): [card[key]] for key in ("evaluation", "exports") if isinstance(card.get(key), str)}
    return told | why


def evaluations(card: Mapping) -> list[tuple[str, list[list[str]]]]:
    """Of each evaluation a title, which tells the protocol, and a table: a row for each metric, the first the heads."""
    return [_evaluation(one) for one in _entries(card, "evaluation")]


def exports(card: Mapping) -> list[list[str]]:
    """A table of the exported files with their proof, the first row the heads; empty where there are none."""
    files = _entries(card, "exports")
    keys = list(dict.fromkeys(key for file in files for key in file))
    return [[_words(key) for key in keys], *([_text(file.get(key)) for key in keys] for file in files)] if keys else []


def _entries(card: Mapping, key: str) -> list[Mapping]:
    found = card.get(key)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _evaluation(one: Mapping) -> tuple[str, list[list[str]]]:
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
    """A metric's value, with its standard error where that is known."""
    return _text(value) if error is None else f"{_text(value)} ± {_text(error)}"


def _lines(value) -> list[str]:
    """A line for each item, and for each item of an item; lists with a dash."""
    if isinstance(value, Mapping):
        return [
            f"{_words(str(key))}: {line}"
            for key, inner in value.items()
            for line in (map(_text, inner) if isinstance(inner, list) else [_text(inner)])
        ]
    return [f"- {_text(item)}" for item in value] if isinstance(value, list) else [_text(value)]


def _text(value) -> str:
    """A value in a line: numbers to four digits, with separators of thousands."""
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
