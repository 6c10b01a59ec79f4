"""Zoos of small generators that learnt nothing, of the form that GANZOO_WEIGHTS names."""

import dataclasses
from pathlib import Path

import small
import yaml

from ganzoo.config.parsing import parse_recipe, to_document
from ganzoo.files.downloads import file_sha256
from ganzoo.generators import fixed_output, weight_files
from ganzoo.generators.zoo import CARD_KEYS


def add(zoo: Path, name: str, architecture: str, seed: int = 0, **changes):
    """Adds a generator to a zoo, made where it is missing; returns the GAN that was packed."""
    gan = small.create(architecture, seed=seed, **changes)
    folder = zoo / name
    folder.mkdir(parents=True)
    for label, network in gan.deployed().items():
        weight_files.pack(network, folder / f"{label}.npz")
    write_config(folder, gan)
    write_card(folder, name, gan)
    write_manifest(zoo)
    return gan


def write_config(folder: Path, gan) -> None:
    """As a run directory has it."""
    model = {key: value for key, value in dataclasses.asdict(gan.config).items() if key != "seed"}
    training = {"steps": 1, "batch_size": 1, "seed": gan.config.seed}
    document = {"architecture": gan.name, "data": {"source": "embedded:emoji"}, "model": model, "training": training}
    document = to_document(parse_recipe(document, type(gan.config), "a test's"))
    (folder / "config.yaml").write_text(yaml.safe_dump({**document, "versions": {"keras": "3"}}))


def write_card(folder: Path, name: str, gan) -> None:
    card = dict.fromkeys(CARD_KEYS)
    card |= {"name": name, "summary": f"A {gan.name} that learnt nothing.", "weaknesses": ["It learnt nothing."]}
    rows = {"output": {"PSNR, dB": 12.345678}, "unchanged input": {"PSNR, dB": 9.5}}
    measured = {"command": "ganzoo evaluate", "protocol": "pairs", "data": "4 images", "rows": rows}
    card["evaluation"] = [{**measured, "standard_errors": {"output": {"PSNR, dB": 0.25}}}]
    card["exports"] = [{"file": "generator.tflite", "precision": "none", "bytes": 123456, "psnr_mean_db": 140.04}]
    networks = {label.removeprefix("generator_"): network for label, network in gan.deployed().items()}
    card["fixed_output"] = fixed_output.describe(networks)
    (folder / "card.yaml").write_text(yaml.safe_dump(card, sort_keys=False))


def write_manifest(zoo: Path, urls: dict[str, str] | None = None) -> None:
    """A manifest of what lies in the zoo.

    Args:
        urls: of files, by their path in the zoo, `dcgan/tiny/generator.npz`.
    """
    entries = {}
    for path in sorted(zoo.glob("*/*/*")):
        entry = {"sha256": file_sha256(path), "bytes": path.stat().st_size}
        place = path.relative_to(zoo).as_posix()
        if urls and place in urls:
            entry["url"] = urls[place]
        entries.setdefault(path.parent.relative_to(zoo).as_posix(), {"files": {}})["files"][path.name] = entry
    (zoo / "manifest.yaml").write_text(yaml.safe_dump(entries))
