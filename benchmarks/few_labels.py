"""How well a classifier learns from few labels, with and without the pictures that have none.

    python scripts/build_mnist.py mnist
    python benchmarks/few_labels.py --data folder:mnist --work build/few_labels

Each seed chooses other labels, and each is trained twice: by the recipe, and on the labels alone, which takes a small
part of the steps, for it learns no more. Runs go on where they were stopped. All are in the table, none is chosen.
"""

import statistics
from pathlib import Path

import click

import ganzoo

ALONE = ("model.discriminator_weight=0", "evaluation.every=0", "evaluation.metrics=[]")


@click.command(help=__doc__.split("\n")[0])
@click.option("--data", metavar="SOURCE", help="In place of the recipe's.")
@click.option("--work", type=click.Path(path_type=Path), default="build/few_labels", show_default=True)
@click.option("--recipe", default="improved_gan_mnist", show_default=True)
@click.option("--seeds", default=3, show_default=True, help="How many, from 0 on.")
@click.option("--steps", type=int, help="Of the recipe, in place of its own.")
@click.option("--steps-alone", default=6000, show_default=True, help="On the labels alone.")
def main(data, work: Path, recipe: str, seeds: int, steps: int | None, steps_alone: int):
    ways = {"labels and pictures": (steps, ()), "labels alone": (steps_alone, ALONE)}
    click.echo("| trained on | wrong of the test pictures, % | each seed |\n|---|---|---|")
    for way, (last, overrides) in ways.items():
        wrong = [error(recipe, work, way, seed, data, last, overrides) for seed in range(seeds)]
        deviation = f" ± {statistics.stdev(wrong):.2f}" if seeds > 1 else ""
        each = ", ".join(f"{value:.2f}" for value in wrong)
        click.echo(f"| {way} | {statistics.mean(wrong):.2f}{deviation} | {each} |")


def error(recipe: str, work: Path, way: str, seed: int, data: str | None, steps: int | None, overrides) -> float:
    """Trains a run to its end, and returns how many test pictures, in %, its network takes for another class."""
    run = work / f"{way.replace(' ', '_')}_{seed}"
    ganzoo.train(recipe, run, data=data, steps=steps, overrides=[f"training.seed={seed}", *overrides])
    found = ganzoo.evaluate(run, data=data)["results"]
    return next(result["value"] for result in found if result["key"] == "test_error")


if __name__ == "__main__":
    main()
