"""What is in a batch, and what networks take and give: fields, each of a kind, with a shape, a dtype and a range.

An architecture declares them in its config, as class variables, and everything else reads them:

    batch = (Stream(input=Image(), target=Image()),)
    deployed = {"generator": Signature(takes={"input": Image()}, gives={"output": Image()})}

Sizes that the config sets are given by the names of its fields: `Label("classes")` is of `config.classes` classes.
Imports nothing of ganzoo and nothing slow, because configs are read without the rest of an architecture.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

FLOAT, WHOLE = "float32", "int32"


@dataclasses.dataclass(frozen=True)
class Image:
    """Pictures of `image_size` pixels a side, resized and perhaps mirrored: float32 (B, S, S, C)."""

    range: tuple[float, float] = (-1.0, 1.0)
    """The values of black and white."""
    kind: ClassVar[str] = "image"
    dtype: ClassVar[str] = FLOAT

    def shape(self, config: Any) -> tuple[int, ...]:
        return (config.image_size, config.image_size, config.channels)


@dataclasses.dataclass(frozen=True)
class Crop(Image):
    """Squares of `image_size` pixels, cut out of pictures as large as they are: float32 (B, S, S, C)."""


@dataclasses.dataclass(frozen=True)
class Smaller(Image):
    """Another picture of the batch, made so many times smaller: float32 (B, S / scale, S / scale, C)."""

    of: str = ""
    """The key of that picture."""
    by: str = "scale"
    """The field of the config that says how many times."""
    range: tuple[float, float] = (0.0, 1.0)

    def shape(self, config: Any) -> tuple[int, ...]:
        height, width, channels = super().shape(config)
        scale = getattr(config, self.by)
        return (height // scale, width // scale, channels)


@dataclasses.dataclass(frozen=True)
class Label:
    """The number of the class that an example is of: int32 (B,), from 0."""

    classes: str = "classes"
    """The field of the config that says how many classes there are."""
    each: str | None = None
    """The field of the config that says how many examples of each class have a label that is used; None: all."""
    kind: ClassVar[str] = "label"
    dtype: ClassVar[str] = WHOLE

    def shape(self, config: Any) -> tuple[int, ...]:
        return ()


@dataclasses.dataclass(frozen=True)
class Tokens:
    """The numbers of a caption's words: int32 (B, length), 0 where there are no more words."""

    length: str = "caption_length"
    """The field of the config that says how many words a caption has at most."""
    words: str = "vocabulary"
    """The field of the config that says how many numbers there are, 0 included."""
    kind: ClassVar[str] = "tokens"
    dtype: ClassVar[str] = WHOLE

    def shape(self, config: Any) -> tuple[int, ...]:
        return (getattr(config, self.length),)


@dataclasses.dataclass(frozen=True)
class Clip:
    """Pieces of sound, of one channel: float32 (B, length, 1) in [-1, 1]."""

    length: str = "clip_length"
    """The field of the config that says how many values a clip has."""
    rate: str = "sample_rate"
    """The field of the config that says how many of them a second has."""
    range: tuple[float, float] = (-1.0, 1.0)
    kind: ClassVar[str] = "clip"
    dtype: ClassVar[str] = FLOAT

    def shape(self, config: Any) -> tuple[int, ...]:
        return (getattr(config, self.length), 1)


@dataclasses.dataclass(frozen=True)
class Latents:
    """Noise, drawn from a standard normal distribution: float32 (B, length). No batch has it."""

    length: str = "latent_dim"
    """The field of the config that says how many numbers."""
    kind: ClassVar[str] = "latents"
    dtype: ClassVar[str] = FLOAT

    def shape(self, config: Any) -> tuple[int, ...]:
        return (getattr(config, self.length),)


@dataclasses.dataclass(frozen=True)
class Classes:
    """How likely each class is, as logits: float32 (B, classes). No batch has it."""

    classes: str = "classes"
    """The field of the config that says how many classes there are."""
    kind: ClassVar[str] = "classes"
    dtype: ClassVar[str] = FLOAT

    def shape(self, config: Any) -> tuple[int, ...]:
        return (getattr(config, self.classes),)


@dataclasses.dataclass(frozen=True)
class Code:
    """What an encoder makes of an example: float32 (B, length). No batch has it."""

    length: str = "code_length"
    """The field of the config that says how many numbers."""
    kind: ClassVar[str] = "code"
    dtype: ClassVar[str] = FLOAT

    def shape(self, config: Any) -> tuple[int, ...]:
        return (getattr(config, self.length),)


Field = Image | Label | Tokens | Clip | Latents | Classes | Code


class Stream:
    """Fields of one example, by their keys in a batch: they are shuffled and augmented together."""

    def __init__(self, **fields: Field):
        self.fields = fields

    def __repr__(self):
        return f"Stream({', '.join(f'{key}={field}' for key, field in self.fields.items())})"


@dataclasses.dataclass(frozen=True)
class Signature:
    """What a deployed network takes and gives.

    Fields stand by the keys that they have in the batch, or among what `GAN.forward` makes, and in the order of the
    network's inputs and outputs. So a teacher can be asked for the same.
    """

    takes: Mapping[str, Field]
    gives: Mapping[str, Field]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of what it takes, in order."""
        return tuple(field.kind for field in self.takes.values())

    @property
    def made(self) -> str:
        """The kind of what it gives."""
        return next(iter(self.gives.values())).kind


def fields_of(config: Any) -> dict[str, Field]:
    """Every field of a batch by its key, in order. `config` is an architecture's config, or the class of it."""
    return {key: field for stream in config.batch for key, field in stream.fields.items()}


def keys_of(config: Any, *kinds: type) -> Iterator[str]:
    """The keys of the fields of a batch that are of these classes."""
    return (key for key, field in fields_of(config).items() if isinstance(field, kinds))
