"""The doctor tells in words what is wrong with a run: findings from the lines of its `metrics.jsonl`.

Where the lines are drawn, and how far from them healthy and sick runs lie, is measured in `docs/doctor.md`.
"""

import dataclasses
import itertools
import statistics
from collections.abc import Iterable, Mapping

from ganzoo.training import metrics_file, run_directory
from ganzoo.training.health import ALIKE
from ganzoo.training.history import (
    IN_A_ROW,
    WARM_UP,
    WINDOW,
    History,
    accuracies,
    discriminators,
    distances,
    generators,
    gradient_norms,
    largest_logit,
    median,
    terms,
)
from ganzoo.training.run_directory import RunDirectory

DIVERGING = "diverging"
"""The finding that sends a run back to a checkpoint."""


LOST_LOGIT = 50.0
"""Mean logits beyond it are far outside of what a sigmoid or a least squares target can answer to."""
LOST_TERM = 1e6
GROWTH = 20.0
"""The largest factor by which a distance between images may exceed its first values."""
MARGIN = 14.0
"""The distance between the mean logits of real and fake at which a sigmoid is flat at both ends."""
FLAT = ("non_saturating",)
"""The losses that end in a sigmoid. A hinge is flat from 1 on by intent, and least squares never are."""
SURE = 0.95
"""An accuracy of a discriminator that is hardly ever wrong."""
OVERTAKING, LARGE_UPDATE = 6.0, 0.01
"""A discriminator's updates are as many times the generator's, and as large a part of its weights."""
FADED, CONVERGED = 0.03, 0.5
"""The share of its first gradients that a generator still gets; the share of a first distance that learning leaves."""
WRONG = 0.1
"""An accuracy that can only come from answers the wrong way round."""
STILL = 1e-6
"""An update of so small a part of a network's weights is none, in half a million steps; 1e-3 is usual."""
SAME, FALLEN, SPREAD = 0.05, 0.25, 0.4
"""Diversity of samples that are all alike; the part of its best that is left after a collapse; the least such best."""
ONE_CLASS, NO_EFFECT = 0.1, 0.05
"""Diversity of a class whose samples are all alike, over that of others; the effect of a label that has none."""
COPY = 0.75
"""A share of the distance to the next training image: a sample that is nearer than that to one is a copy of it."""
PATTERN = 0.1
"""Share of a pattern of 2 pixels in what the samples show, fine detail aside; an even kernel of 3 with a stride of 2
makes it 0.19."""


AUGMENT = "model.augmentation=[color, translation, cutout]"
NORMALIZE = "model.spectral_norm=true with model.discriminator_norm=none"
"""Settings that more than one finding advises."""
SWAPPED = "See whether real and fake, or the signs of the losses, are swapped"


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that is wrong with a run."""

    name: str
    """`diverging`, `one image`, `generator collapsed`, `class collapsed`, `label ignored`, `discriminator too strong`,
    `stalled`, `memorising` or `checkerboard`."""
    since: int
    """The first step of the evidence: what was saved before it was not touched by this."""
    evidence: str
    """The numbers that were seen."""
    advice: str
    """Things to try, naming keys of the recipe."""


def is_due(step: int, log_every: int, sample_every: int) -> bool:
    """Returns whether a line of this step is judged: one that every run writes that passes it, interrupted or not."""
    return step % log_every == 0 or step % sample_every == 0


def due_lines(lines: Iterable[Mapping], log_every: int, sample_every: int) -> list[Mapping]:
    """Returns the lines that are judged, so that a run that was interrupted comes to the same findings."""
    return [line for line in lines if is_due(line["step"], log_every, sample_every)]


def diagnose(
    lines: Iterable[Mapping], precision: str = "float32", adversarial_loss: str = "non_saturating"
) -> list[Finding]:
    """Returns what is wrong at the last of these lines, the worst first; nothing for a healthy run.

    Args:
        lines: of metrics, in order, as `metrics.jsonl` holds them.
        precision: the recipe's; mixed_float16 skips steps that are not finite, which is no harm.
        adversarial_loss: the recipe's; what logits mean goes by it.
    """
    return judge(History(lines), precision, adversarial_loss)


def judge(history: History, precision: str = "float32", adversarial_loss: str = "non_saturating") -> list[Finding]:
    """Returns findings as `diagnose` does, of lines that were added to a history one by one."""
    if not history.lines:
        return []
    findings = [
        _diverging(history, precision == "mixed_float16"),
        _one_image(history),
        _collapsed(history),
        _class_collapsed(history),
        _label_ignored(history),
        _too_strong(history, adversarial_loss in FLAT),
        _stalled(history),
        _memorizing(history),
        _checkerboard(history),
    ]
    return [finding for finding in findings if finding is not None]


def examine(directory: RunDirectory) -> dict:
    """Returns what `ganzoo doctor` says of a run; it judges the same lines as the run does while it trains.

    Returns:
        `run`, its path; `step`, of its last line; `judged`, of the last judged line that has values of health (None:
        there is none, so a run without findings may be sick); `early`, why there is nothing to judge yet, and when
        there will be (None: there is); `last_step`; `findings`; `rollbacks`.

    Raises:
        UsageError: when the directory is no run.
    """
    config = run_directory.read_config(directory)
    lines = metrics_file.read(directory)
    training = config["training"]
    due = due_lines(lines, training.get("log_every", 1), training.get("sample_every", 1))
    findings = diagnose(due, *judged_by(config["model"]))
    early = too_early(training, _last_step(due))
    return {
        "run": str(directory.path),
        "step": _last_step(line for line in lines if "rollback" not in line),
        "judged": _last_step(line for line in due if "health" in line),
        "early": early and f"too early to say: {early}",
        "last_step": config["training"]["steps"],
        "findings": [dataclasses.asdict(finding) for finding in findings],
        "rollbacks": [{"to": line["step"], **line["rollback"]} for line in lines if "rollback" in line],
    }


def judged_by(model: Mapping) -> tuple[str, str]:
    """Returns the settings of a model that `diagnose` goes by; where an old run lacks them, what was usual."""
    return model.get("precision", "float32"), model.get("adversarial_loss", "non_saturating")


def too_early(training: Mapping, judged: int | None) -> str | None:
    """Returns in words when there will be something to judge a run by that has no findings yet; None: there is.

    Args:
        training: that section of its recipe.
        judged: the step of its last line that is judged; None: there is none.
    """
    every, samples = training.get("log_every", 1), training.get("sample_every", 1)
    steps = (step for step in itertools.count(1) if is_due(step, every, samples))
    first = next(step for number, step in enumerate(steps, 1) if number >= WINDOW and step >= WARM_UP)
    if (judged or 0) >= first:
        return None
    when = f"from step {first:,} on there is something to judge it by"
    if first > training["steps"]:
        when += f", which this run of {training['steps']:,} steps does not reach"
    return when


def _last_step(lines: Iterable[Mapping]) -> int | None:
    return max((line["step"] for line in lines), default=None)


# The findings. Each looks at the end of the lines, and gives None where it finds nothing.


def _diverging(history, skips_steps: bool) -> Finding | None:
    advice = f"Try a lower model.learning_rate or model.discriminator_learning_rate, model.penalty=r1, or {NORMALIZE}"
    last = history.lines[-1]
    broken = history.trailing(lambda line: line.get("nonfinite", 0) > 0)
    if len(broken) >= (2 if skips_steps else 1):
        lost = ", ".join(name for name in terms(broken[0]) if broken[0][name] is None)
        return Finding(DIVERGING, broken[0]["step"], f"{lost} became NaN or infinite", advice)
    for key in gradient_norms(last):
        # A gradient can be infinite once where a norm overflows. Loss scaling tries such on purpose, for many steps.
        broken = history.trailing(lambda line, key=key: line["health"].get(key, 0.0) is None)
        if len(broken) >= 2 and not skips_steps:
            return Finding(DIVERGING, broken[0]["step"], f"{key} became NaN or infinite", advice)
    for name in discriminators(last):
        if f"{name}_real_accuracy" not in last["health"]:
            # A critic's scores have no scale of their own.
            continue
        lost = history.trailing(lambda line, name=name: largest_logit(line, name) >= LOST_LOGIT)
        if len(lost) >= IN_A_ROW:
            evidence = f"the mean logits of {name} reached {largest_logit(lost[-1], name):.3g} (below 15 is usual)"
            return Finding(DIVERGING, lost[0]["step"], evidence, advice)
    for name in terms(last):
        limit = _limit(history, name)
        lost = history.trailing(lambda line, name=name, limit=limit: abs(line.get(name) or 0) > limit)
        if len(lost) >= IN_A_ROW:
            evidence = f"{name} rose to {lost[-1][name]:.3g}, beyond {limit:.3g}"
            return Finding(DIVERGING, lost[0]["step"], evidence, advice)
    return None


def _one_image(history) -> Finding | None:
    for key, samples in history.samples_of("_real_difference"):
        if samples.recent[-1].value < ALIKE:
            evidence = (
                f"{key} is {samples.recent[-1].value:.3f}: the real images are all the same, to within 2 levels of 255"
            )
            advice = "Look at data.source: is it one image many times, or black ones"
            return Finding("one image", samples.recent[0].step, evidence, advice)
    return None


def _collapsed(history) -> Finding | None:
    for key, samples in history.samples_of("_diversity"):
        best = samples.best
        limit = max(SAME, FALLEN * best if best >= SPREAD else 0)
        alike = samples.trailing(lambda value, limit=limit: value < limit)
        if len(alike) >= IN_A_ROW:
            evidence = (
                f"{key} is {alike[-1].value:.3f} (1 is as diverse as real images; the best so far was {best:.2f}): the "
                "samples are nearly all the same"
            )
            advice = (
                f"Try model.discriminator_learning_rate at half the rate, {AUGMENT}, {NORMALIZE}, or a larger "
                "training.batch_size; see whether the generator uses its input at all"
            )
            return Finding("generator collapsed", alike[0].step, evidence, advice)
    return None


def _class_collapsed(history) -> Finding | None:
    for _, samples in history.samples_of("class_spread"):
        alike = samples.trailing(lambda value: value < ONE_CLASS)
        if len(alike) >= IN_A_ROW:
            ((_, numbers),) = history.samples_of("least_diverse_class")
            evidence = (
                f"samples of class {numbers.recent[-1].value}, counted from 0, are nearly all the same: they lie "
                f"{alike[-1].value:.3f} as far apart as those of a usual class"
            )
            advice = (
                "See how many different images that class has, and whether its label stands on images of one thing; "
                f"try {AUGMENT}, or model.n_critic=1"
            )
            return Finding("class collapsed", alike[0].step, evidence, advice)
    return None


def _label_ignored(history) -> Finding | None:
    for _, samples in history.samples_of("label_effect"):
        alike = samples.trailing(lambda value: value < NO_EFFECT)
        if len(alike) >= IN_A_ROW:
            evidence = (
                f"label_effect is {alike[-1].value:.3f}: of the same latents all classes are painted the same (1 is as "
                "different as any two samples)"
            )
            advice = "See whether labels fit the images (data.label), and whether the discriminator is told them"
            return Finding("label ignored", alike[0].step, evidence, advice)
    return None


def _too_strong(history, flat: bool) -> Finding | None:
    window, last = history.last(WINDOW), history.lines[-1]
    if len(window) < WINDOW:
        return None
    advice = f"Try a lower model.discriminator_learning_rate, {AUGMENT}, model.penalty=r1, or {NORMALIZE}"
    for name in discriminators(last):
        margin = median(window, f"{name}_real_logit", minus=f"{name}_fake_logit")
        if flat and _is_sure(window, name) and margin is not None and margin >= MARGIN:
            evidence = (
                f"{name} is right about nearly all of real and of fake, {margin:.1f} apart in logits: its own loss is "
                "flat there, and what the generator changes makes no difference to its answers"
            )
            return Finding("discriminator too strong", window[0]["step"], evidence, advice)
        own = median(window, f"{name}_update_ratio")
        others = [median(window, f"{other}_update_ratio") for other in generators(last)]
        if own is None or None in others or not others:
            continue
        if own >= LARGE_UPDATE and own >= OVERTAKING * max(others):
            evidence = (
                f"each update changes {name} by {own:.1%} of its weights, the generator by {max(others):.1%}: it "
                "answers to the last batch, and the generator can't follow"
            )
            return Finding("discriminator too strong", window[0]["step"], evidence, advice)
    return None


def _stalled(history) -> Finding | None:
    period = history.period
    if period.count < 2 * WINDOW:
        return None
    first, window = period.first, list(period.last)
    for evidence, since, advice in (
        (_stands_still(period), first, "Raise its learning rate, or see what holds it fast"),
        (_swapped(window), window, SWAPPED),
        (
            _faded(first, window),
            window,
            f"{SWAPPED}. If not, try model.adversarial_loss=non_saturating or hinge, or a lower "
            "model.discriminator_learning_rate",
        ),
    ):
        if evidence:
            return Finding("stalled", since[0]["step"], evidence, advice)
    return None


def _stands_still(period) -> str | None:
    for name, largest in period.largest_updates.items():
        if largest < STILL:
            return f"{name} stands still: no update changed it by more than {largest:.0e} of its weights"
    return None


def _swapped(window) -> str | None:
    for name in discriminators(window[-1]):
        real, fake = accuracies(window, name)
        if None not in (real, fake) and max(real, fake) <= WRONG:
            return f"{name} holds {1 - real:.0%} of real images to be fake, and {1 - fake:.0%} of fakes to be real"
        # What it is told is fake was made by the generator as well, now or, of a pool, a while ago.
        real, fake, fooled = (median(window, f"{name}_{kind}_logit") for kind in ("real", "fake", "fooled"))
        if _is_sure(window, name) and None not in (real, fake, fooled) and fooled > (real + fake) / 2:
            return (
                f"{name} is right about nearly all that it is told, and yet answers the generator ({fooled:.1f}) as it "
                f"does what is called real ({real:.1f}), not as what is called fake ({fake:.1f})"
            )
    return None


def _faded(first, window) -> str | None:
    last = window[-1]
    # Without a game a gradient fades as it should, and beside one, that of a distance that is learnt.
    if not discriminators(last) or any(_fell(first, window, term) for term in distances(last)):
        return None
    for name in generators(last):
        before, now = (median(part, f"{name}_gradient_norm") for part in (first, window))
        if None not in (before, now) and now < FADED * before:
            return f"the gradient of {name} fell to {now / before:.1%} of what it was at first: it learns no more"
    return None


def _memorizing(history) -> Finding | None:
    for key, samples in history.samples_of("_nearest"):
        copies = samples.trailing(lambda value: value < COPY)
        if len(copies) >= IN_A_ROW:
            evidence = (
                f"{key} is {copies[-1].value:.2f}: half of the samples are that much nearer to one training "
                "image than to any other (new images: 0.9)"
            )
            advice = f"Train on more images, try data.flip=true and {AUGMENT}, or stop earlier (--steps)"
            return Finding("memorising", copies[0].step, evidence, advice)
    return None


def _checkerboard(history) -> Finding | None:
    for key, samples in history.samples_of("_checkerboard"):
        checked = samples.trailing(lambda value: value >= PATTERN)
        if len(checked) >= IN_A_ROW:
            evidence = (
                f"{key} is {checked[-1].value:.2f}: that share of what the samples show, fine detail "
                "aside, is a pattern of 2 pixels (real images: below 0.01)"
            )
            advice = (
                "Give transposed convolutions a kernel that is a multiple of their stride, or resize and convolve; if "
                "it fades as training goes on, wait"
            )
            return Finding("checkerboard", checked[0].step, evidence, advice)
    return None


# What lines say of a network.


def _fell(first, window, term: str) -> bool:
    """Returns whether a distance fell by as much as learning makes it fall."""
    before, now = (statistics.median(line[term] or 0 for line in part) for part in (first, window))
    return now < CONVERGED * before


def _limit(history, term: str) -> float:
    """The size above which a term is lost."""
    # The terms of the game have no level to stay at; the discriminators' logits are watched.
    if term not in distances(history.lines[-1]):
        return LOST_TERM
    first = history.first_values.get(term)
    return GROWTH * max(map(abs, first)) if first else LOST_TERM


def _is_sure(window, name: str) -> bool:
    real, fake = accuracies(window, name)
    return None not in (real, fake) and min(real, fake) >= SURE
