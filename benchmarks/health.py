"""The cost of watching a run: the values of health against the steps they come with, in turns, in one run.

    python benchmarks/health.py                     every architecture, its default recipe
    python benchmarks/health.py pix2pix --turns 40

For each architecture, in a process of its own, it prints, in per cent of the time of training: `step`, what the means
and accuracies of the discriminator's logits add to every step (median over turns of a step with them and one without);
`line`, what a line of metrics adds, every `training.log_every` steps (gradient norms, update ratios and the findings);
`samples`, what the measures on samples add, every `training.sample_every` steps; and their sum. Ratios compare; it
never passes or fails.
"""

import json
import os
import statistics
import subprocess
import sys
import time

import click

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
NAMES = ("dcgan", "pix2pix", "cyclegan", "srgan")
LINES = 2000
"""Lines of metrics in a long run, all of which the doctor is handed."""


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
@click.option("--turns", default=30, show_default=True)
@click.option("--set", "overrides", multiple=True, help="As in `ganzoo train`.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON, for one architecture, in this process.")
def main(names, turns, overrides, as_json):
    if as_json:
        print(json.dumps(measure(names[0], turns, overrides)))
        return
    print(f"{'':10}{'step s':>9}{'step':>9}{'line':>9}{'samples':>9}{'all':>9}")
    for name in names or NAMES:
        settings = [f"--set={override}" for override in overrides]
        command = [sys.executable, __file__, name, f"--turns={turns}", "--json", *settings]
        result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1])
        shares = [result["step"], result["line"], result["samples"]]
        columns = "".join(f"{share:9.2%}" for share in (*shares, sum(shares)))
        print(f"{name:10}{result['seconds']:9.3f}{columns}", flush=True)


def measure(name: str, turns: int, overrides) -> dict:
    """The numbers of one architecture: seconds a step, and shares of the time."""
    import numpy as np
    import tensorflow as tf

    from ganzoo.metrics import memorizing
    from ganzoo.recipes import registry
    from ganzoo.recipes.recipes import load_recipe
    from ganzoo.training import doctor, health
    from ganzoo.training.run import open_data

    if name == "srgan":
        overrides = ["model.pretrain_steps=0", *overrides]
    recipe = load_recipe(name, overrides)
    training = recipe.training
    architecture = registry.get(name)

    class Unwatched(architecture):
        def observe(self, *_):
            pass

    pipeline = open_data(recipe, "train")
    batch = {key: tf.constant(value) for key, value in pipeline.batch(0).items()}
    # Each kind is built first and last once, so that what the order may do falls on both.
    gans = [kind(recipe.model) for kind in (architecture, Unwatched, Unwatched, architecture)]
    for gan in gans:
        gan.compile()
    steps = [tf.function(gan.train_step, autograph=False) for gan in gans]
    for step in steps:
        step(batch)
    timed = []
    for turn in range(turns):
        # Who comes first changes from turn to turn.
        order = (0, 1, 2, 3) if turn % 2 else (3, 2, 1, 0)
        took = {side: _seconds(lambda side=side: _finish(steps[side](batch))) for side in order}
        timed.append(((took[0] + took[3]) / 2, (took[1] + took[2]) / 2))
    seconds = statistics.median(unwatched for _, unwatched in timed)

    gan = gans[0]
    observed = {key: float(value) for key, value in gan.train_step(batch).items()}
    prefix = "health/"
    line = {key: value for key, value in observed.items() if not key.startswith(prefix)}
    line["health"] = {key.removeprefix(prefix): value for key, value in observed.items() if key.startswith(prefix)}
    lines = [{"step": (n + 1) * training.log_every, **line, "nonfinite": 0} for n in range(LINES)]
    line["health"] |= gan.health()

    examples = open_data(recipe, "test").fixed(training.sample_count)
    columns = gan.samples(examples)
    generated = {title: np.asarray(columns[title]) for title in gan.generated}
    real = {title: examples[key] for title, key in gan.generated.items()}
    training_thumbnails = None
    if all("latents" in signature.kinds for signature in recipe.model.deployed.values()):
        (key,) = gan.generated.values()
        training_thumbnails = memorizing.thumbnails(pipeline.fixed(1000)[key])

    def look():
        gan.health()
        doctor.diagnose(lines, recipe.model.precision)

    def measure_samples():
        health.measure_samples(generated, real, training_thumbnails)

    return {
        "seconds": seconds,
        "step": statistics.median(watched / unwatched for watched, unwatched in timed) - 1,
        "line": _median(look) / (training.log_every * seconds),
        "samples": _median(measure_samples) / (training.sample_every * seconds),
    }


def _finish(logs):
    """Waits for a step to be done."""
    return {name: float(value) for name, value in logs.items()}


def _seconds(action) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _median(action) -> float:
    return statistics.median(_seconds(action) for _ in range(5))


if __name__ == "__main__":
    main()
