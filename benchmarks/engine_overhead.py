"""The cost of the engine: a step through `fit` against the same step in a bare hand-written loop, in turns, in one run.

    python benchmarks/engine_overhead.py                 every architecture, at its default recipe's size
    python benchmarks/engine_overhead.py pix2pix --turns 9

For each architecture, in a process of its own, it prints: seconds a step through `fit` and bare (medians), their ratio
(median of the turns), the share of the time spent waiting for the next batch of real images, images and floating
point operations per second, and peak memory. Ratios compare; it never passes or fails.
"""

import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import time

import click

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
NAMES = ("dcgan", "pix2pix", "cyclegan", "srgan")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
@click.option("--steps", default=5, help="Steps in a turn.", show_default=True)
@click.option("--turns", default=7, show_default=True)
@click.option("--set", "overrides", multiple=True, help="Size, data or batch, as in `ganzoo train`.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON, for one architecture, in this process.")
def main(names, steps, turns, overrides, as_json):
    if as_json:
        print(json.dumps(measure(names[0], steps, turns, overrides)))
        return
    print(f"{'':10}{'fit s':>9}{'bare s':>9}{'ratio':>8}{'wait':>8}{'images/s':>10}{'GFLOP/s':>9}{'MiB':>7}")
    for name in names or NAMES:
        settings = [f"--set={override}" for override in overrides]
        command = [sys.executable, __file__, name, f"--steps={steps}", f"--turns={turns}", "--json", *settings]
        result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1])
        print(
            f"{name:10}{result['fit']:9.3f}{result['bare']:9.3f}{result['ratio']:8.3f}{result['wait']:8.1%}"
            f"{result['images_per_second']:10.1f}{result['gflops']:9.1f}{result['mib']:7.0f}",
            flush=True,
        )


def measure(name: str, steps: int, turns: int, overrides) -> dict:
    """The numbers of one architecture."""
    import keras
    import tensorflow as tf

    from ganzoo.backends.tensorflow.feeding import as_dataset
    from ganzoo.recipes import registry
    from ganzoo.recipes.recipes import load_recipe
    from ganzoo.training.run import open_data

    if name == "srgan":
        overrides = ["model.pretrain_steps=0", *overrides]

    class Clock(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.ends = []

        def on_train_batch_end(self, batch, logs=None):
            self.ends.append(time.perf_counter())

        def steps(self):
            return [end - begin for begin, end in itertools.pairwise(self.ends)]

    recipe = load_recipe(name, overrides)
    model, batch_size = recipe.model, recipe.training.batch_size
    pipeline = open_data(recipe, "train")
    constant = tf.data.Dataset.from_tensors(pipeline.batch(0)).repeat()

    engine = registry.get(name)(model)
    engine.compile()
    bare_gan = registry.get(name)(model)
    bare_gan.compile()
    bare_step = BARE_STEPS[name](bare_gan)
    iterator = iter(constant)

    # Both sides are timed from the end of one step to the end of the next: `fit` starts and stops once in a run.
    def through_fit():
        clock = Clock()
        engine.fit(constant, steps_per_epoch=steps + 1, callbacks=[clock], verbose=0, shuffle=False)
        return statistics.median(clock.steps())

    def in_a_loop():
        clock = Clock()
        for step in range(steps + 1):
            bare_step(next(iterator))
            clock.on_train_batch_end(step)
        return statistics.median(clock.steps())

    through_fit()
    in_a_loop()
    timed = [(through_fit(), in_a_loop()) for _ in range(turns)]
    fit, bare = (statistics.median(side) for side in zip(*timed, strict=True))

    real = iter(as_dataset(pipeline, 0, 10**9))
    bare_step(next(real))
    waiting = running = 0.0
    for _ in range(steps * turns):
        began = time.perf_counter()
        batch = next(real)
        arrived = time.perf_counter()
        {term: float(value) for term, value in bare_step(batch).items()}
        waiting += arrived - began
        running += time.perf_counter() - began
    return {
        "fit": fit,
        "bare": bare,
        "ratio": statistics.median(through / loop for through, loop in timed),
        "wait": waiting / running,
        "images_per_second": batch_size / fit,
        "gflops": operations(bare_step, next(iterator)) / fit / 1e9,
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def operations(step, batch) -> float:
    """Floating point operations of a step, counted in its graph."""
    import tensorflow as tf

    options = tf.compat.v1.profiler.ProfileOptionBuilder(
        tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    ).with_empty_output()
    graph = step.get_concrete_function(batch).graph
    return tf.compat.v1.profiler.profile(graph, options=options.build()).total_float_ops


# The bare steps: what one would write by hand for these networks, losses and order of updates.


def dcgan_step(gan):
    import keras
    import tensorflow as tf

    generator, discriminator = gan.generator, gan.discriminator
    adam = {name: gan.optimizers[name] for name in ("generator", "discriminator")}

    @tf.function
    def step(batch):
        image = batch["image"]
        latents = tf.random.normal((image.shape[0], gan.config.latent_dim))
        with tf.GradientTape() as g_tape:
            fake = generator(latents, training=True)
            with g_tape.stop_recording(), tf.GradientTape() as d_tape:
                real_loss = tf.reduce_mean(keras.ops.softplus(-discriminator(seen(gan, image), training=True)))
                fake_loss = tf.reduce_mean(keras.ops.softplus(discriminator(seen(gan, fake), training=True)))
                d_loss = real_loss + fake_loss
            update(adam["discriminator"], d_tape, d_loss, discriminator)
            g_loss = tf.reduce_mean(keras.ops.softplus(-discriminator(seen(gan, fake), training=True)))
        update(adam["generator"], g_tape, g_loss, generator)
        follow(gan)
        return {"real": real_loss, "fake": fake_loss, "generator": g_loss}

    return step


def pix2pix_step(gan):
    import keras
    import tensorflow as tf

    generator, discriminator = gan.generator, gan.discriminator
    adam = {name: gan.optimizers[name] for name in ("generator", "discriminator")}

    @tf.function
    def step(batch):
        image, target = batch["input"], batch["target"]
        with tf.GradientTape() as g_tape:
            fake = generator(image, training=True)
            pair = tf.concat([image, fake], -1)
            with g_tape.stop_recording(), tf.GradientTape() as d_tape:
                real = discriminator(tf.concat([image, target], -1), training=True)
                real_loss = 0.5 * tf.reduce_mean(keras.ops.softplus(-real))
                fake_loss = 0.5 * tf.reduce_mean(keras.ops.softplus(discriminator(pair, training=True)))
                d_loss = real_loss + fake_loss
            update(adam["discriminator"], d_tape, d_loss, discriminator)
            adversarial = tf.reduce_mean(keras.ops.softplus(-discriminator(pair, training=True)))
            l1 = gan.config.l1_weight * tf.reduce_mean(tf.abs(fake - target))
            g_loss = adversarial + l1
        update(adam["generator"], g_tape, g_loss, generator)
        follow(gan)
        return {"real": real_loss, "fake": fake_loss, "adversarial": adversarial, "l1": l1}

    return step


def cyclegan_step(gan):
    import tensorflow as tf

    a_to_b, b_to_a = gan.generator_ab, gan.generator_ba
    adam = {name: gan.optimizers[name] for name in ("generators", "discriminators")}

    def off(image, other):
        return tf.reduce_mean(tf.abs(image - other))

    @tf.function
    def step(batch):
        a, b, terms = batch["a"], batch["b"], {}
        with tf.GradientTape() as tape:
            fake_b, fake_a = a_to_b(a, training=True), b_to_a(b, training=True)
            terms["ab"] = tf.reduce_mean((gan.discriminator_b(fake_b, training=True) - 1) ** 2)
            terms["ba"] = tf.reduce_mean((gan.discriminator_a(fake_a, training=True) - 1) ** 2)
            terms["cycle_a"] = gan.config.cycle_weight * off(b_to_a(fake_b, training=True), a)
            terms["cycle_b"] = gan.config.cycle_weight * off(a_to_b(fake_a, training=True), b)
            terms["identity_a"] = gan.config.identity_weight * off(b_to_a(a, training=True), a)
            terms["identity_b"] = gan.config.identity_weight * off(a_to_b(b, training=True), b)
            loss = sum(terms.values())
        update(adam["generators"], tape, loss, a_to_b, b_to_a)
        with tf.GradientTape() as tape:
            for name, real, fake in (("a", a, fake_a), ("b", b, fake_b)):
                shown = gan.pools[name].exchange(tf.stop_gradient(fake), gan.random(name))
                discriminator = gan.networks()[f"discriminator_{name}"]
                terms[f"{name} real"] = 0.5 * tf.reduce_mean((discriminator(real, training=True) - 1) ** 2)
                terms[f"{name} fake"] = 0.5 * tf.reduce_mean(discriminator(shown, training=True) ** 2)
            loss = sum(terms[f"{name} {kind}"] for name in "ab" for kind in ("real", "fake"))
        update(adam["discriminators"], tape, loss, gan.discriminator_a, gan.discriminator_b)
        gan.step.assign_add(1)
        return terms

    return step


def srgan_step(gan):
    import keras
    import tensorflow as tf

    generator, discriminator = gan.generator, gan.discriminator
    adam = {name: gan.optimizers[name] for name in ("generator", "discriminator")}

    @tf.function
    def step(batch):
        with tf.GradientTape() as g_tape:
            fake = generator(batch["low"], training=True)
            with g_tape.stop_recording(), tf.GradientTape() as d_tape:
                real_loss = tf.reduce_mean(keras.ops.softplus(-discriminator(batch["high"], training=True)))
                fake_loss = tf.reduce_mean(keras.ops.softplus(discriminator(fake, training=True)))
                d_loss = real_loss + fake_loss
            update(adam["discriminator"], d_tape, d_loss, discriminator)
            adversarial = tf.reduce_mean(keras.ops.softplus(-discriminator(fake, training=True)))
            content = tf.reduce_mean((fake - batch["high"]) ** 2)
            g_loss = content + gan.config.adversarial_weight * adversarial
        update(adam["generator"], g_tape, g_loss, generator)
        return {"real": real_loss, "fake": fake_loss, "adversarial": adversarial, "content": content}

    return step


def update(optimizer, tape, loss, *networks):
    variables = [variable for network in networks for variable in network.trainable_variables]
    optimizer.apply(tape.gradient(loss, [variable.value for variable in variables]), variables)


def seen(gan, image):
    from ganzoo.core.augmentation import augment

    return augment((image,), gan.config.augmentation, gan.random("seen"))[0]


def follow(gan):
    """The moving average of the generator."""
    decay = gan.config.ema_decay
    if decay:
        for average, variable in zip(gan.deployed()["generator"].variables, gan.generator.variables, strict=True):
            if variable.trainable:
                average.assign(variable + decay * (average - variable))
            elif "float" in variable.dtype:
                average.assign(variable)
    gan.step.assign_add(1)


BARE_STEPS = {"dcgan": dcgan_step, "pix2pix": pix2pix_step, "cyclegan": cyclegan_step, "srgan": srgan_step}

if __name__ == "__main__":
    main()
