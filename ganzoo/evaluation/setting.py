"""The setting that a protocol works in, and what most protocols do with it. Imports no Keras."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ganzoo.config.recipe import Recipe
from ganzoo.data.fields import Signature, fields_of
from ganzoo.errors import RunError
from ganzoo.evaluation.instruments import Instruments
from ganzoo.evaluation.results import Result, Skipped
from ganzoo.evaluation.splits import Images, Split
from ganzoo.generators import inference
from ganzoo.lite import latents
from ganzoo.lite.network import DRAWN, Network, in_turns, made

if TYPE_CHECKING:
    from ganzoo.metrics import Features

Found = Iterator[Result | Skipped]
Watch = Callable[[Iterable, int, str], Iterable]
"""Shows how far the going through of something is: (what, its length, title for people) -> what."""


class NotFinite(RunError):
    """A network gives values that are no numbers."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """All that a protocol works with."""

    networks: Mapping[str, Network]
    """The deployed networks that are there, by name."""
    recipe: Recipe
    test: Split
    instruments: Instruments
    train: Split | None = None
    """Other real examples of the same source, as far as there are."""
    own: Callable[[], tuple[Split, Split] | None] = lambda: None
    """Gives the test and train split that the networks were trained by, where both are known."""
    watch: Watch = lambda items, length, title: items
    show: Callable[[str, Image.Image], None] = lambda name, picture: None
    """Keeps a picture that is a part of the results, by name."""
    known: dict[str, "Features"] = dataclasses.field(default_factory=dict)
    """Features of the test images by key, once they were taken."""

    def features_of(self, key: str) -> "Features":
        """Returns the features of the test images of a key."""
        from ganzoo.metrics import reference

        if key not in self.known:
            real = self.test.sets[key].shuffled()
            self.known[key] = reference(self.instruments.network, real.read, len(real))
        return self.known[key]


def checked(network: Network) -> Network:
    """The network, which raises NotFinite where painting would make black of what is no number."""

    def call(batch: np.ndarray | Mapping[str, np.ndarray]) -> np.ndarray:
        made = np.asarray(network.call(batch))
        if not np.isfinite(made).all():
            verb = {"image": "paints"}.get(network.interface.output.kind, "gives")
            raise NotFinite(f"{network.name}: {verb} values that are not finite: there is nothing to measure")
        return made

    return dataclasses.replace(network, call=call)


def first(setting: Setting) -> tuple[str, Network]:
    """The name of the first network that is there, and the network, checked."""
    name = next(name for name in setting.recipe.model.deployed if name in setting.networks)
    return name, checked(setting.networks[name])


def translator(network: Network) -> Callable[[np.ndarray], np.ndarray]:
    """Returns a function from an image of any size to what the network makes of it, uint8 (H, W, C) both."""
    return inference.translator(checked(network))


def together(*sets: Images) -> Iterator[tuple[np.ndarray, ...]]:
    """Yields the examples of each place in the sets, decoded by threads a little ahead."""
    from ganzoo.metrics.features import decoded

    return decoded(lambda index: tuple(some.read(index) for some in sets), len(sets[0]))


def first_signature(config) -> Signature:
    """Returns the signature of the network that an architecture deploys first, which is what it is for."""
    return next(iter(config.deployed.values()))


def makes_of_noise(config, kind: str) -> bool:
    """Returns whether an architecture's first network turns latents, with or without classes and its batch's texts,
    into a kind of thing that is in its batch."""
    signature, batch = first_signature(config), fields_of(config)
    made = signature.made == kind and kind in {field.kind for field in batch.values()}
    told = {"latents"} <= set(signature.kinds) <= {"latents", "label", "tokens"}
    texts = {key for key, field in signature.takes.items() if field.kind == "tokens"}
    return made and told and texts <= batch.keys()


def makes_of_a_class(config) -> bool:
    """Returns whether an architecture's first network turns latents and a class, as its batch holds, into images."""
    return (
        makes_of_noise(config, "image")
        and sorted(first_signature(config).kinds) == ["label", "latents"]
        and "label" in {field.kind for field in fields_of(config).values()}
    )


def inputs_of_samples(network: Network, signature: Signature, test: Split, count: int) -> dict[str, np.ndarray]:
    """Returns what `count` samples are made of, by input; the first ones are the same whatever the count.

    Latents are those of seed 0. Labels and tokens are those of the test examples, in an order that is always the same,
    and over again where they are fewer; labels that these don't have are all classes in turns.
    """
    inputs, streams = {}, 0
    for tensor, (key, field) in zip(network.interface.inputs, signature.takes.items(), strict=True):
        if field.kind in DRAWN:
            inputs[tensor.name] = latents.draw(streams, count, tensor.shape[-1])
            streams += 1
        elif key not in test.sets:
            inputs[tensor.name] = in_turns(tensor, count)
        else:
            known = test.sets[key].shuffled()
            values = np.stack([known.read(index) for index in range(min(count, len(known)))]).astype(tensor.dtype)
            inputs[tensor.name] = np.resize(values, (count, *values.shape[1:]))
    return inputs


def sampler(network: Network, signature: Signature, test: Split) -> Callable[[int], Iterator[np.ndarray]]:
    """Returns a function that yields as many samples as it is told, of what `inputs_of_samples` gives."""

    def draw(count: int) -> Iterator[np.ndarray]:
        for batch in made(network, inputs_of_samples(network, signature, test, count)):
            yield from batch

    return draw
