"""What the pictures of a labeled source show, as attributes that each of them has or has not: glasses, a hat."""

import dataclasses
from collections import Counter
from collections.abc import Mapping

from ganzoo.config.recipe import DataConfig
from ganzoo.data.fields import Image, Label, Stream
from ganzoo.data.opening import open_source
from ganzoo.data.sources import NoSuchLabel

ABSENT = "none"
"""The value of a label where there is nothing of the kind."""
MOST = 10
"""The most values of a label that are an attribute each; of more, as of 48 haircuts, a few examples have each."""
LABELED = (Stream(image=Image(), label=Label("classes")),)

Attribute = Mapping[str, bool]
"""Whether an example has it, by the example's name."""


def attributes(data: DataConfig, split: str = "train") -> dict[str, Attribute]:
    """Returns the attributes of the examples of a source, by name; none where it has no labels.

    A label with the value `none` is one attribute, which examples with another value have. Of other labels each value
    is an attribute, named `label:value`, or by the value alone if there is but one label.

    Args:
        data: names the source; if `data.label` does, that label alone is taken.
        split: `train` or `test`.

    Raises:
        UsageError: when the source can't be opened.
        RunError: when a download fails.
    """
    found = {}
    for label, values in _labels(data, split).items():
        counts = Counter(values.values())
        if label and ABSENT in counts:
            found[label] = {name: value != ABSENT for name, value in values.items()}
        elif 2 <= len(counts) <= MOST or not label:
            named = {value: f"{label}:{value}" if label else value for value in sorted(counts)}
            for value, attribute in named.items():
                found[attribute] = {name: other == value for name, other in values.items()}
    return found


def _labels(data: DataConfig, split: str) -> dict[str, dict[str, str]]:
    """Returns the value of each label by the name of the example. The only label of a source is named ""."""
    try:
        return {data.label or "": _values(data, split)}
    except NoSuchLabel as error:
        if data.label:
            raise
        return {label: _values(dataclasses.replace(data, label=label), split) for label in error.labels}


def _values(data: DataConfig, split: str) -> dict[str, str]:
    source = open_source(data, LABELED, split)
    return dict(zip(source.sets[0].names, source.labels or (), strict=True))
