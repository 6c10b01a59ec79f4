"""What is wrong with a run, in words: findings from the lines of its `metrics.jsonl`.

Where the lines are drawn, and how far from them healthy and sick runs lie, is measured in `docs/doctor.md`.
"""

import dataclasses
import itertools
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence

from ganzoo.training import run_directory
from ganzoo.training.run_directory import RunDirectory

DIVERGING = "diverging"
"""The finding that sends a run back to a checkpoint."""

WINDOW = 5
"""Lines whose median counts, where single steps are noisy."""
IN_A_ROW = 3
"""Lines, or samples, that must all show it, where one could be chance."""
WARM_UP = 100
"""Steps before which samples tell nothing: every generator begins with grey ones."""

LOST_LOGIT = 50.0
"""Mean logits beyond it are far outside of what a sigmoid or a least squares target can answer to."""
LOST_TERM = 1e6
GROWTH = 20.0
"""How many times its first values a distance between images may become."""
MARGIN = 14.0
"""Between the mean logits of real and fake: a sigmoid then is flat at both ends."""
SURE = 0.95
"""An accuracy of a discriminator that is hardly ever wrong."""
OVERTAKING, LARGE_UPDATE = 6.0, 0.01
"""A discriminator's updates are as many times the generator's, and as large a part of its weights."""
FADED, CONVERGED = 0.03, 0.5
"""Of its first gradients a generator still gets this part; of a first distance between images, what learning leaves."""
WRONG = 0.1
"""An accuracy that can only come from answers the wrong way round."""
SAME, FALLEN, SPREAD = 0.05, 0.25, 0.4
"""Diversity of samples that are all alike; the part of its best that is left after a collapse; the least such best."""
COPY = 0.75
"""Of the distance to the next training image: what is nearer than that to one of them is a copy of it."""
PATTERN = 0.1
"""Share of a pattern of 2 pixels in what the samples show, fine detail aside; an even kernel of 3 with a stride of 2
makes it 0.19."""


AUGMENT = "model.augmentation=[color, translation, cutout]"
NORMALISE = "model.spectral_norm=true with model.discriminator_norm=none"
"""Settings that more than one finding advises."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that is wrong with a run."""

    name: str
    """`diverging`, `generator collapsed`, `discriminator too strong`, `stalled`, `memorising` or `checkerboard`."""
    since: int
    """The first step of the evidence: what was saved before it was not touched by this."""
    evidence: str
    """What was seen, in numbers."""
    advice: str
    """What to try, naming keys of the recipe."""


def is_due(step: int, log_every: int, sample_every: int) -> bool:
    """Whether a line of this step is judged: those that any run writes which passes it, interrupted or not."""
    return step % log_every == 0 or step % sample_every == 0


def due_lines(lines: Iterable[Mapping], log_every: int, sample_every: int) -> list[Mapping]:
    """The lines that are judged, so that a run that was interrupted comes to the same findings."""
    return [line for line in lines if is_due(line["step"], log_every, sample_every)]


def diagnose(lines: Iterable[Mapping], precision: str = "float32") -> list[Finding]:
    """What is wrong at the last of these lines, the worst first; empty when nothing is.

    Args:
        lines: of metrics, in order, as `metrics.jsonl` holds them.
        precision: the recipe's; mixed_float16 skips steps that are not finite, which is no harm.
    """
    lines = [{"health": {}, **line} for line in lines if "rollback" not in line]
    if not lines:
        return []
    findings = [
        _diverging(lines, precision == "mixed_float16"),
        _collapsed(lines),
        _too_strong(lines),
        _stalled(lines),
        _memorising(lines),
        _checkerboard(lines),
    ]
    return [finding for finding in findings if finding is not None]


def report(directory: RunDirectory) -> dict:
    """What `ganzoo doctor` says of a run, of the same lines as while it trains.

    Returns:
        `run`, its path; `step`, of its last line; `judged`, of the last judged line that has values of health (None:
        there is none, so a run without findings may be sick); `early`, why there is nothing to judge yet, and when
        there will be (None: there is); `last_step`; `findings`; `rollbacks`.

    Raises:
        UsageError: when the directory is no run.
    """
    config = run_directory.read_config(directory)
    lines = run_directory.read_metrics(directory)
    training = config["training"]
    due = due_lines(lines, training.get("log_every", 1), training.get("sample_every", 1))
    findings = diagnose(due, config["model"].get("precision", "float32"))
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


def too_early(training: Mapping, judged: int | None) -> str | None:
    """When there will be something to judge a run by that has no findings yet; None: there is.

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


def _diverging(lines, skips_steps: bool) -> Finding | None:
    advice = f"Try a lower model.learning_rate or model.discriminator_learning_rate, model.penalty=r1, or {NORMALISE}"
    broken = _trailing(lines, lambda line: line.get("nonfinite", 0) > 0)
    if len(broken) >= (2 if skips_steps else 1):
        terms = ", ".join(name for name in _terms(broken[0]) if broken[0][name] is None)
        return Finding(DIVERGING, broken[0]["step"], f"{terms} became NaN or infinite", advice)
    for key in _gradient_norms(lines[-1]):
        # A gradient can be infinite once where a norm overflows. Loss scaling tries such on purpose, for many steps.
        broken = _trailing(lines, lambda line, key=key: line["health"].get(key, 0.0) is None)
        if len(broken) >= 2 and not skips_steps:
            return Finding(DIVERGING, broken[0]["step"], f"{key} became NaN or infinite", advice)
    for name in _discriminators(lines[-1]):
        if f"{name}_real_accuracy" not in lines[-1]["health"]:
            # A critic's scores have no scale of their own.
            continue
        lost = _trailing(lines, lambda line, name=name: _largest_logit(line, name) >= LOST_LOGIT)
        if len(lost) >= IN_A_ROW:
            evidence = f"the mean logits of {name} reached {_largest_logit(lost[-1], name):.3g} (below 15 is usual)"
            return Finding(DIVERGING, lost[0]["step"], evidence, advice)
    for name in _terms(lines[-1]):
        limit = _limit(lines, name)
        lost = _trailing(lines, lambda line, name=name, limit=limit: abs(line.get(name) or 0) > limit)
        if len(lost) >= IN_A_ROW:
            evidence = f"{name} rose to {lost[-1][name]:.3g}, beyond {limit:.3g}"
            return Finding(DIVERGING, lost[0]["step"], evidence, advice)
    return None


def _collapsed(lines) -> Finding | None:
    for key, samples in _of_samples(lines, "_diversity"):
        values = [line["health"][key] for line in samples]
        best = max(values)
        limit = max(SAME, FALLEN * best if best >= SPREAD else 0)
        alike = _trailing(samples, lambda line, key=key, limit=limit: line["health"][key] < limit)
        if len(alike) >= IN_A_ROW:
            evidence = (
                f"{key} is {values[-1]:.3f} (1 is as diverse as real images; the best so far was {best:.2f}): the "
                "samples are nearly all the same"
            )
            advice = (
                f"Try model.discriminator_learning_rate at half the rate, {AUGMENT}, {NORMALISE}, or a larger "
                "training.batch_size; see whether the generator uses its input at all"
            )
            return Finding("generator collapsed", alike[0]["step"], evidence, advice)
    return None


def _too_strong(lines) -> Finding | None:
    window = lines[-WINDOW:]
    if len(window) < WINDOW:
        return None
    advice = f"Try a lower model.discriminator_learning_rate, {AUGMENT}, model.penalty=r1, or {NORMALISE}"
    for name in _discriminators(lines[-1]):
        real, fake = (_median(window, f"{name}_{kind}_accuracy") for kind in ("real", "fake"))
        margin = _median(window, f"{name}_real_logit", minus=f"{name}_fake_logit")
        if None not in (real, fake, margin) and min(real, fake) >= SURE and margin >= MARGIN:
            evidence = (
                f"{name} is right about {real:.0%} of real and {fake:.0%} of fake, {margin:.1f} apart in logits: the "
                "generator's gradient through it vanishes"
            )
            return Finding("discriminator too strong", window[0]["step"], evidence, advice)
        own = _median(window, f"{name}_update_ratio")
        others = [_median(window, f"{other}_update_ratio") for other in _generators(lines[-1])]
        if own is None or None in others or not others:
            continue
        if own >= LARGE_UPDATE and own >= OVERTAKING * max(others):
            evidence = (
                f"each update changes {name} by {own:.1%} of its weights, the generator by {max(others):.1%}: it "
                "answers to the last batch, and the generator can't follow"
            )
            return Finding("discriminator too strong", window[0]["step"], evidence, advice)
    return None


def _stalled(lines) -> Finding | None:
    # Another phase of training has other terms, and other gradients.
    alike = [line for line in lines if set(_terms(line)) == set(_terms(lines[-1]))]
    if len(alike) < 2 * WINDOW:
        return None
    first, window = alike[:WINDOW], alike[-WINDOW:]
    swapped = "See whether real and fake, or the signs of the losses, are swapped"
    for name in _discriminators(lines[-1]):
        real, fake = (_median(window, f"{name}_{kind}_accuracy") for kind in ("real", "fake"))
        if None not in (real, fake) and max(real, fake) <= WRONG:
            evidence = f"{name} holds {1 - real:.0%} of real images to be fake, and {1 - fake:.0%} of fakes to be real"
            return Finding("stalled", window[0]["step"], evidence, swapped)
    # Without a game a gradient fades as it should, and beside one, that of a distance that is learnt.
    if not _discriminators(lines[-1]) or any(_fell(first, window, term) for term in _distances(lines[-1])):
        return None
    for name in _generators(lines[-1]):
        before, now = (_median(part, f"{name}_gradient_norm") for part in (first, window))
        if None not in (before, now) and now < FADED * before:
            evidence = f"the gradient of {name} fell to {now / before:.1%} of what it was at first: it learns no more"
            advice = (
                f"{swapped}. If not, try model.adversarial_loss=non_saturating or hinge, or a lower "
                "model.discriminator_learning_rate"
            )
            return Finding("stalled", window[0]["step"], evidence, advice)
    return None


def _memorising(lines) -> Finding | None:
    for key, samples in _of_samples(lines, "_nearest"):
        copies = _trailing(samples, lambda line, key=key: line["health"][key] < COPY)
        if len(copies) >= IN_A_ROW:
            evidence = (
                f"{key} is {copies[-1]['health'][key]:.2f}: half of the samples are that much nearer to one training "
                "image than to any other (new images: 0.9)"
            )
            advice = f"Train on more images, try data.flip=true and {AUGMENT}, or stop earlier (--steps)"
            return Finding("memorising", copies[0]["step"], evidence, advice)
    return None


def _checkerboard(lines) -> Finding | None:
    for key, samples in _of_samples(lines, "_checkerboard"):
        checked = _trailing(samples, lambda line, key=key: line["health"][key] >= PATTERN)
        if len(checked) >= IN_A_ROW:
            evidence = (
                f"{key} is {checked[-1]['health'][key]:.2f}: that share of what the samples show, fine detail "
                "aside, is a pattern of 2 pixels (real images: below 0.01)"
            )
            advice = (
                "Give transposed convolutions a kernel that is a multiple of their stride, or resize and convolve; if "
                "it fades as training goes on, wait"
            )
            return Finding("checkerboard", checked[0]["step"], evidence, advice)
    return None


# What a line holds.


def _terms(line: Mapping) -> list[str]:
    """The names of the terms of the losses."""
    others = ("step", "time", "images_per_second", "nonfinite", "rollbacks", "health", "evaluation", "findings")
    return [name for name in line if name not in others]


def _distances(line: Mapping) -> list[str]:
    """The names of the terms that are distances between images, and no part of the game against a discriminator."""
    return [name for name in _terms(line) if not name.endswith(("_adversarial", "_real", "_fake", "_penalty"))]


def _fell(first, window, term: str) -> bool:
    """Whether a distance fell by as much as learning makes it fall."""
    before, now = (statistics.median(line[term] or 0 for line in part) for part in (first, window))
    return now < CONVERGED * before


def _limit(lines, term: str) -> float:
    """The size above which a term is lost."""
    # The terms of the game have no level to stay at; the discriminators' logits are watched.
    if term not in _distances(lines[-1]):
        return LOST_TERM
    first = [line[term] for line in itertools.islice((line for line in lines if line.get(term)), IN_A_ROW)]
    return GROWTH * max(map(abs, first)) if first else LOST_TERM


def _discriminators(line: Mapping) -> list[str]:
    return [key.removesuffix("_real_logit") for key in line["health"] if key.endswith("_real_logit")]


def _gradient_norms(line: Mapping) -> list[str]:
    return [key for key in line["health"] if key.endswith("_gradient_norm")]


def _generators(line: Mapping) -> list[str]:
    names = [key.removesuffix("_gradient_norm") for key in _gradient_norms(line)]
    return [name for name in names if name not in _discriminators(line)]


def _largest_logit(line: Mapping, name: str) -> float:
    logits = [line["health"].get(f"{name}_{kind}_logit") for kind in ("real", "fake")]
    return max((abs(logit) for logit in logits if logit is not None), default=0.0)


def _median(lines, key: str, minus: str | None = None) -> float | None:
    """The median of a value, or of its difference to another, over the lines; None where half of them have none."""
    pairs = [(line["health"].get(key), line["health"].get(minus) if minus else 0.0) for line in lines]
    values = [first - second for first, second in pairs if None not in (first, second)]
    return statistics.median(values) if 2 * len(values) > len(lines) else None


def _of_samples(lines, suffix: str) -> list[tuple[str, list]]:
    """For each measure on samples that ends so, the lines that have it, after the warm-up."""
    keys = dict.fromkeys(key for line in lines[-1:] + lines for key in line["health"] if key.endswith(suffix))
    late = [line for line in lines if line["step"] >= WARM_UP]
    found = {key: [line for line in late if line["health"].get(key) is not None] for key in keys}
    return [(key, samples) for key, samples in found.items() if samples]


def _trailing(lines: Sequence, is_sick: Callable) -> list:
    """The lines at the end for all of which something holds, in order."""
    return list(itertools.takewhile(is_sick, reversed(lines)))[::-1]
