"""The card of a pretrained generator, from what the project's commands found; used by make_pretrained.py."""

import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from ganzoo.errors import RunError
from ganzoo.evaluation.results import GENERATED
from ganzoo.files import downloads
from ganzoo.files.atomic import replacing
from ganzoo.generators import zoo
from ganzoo.tables import image_counts
from ganzoo.training import metrics_file
from ganzoo.training.run_directory import RunDirectory

WORDS = ("name", "summary", "intended_use", "weaknesses", "licence", "data", "credits")
"""The entries that no measurement gives, in the order of the card."""
DIGITS = 4
"""Significant ones of measured values; a measured value that is measured again has more."""
CHECK_DIGITS = 7
PAUSE = 10
"""An interval so many times as long as the usual one is a pause, in which nothing was trained."""
ANYWHERE = (None, "efficientnet-lite0")
"""Feature networks of metrics that can be measured wherever the tests run."""
MANIFEST_HEAD = (
    "# The files of every trained generator, by its name; `url` is where one that lies elsewhere can be had.\n"
)


OF_TRAINING = ("nearest_in_", "copies_in_")
"""The prefixes of metrics that compare with the images that were learnt."""
SHARES = ("named_share", "cas", "share_of_")
"""The prefixes of metrics that one answer of a few moves far, and so the rounding of another machine."""


class Rows(list):
    """Numbers that a card has on one line."""


def minutes_of(run: Path) -> float:
    """How long a run trained, by the stamps of its `metrics.jsonl`, without the pauses between."""
    return round(trained_seconds([line["time"] for line in metrics_of(run)]) / 60, 1)


def trained_seconds(times: Sequence[float]) -> float:
    """The sum of the intervals between lines but pauses; the first line has one too, taken to be as the others."""
    intervals = [after - before for before, after in zip(times[:-1], times[1:], strict=True)]
    usual = statistics.median(intervals) if intervals else 0.0
    return usual + sum(interval for interval in intervals if interval <= PAUSE * usual)


def metrics_of(run: Path) -> list[dict]:
    lines = metrics_file.read(RunDirectory(run))
    if not lines:
        raise RunError(f"{run}: no line in its metrics.jsonl; train it")
    return lines


def evaluation(command: str, document: Mapping, named: str = "output") -> dict:
    """An entry of the card, from what `ganzoo evaluate --json` prints.

    Args:
        named: what the row of the generator itself is called.
    """
    rows, errors, images = {}, {}, {}
    for result in document["results"]:
        of = named if result["of"] == "output" else result["of"]
        row = " ".join(filter(None, (result["direction"], of)))
        metric = result["metric"] + (f", {result['unit']}" if result["unit"] else "")
        rows.setdefault(row, {})[metric] = significant(result["value"])
        if result["standard_error"] is not None:
            errors.setdefault(row, {})[metric] = significant(result["standard_error"], 2)
        images.setdefault(row, image_counts(result))
    found = {"command": command, "protocol": document["protocol"], "data": document["data"], "images": images}
    return {**found, "rows": rows, "standard_errors": errors}


def not_measured(command: str, why: Exception) -> dict:
    """The entry of an evaluation that could not be made."""
    return {"command": command, "protocol": f"not measured ({why})", "data": "what it names", "rows": {}}


def classes(command: str, found: Mapping) -> dict:
    """An entry of the card, from what scripts/class_shares.py prints."""
    return {
        "command": command,
        "protocol": "classes: share of the samples that a classifier takes for each; it learnt the train split",
        "data": f"{found['samples']:,} samples of seed 0",
        "rows": {"classifier on the test split": {"accuracy": found["accuracy"]}, "samples": dict(found["shares"])},
    }


def exports(card: Mapping) -> list[dict]:
    """The entries of the exported files, from the `card.json` beside them."""
    return [_export(name, entry) for name, entry in card["files"].items()]


def _export(name: str, entry: Mapping) -> dict:
    quality, latency = entry["quality"], entry["latency"]
    metric = quality["metric"]
    agreement = {"agreement": quality["agreement"]} if "agreement" in quality else {}
    return {
        "file": name,
        "precision": entry["quantization"],
        "bytes": entry["bytes"],
        f"{metric}_mean_db": significant(quality[f"{metric}_mean"]),
        f"{metric}_worst_db": significant(quality[f"{metric}_worst"]),
        "floor": quality["floor"],
        **agreement,
        "latency_ms": significant(latency["one_thread"]["median_ms"], 3),
        "latency_ms_all_threads": significant(latency["all_threads"]["median_ms"], 3),
        "threads": latency["all_threads"]["threads"],
    }


def check_metrics(document: Mapping, trained_on_it: bool) -> dict[str, float]:
    """The generator's own metrics that can be measured again wherever the tests run, by key.

    Args:
        trained_on_it: the data of the check is what it learnt from; else, what it learnt from may not be there to
            look for copies in.
    """
    own = [result for result in document["results"] if result["of"] in GENERATED and result["network"] in ANYWHERE]
    return {
        result["key"]: significant(result["value"], CHECK_DIGITS)
        for result in own
        if not result["key"].startswith(SHARES) and (trained_on_it or not result["key"].startswith(OF_TRAINING))
    }


def check_better(better: Mapping, card: Mapping, published: Mapping) -> None:
    """Raises RunError when a generator isn't better than the published one, or that can't be told.

    Args:
        better: by what: a `metric` as cards name it, which `is` lowest or highest, and perhaps the row that it is `of`.
        card: of the one that would take the place of the published one.
    """
    metric = better["metric"]
    new, old = (measured_by(better, one) for one in (card, published))
    for value, which in ((new["value"], "this one"), (old["value"], "the published one")):
        if value is None:
            raise RunError(
                f"can't be compared: {metric} of {which} is not measured; --replace publishes it all the same"
            )
    for key in ("protocol", "data", "images"):
        if new[key] != old[key]:
            raise RunError(
                f"can't be compared: {metric} {new['value']:g} is of {new[key]}, {old['value']:g} of the published one "
                f"of {old[key]}; --replace publishes it all the same"
            )
    if not (new["value"] < old["value"] if better["is"] == "lowest" else new["value"] > old["value"]):
        raise RunError(
            f"not better than the published one: {metric} {new['value']:g}, published {old['value']:g} "
            f"({better['is']} is best); --replace publishes it all the same"
        )


def measured_by(better: Mapping, card: Mapping) -> dict:
    """The value of a metric in a card's own evaluation, None where it has none, and what it depends on."""
    entry = next(iter(card["evaluation"]), {"rows": {}}) if isinstance(card["evaluation"], list) else {"rows": {}}
    row = better.get("of") or next((name for name in GENERATED if name in entry["rows"]), None)
    found = {key: entry.get(key) for key in ("protocol", "data")}
    return {
        **found,
        "images": entry.get("images", {}).get(row),
        "value": entry["rows"].get(row, {}).get(better["metric"]),
    }


def credits(given: list[str] | Path) -> list[str]:
    """Whom the data is by: as given, or a line for each photograph in a `credits.yaml` of scripts/build_photos.py."""
    if isinstance(given, list):
        return given
    if not given.is_file():
        raise RunError(f"{given}: not there; scripts/build_photos.py writes it")
    photos = yaml.safe_load(given.read_text("utf-8"))
    return [
        f"{name.split('_by_')[0].replace('_', ' ')} by {photo['author']}, {photo['licence']} ({photo['package']})"
        for name, photo in photos.items()
    ]


def significant(value: float | None, digits: int = DIGITS) -> float | None:
    return None if value is None else float(f"{value:.{digits}g}")


def check_neutral(text: str, where: Path) -> None:
    """Raises RunError when a text names a path that only one machine has."""
    found = re.search(r"(?:^|[\s:,'\"=])(~?/\w[^\s,'\"]*)", text, re.MULTILINE)
    if found:
        raise RunError(
            f"{where}: would name {found[1]}, which other machines don't have; call this script in the folder that the "
            "runs lie in, with relative --runs and --data"
        )


def write(card: Mapping, path: Path) -> None:
    """Writes a card: YAML, each row of the lattice on a line of its own."""
    lattice = card["fixed_output"]["lattice"]
    in_rows = {way: list(map(Rows, rows)) for way, rows in lattice.items()} if isinstance(lattice, dict) else None
    fixed = {**card["fixed_output"], "lattice": in_rows or list(map(Rows, lattice))}
    text = yaml.dump({**card, "fixed_output": fixed}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    check_neutral(text, path)
    with replacing(path) as beside:
        beside.write_text(text, "utf-8")


def list_files(weights: Path, name: str) -> None:
    """Puts the files of a generator into the manifest, with their checksums; addresses, and what lies there, stay."""
    path = weights / zoo.MANIFEST
    manifest = yaml.safe_load(path.read_text("utf-8")) if path.is_file() else {}
    earlier = manifest.get(name, {}).get("files", {})
    found = {file.name: _listed(file, earlier) for file in (weights / name).iterdir() if file.name[0] != "."}
    elsewhere = {file: entry for file, entry in earlier.items() if "url" in entry}
    manifest[name] = {"files": dict(sorted({**elsewhere, **found}.items()))}
    write_manifest(path, manifest)


def _listed(file: Path, earlier: Mapping) -> dict:
    return {**earlier.get(file.name, {}), "sha256": downloads.file_sha256(file), "bytes": file.stat().st_size}


def write_manifest(path: Path, manifest: Mapping) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(dict(sorted(manifest.items())), sort_keys=False)
    with replacing(path) as beside:
        beside.write_text(MANIFEST_HEAD + text, "utf-8")


class _Dumper(yaml.SafeDumper):
    """Writes no anchors, and `Rows` on one line."""

    def ignore_aliases(self, data):
        return True


_Dumper.add_representer(
    Rows, lambda dumper, rows: dumper.represent_sequence("tag:yaml.org,2002:seq", rows, flow_style=True)
)
