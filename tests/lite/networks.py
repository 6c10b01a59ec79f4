"""Networks that are functions of NumPy, for what needs no interpreter."""

import numpy as np

from ganzoo.lite import card
from ganzoo.lite.network import Network


def network(function, *, size=None, multiple=1, scale=1, channels=3, any_size="tiles") -> Network:
    """Returns the network of a function of pixels from 0 to 255, float32 (h, w, c) to (h * scale, w * scale, c)."""
    sides = size or (None, None)
    taken = card.Tensor("image", "image", (1, *sides, channels), "float32")
    given = card.Tensor("image", "image", (1, None, None, channels), "float32")
    interface = card.Interface("", (taken,), (given,), scale, None if size else multiple, any_size)

    def call(batch):
        if size:
            assert batch.shape[1:3] == size
        assert batch.shape[1] % multiple == batch.shape[2] % multiple == 0
        return function(batch[0])[None]

    return Network("made", interface, call)


def identity(**options) -> Network:
    return network(lambda image: image, **options)


def blur(**options) -> Network:
    """The mean over 7 x 7 pixels; beyond the border all is black, so that the border of a tile shows."""

    def run(image):
        padded = np.pad(image, ((3, 3), (3, 3), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (7, 7), axis=(0, 1))
        return (
            windows.mean(axis=(-1, -2), dtype="float32")
            .repeat(options.get("scale", 1), 0)
            .repeat(options.get("scale", 1), 1)
        )

    return network(run, **options)


def smooth(height: int, width: int, channels: int = 3) -> np.ndarray:
    """A picture of many colours, so that a pixel in the wrong place shows."""
    y, x, c = np.mgrid[:height, :width, :channels]
    return np.rint(127.5 + 127.5 * np.sin(x / 9 + c) * np.cos(y / 7 - c)).astype("uint8")
