"""The README's table: what each run's generators score on their test split, and between what that lies.

    python benchmarks/evaluation.py runs/dcgan_emoji runs/pix2pix_emoji runs/cyclegan_emoji runs/srgan_emoji

Beside the generator, as many images of the train split (what real images score, the floor), and as many of noise.
Distances compare at the same numbers of images alone: look at the floor first.
"""

from pathlib import Path

import click
import numpy as np

from ganzoo.core.seeding import generator
from ganzoo.evaluation import distribution, evaluate, subject
from ganzoo.evaluation.results import Column, Result, as_document
from ganzoo.evaluation.splits import Images, open_split
from ganzoo.metrics import extract, open_feature_network, reference
from ganzoo.tables import evaluation_cell, image_counts

SHOWN = ("FD-EffLite0", "KD-EffLite0", "precision", "recall", "PSNR", "PSNR (Y)", "SSIM", "SSIM (Y)", "VGG16 distance")


@click.command()
@click.argument("runs", nargs=-1, required=True)
@click.option("--count", type=int, help="At most so many test images, and samples.")
def main(runs, count):
    for run in runs:
        document = evaluate.evaluate(run, count=count)
        results = [*document["results"], *noise(run, document)]
        click.echo(f"\n{document['model']}: {document['protocol']} on {document['data']}\n")
        for direction in dict.fromkeys(result["direction"] for result in results):
            click.echo("\n".join(table([one for one in results if one["direction"] == direction], direction)) + "\n")


def table(results: list[dict], direction: str) -> list[str]:
    """Lines of Markdown: a row for each thing that was measured, a column for each metric."""
    metrics = [name for name in SHOWN if any(result["metric"] == name for result in results)]
    lines = [f"| {direction} | images | {' | '.join(metrics)} |", "|---" * (len(metrics) + 2) + "|"]
    for of in dict.fromkeys(result["of"] for result in results):
        found = {result["metric"]: result for result in results if result["of"] == of}
        if not found.keys() & set(metrics):
            continue
        images = " and ".join(dict.fromkeys(map(image_counts, found.values())))
        lines.append(f"| {of} | {images} | {' | '.join(evaluation_cell(found.get(name)) for name in metrics)} |")
    return lines


def noise(run: str, document: dict) -> list[dict]:
    """The distribution metrics of images of noise, as many as the generator made."""
    if not any(result["metric"] == "FD-EffLite0" for result in document["results"]):
        return []
    network = open_feature_network("efficientnet-lite0")
    examples = open_split(subject.find(Path(run)).recipe, "test")
    found = []
    for direction, key in {"": ("target", "image"), "a to b": ("b",), "b to a": ("a",)}.items():
        real = next((examples.sets[name] for name in key if name in examples.sets), None)
        made = [one for one in document["results"] if one["key"] == Column("output", "", direction).key("FD-EffLite0")]
        if real is None or not made:
            continue
        real = real.shuffled()
        known = reference(network, real.read, len(real))
        column = Column("noise", "the test images", direction)
        painted = extract(network, _noisy(real, made[0]["images"]))
        measured = distribution.compare(network, known, painted, column)
        found += as_document([one for one in measured if isinstance(one, Result)], {})
    return found


def _noisy(real: Images, count: int):
    shape = real.read(0).shape
    random = generator(0, "noise")
    return (random.integers(0, 256, shape).astype(np.uint8) for _ in range(count))


if __name__ == "__main__":
    main()
