"""The writer of a run, which only the chief has: it looks, says and writes. A process that is alone is the chief."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.data.fields import Image, as_shown
from ganzoo.errors import RunError
from ganzoo.metrics.memorizing import thumbnails
from ganzoo.training import callbacks, checkpoints, doctor, metrics_file, report
from ganzoo.training.board import Board
from ganzoo.training.doctor import DIVERGING, Finding

if TYPE_CHECKING:
    from ganzoo.gan.gan import GAN
    from ganzoo.training.loop import Run

TRAINING_IMAGES = 1000
"""The number of training images that samples are compared with."""


class RunWriter:
    """The callbacks of the chief, and what it does before, between and after the legs of a run."""

    def __init__(self, run: "Run"):
        training, directory, progress = run.recipe.training, run.directory, run.progress
        self.run = run
        self.board = Board(directory.tensorboard)
        training_images = self._training_images if _paints_from_noise(run.gan) else None
        self.samples = callbacks.Samples(
            training.sample_every, run.last_step, run.examples, training_images, directory, self.board
        )
        self.evaluations = callbacks.Evaluations(run.recipe.evaluation.every, run.last_step, run.evaluator)
        self.metrics = callbacks.Metrics(
            training.log_every,
            run.last_step,
            training.batch_size,
            doctor.judged_by(vars(run.recipe.model)),
            self.samples,
            self.evaluations,
            directory,
            self.board,
            progress,
        )
        known = {name: network.provenance for name, network in run.gan.deployed().items()}
        self.saving = callbacks.Checkpoints(training, self.metrics, directory, known)
        self.display = callbacks.Display(run.last_step, training.batch_size, progress)
        self.report = callbacks.Report(training.sample_every, self.write_report)

    def begin(self) -> None:
        """Writes what a run has before its first step, where it is not there yet."""
        run, step = self.run, self.run.gan.steps_done
        for callback in (self.samples, self.saving):
            callback.set_model(run.gan)
        if step % self.samples.every == 0 and not run.directory.sample(step).exists():
            self.samples.draw(step)
        if not checkpoints.list_checkpoints(run.directory.checkpoints):
            self.saving.save(step)

    def is_lost(self) -> bool:
        """Returns whether the state at hand could not be saved."""
        return self.saving.lost is not None

    def is_diverging(self) -> bool:
        """Returns whether the run should go back: it diverges, and may; or its state is lost, and it must."""
        may = self.run.recipe.training.rollback > 0
        return self.is_lost() or (may and self.metrics.diverging is not None)

    def save(self) -> None:
        """Saves the step at hand; `is_lost` tells whether that could be done."""
        self.saving.try_to_save(self.run.gan.steps_done)

    def finish(self) -> None:
        """Writes what a run has after its last step."""
        step = self.run.gan.steps_done
        if self.samples.measures[0] != step:
            self.samples.draw(step)
        self.write_report()

    def write_report(self) -> None:
        """Writes `report.html` of the run as it stands."""
        self.run.directory.check_held()
        try:
            report.write(self.run.directory)
        except Exception as error:  # a page is not worth a run
            self.run.progress.say(f"{self.run.directory.report}: not written: {type(error).__name__}: {error}")

    def finding(self) -> Finding:
        """Returns the finding because of which the run goes back or stops."""
        if self.metrics.diverging:
            return self.metrics.diverging
        return Finding(DIVERGING, self.run.gan.steps_done, str(self.saving.lost), "")

    def go_back(self, number: int) -> None:
        """Puts the GAN back to the last checkpoint before it began to diverge, and on another course from there.

        Args:
            number: of the times that this run has gone back, this one included.

        Raises:
            RunError: when there is no such checkpoint.
        """
        run, finding, diverged_at = self.run, self.finding(), self.run.gan.steps_done
        training, folder = run.recipe.training, run.directory.checkpoints
        # Others lie where the run was interrupted; going back to one, it would end elsewhere than without interruption.
        found = checkpoints.scheduled(checkpoints.list_checkpoints(folder), training.checkpoint_every)
        healthy = [path for path in found if checkpoints.step_of(path) < finding.since]
        path, damaged = checkpoints.restore_newest(healthy, run.gan.state())
        for bad in damaged:
            run.progress.say(f"{bad}: damaged, passed over")
        if path is None:
            raise RunError(
                f"{folder}: no checkpoint from before step {finding.since:,}, since when the run diverges "
                f"({finding.evidence}); start anew with --fresh"
            )
        run.gan.roll_back(number, training.rollback_learning_rate**number)
        self._forget_after(path, {"number": number, "from": diverged_at, "reason": finding.evidence})
        run.progress.say(
            f"diverging since step {finding.since:,}: {finding.evidence}; back to step {run.gan.steps_done:,} with "
            f"other random numbers ({number} of {training.rollback} times)"
        )

    def _forget_after(self, path: Path, rollback: Mapping) -> None:
        """Removes what was written after the checkpoint, which is itself written anew, with the count of rollbacks."""
        directory, step = self.run.directory, checkpoints.step_of(path)
        directory.check_held()
        checkpoints.remove_after(directory.checkpoints, step)
        directory.remove_best_but(*map(checkpoints.step_of, checkpoints.list_checkpoints(directory.checkpoints)))
        for drawn_at, sample in directory.samples().items():
            if drawn_at > step:
                sample.unlink()
        metrics_file.keep_until(directory, step, rollback["number"] - 1)
        self.metrics.last = metrics_file.append_rollback(directory, step, rollback)
        self.saving.save(step)

    def close(self) -> None:
        self.board.close()

    def _training_images(self):
        (key,) = self.run.gan.generated.values()
        return thumbnails(as_shown(self.run.gan.fields[key], self.run.pipeline.fixed(TRAINING_IMAGES)[key]))


def _paints_from_noise(gan: "GAN") -> bool:
    """Returns whether samples are made of latents: else an output that is like a training image is no copy of one."""
    takes_latents = all("latents" in signature.kinds for signature in gan.config.deployed.values())
    pictures = [key for key in gan.generated.values() if isinstance(gan.fields[key], Image)]
    return takes_latents and len(gan.generated) == len(pictures) == 1
