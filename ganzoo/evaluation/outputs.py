"""What samples are made of, and which networks make any."""

import numpy as np

from ganzoo.data.fields import Signature, fields_of
from ganzoo.evaluation.protocol import first_signature
from ganzoo.evaluation.splits import Split
from ganzoo.lite import latents
from ganzoo.lite.network import DRAWN, Network, in_turns


def makes_of_noise(config, kind: str) -> bool:
    """Whether an architecture's first network makes of latents, and of classes and of its batch's texts besides, things
    of a kind that is in its batch."""
    signature, batch = first_signature(config), fields_of(config)
    made = signature.made == kind and kind in {field.kind for field in batch.values()}
    told = {"latents"} <= set(signature.kinds) <= {"latents", "label", "tokens"}
    texts = {key for key, field in signature.takes.items() if field.kind == "tokens"}
    return made and told and texts <= batch.keys()


def inputs_of_samples(network: Network, signature: Signature, test: Split, count: int) -> dict[str, np.ndarray]:
    """What `count` samples are made of, by the names of the network's inputs; the first are the same whatever it is.

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
