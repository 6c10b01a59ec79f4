"""A run: a recipe, trained in a run directory, from where it stands to its last step.

What can be checked without Keras is checked before it is imported, which takes seconds.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.backends import backend, memory
from ganzoo.backends.quiet import import_keras
from ganzoo.config.recipe import Recipe, place_of
from ganzoo.data.pipeline import Pipeline, open_pipeline
from ganzoo.data.streams import Names, names_going_on
from ganzoo.errors import RunError, UsageError
from ganzoo.evaluation import during
from ganzoo.files.atomic import check_clock
from ganzoo.generators import pretrained
from ganzoo.recipes.recipes import load_recipe, recipe_name
from ganzoo.training import checkpoints, notes, run_directory
from ganzoo.training.progress import get_progress, printable_lines
from ganzoo.training.run_directory import RunDirectory

if TYPE_CHECKING:
    from ganzoo.gan.gan import GAN
    from ganzoo.training.loop import Run


def train(
    recipe: Recipe | str | Path,
    run_dir: str | Path | None = None,
    *,
    data: str | None = None,
    overrides: Iterable[str] = (),
    steps: int | None = None,
    strategy: str = "auto",
    init: str | None = None,
    fresh: bool = False,
    dry_run: bool = False,
) -> "GAN":
    """Trains a recipe, or goes on where the run in `run_dir` stopped.

    Args:
        recipe: a recipe, a recipe's name, an architecture's (its default recipe), or the path of a YAML file.
        run_dir: where everything is written; None: `runs/` and the recipe's name, or its architecture's where the
            recipe itself is given.
        data: a source of images in place of the recipe's, as `folder:PATH`.
        overrides: settings in place of the recipe's, as `training.batch_size=4`.
        steps: the total step to stop at; None: the recipe's. It changes no schedule.
        strategy: `auto`, `single`, `mirrored`, `multi-worker` or `tpu`; see `docs/scale.md`.
        init: a pretrained name, a run directory or a `.keras` file whose generator the run starts from.
        fresh: move a run that is there aside, and start anew.
        dry_run: print what would be done, everything checked, and write nothing.

    Returns:
        The trained GAN; of a dry run the untrained one.

    Raises:
        UsageError: for what can't be done as asked, before anything is written.
        RunError: for a failure while running; what was saved stays.
        KeyboardInterrupt: after Ctrl-C or SIGTERM, when the step at hand is done and saved.
    """
    recipe, directory = _resolve(recipe, run_dir, data, overrides)
    check_clock()
    last_step = steps or recipe.training.steps
    progress = get_progress()
    _check_directory(directory, recipe, fresh)
    _check_init(recipe, init)
    pipeline, test = _open_splits(directory, recipe, fresh)
    try:
        # Samples are of images that are not trained on, where the data has a test split.
        examples = test.fixed(recipe.training.sample_count)
        notes.check_classes(recipe, pipeline)
        warnings = notes.warnings(recipe, pipeline, last_step)
    except RunError as error:
        raise UsageError(str(error)) from error
    memory.keep_freed()
    import_keras()
    from ganzoo.training import loop

    with backend.errors.in_words():
        gan = loop.build(recipe, strategy, init, lambda: _shared(pipeline, last_step))
        loop.describe(gan, recipe, last_step, pipeline.names)
        is_writer = backend.devices.is_chief(gan.distribute_strategy)
        evaluator = during.open_evaluator(recipe, gan.deployed(), pipeline.names) if is_writer else None
        if dry_run:
            print(printable_lines(_plan(recipe, directory, gan, pipeline, last_step, warnings, fresh)))
            return gan
        with loop.lock(directory, gan, fresh, progress) as directory:
            if init is None:
                loop.adapt(gan, pipeline)
            loop.restore(gan, directory, progress)
            progress.say(f"{pipeline.description}; run directory {directory.path}")
            run = loop.Run(recipe, directory, gan, pipeline, examples, last_step, progress, evaluator)
            for warning in warnings:
                progress.say(f"warning: {warning}")
            if gan.steps_done < last_step:
                record = {"strategy": strategy, "init": init, "data": _data_record(recipe, pipeline)}
                _fit(run, record | _names_record(pipeline))
            else:
                progress.say(f"already at step {gan.steps_done:,}; give a larger --steps to go on")
    return gan


def _fit(run: "Run", record: Mapping) -> None:
    from ganzoo.training import loop

    try:
        loop.fit(run, record)
    except OSError as error:
        # It may fail for this, where it came between a look and a write.
        run.directory.check_held()
        raise RunError(
            f"{error.filename or run.directory.path}: {error.strerror or error}; mend that, and the same command goes "
            "on from the last checkpoint"
        ) from error


def _plan(recipe: Recipe, directory: RunDirectory, gan: "GAN", pipeline: Pipeline, last_step, warnings, fresh) -> str:
    """Returns in lines what the run would do."""
    saved = [] if fresh else checkpoints.list_checkpoints(directory.checkpoints)
    begin = f"goes on from step {checkpoints.step_of(saved[-1]):,}" if saved else "a new run"
    networks = ", ".join(f"{name} {network.count_params():,}" for name, network in gan.networks().items())
    updates = ", then ".join(f"{phase.name} ({', '.join(phase.networks)})" for phase in gan.phases())
    epochs = last_step * pipeline.batch_size / len(pipeline)
    changed = run_directory.what_changed(directory, _data_record(recipe, pipeline)) if saved else None
    return "\n".join(
        [
            f"architecture   {recipe.architecture}",
            f"data           {pipeline.description}",
            *(f"               {line}" for line in notes.preparation(recipe, pipeline)),
            f"parameters     {networks}",
            f"updates        {updates}",
            f"steps          to {last_step:,}, batches of {recipe.training.batch_size}: {epochs:,.1f} epochs",
            f"run directory  {directory.path}: {begin}",
            *(f"warning        {warning}" for warning in [*([changed] if changed else []), *warnings]),
        ]
    )


def _check_init(recipe: Recipe, init: str | None) -> None:
    """Raises UsageError for a model of another architecture, before Keras is loaded to compare its arrays."""
    if init is None:
        return
    try:
        found = pretrained.find(init).provenance
    except UsageError as error:
        raise UsageError(f"--init {init}: {error}") from None
    if found and found.architecture != recipe.architecture:
        raise UsageError(
            f"--init {init}: is of {found.architecture}, and this recipe of {recipe.architecture}; give a model that "
            "was trained with the same model settings"
        )


def _resolve(recipe: Recipe | str | Path, run_dir, data, overrides) -> tuple[Recipe, RunDirectory]:
    if not isinstance(recipe, Recipe):
        name, recipe = recipe_name(recipe), load_recipe(recipe, overrides, data)
    elif data or overrides:
        raise UsageError("data and overrides change a recipe that is named; this one is loaded: change it itself")
    else:
        name = recipe.architecture
    during.check(recipe)
    return recipe, RunDirectory(Path(run_dir or Path("runs") / name).expanduser())


def _check_directory(directory: RunDirectory, recipe: Recipe, fresh: bool) -> None:
    """Raises UsageError where no run of the recipe can go on, or begin, in the directory."""
    if directory.config.exists():
        if not fresh:
            run_directory.check_same_run(directory, recipe, lambda: open_data(recipe, "train").fingerprint())
    elif directory.path.is_dir() and not run_directory.is_unused(directory):
        raise UsageError(f"{directory.path}: not empty, and no run; give another --run-dir")
    elif directory.path.exists() and not directory.path.is_dir():
        raise UsageError(f"{directory.path}: a file; give a directory as --run-dir")


def _open_splits(directory: RunDirectory, recipe: Recipe, fresh: bool) -> tuple[Pipeline, Pipeline]:
    """The batches for training and for testing, whose labels and words have the numbers that the run in the directory
    gave them, if it goes on. Raises UsageError where its data has other classes, or too many words."""
    recorded = {} if fresh else run_directory.read_records(directory).names
    pipeline = open_data(recipe, "train", names_going_on(recipe.model, recipe.data, recorded))
    return pipeline, open_data(recipe, "test", pipeline.names)


def _data_record(recipe: Recipe, pipeline: Pipeline) -> dict:
    """Returns where the images lie, and which they are."""
    return {"place": place_of(recipe.data.source), **pipeline.fingerprint()}


def _names_record(pipeline: Pipeline) -> dict:
    """Returns what labels and tokens stand for, where a batch has such."""
    return {"names": {key: list(names) for key, names in pipeline.names.items()}} if pipeline.names else {}


def _shared(pipeline: Pipeline, last_step: int) -> dict:
    """Returns what must be the same on all workers of a run, besides the recipe."""
    return {"steps": last_step, "images": pipeline.fingerprint(), **_names_record(pipeline)}


def open_data(recipe: Recipe, split: str, names: Names | None = None) -> Pipeline:
    """Returns the batches of a recipe's `train` or `test` split. Raises UsageError or RunError when they can't be had.

    Args:
        names: what labels and tokens stand for, where that is known; see `open_pipeline`.
    """
    model, training = recipe.model, recipe.training
    batch_size = training.batch_size * model.n_critic
    return open_pipeline(model, recipe.data, batch_size=batch_size, seed=training.seed, split=split, names=names)
