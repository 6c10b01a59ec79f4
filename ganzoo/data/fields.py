"""Fields declare what a batch holds and what networks take and give: kind, shape, dtype and range.

An architecture declares them in its config, as class variables, and everything else reads them:

    batch = (Stream(input=Image(), target=Image()),)
    deployed = {"generator": Signature(takes={"input": Image()}, gives={"output": Image()})}

A size is the name of a field of the config: `Label("classes")` has `config.classes` classes. This module imports
nothing of ganzoo and nothing slow, because configs are read without the rest of an architecture.
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
    """Squares of `image_size` pixels, cut out of pictures at their own size: float32 (B, S, S, C)."""


@dataclasses.dataclass(frozen=True)
class Smaller(Image):
    """A reduced copy of another picture of the batch: float32 (B, S / scale, S / scale, C)."""

    of: str = ""
    """The key of that picture."""
    by: str = "scale"
    """The field of the config that holds the factor of the reduction."""
    range: tuple[float, float] = (0.0, 1.0)

    def shape(self, config: Any) -> tuple[int, ...]:
        height, width, channels = super().shape(config)
        scale = getattr(config, self.by)
        return (height // scale, width // scale, channels)


@dataclasses.dataclass(frozen=True)
class Label:
    """The number of an example's class, from 0: int32 (B,)."""

    classes: str = "classes"
    """The field of the config that holds the number of classes."""
    each: str | None = None
    """The field of the config that holds how many examples of each class keep their label; None: all do."""
    kind: ClassVar[str] = "label"
    dtype: ClassVar[str] = WHOLE

    def shape(self, config: Any) -> tuple[int, ...]:
        return ()


@dataclasses.dataclass(frozen=True)
class Tokens:
    """The numbers of a caption's words: int32 (B, length), padded with 0."""

    length: str = "caption_length"
    """The field of the config that holds the largest number of words in a caption."""
    words: str = "vocabulary"
    """The field of the config that holds the size of the vocabulary, the padding 0 included."""
    kind: ClassVar[str] = "tokens"
    dtype: ClassVar[str] = WHOLE

    def shape(self, config: Any) -> tuple[int, ...]:
        return (getattr(config, self.length),)


@dataclasses.dataclass(frozen=True)
class Clip:
    """Pieces of sound in one channel: float32 (B, length, 1) in [-1, 1]."""

    length: str = "clip_length"
    """The field of the config that holds the number of values in a clip."""
    rate: str = "sample_rate"
    """The field of the config that holds the number of values per second."""
    range: tuple[float, float] = (-1.0, 1.0)
    kind: ClassVar[str] = "clip"
    dtype: ClassVar[str] = FLOAT

    def shape(self, config: Any) -> tuple[int, ...]:
        return (getattr(config, self.length), 1)


@dataclasses.dataclass(frozen=True)
class Latents:
    """Noise from a standard normal distribution: float32 (B, length). Never part of a batch."""

    length: str = "latent_dim"
    """The field of the config that holds the length."""
    kind: ClassVar[str] = "latents"
    dtype: ClassVar[str] = FLOAT

    def shape(self, config: Any) -> tuple[int, ...]:
        return (getattr(config, self.length),)


@dataclasses.dataclass(frozen=True)
class Classes:
    """The logits of the classes: float32 (B, classes). Never part of a batch."""

    classes: str = "classes"
    """The field of the config that holds the number of classes."""
    kind: ClassVar[str] = "classes"
    dtype: ClassVar[str] = FLOAT

    def shape(self, config: Any) -> tuple[int, ...]:
        return (getattr(config, self.classes),)


@dataclasses.dataclass(frozen=True)
class Code:
    """The code that an encoder makes of an example: float32 (B, length). Never part of a batch."""

    length: str = "code_length"
    """The field of the config that holds the length."""
    kind: ClassVar[str] = "code"
    dtype: ClassVar[str] = FLOAT

    def shape(self, config: Any) -> tuple[int, ...]:
        return (getattr(config, self.length),)


@dataclasses.dataclass(frozen=True)
class Styles:
    """A code for each layer of a synthesis: float32 (B, layers, length). Never part of a batch."""

    layers: str = "style_layers"
    """The field of the config that holds the number of layers."""
    length: str = "latent_dim"
    """The field of the config that holds the length of a code."""
    kind: ClassVar[str] = "styles"
    dtype: ClassVar[str] = FLOAT

    def shape(self, config: Any) -> tuple[int, ...]:
        return (getattr(config, self.layers), getattr(config, self.length))


Field = Image | Label | Tokens | Clip | Latents | Classes | Code | Styles


class Stream:
    """The fields of one example, by their keys in a batch. They are shuffled and augmented together."""

    def __init__(self, **fields: Field):
        self.fields = fields

    def __repr__(self):
        return f"Stream({', '.join(f'{key}={field}' for key, field in self.fields.items())})"


@dataclasses.dataclass(frozen=True)
class Signature:
    """The inputs and outputs of a deployed network.

    The fields stand in the order of the network's inputs and outputs. Their keys are those of the batch or of what
    `GAN.forward` returns, so that a teacher can be asked for the same.
    """

    takes: Mapping[str, Field]
    gives: Mapping[str, Field]
    parts: "Mapping[str, Signature]" = dataclasses.field(default_factory=dict)
    """Of a network in two parts, models within it by these names: the first makes a code of what the network takes, the
    second what the network gives, of such a code for each of its layers."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of the inputs, in order."""
        return tuple(field.kind for field in self.takes.values())

    @property
    def made(self) -> str:
        """The kind of the first output."""
        return next(iter(self.gives.values())).kind


def as_shown(field: Image | Clip, values: Any) -> Any:
    """Returns pixels or clips of a field as they are shown and measured: from -1, which is black, to 1."""
    low, high = field.range
    return values if (low, high) == (-1.0, 1.0) else (values - low) * (2 / (high - low)) - 1


def fields_of(config: Any) -> dict[str, Field]:
    """Returns all fields of a batch by key, in order. `config` is an architecture's config or its class."""
    return {key: field for stream in config.batch for key, field in stream.fields.items()}


def keys_of(config: Any, *kinds: type) -> Iterator[str]:
    """Yields the keys of those fields of a batch that are instances of these classes."""
    return (key for key, field in fields_of(config).items() if isinstance(field, kinds))
