"""How well a classifier tells classes, from logits (N, classes) and the right classes, whole numbers (N,) from 0."""

import numpy as np


def errors(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns which examples are taken for another class, bool (N,): the largest logit is not that of the label."""
    return logits.argmax(axis=1) != labels


def cross_entropies(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns -log of the probability that each example's label is given, in nats: float64 (N,)."""
    logits = logits.astype("float64")
    largest = logits.max(axis=1)
    total = np.log(np.exp(logits - largest[:, None]).sum(axis=1)) + largest
    return total - logits[np.arange(len(labels)), labels]


def recalls(logits: np.ndarray, labels: np.ndarray) -> dict[int, float]:
    """Returns for each class that has examples the share of them that is recognized."""
    wrong = errors(logits, labels)
    return {int(label): float(1 - wrong[labels == label].mean()) for label in np.unique(labels)}
