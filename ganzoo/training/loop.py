"""The part of a run that computes: build the GAN, put its state back, fit, and write down what comes of it."""

import contextlib
import dataclasses
import json
import math
import platform
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from ganzoo.backends import backend
from ganzoo.config.parsing import to_document
from ganzoo.config.recipe import Recipe
from ganzoo.core import seeding
from ganzoo.data.pipeline import Pipeline
from ganzoo.data.streams import Names
from ganzoo.errors import RunError, UsageError
from ganzoo.evaluation import during
from ganzoo.gan.gan import GAN
from ganzoo.generators.provenance import Provenance
from ganzoo.recipes import registry
from ganzoo.training import checkpoints, metrics_file, run_directory, teachers
from ganzoo.training.progress import BarProgress, PlainProgress
from ganzoo.training.run_directory import RunDirectory
from ganzoo.training.stopping import Divergence, Interruption
from ganzoo.training.writer import RunWriter


def build(recipe: Recipe, strategy_name: str, init: str | None, shared: Callable[[], Mapping] = dict) -> GAN:
    """Returns the recipe's GAN, ready to train under the strategy, from the weights of `init` if given.

    Args:
        shared: gives by name what all workers must have the same, the recipe aside; asked for only where there are
            several.

    Raises:
        UsageError: when the strategy, what the training needs, or `init` can't be had; on each of several workers when
            they were given different commands.
    """
    strategy = backend.devices.get_strategy(strategy_name, recipe.training.batch_size)
    # Before the first variable, whose shape all workers must share.
    _check_same_command(strategy, recipe, shared)
    with backend.devices.scope(strategy):
        gan = registry.get(recipe.architecture)(recipe.model)
        gan.compile(
            jit_compile=recipe.training.jit_compile,
            accumulate=recipe.training.accumulate,
            rematerialize=recipe.training.rematerialize,
        )
        gan.prepare()
        teachers.teach(gan)
    if init is not None and backend.devices.is_chief(strategy):
        teachers.initialize(gan, init)
    return gan


def adapt(gan: GAN, pipeline: Pipeline) -> None:
    """Sets the initial weights that depend on the data, by the first batches, where the architecture has such."""
    if gan.adapts_to:
        batches = [pipeline.batch(step) for step in range(math.ceil(gan.adapts_to / pipeline.batch_size))]
        gan.adapt({key: np.concatenate([batch[key] for batch in batches])[: gan.adapts_to] for key in gan.batch_names})


def describe(gan: GAN, recipe: Recipe, last_step: int, names: Names) -> None:
    """Has the deployed networks say what they are.

    Args:
        last_step: of the run.
        names: what the whole numbers of a batch stand for, by key.
    """
    document = run_directory.document_of(recipe, last_step)
    for name, network in gan.deployed().items():
        network.provenance = Provenance(recipe.architecture, name, document, names)


def _check_same_command(strategy, recipe: Recipe, shared: Callable[[], Mapping]) -> None:
    other = backend.devices.differing(strategy, lambda: _digests({**to_document(recipe), **shared()}))
    if other:
        raise UsageError(
            f"the workers were given different commands: not all have the same {', '.join(other)}; give each the same "
            "recipe, options and data"
        )


def _digests(command: Mapping) -> dict[str, int]:
    """A number for each part of a command. Images may lie elsewhere, and more or fewer of them be kept in memory."""
    data = {key: value for key, value in command["data"].items() if key not in ("source", "cache_gib")}
    parts = {**command, "data": data}
    return {name: seeding.derive(0, json.dumps(part, sort_keys=True)) for name, part in parts.items()}


@contextlib.contextmanager
def lock(directory: RunDirectory, gan: GAN, fresh: bool, progress) -> Iterator[RunDirectory]:
    """Locks the run directory, which it gives, against other processes. Of several workers the chief does.

    Args:
        fresh: move a run that is there aside first.

    Raises:
        UsageError: when another process trains there.
    """
    if not backend.devices.is_chief(gan.distribute_strategy):
        yield directory
        return
    if fresh and directory.path.exists():
        with run_directory.locked(directory):
            progress.say(f"the run that was there is now in {run_directory.move_aside(directory)}")
    with run_directory.locked(directory) as held:
        yield held


def restore(gan: GAN, directory: RunDirectory, progress) -> None:
    """Puts the GAN where the run in the directory stopped, if there is one; damaged checkpoints are named."""
    if backend.devices.is_chief(gan.distribute_strategy):
        directory.remove_unfinished()
        found = checkpoints.list_checkpoints(directory.checkpoints)
        path, damaged = checkpoints.restore_newest(found, gan.state())
        for bad in damaged:
            progress.say(f"{bad}: damaged, passed over")
        if path is not None:
            progress.say(f"going on from step {gan.steps_done:,} ({path})")
        last = checkpoints.last_line(path) if path else None
        metrics_file.keep_until(directory, gan.steps_done, gan.rollback_count, last)
    backend.devices.share_from_chief(gan.distribute_strategy, gan.state().values())


@dataclasses.dataclass(frozen=True)
class Run:
    """All that a run needs once it is under way."""

    recipe: Recipe
    directory: RunDirectory
    gan: GAN
    pipeline: Pipeline
    examples: Mapping
    """A batch of images that are not trained on, for the samples."""
    last_step: int
    progress: PlainProgress | BarProgress
    evaluator: during.Evaluator | None
    """Measures how good the generators are; None where the recipe asks for nothing, or another process does."""


def fit(run: Run, record: Mapping) -> None:
    """Trains from the step that the GAN is at to the last, or until interrupted, and writes the run directory.

    Args:
        record: how and where the run was started.

    Raises:
        RunError: when the run has diverged too often, or a batch can't be had.
        Exception: of the backend, for what went wrong in it, or in reading the data; see `backend.errors.in_words`.
        OSError: when something can't be written.
        KeyboardInterrupt: after Ctrl-C or SIGTERM, when all is saved.
    """
    strategy = run.gan.distribute_strategy
    writer = None
    if backend.devices.is_chief(strategy):
        _write_config(run, {**record, **_place(strategy)})
        writer = RunWriter(run)
    failures = run.pipeline.failures
    interruption = Interruption(run.progress, strategy, failures)
    try:
        with interruption:
            if writer:
                writer.begin()
            run.progress.start(run.gan.steps_done, run.last_step)
            while _train_leg(run, writer, interruption):
                _go_back(run, writer)
            if writer:
                writer.finish()
    finally:
        run.progress.stop()
        if writer:
            writer.close()
    reached = run.gan.steps_done
    if failures and reached < run.last_step:
        run.progress.say(f"saved at step {reached:,}; the same command goes on from there")
        raise failures[0]
    if interruption.agreed and reached < run.last_step:
        run.progress.say(f"stopped and saved at step {reached:,}; the same command goes on from there")
        raise KeyboardInterrupt
    run.progress.say(f"done at step {reached:,}" + (f": {run.directory.sample(reached)}" if writer else ""))


def _write_config(run: Run, record: Mapping) -> None:
    """Writes `config.yaml`, before all else that makes a run; and says so when the run was elsewhere before."""
    moved = run_directory.what_moved(run.directory, record)
    if moved and run.gan.steps_done:
        run.progress.say(
            f"moved: {'; '.join(moved)}. It goes on from the same state, with the same data; but sums are now rounded "
            "in another order, and with another number of replicas each draws other latents, dropout and "
            "augmentations: from here it is no longer bitwise what it would have been"
        )
    changed = run_directory.what_changed(run.directory, record["data"])
    if changed and run.gan.steps_done:
        run.progress.say(changed)
    run_directory.write_config(run.directory, run.recipe, run.last_step, record)


def _place(strategy) -> dict:
    """Returns where a run computes, as far as the last bits of its numbers depend on it."""
    found = backend.devices.place(strategy)
    machine = ", ".join([platform.machine(), *found["accelerators"]])
    return {
        "backend": backend.name(),
        "replicas": found["replicas"],
        "threads": found["threads"],
        "machine": machine,
    }


def _train_leg(run: Run, writer: RunWriter | None, interruption: Interruption) -> bool:
    """Trains to the last step, an interruption or a divergence, and saves. Returns whether the run must go back."""
    gan, first_step = run.gan, run.gan.steps_done
    if interruption.agreed or first_step >= run.last_step:
        return False
    strategy = gan.distribute_strategy
    training = run.recipe.training
    divergence = Divergence(training.log_every, training.sample_every, writer, strategy)
    # The interruption comes first, so that the others see in the same step that it is the last.
    steps = [interruption, divergence]
    if writer:
        steps = [
            interruption,
            writer.samples,
            writer.evaluations,
            writer.metrics,
            divergence,
            writer.display,
            writer.saving,
            writer.report,
        ]
    gan.steps_per_execution = _steps_per_execution(run, first_step)
    pipeline = run.pipeline.reordered(gan.rollback_count)
    dataset = backend.feeding.batches(strategy, pipeline, first_step, run.last_step)
    try:
        # As the trainer has it: what the pipeline gives needs no look.
        backend.trainer.Trainer.fit(
            gan, dataset, steps_per_epoch=run.last_step - first_step, callbacks=steps, verbose=0, shuffle=False
        )
    except Exception as error:
        if writer and _failed_between_steps(error, pipeline, gan):
            writer.save()
            run.progress.say(f"saved at step {gan.steps_done:,}; the same command goes on from there")
        raise
    interruption.saving = True
    if writer and not divergence.found:
        writer.save()
    return divergence.found or backend.devices.any_worker(strategy, writer is not None and writer.is_lost())


def _failed_between_steps(error: Exception, pipeline: Pipeline, gan: GAN) -> bool:
    """Returns whether the data came to an end before a step had begun: the state is that of the step before.

    Replicas may have begun it, and so may one of several steps that are executed together.
    """
    alone = gan.replica_count() == 1 and gan.steps_per_execution == 1
    return alone and any(str(failure) in str(error) for failure in pipeline.failures)


def _steps_per_execution(run: Run, first_step: int) -> int:
    """The most steps at a time, up to what the recipe has, that end wherever something is to be written."""
    training = run.recipe.training
    ends = [run.last_step, training.log_every, training.sample_every, training.checkpoint_every]
    together = math.gcd(training.steps_per_execution, first_step, *ends, run.recipe.evaluation.every)
    # TensorFlow refuses to trace more, one after the other.
    return max(count for count in range(1, 33) if not together % count)


def _go_back(run: Run, writer: RunWriter | None) -> None:
    """Puts every worker's GAN back to a healthy checkpoint.

    Raises:
        RunError: when the run has gone back as often as it may.
    """
    gan, allowed = run.gan, run.recipe.training.rollback
    number = gan.rollback_count + 1
    if number > allowed:
        reason = writer.finding().evidence if writer else "the chief says why"
        if writer:
            writer.write_report()
        raise RunError(
            f"stopped at step {gan.steps_done:,}: the run diverges ({reason}), and has gone back {allowed} times "
            "(training.rollback); try a lower model.learning_rate, or training.rollback_learning_rate=0.5, in another "
            "--run-dir; --init starts from the weights of this one"
        )
    if writer:
        writer.go_back(number)
    backend.devices.share_from_chief(gan.distribute_strategy, gan.state().values())
