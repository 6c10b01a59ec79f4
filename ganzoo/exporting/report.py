"""What was exported, as tables for people: rows of cells, the first row the heads."""

from collections.abc import Mapping

_NOTHING = ""


def quality_table(files: Mapping[str, dict]) -> list[list[str]]:
    """How good, large and fast each file is; `files` are entries of a card by name."""
    threads = next((entry["latency"]["all_threads"]["threads"] for entry in files.values() if "latency" in entry), None)
    timed = [] if threads is None else ["1 thread", f"{threads} threads", "memory", "XNNPACK", "GPU", "MACs", "weights"]
    # Of one export all have the same, unless it is of networks of several kinds.
    metrics = dict.fromkeys(entry["quality"]["metric"].upper() for entry in files.values())
    agreement = ["same class"] if any("agreement" in entry["quality"] for entry in files.values()) else []
    heads = ["", "size", " or ".join(metrics), "worst", "floor", "difference", *agreement, *timed]
    return [
        heads,
        *(
            [name, *_proof(entry), *(_agreement(entry) if agreement else []), *(_runs(entry) if timed else [])]
            for name, entry in files.items()
        ),
    ]


def operator_table(files: Mapping[str, dict]) -> list[list[str]]:
    """The operators of each TFLite file, and which of them compute in float though the file is of integers."""
    rows = [["", "operators", "left in float"]]
    for name, entry in files.items():
        if "anatomy" in entry:
            operators = [f"{operator['name']} {operator['count']}" for operator in entry["anatomy"]["operators"]]
            left = entry["anatomy"]["float_operators"] or {}
            rows.append([name, ", ".join(operators), ", ".join(f"{name} {count}" for name, count in left.items())])
    return rows


def _proof(entry: dict) -> list[str]:
    quality = entry["quality"]
    metric = quality["metric"]
    floor = f"{quality['floor']:g} dB"
    if not quality["passed"]:
        floor += f", allowed {quality['allowed_below']:g}"
    return [
        _size(entry["bytes"]),
        f"{quality[metric + '_mean']:.1f} dB",
        f"{quality[metric + '_worst']:.1f} dB",
        floor,
        f"{quality['largest_difference']:.1g}",
    ]


def _agreement(entry: dict) -> list[str]:
    quality = entry["quality"]
    return [
        f"{quality['agreement']:.1%}, floor {quality['agreement_floor']:.0%}" if "agreement" in quality else _NOTHING
    ]


def _runs(entry: dict) -> list[str]:
    if "latency" not in entry:
        return [_NOTHING] * 7
    latency, anatomy = entry["latency"], entry["anatomy"]
    return [
        f"{latency['one_thread']['median_ms']:.2f} ms",
        f"{latency['all_threads']['median_ms']:.2f} ms",
        f"{latency['peak_memory_mib']:.0f} MiB",
        _share(anatomy["xnnpack"]),
        _gpu(anatomy["gpu"]),
        _count(anatomy["macs"]),
        _count(anatomy["parameters"]),
    ]


def _gpu(found: dict | None) -> str:
    if not found or not found["checked"]:
        return "not checked"
    return _share(found) + (", differs" if found["agrees"] is False else "")


def _share(found: dict | None) -> str:
    return _NOTHING if found is None else f"{found['taken']} of {found['operators']}"


def _size(count: int) -> str:
    return f"{count / 1e6:.2f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def _count(number: int | None) -> str:
    if number is None:
        return _NOTHING
    for unit, name in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= unit:
            return f"{number / unit:.3g}{name}"
    return str(number)
