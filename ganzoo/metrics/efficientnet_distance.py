"""A perceptual distance of pictures that are not rounded, by EfficientNet-Lite0: steps of any size move it.

Of the kind of Zhang et al. 2018 (equation 1, all weights 1), by features at six depths. It is not LPIPS: its numbers
are to be compared with its own alone. Gradients pass through it.
"""

import functools
from collections.abc import Callable

DEPTHS = ("stem", *(f"block{number}_project" for number in (0, 2, 4, 10)), "head")
"""The layers whose features are compared."""
SIDE = 128
"""Pixels a side of what the features are of."""
PREPARATION = f"bilinear to {SIDE}x{SIDE}, not rounded; EfficientNet-Lite0 at six depths, every weight 1"


def distance() -> Callable:
    """Returns a function of two batches of pictures, (B, S, S, 3 or 1) in [-1, 1] or a little beyond: (B,).

    It is 0 for equal pictures, and the more the worse. `function.network` is the Keras model that it looks with.

    Raises:
        UsageError: where the weights of EfficientNet-Lite0 are not installed.
    """
    import keras
    from keras import ops

    from ganzoo.metrics import efficientnet_lite

    trained = efficientnet_lite.load()
    network = keras.models.clone_model(trained, input_tensors=keras.Input((SIDE, SIDE, 3)))
    network.set_weights(trained.get_weights())
    features = keras.Model(network.input, [network.get_layer(name).output for name in DEPTHS])

    def seen(pictures):
        colored = ops.broadcast_to(pictures, (*ops.shape(pictures)[:3], 3))
        resized = ops.image.resize((colored + 1.0) * 127.5, (SIDE, SIDE), interpolation="bilinear")
        return [ops.normalize(found, axis=-1) for found in features(resized, training=False)]

    def apart(first, second):
        pairs = zip(seen(first), seen(second), strict=True)
        return sum(ops.mean(ops.sum(ops.square(one - other), axis=-1), axis=(1, 2)) for one, other in pairs)

    apart.network = features
    return apart


@functools.cache
def open_distance() -> Callable:
    """Returns `distance` for arrays, compiled: two float32 (B, S, S, 3 or 1) to float32 (B,). Raises as `distance`.

    It is opened once, for a run is measured again and again.
    """
    from ganzoo.backends import backend

    apart, compiled = distance(), {}

    def call(first, second):
        shape = (None, *first.shape[1:])
        if shape not in compiled:
            inputs = [(shape, "float32")] * 2
            compiled[shape] = backend.compiled.call_of(apart, apart.network.variables, inputs)
        return compiled[shape](first, second)

    return call
