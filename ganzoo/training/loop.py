"""The part of a run that computes: build the GAN, put its state back, fit, and write down what comes of it."""

import re
from pathlib import Path

import tensorflow as tf

from ganzoo import pretrained, registry
from ganzoo.config import Recipe
from ganzoo.data import Pipeline
from ganzoo.data.tensorflow import as_dataset
from ganzoo.errors import RunError, UsageError
from ganzoo.gan import GAN
from ganzoo.training import callbacks, checkpoints, run_directory
from ganzoo.training.run_directory import RunDirectory
from ganzoo.training.strategies import get_strategy


def build(recipe: Recipe, strategy_name: str, init: str | None) -> GAN:
    """The recipe's GAN, ready to train: under the strategy, with what it needs, from the weights of `init` if given.

    Raises:
        UsageError: when the strategy, what the training needs, or `init` can't be had.
    """
    strategy = get_strategy(strategy_name, recipe.training.batch_size)
    with strategy.scope():
        gan = registry.get(recipe.architecture)(recipe.model)
        gan.compile(jit_compile=recipe.training.jit_compile)
        gan.prepare()
    if init is not None:
        initialise(gan, init)
    return gan


def restore(gan: GAN, directory: RunDirectory, progress) -> None:
    """Puts the GAN where the run in the directory stopped, if there is one; damaged checkpoints are named."""
    path, damaged = checkpoints.restore_newest(directory.checkpoints, gan.state())
    for bad in damaged:
        progress.say(f"{bad}: damaged, passed over")
    if path is not None:
        progress.say(f"going on from step {gan.steps_done:,} ({path})")
    run_directory.keep_metrics_until(directory, gan.steps_done)


def initialise(gan: GAN, model: str) -> None:
    """Sets the deployed networks to the weights of `model`, a run directory or, for a single network, a `.keras` file.

    Raises:
        UsageError: when it is no model, or one of other shapes.
    """
    several = len(gan.deployed_names) > 1
    if several and not Path(model).expanduser().is_dir():
        raise UsageError(f"--init {model}: give a run directory, with {' and '.join(gan.deployed_names)}")
    for name in gan.deployed_names:
        path = Path(model).expanduser() / f"{name}.keras" if several else model
        source = pretrained.load(path).get_weights()
        for network in {id(n): n for n in (gan.networks()[name], gan.deployed()[name])}.values():
            wanted = [tuple(weight.shape) for weight in network.weights]
            found = [weight.shape for weight in source]
            if wanted != found:
                raise UsageError(
                    f"--init {model}: its generator has {len(found)} arrays that don't fit the {len(wanted)} of this "
                    "recipe's; give a model that was trained with the same model settings"
                )
            network.set_weights(source)


def fit(
    gan: GAN, recipe: Recipe, directory: RunDirectory, pipeline: Pipeline, examples, last_step: int, progress, record
) -> None:
    """Trains from the step that the GAN is at to `last_step`, or until interrupted, and writes the run directory.

    Raises:
        UsageError, RunError: what went wrong in reading the data, or in TensorFlow.
        OSError: when something can't be written.
        KeyboardInterrupt: after Ctrl-C or SIGTERM, when all is saved.
    """
    training, first_step = recipe.training, gan.steps_done
    record = {**record, "replicas": gan.distribute_strategy.num_replicas_in_sync}
    run_directory.write_config(directory, recipe, last_step, record)
    board = tf.summary.create_file_writer(str(directory.tensorboard))
    samples = callbacks.Samples(first_step, training.sample_every, examples, directory, board)
    saving = callbacks.Checkpoints(first_step, training.checkpoint_every, training.keep_checkpoints, directory)
    interruption = callbacks.Interruption(first_step, progress)
    # The interruption comes first, so that the others see in the same step that it is the last.
    steps = [
        interruption,
        callbacks.Metrics(first_step, training.log_every, last_step, training.batch_size, directory, board),
        callbacks.Display(first_step, last_step, training.batch_size, progress),
        samples,
        saving,
    ]
    samples.set_model(gan)
    try:
        samples.draw(first_step)
        progress.start(first_step, last_step)
        dataset = as_dataset(pipeline, first_step, last_step)
        with interruption:
            gan.fit(dataset, steps_per_epoch=last_step - first_step, callbacks=steps, verbose=0, shuffle=False)
        reached = gan.steps_done
        samples.draw(reached)
        saving.save(reached)
    except tf.errors.OpError as error:
        raise _explained(error) from error
    finally:
        progress.stop()
        board.close()
    if interruption.received is not None and reached < last_step:
        progress.say(f"stopped and saved at step {reached:,}; the same command goes on from there")
        raise KeyboardInterrupt
    progress.say(f"done at step {reached:,}: {directory.sample(reached)}")


def _explained(error: tf.errors.OpError) -> Exception:
    """The error that a pipeline raised inside TensorFlow, as itself; any other in the first line that says anything."""
    for kind in (UsageError, RunError):
        if raised := re.search(rf"{kind.__name__}: (.*)", error.message):
            return kind(raised[1])
    empty = ("Graph execution error", "Detected at node", "  File", "Defined at")
    lines = [line.strip() for line in error.message.splitlines() if line.strip() and not line.startswith(empty)]
    return RunError(f"TensorFlow failed: {type(error).__name__}: {lines[0] if lines else 'it says no more'}")
