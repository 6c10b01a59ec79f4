"""Teachers: trained generators that a smaller one learns to imitate (Hinton et al. 2015)."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import keras

from ganzoo import pretrained
from ganzoo.errors import UsageError

UNKNOWN_SIDE = 64
"""Stands for the height and width of networks that take any, to compare what they make of them."""
ADVICE = "give one trained with the same model settings"


def load_teachers(teacher: str, students: Mapping[str, keras.Model]) -> Mapping[str, keras.Model]:
    """The teacher of each student, frozen, in the precision that it was saved in.

    Args:
        teacher: a pretrained name, a run directory or, for a single student, a `.keras` file.
        students: generators by name, as in `GAN.deployed()`.

    Returns:
        By the students' names; a model that holds this does not take them for its own networks, as it would a dict's.

    Raises:
        UsageError: when there is no such teacher, or it takes or makes something of another shape.
        RunError: when its file can't be read.
    """
    if len(students) > 1 and pretrained.opens_in_keras(Path(teacher)):
        names = " and ".join(students)
        raise UsageError(f"model.teacher: {teacher} holds one generator; give a run directory, with {names}")
    return MappingProxyType({name: _load_teacher(teacher, name, student) for name, student in students.items()})


def _load_teacher(teacher: str, name: str, student: keras.Model) -> keras.Model:
    try:
        network = pretrained.load(teacher, pretrained.direction_in(name))
    except UsageError as error:
        raise UsageError(f"model.teacher: {error}") from None
    taken, wanted = network.input_shape[1:], student.input_shape[1:]
    if len(taken) != len(wanted) or any(a != b for a, b in zip(taken, wanted, strict=True) if a and b):
        raise UsageError(f"model.teacher: {teacher} takes {_text(taken)}, and {student.name} {_text(wanted)}; {ADVICE}")
    inputs = keras.KerasTensor((1, *(a or b or UNKNOWN_SIDE for a, b in zip(taken, wanted, strict=True))))
    made, wanted = network.compute_output_spec(inputs).shape[1:], student.compute_output_spec(inputs).shape[1:]
    if made != wanted:
        raise UsageError(f"model.teacher: {teacher} makes {_text(made)}, and {student.name} {_text(wanted)}; {ADVICE}")
    network.trainable = False
    return network


def _text(shape: tuple) -> str:
    return " x ".join("any" if side is None else str(side) for side in shape)
