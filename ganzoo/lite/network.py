"""A network that is ready to run, whether from TFLite, a SavedModel or Keras, and what can be done with it."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from . import answers, card, latents
from .errors import UsageError

SAMPLES_AT_ONCE = 16
DRAWN = ("latents", "code")
"""Kinds of inputs that are drawn from a normal distribution."""
WORDS = {
    "image": "an image",
    "latents": "latents",
    "code": "a code",
    "label": "a class",
    "tokens": "a text",
    "clip": "a clip",
    "classes": "classes",
    "styles": "styles",
}
"""Words for the kinds of inputs and outputs."""


@dataclasses.dataclass(frozen=True)
class Network:
    """A function with its interface."""

    name: str
    """Its name in errors."""
    interface: card.Interface
    call: Callable[[np.ndarray | Mapping[str, np.ndarray]], np.ndarray]
    """Takes a batch as `interface.inputs` say, by name, or the array alone if there is one input. Returns a batch as
    `interface.output` says."""
    parts: "tuple[Network, ...]" = ()
    """Of a network in two parts: what makes a code, and what makes the rest of a code for each of its layers."""

    @property
    def takes_latents(self) -> bool:
        """Whether it makes something new, rather than working on a picture or a clip."""
        return self.interface.input.kind not in ("image", "clip")

    @property
    def size(self) -> tuple[int, int] | None:
        """The only height and width that it takes; None: all multiples of `interface.multiple`."""
        return self.interface.input.shape[1:3] if self.interface.multiple is None else None

    @property
    def described(self) -> str:
        """Its inputs and outputs in words: `takes latents and a class, and gives an image`."""
        taken, given = (
            [WORDS[tensor.kind] for tensor in tensors] for tensors in (self.interface.inputs, self.interface.outputs)
        )
        return f"takes {_listed(taken)}{',' if len(taken) > 1 else ''} and gives {_listed(given)}"


def draw(
    network: Network,
    seed: int,
    count: int,
    *,
    labels: Sequence[int] | None = None,
    texts: Sequence[str] | None = None,
) -> dict[str, np.ndarray]:
    """Draws the inputs for the samples of a seed. The first samples are the same whatever the count.

    Args:
        network: takes latents or a code, a label, tokens, or several of them.
        seed: seed of the latents.
        count: number of samples.
        labels: numbers of classes, which the samples take in turns; None: all classes.
        texts: texts, which the samples take in turns.

    Returns:
        By the names of the inputs: latents and codes, float32 (count, length); labels, int32 (count,); tokens, int32
            (count, length).

    Raises:
        UsageError: when the network takes something else, as styles, needs a text, takes no class or text and one is
            given, or does not know a class or a word.
    """
    if not network.takes_latents:
        raise _given_none(network)
    for given, kind, what in ((labels, "label", "class"), (texts, "tokens", "text")):
        if given is not None and not network.interface.taken(kind):
            raise UsageError(f"{network.name} {network.described}, and no {what} can be told: leave it out")
    drawn = {}
    for tensor in network.interface.inputs:
        if tensor.kind == "label":
            drawn[tensor.name] = _turns(_numbers(network, tensor, labels), count)
        elif tensor.kind == "tokens":
            drawn[tensor.name] = _turns(_tokens(network, tensor, texts), count)
        elif tensor.kind == "styles":
            raise UsageError(f"{network.name} {network.described}: give the generator that it is a part of")
        else:
            first = not any(other.kind in DRAWN and other.name in drawn for other in network.interface.inputs)
            stream = "latents" if first else tensor.name
            drawn[tensor.name] = latents.draw(seed, count, tensor.shape[-1], stream)
    return drawn


def in_turns(tensor: card.Tensor, count: int) -> np.ndarray:
    """Returns `count` labels, int32 (count,): all classes of an input in turns."""
    return _turns(np.arange(max(len(tensor.names), 1)), count).astype(tensor.dtype)


def class_numbers(network: Network, names: Sequence[str]) -> list[int]:
    """Returns the numbers of the named classes, see `answers.numbers`.

    Raises UsageError for an unknown name, and when the network takes no class.
    """
    tensor = network.interface.taken("label")
    if tensor is None:
        raise UsageError(f"{network.name} {network.described}: leave --class out")
    return answers.numbers(names, tensor.names)


def made(network: Network, inputs: Mapping[str, np.ndarray]) -> Iterator[np.ndarray]:
    """Runs the network in batches.

    Args:
        network: any network.
        inputs: by the names of its inputs, as `draw` returns them; pictures are uint8 (N, h, w, c) of a size that it
            takes, clips float32 (N, length, 1) in [-1, 1].

    Yields:
        Pictures, uint8 (n, H, W, C); clips, float32 (n, length, 1); codes, float32 (n, length); logits, float32 (n,
            count).
    """
    at_once = network.interface.input.shape[0] or SAMPLES_AT_ONCE
    count = len(next(iter(inputs.values())))
    for first in range(0, count, at_once):
        batch = {name: values[first : first + at_once] for name, values in inputs.items()}
        yield _finished(network, called(network, batch))


def called(network: Network, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns the network's raw output for one batch. `inputs` as for `made`."""
    values = {tensor.name: taken(tensor, inputs[tensor.name]) for tensor in network.interface.inputs}
    return network.call(values if len(values) > 1 else next(iter(values.values())))


def taken(tensor: card.Tensor, values: np.ndarray) -> np.ndarray:
    """Converts pixels from 0 to 255 to the values of an input; other kinds only change their dtype."""
    if tensor.kind != "image" or tensor.dtype == "uint8":
        return values.astype(tensor.dtype, copy=False)
    return ((values.astype("float32") - tensor.mean) / tensor.std).astype(tensor.dtype)


def paint(network: Network, pixels: np.ndarray) -> np.ndarray:
    """Paints one picture of a size that the network takes.

    Args:
        network: takes and gives images.
        pixels: uint8 (h, w, c).

    Returns:
        Float32 (h * scale, w * scale, c') from 0 to 255, not rounded yet.

    Raises:
        ModelError: when the result has another size than the card says.
    """
    painted = _to_pixels(network, network.call(taken(network.interface.input, pixels[None])))[0]
    scale = network.interface.scale
    if painted.shape[:2] != (pixels.shape[0] * scale, pixels.shape[1] * scale):
        found = f"{painted.shape[0]}x{painted.shape[1]} of {pixels.shape[0]}x{pixels.shape[1]}"
        raise card.ModelError(f"{network.name}: paints {found}, where scale {scale} is given; export the model again")
    return painted


def sample(network: Network, count: int, seed: int = 0, **conditions) -> np.ndarray:
    """Makes the samples of a seed, (count, ...). Further arguments and errors are those of `draw`."""
    return np.concatenate(list(made(network, draw(network, seed, count, **conditions))))


def rounded(pixels: np.ndarray) -> np.ndarray:
    """Rounds floats from 0 to 255 to uint8. The argument is rounded in place."""
    return np.rint(pixels, out=pixels).astype("uint8")


def latent_length(network: Network) -> int:
    """Returns the length of the latents. Raises UsageError when the network takes none."""
    if not network.takes_latents:
        raise _given_none(network)
    for tensor in network.interface.inputs:
        if tensor.kind in DRAWN:
            return tensor.shape[-1]
    raise UsageError(f"{network.name} {network.described}, and has no latents")


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _given_none(network: Network) -> UsageError:
    if (network.interface.input.kind, network.interface.output.kind) == ("image", "image"):
        return UsageError(f"{network.name} translates images and was given none: name images, or a folder of them")
    return UsageError(f"{network.name} {network.described}, and was given none: name files, or a folder of them")


def _numbers(network: Network, tensor: card.Tensor, labels: Sequence[int] | None) -> np.ndarray:
    count = len(tensor.names)
    numbers = np.asarray(labels) if labels is not None and len(labels) else np.arange(max(count, 1))
    if count and (numbers.min() < 0 or numbers.max() >= count):
        raise UsageError(f"{network.name}: found class {numbers.tolist()}; allowed are 0 to {count - 1}")
    return numbers.astype(tensor.dtype)


def _tokens(network: Network, tensor: card.Tensor, texts: Sequence[str] | None) -> np.ndarray:
    from .words import tokens

    if not texts:
        raise UsageError(f"{network.name} {network.described}: give a text, as --text {_example(tensor)!r}")
    return np.asarray([tokens(text, tensor.names, tensor.shape[-1]) for text in texts], tensor.dtype)


def _example(tensor: card.Tensor) -> str:
    return " ".join([word for word in tensor.names if word][:2]) or "..."


def _turns(choices: np.ndarray, count: int) -> np.ndarray:
    return choices[np.arange(count) % len(choices)]


def _finished(network: Network, values: np.ndarray) -> np.ndarray:
    if network.interface.output.kind == "image":
        return rounded(_to_pixels(network, values))
    return np.asarray(values, "float32")


def _to_pixels(network: Network, values: np.ndarray) -> np.ndarray:
    """Converts an output to pixels from 0 to 255: clips values, and makes NaN black."""
    gives = network.interface.output
    pixels = np.asarray(values, dtype="float32") * gives.std + gives.mean
    return np.clip(np.nan_to_num(pixels, nan=0.0), 0.0, 255.0)
