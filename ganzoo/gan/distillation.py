"""Teachers: trained networks that smaller ones learn to imitate (Hinton et al. 2015)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import keras
from keras import ops

from ganzoo.core.kinds import one_or_all
from ganzoo.core.losses import l1
from ganzoo.data.fields import Signature
from ganzoo.errors import UsageError

UNKNOWN_SIDE = 64
"""Stands for the height and width of networks that take any, to compare what they make of them."""
ADVICE = "give one trained with the same model settings"


def frozen(teachers: Mapping[str, keras.Model], students: Mapping[str, keras.Model]) -> Mapping[str, keras.Model]:
    """Returns the teacher of each student, which is no longer trained.

    Args:
        teachers: networks by the names of their students.
        students: networks by name, as in `GAN.deployed()`.

    Returns:
        By the students' names; a model that holds this does not take them for its own networks, as it would a dict's.

    Raises:
        UsageError: when a student has none, or one that takes or makes something of another shape.
    """
    if teachers.keys() != students.keys():
        raise UsageError(
            f"found teachers of {', '.join(teachers) or 'none'}; give one of each of {', '.join(students)}"
        )
    for name, student in students.items():
        _check(teachers[name], student)
        teachers[name].trainable = False
    return MappingProxyType({name: teachers[name] for name in students})


def terms(
    teachers: Mapping[str, keras.Model], signatures: Mapping[str, Signature], batch: Mapping, outputs: Mapping
) -> dict:
    """Returns the mean absolute difference between what students and teachers make of the same, unweighted.

    Args:
        teachers: by the names of their students.
        signatures: of the students, by name: under which keys they find in the batch or in the outputs of `forward`
            what they take, and leave what they make.
    """
    found = {}
    for name, signature in signatures.items():
        taken = [{**batch, **outputs}[key] for key in signature.takes]
        (made,) = signature.gives
        example = teachers[name](one_or_all(taken), training=False)
        found[f"{name}_distillation"] = l1(outputs[made], ops.cast(example, outputs[made].dtype))
    return found


def _check(teacher: keras.Model, student: keras.Model) -> None:
    taken, wanted = ([tensor.shape[1:] for tensor in network.inputs] for network in (teacher, student))
    if len(taken) != len(wanted) or not all(map(_agree, taken, wanted)):
        raise UsageError(f"{teacher.name} takes {_text(taken)}, and {student.name} {_text(wanted)}; {ADVICE}")
    tensors = [
        keras.KerasTensor((1, *(a or b or UNKNOWN_SIDE for a, b in zip(*shapes, strict=True))), tensor.dtype)
        for *shapes, tensor in zip(taken, wanted, student.inputs, strict=True)
    ]
    made, wanted = (_made(network, tensors) for network in (teacher, student))
    if made != wanted:
        raise UsageError(f"{teacher.name} makes {_text(made)}, and {student.name} {_text(wanted)}; {ADVICE}")


def _agree(taken: Sequence[int | None], wanted: Sequence[int | None]) -> bool:
    return len(taken) == len(wanted) and all(a == b for a, b in zip(taken, wanted, strict=True) if a and b)


def _made(network: keras.Model, tensors: Sequence[keras.KerasTensor]) -> list[tuple]:
    outputs = network.compute_output_spec(one_or_all(list(tensors)))
    return [tensor.shape[1:] for tensor in keras.tree.flatten(outputs)]


def _text(shapes: Sequence[tuple]) -> str:
    return " and ".join(" x ".join("any" if side is None else str(side) for side in shape) for shape in shapes)
