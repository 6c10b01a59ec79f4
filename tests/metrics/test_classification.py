"""The numbers of a classifier, against a confusion matrix worked out by hand."""

import math

import numpy as np
import pytest

from ganzoo.metrics.classification import cross_entropies, errors, recalls

LOGITS = np.array([[2, 0], [2, 0], [2, 0], [0, 2], [2, 0], [0, 2]], "float32")
LABELS = np.array([0, 0, 0, 0, 1, 1])
"""Logits and labels: of class 0 three are right and one is wrong, of class 1 one and one."""


def test_two_of_six_are_wrong_and_half_of_the_second_class():
    assert errors(LOGITS, LABELS).tolist() == [False, False, False, True, True, False]
    assert recalls(LOGITS, LABELS) == {0: 0.75, 1: 0.5}


def test_a_class_without_examples_has_no_recall():
    assert recalls(np.eye(3)[[0, 2]], np.array([0, 2])) == {0: 1.0, 2: 1.0}


def test_cross_entropy_is_of_the_softmax_and_bears_large_logits():
    # Right: log(1 + e^-2); wrong: 2 more.
    right = math.log1p(math.exp(-2))
    assert cross_entropies(LOGITS, LABELS) == pytest.approx(np.where(errors(LOGITS, LABELS), right + 2, right))
    assert cross_entropies(np.zeros((1, 10)), np.array([3])) == pytest.approx(math.log(10))
    assert cross_entropies(np.array([[1e4, 0.0]]), np.array([1])) == pytest.approx(1e4)
