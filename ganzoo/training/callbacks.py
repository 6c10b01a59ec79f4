"""Callbacks that look at a run between its steps and write: samples, metrics and findings, checkpoints, a display.

Of several workers only the chief runs them.
"""

import functools
import math
import statistics
import time
from collections.abc import Callable, Mapping

import keras
import numpy as np

from ganzoo.data.fields import as_shown
from ganzoo.files.atomic import replacing
from ganzoo.generators import pictures, provenance
from ganzoo.training import checkpoints, class_samples, doctor, health, metrics_file
from ganzoo.training.doctor import Finding
from ganzoo.training.history import History
from ganzoo.training.progress import Speed
from ganzoo.training.run_directory import RunDirectory

HEALTH = "health/"
EVALUATION = "evaluation/"
REPORT_SECONDS = 60
"""The least time between two reports."""
REPORT_SHARE = 0.02
"""The largest share of the time that goes to reports."""


class AtSteps(keras.callbacks.Callback):
    """Calls `at_step(step, logs)` after each step of the run; `step` counts the steps done since the run began."""

    def on_train_begin(self, logs=None):
        self.first_step = self.model.steps_done

    def on_train_batch_end(self, batch, logs=None):
        self.at_step(self.first_step + batch + 1, logs)

    def at_step(self, step: int, logs: Mapping) -> None:
        raise NotImplementedError


class Measuring(AtSteps):
    """Measures something at every so many steps, and at the last."""

    def __init__(self, every: int, last_step: int):
        super().__init__()
        self.every, self.last_step = every, last_step
        self.measures = (None, {})

    def is_due(self, step: int) -> bool:
        return step == self.last_step or step % self.every == 0

    def measures_at(self, step: int) -> dict[str, float]:
        """Returns what was measured at this step; nothing where it was not measured."""
        measured, measures = self.measures
        return measures if measured == step else {}


class Samples(Measuring):
    """Draws the same examples again and again, what the networks make of them as they learn, and measures them.

    `GAN.samples` gives images (B, H, W, C) or clips (B, L, 1) by column, which are drawn as waveforms.

    Args:
        training_images: gives training images that no sample should be a copy of; None: copies are no fault.
    """

    def __init__(self, every, last_step, examples: Mapping, training_images: Callable | None, directory, board):
        super().__init__(every, last_step)
        self.examples = examples
        self.directory, self.board = directory, board
        self.training_images = functools.cache(training_images) if training_images else lambda: None

    def at_step(self, step, logs):
        if self.is_due(step):
            self.draw(step)

    def draw(self, step: int) -> None:
        """Writes the grid of this step."""
        columns = {title: np.asarray(made) for title, made in self.model.samples(self.examples).items()}
        picture = pictures.grid(columns)
        self.directory.check_held()
        pictures.save(picture, self.directory.sample(step))
        self.board.image("samples", picture, step)
        generated = {title: columns[title] for title in self.model.generated}
        fields = self.model.fields
        real = {title: as_shown(fields[key], self.examples[key]) for title, key in self.model.generated.items()}
        table = class_samples.table(self.model)
        self.measures = (
            step,
            health.measure_samples(generated, real, self.training_images())
            | ({} if table is None else health.measure_classes(table)),
        )


class Evaluations(Measuring):
    """Measures now and then how good the generators are.

    Args:
        every: steps from one time to the next; 0: never.
        evaluator: from `ganzoo.evaluation.during`.
    """

    def __init__(self, every: int, last_step: int, evaluator: Callable | None):
        super().__init__(every, last_step)
        self.evaluator, self.seconds = evaluator, 0.0

    def at_step(self, step, logs):
        if self.evaluator and self.is_due(step):
            began = time.monotonic()
            self.measures = (step, self.evaluator())
            self.seconds = time.monotonic() - began

    def seconds_at(self, step: int) -> float:
        """Returns the seconds that the measures of a step took; 0 where there are none."""
        return self.seconds if self.measures[0] == step else 0.0


class Metrics(AtSteps):
    """Appends the terms of the losses, the values of health and what they tell to `metrics.jsonl` and to TensorBoard.

    Attributes:
        last: the last line that was written; None: there is none.
        findings: what is wrong, of the lines at multiples of `every` and of `samples.every` alone: those are written
            whenever a run passes these steps, so a run that was interrupted comes to the same findings.
    """

    def __init__(
        self,
        every,
        last_step,
        batch_size,
        judged_by: tuple[str, str],
        samples: Samples,
        evaluations: Evaluations,
        directory,
        board,
        progress,
    ):
        super().__init__()
        self.every, self.last_step, self.batch_size, self.judged_by = every, last_step, batch_size, judged_by
        self.samples, self.evaluations = samples, evaluations
        self.directory, self.board, self.progress = directory, board, progress
        self.lines, self.history, self.findings, self.last = [], History(), [], None

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.speed = Speed(self.first_step, self.last_step)
        lines = metrics_file.read(self.directory)
        self.last = lines[-1] if lines else None
        self.lines = doctor.due_lines(lines, self.every, self.samples.every)
        self.history = History(self.lines)
        self.findings = doctor.judge(self.history, *self.judged_by)

    def is_due(self, step: int) -> bool:
        return doctor.is_due(step, self.every, self.samples.every)

    def at_step(self, step, logs):
        if self.is_due(step) or step == self.last_step or self.model.stop_training:
            self.write(step, {name: float(value) for name, value in logs.items()})

    def write(self, step: int, logs: Mapping[str, float]) -> None:
        self.speed.leave_out(self.evaluations.seconds_at(step))
        rate, _ = self.speed.at(step)
        terms, nonfinite = _finite({name: value for name, value in logs.items() if not name.startswith(HEALTH)})
        observed = {name.removeprefix(HEALTH): value for name, value in logs.items() if name.startswith(HEALTH)}
        observed |= self.model.health()
        line = {
            "step": step,
            "time": round(time.time(), 3),
            "images_per_second": round(rate * self.batch_size, 3),
            **terms,
            "nonfinite": nonfinite,
            "health": _finite(observed | self.samples.measures_at(step))[0],
        }
        evaluation, _ = _finite(self.evaluations.measures_at(step))
        if evaluation:
            line["evaluation"] = evaluation
        if self.model.rollback_count:
            line["rollbacks"] = self.model.rollback_count
        if self.is_due(step):
            self.lines.append(line)
            self.history.add(line)
            self.tell(doctor.judge(self.history, *self.judged_by))
        line["findings"] = [vars(finding) for finding in self.findings]
        metrics_file.append(self.directory, line)
        self.last = line
        charted = {f"{EVALUATION}{name}": value for name, value in evaluation.items()}
        self.chart(step, {"images_per_second": rate * self.batch_size, **terms, **charted}, line["health"])

    def tell(self, findings: list[Finding]) -> None:
        """Says which findings are new, and which are gone."""
        before, now = ({finding.name for finding in some} for some in (self.findings, findings))
        for finding in findings:
            if finding.name not in before:
                self.progress.say(f"doctor: {finding.name}: {finding.evidence}. {finding.advice}")
        for name in sorted(before - now):
            self.progress.say(f"doctor: no longer {name}")
        self.findings = findings

    def chart(self, step: int, terms: Mapping, observed: Mapping) -> None:
        for name, value in [*terms.items(), *((HEALTH + name, value) for name, value in observed.items())]:
            if value is not None:
                self.board.scalar(name, value, step)
        self.board.flush()

    @property
    def diverging(self) -> Finding | None:
        return next((finding for finding in self.findings if finding.name == doctor.DIVERGING), None)


class Checkpoints(AtSteps):
    """Saves the state of the run, by steps and by the clock, and in the networks' files what is `known` by name."""

    def __init__(self, settings, metrics: Metrics, directory: RunDirectory, known: Mapping[str, provenance.Provenance]):
        super().__init__()
        self.settings, self.metrics, self.directory, self.known = settings, metrics, directory, known
        self.saved, self.lost = None, None

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.time, self.lost = time.monotonic(), None

    def at_step(self, step, logs):
        by_clock = 0 < 60 * self.settings.checkpoint_minutes <= time.monotonic() - self.time
        by_step = step % self.settings.checkpoint_every == 0
        # A step that is the last of its leg is saved, or not, at the end of it.
        if (by_step or by_clock) and not self.model.stop_training:
            self.try_to_save(step)

    def try_to_save(self, step: int) -> None:
        """Saves this step, or remembers in `lost` that it can't be gone on from."""
        try:
            self.save(step)
        except checkpoints.LostState as error:
            self.lost = error

    def save(self, step: int) -> None:
        """Writes the networks as they are and the checkpoint of this step, once.

        Raises:
            checkpoints.LostState: instead of writing a state that is lost.
        """
        if (step, self.model.rollback_count) == self.saved:
            return
        folder, settings, score = self.directory.checkpoints, self.settings, self.score(step)
        arrays = checkpoints.finite_arrays(self.model.state())
        # The networks come first: where there is a checkpoint, nothing is missing.
        is_best = checkpoints.is_best(folder, self.quality, score)
        for name, network in self.model.released().items():
            self.directory.check_held()
            known = self.known[name].at(step) if name in self.known else None
            write_network(network, self.directory.network(name), known)
            if is_best:
                write_network(network, self.directory.best_network(name, step), known)
        self.directory.check_held()
        checkpoints.save(folder, step, arrays, None if score is None else (self.quality, score), self.metrics.last)
        if is_best:
            self.directory.remove_best_but(step)
        # What is found now began so many lines ago at most; one from before that must be there to go back to.
        healthy = step - doctor.IN_A_ROW * self.metrics.every
        checkpoints.prune(folder, settings.keep_checkpoints, settings.checkpoint_every, self.quality, healthy)
        self.saved, self.time = (step, self.model.rollback_count), time.monotonic()

    @property
    def quality(self) -> str | None:
        """Names what the best checkpoint is the best by, as its note has it; None where none is asked for."""
        metric = self.settings.best_metric
        return metric and f"{self.settings.best_is} {metric}"

    def score(self, step: int) -> float | None:
        """Returns how good the run is; less is better.

        The chosen value if it was evaluated at this step, and else its mean since the last scheduled checkpoint.
        """
        name = self.settings.best_metric
        if name is None or step % self.settings.checkpoint_every:
            return None
        lines = [line for line in self.metrics.lines if step - self.settings.checkpoint_every < line["step"] <= step]
        if lines and name in lines[-1].get("evaluation", {}):
            # What is measured of this very state says more than of those before.
            lines = lines[-1:]
        values = [{**line, **line.get("health", {}), **line.get("evaluation", {})} for line in lines]
        found = [value[name] for value in values if isinstance(value.get(name), int | float)]
        if values and not found:
            # No error: samples may be drawn more seldom than this, and a later phase has other terms.
            numbers = (key for key, value in values[-1].items() if isinstance(value, float))
            there = ", ".join(key for key in numbers if key not in ("time", "images_per_second"))
            self.metrics.progress.say(
                f"training.best_metric: no line since step {lines[0]['step']:,} has {name!r}; they have {there}"
            )
        sign = 1 if self.settings.best_is == "lowest" else -1
        return sign * statistics.fmean(found) if found else None


class Report(AtSteps):
    """Has the report written now and then: more seldom as a long run's takes longer, so that training hardly waits."""

    def __init__(self, every: int, write: Callable):
        super().__init__()
        self.every, self.write = every, write
        self.next = -math.inf

    def at_step(self, step, logs):
        began = time.monotonic()
        if step % self.every == 0 and began >= self.next:
            self.write()
            ended = time.monotonic()
            self.next = ended + max(REPORT_SECONDS, (ended - began) / REPORT_SHARE)


class Display(AtSteps):
    """Keeps the progress display up to date. It looks at the losses now and then only: a look waits for the device."""

    def __init__(self, last_step: int, batch_size: int, progress):
        super().__init__()
        self.last_step, self.batch_size, self.progress = last_step, batch_size, progress
        self.shown = 0.0

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.speed = Speed(self.first_step, self.last_step)

    def at_step(self, step, logs):
        now = time.monotonic()
        if now - self.shown < self.progress.interval and step != self.last_step:
            return
        self.shown = now
        rate, left = self.speed.at(step)
        terms = {name: float(value) for name, value in logs.items() if not name.startswith(HEALTH)}
        self.progress.update(step, rate * self.batch_size, left, terms)


def write_network(network: keras.Model, path, known: provenance.Provenance | None) -> None:
    """Saves a network as `.keras`, whole or not at all, with what is known of it inside."""
    with replacing(path) as beside:
        network.save(beside)
        if known:
            provenance.write(beside, known)


def _finite(values: Mapping[str, float]) -> tuple[dict[str, float | None], int]:
    """The values, with None for those that are not finite, and the number of these."""
    finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
    return finite, sum(value is None for value in finite.values())
