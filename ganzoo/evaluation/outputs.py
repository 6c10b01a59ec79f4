"""What networks make of arrays, and what samples are made of."""

from collections.abc import Iterator, Mapping

import numpy as np

from ganzoo.data.fields import Signature
from ganzoo.evaluation.examples import Examples
from ganzoo.lite import card, latents
from ganzoo.lite.network import SAMPLES_AT_ONCE, Network, rounded


def made(network: Network, inputs: Mapping[str, np.ndarray]) -> Iterator[np.ndarray]:
    """What a network makes, in batches.

    Args:
        network: of any kind.
        inputs: by the names of its inputs, N each. Images are uint8 (N, H, W, C), of a size that it takes.

    Yields:
        uint8 (n, H, W, C) of images; of all else float32, as the network gives it.
    """
    tensors, count = network.interface.inputs, len(next(iter(inputs.values())))
    at_once = network.interface.input.shape[0] or SAMPLES_AT_ONCE
    for begin in range(0, count, at_once):
        batch = {tensor.name: _taken(tensor, inputs[tensor.name][begin : begin + at_once]) for tensor in tensors}
        values = np.asarray(network.call(batch if len(batch) > 1 else next(iter(batch.values()))), "float32")
        gives = network.interface.output
        yield rounded(np.clip(values * gives.std + gives.mean, 0.0, 255.0)) if gives.kind == "image" else values


def inputs_of_samples(network: Network, signature: Signature, test: Examples, count: int) -> dict[str, np.ndarray]:
    """What `count` samples are made of, by the names of the network's inputs; the first are the same whatever it is.

    Latents are those of seed 0. Labels and tokens are those of the test examples, in an order that is always the same,
    and over again where they are fewer.
    """
    inputs, streams = {}, 0
    for tensor, (key, field) in zip(network.interface.inputs, signature.takes.items(), strict=True):
        if field.kind in ("latents", "code"):
            inputs[tensor.name] = latents.draw(streams, count, tensor.shape[-1])
            streams += 1
        else:
            known = test.sets[key].shuffled()
            values = np.stack([known.read(index) for index in range(min(count, len(known)))]).astype(tensor.dtype)
            inputs[tensor.name] = np.resize(values, (count, *values.shape[1:]))
    return inputs


def _taken(tensor: card.Tensor, values: np.ndarray) -> np.ndarray:
    """Pixels from 0 to 255 as an input takes them; what is no image in the dtype of the input."""
    if tensor.kind == "image" and tensor.dtype != "uint8":
        values = (values.astype("float32") - tensor.mean) / tensor.std
    return values.astype(tensor.dtype, copy=False)
