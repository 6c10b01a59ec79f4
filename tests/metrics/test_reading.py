"""Readers of classes against the normal distributions of another library."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from ganzoo.errors import UsageError
from ganzoo.metrics.reading import SHRINKAGE, learn


def clouds(counts, distance: float, seed: int = 0):
    """Points around a center for each class; (N, 3) and labels."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    centers = distance * np.eye(3)[: len(counts)]
    return random.standard_normal((len(labels), 3)) @ np.array([[1, 0.5, 0], [0, 1, 0.3], [0, 0, 2]]) + centers[
        labels
    ], labels


def test_it_takes_the_class_whose_normal_distribution_is_most_likely():
    features, labels = clouds((40, 9, 25), 1.5)
    means = [features[labels == number].mean(0) for number in range(3)]
    pooled = sum(np.cov(features[labels == number].T, bias=True) * (labels == number).sum() for number in range(3)) / 74
    pooled = (1 - SHRINKAGE) * pooled + SHRINKAGE * np.trace(pooled) / 3 * np.eye(3)
    others, _ = clouds((50, 50, 50), 1.5, seed=1)
    expected = np.argmax([multivariate_normal(mean, pooled).logpdf(others) for mean in means], axis=0)
    found = learn(features, labels, 3).read(others)
    assert (found == expected).all()
    assert len(set(found)) == 3


def test_a_class_between_two_others_is_not_masked_by_them():
    features = np.array([[-5.0], [-4.9], [0.0], [0.1], [5.0], [5.1]])
    labels = np.array([0, 0, 1, 1, 2, 2])
    assert (learn(features, labels, 3).read(features) == labels).all()


def test_a_rare_class_is_not_drowned_by_others():
    reader = learn(*clouds((2000, 20, 2000), 6.0), 3)
    features, labels = clouds((500, 500, 500), 6.0, seed=1)
    assert (reader.read(features)[labels == 1] == 1).mean() > 0.9


def test_more_features_than_examples_and_one_that_never_changes_do_no_harm():
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], 10)
    features = np.column_stack([random.standard_normal((20, 50)), np.full(20, 7.0)])
    features[:, 0] += 100 * labels
    assert (learn(features, labels, 2).read(features) == labels).all()


def test_a_class_without_examples_is_never_read():
    features, labels = clouds((30, 30), 10.0)
    assert set(learn(features, labels, 5).read(features)) == {0, 1}


def test_nothing_to_learn_from_is_refused():
    with pytest.raises(UsageError, match="no examples to learn to read from"):
        learn(np.zeros((0, 3)), np.zeros(0, int), 2)
