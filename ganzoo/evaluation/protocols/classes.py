"""Split that are told apart by class: a classifier on the test split, against its labels."""

import itertools
import statistics
from collections.abc import Iterator

import numpy as np

from ganzoo.data.fields import Label, Stream
from ganzoo.errors import UsageError
from ganzoo.evaluation.protocol import register
from ganzoo.evaluation.results import Column, Result
from ganzoo.evaluation.setting import Found, Setting, first, first_signature, together
from ganzoo.lite.answers import names_of
from ganzoo.lite.network import made
from ganzoo.metrics.classification import cross_entropies, errors, recalls

AT_ONCE = 64
"""Examples that are classified at a time."""
SHOWN = 30
"""The most classes whose errors are told one by one."""
COLUMN = Column("output", "the labels of the test images")


def labeled(config) -> tuple[str, str] | None:
    """The keys of an example that the first network could take, and of its label; None where there is no such pair."""
    for stream in config.batch:
        keys = [_key_of(stream, first_signature(config).kinds[0]), _key_of(stream, Label.kind)]
        if None not in keys:
            return tuple(keys)
    return None


def gives_classes(config) -> bool:
    signature = first_signature(config)
    return signature.made == "classes" and len(signature.kinds) == 1 and labeled(config) is not None


@register("classes", fits=gives_classes, metrics=("test_error", "cross_entropy", "worst_recall"))
def classes(setting: Setting) -> Found:
    """Yields how often, how surely, and for which class most the classifier is wrong."""
    logits, labels, names = _answers(setting)
    wrong, surprise = 100.0 * errors(logits, labels), cross_entropies(logits, labels)
    how = "share whose largest logit is not the label's"
    yield _mean("test_error", "test error", wrong, how, unit="%")
    yield _mean("cross_entropy", "cross entropy", surprise, "of the softmax of the logits, in nats")
    recalled = recalls(logits, labels)
    worst = min(recalled, key=recalled.get)
    yield Result(
        "worst_recall",
        "worst recall",
        COLUMN,
        value=recalled[worst],
        better="higher",
        images=int((labels == worst).sum()),
        how=f"share that is recognized of class {names[worst]}, the least of {len(recalled)} classes",
    )
    for number in recalled if len(recalled) <= SHOWN else ():
        name = names[number]
        yield _mean(f"test_error_of_{name}", f"test error of {name}", wrong[labels == number], how, unit="%")


def _answers(setting: Setting) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Returns logits (N, classes) of all test examples, their labels (N,), and what the classes are called."""
    _, network = first(setting)
    key, label_key = labeled(setting.recipe.model)
    examples, known = setting.test.sets[key], setting.test.sets[label_key]
    labels = np.array([known.read(index) for index in range(len(known))])
    (tensor,) = network.interface.inputs

    def told() -> Iterator[np.ndarray]:
        stream = (example for (example,) in together(examples))
        while batch := list(itertools.islice(stream, AT_ONCE)):
            for logits in made(network, {tensor.name: np.stack(batch)}):
                yield from logits

    logits = np.stack(list(setting.watch(told(), len(examples), "examples")))
    if labels.max() >= logits.shape[1]:
        where = examples.names[int(labels.argmax())]
        raise UsageError(
            f"{where}: of class {labels.max()}, and {network.name} tells classes 0 to {logits.shape[1] - 1}; evaluate "
            "it on data of the classes that it was trained on"
        )
    return logits, labels, names_of(network.interface.output)


def _mean(key: str, metric: str, values: np.ndarray, how: str, unit: str = "") -> Result:
    return Result(
        key,
        metric,
        COLUMN,
        value=float(values.mean()),
        better="lower",
        images=len(values),
        how=how,
        unit=unit,
        standard_error=statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else None,
    )


def _key_of(stream: Stream, kind: str) -> str | None:
    return next((key for key, field in stream.fields.items() if field.kind == kind), None)
