"""A run: a recipe, trained in a run directory, from where it stands to its last step."""

import re
from pathlib import Path

import tensorflow as tf

from ganzoo import pretrained, registry
from ganzoo.config import Recipe
from ganzoo.data import Pipeline, open_pipeline
from ganzoo.data.tensorflow import as_dataset
from ganzoo.errors import RunError, UsageError
from ganzoo.gan import GAN
from ganzoo.recipes import load_recipe, recipe_name
from ganzoo.training import callbacks, checkpoints, run_directory
from ganzoo.training.progress import get_progress
from ganzoo.training.run_directory import RunDirectory
from ganzoo.training.strategies import get_strategy


def train(
    recipe: Recipe | str,
    run_dir: str | Path | None = None,
    *,
    steps: int | None = None,
    strategy: str = "auto",
    init: str | None = None,
    fresh: bool = False,
) -> GAN:
    """Trains a recipe, or goes on where the run in `run_dir` stopped.

    Args:
        recipe: a recipe, a recipe's name, an architecture's (its default recipe), or the path of a YAML file.
        run_dir: where everything is written; None: `runs/` and the recipe's name.
        steps: the total step to stop at; None: the recipe's. It changes no schedule.
        strategy: `auto`, `single`, `mirrored`, `multi-worker` or `tpu`.
        init: a run directory or a `.keras` file whose generator the run starts from.
        fresh: move a run that is there aside, and start anew.

    Returns:
        The trained GAN.

    Raises:
        UsageError: for what can't be done as asked, before anything is written.
        RunError: for a failure while running; what was saved stays.
    """
    recipe, directory = _resolve(recipe, run_dir)
    last_step = steps or recipe.training.steps
    progress = get_progress()
    if not fresh:
        _check_directory(directory, recipe)
    pipeline = _open_pipeline(recipe)
    gan = _build(recipe, strategy)
    gan.prepare()
    if init is not None:
        initialise(gan, init)
    if fresh and (moved := run_directory.move_aside(directory)):
        progress.say(f"the run that was there is now in {moved}")
    _restore(gan, directory, progress)
    progress.say(f"{pipeline.description}; run directory {directory.path}")
    if int(gan.step) >= last_step:
        progress.say(f"already at step {int(gan.step):,}; give a larger --steps to go on")
        return gan
    try:
        _run(gan, recipe, directory, pipeline, last_step, progress)
    except OSError as error:
        raise RunError(
            f"{error.filename or directory.path}: {error.strerror or error}; mend that, and the same command goes on "
            "from the last checkpoint"
        ) from error
    except tf.errors.OpError as error:
        raise _explained(error) from error
    return gan


def plan(
    recipe: Recipe | str,
    run_dir: str | Path | None = None,
    *,
    steps: int | None = None,
    strategy: str = "auto",
    init: str | None = None,
    fresh: bool = False,
) -> str:
    """What `train` would do with these arguments, checked but not begun; nothing is written.

    Raises:
        UsageError: as `train` would.
    """
    recipe, directory = _resolve(recipe, run_dir)
    if not fresh:
        _check_directory(directory, recipe)
    pipeline = _open_pipeline(recipe)
    gan = _build(recipe, strategy)
    gan.prepare()
    if init is not None:
        initialise(gan, init)
    saved = [] if fresh else checkpoints.list_checkpoints(directory.checkpoints)
    begin = f"goes on from step {checkpoints.step_of(saved[-1]):,}" if saved else "a new run"
    networks = ", ".join(f"{name} {network.count_params():,}" for name, network in gan.networks().items())
    updates = ", then ".join(f"{phase.name} ({', '.join(phase.networks)})" for phase in gan.phases())
    last_step, batch = steps or recipe.training.steps, recipe.training.batch_size
    return "\n".join(
        [
            f"architecture   {recipe.architecture}",
            f"data           {pipeline.description}",
            f"parameters     {networks}",
            f"updates        {updates}",
            f"steps          to {last_step:,}, batches of {batch}: {last_step * batch / len(pipeline):,.1f} epochs",
            f"run directory  {directory.path}: {begin}",
        ]
    )


def initialise(gan: GAN, model: str) -> None:
    """Sets the deployed networks to the weights of `model`, a run directory or a `.keras` file.

    Raises:
        UsageError: when it is no model, or one of other shapes.
    """
    for name in gan.deployed_names:
        direction = {"generator_ba": "ba"}.get(name, "ab")
        source = pretrained.load(model, direction=direction).get_weights()
        for network in {id(n): n for n in (gan.networks()[name], gan.deployed()[name])}.values():
            wanted = [tuple(weight.shape) for weight in network.weights]
            found = [weight.shape for weight in source]
            if wanted != found:
                raise UsageError(
                    f"--init {model}: its generator has {len(found)} arrays that don't fit the {len(wanted)} of this "
                    "recipe's; give a model that was trained with the same model settings"
                )
            network.set_weights(source)


def _resolve(recipe: Recipe | str, run_dir) -> tuple[Recipe, RunDirectory]:
    if isinstance(recipe, str):
        name, recipe = recipe_name(recipe), load_recipe(recipe)
    else:
        name = recipe.architecture
    return recipe, RunDirectory(Path(run_dir or Path("runs") / name).expanduser())


def _check_directory(directory: RunDirectory, recipe: Recipe) -> None:
    if directory.config.exists():
        run_directory.check_same_run(directory, recipe)
    elif directory.path.is_dir() and any(directory.path.iterdir()):
        raise UsageError(f"{directory.path}: not empty, and no run; give another --run-dir")
    elif directory.path.exists() and not directory.path.is_dir():
        raise UsageError(f"{directory.path}: a file; give a directory as --run-dir")


def _open_pipeline(recipe: Recipe) -> Pipeline:
    model, training = recipe.model, recipe.training
    return open_pipeline(
        model.task,
        recipe.data,
        image_size=model.image_size,
        channels=model.channels,
        scale=getattr(model, "scale", 1),
        batch_size=training.batch_size * model.n_critic,
        seed=training.seed,
    )


def _build(recipe: Recipe, strategy: str) -> GAN:
    with get_strategy(strategy).scope():
        gan = registry.get(recipe.architecture)(recipe.model)
        gan.compile(jit_compile=recipe.training.jit_compile)
    return gan


def _restore(gan: GAN, directory: RunDirectory, progress) -> None:
    path, damaged = checkpoints.restore_newest(directory.checkpoints, gan.state())
    for bad in damaged:
        progress.say(f"{bad}: damaged, passed over")
    if path is not None:
        progress.say(f"going on from step {int(gan.step):,} ({path})")
        run_directory.keep_metrics_until(directory, int(gan.step))


def _run(gan, recipe, directory, pipeline, last_step, progress) -> None:
    training, first_step = recipe.training, int(gan.step)
    run_directory.write_config(directory, recipe, last_step)
    board = tf.summary.create_file_writer(str(directory.tensorboard))
    samples = callbacks.Samples(
        first_step, training.sample_every, pipeline.fixed(training.sample_count), directory, board
    )
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
    samples.draw(first_step)
    progress.start(first_step, last_step)
    try:
        dataset = as_dataset(pipeline, first_step, last_step)
        gan.fit(dataset, steps_per_epoch=last_step - first_step, callbacks=steps, verbose=0, shuffle=False)
        reached = int(gan.step)
        samples.draw(reached)
        saving.save(reached)
    finally:
        progress.stop()
        board.close()
    if interruption.received is not None and reached < last_step:
        progress.say(f"stopped and saved at step {reached:,}; the same command goes on from there")
    else:
        progress.say(f"done at step {reached:,}: {directory.sample(reached)}")


def _explained(error: tf.errors.OpError) -> Exception:
    """The error that a pipeline raised inside TensorFlow, as itself; any other in its first line."""
    for kind in (UsageError, RunError):
        if raised := re.search(rf"{kind.__name__}: (.*)", error.message):
            return kind(raised[1])
    return RunError(f"TensorFlow failed: {error.message.strip().splitlines()[0]}")
