"""What samples are made of."""

import numpy as np

from ganzoo.data.fields import Signature
from ganzoo.evaluation.examples import Examples
from ganzoo.lite import latents
from ganzoo.lite.network import Network


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
