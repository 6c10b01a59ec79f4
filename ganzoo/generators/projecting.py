"""Finds the place of a picture in the space of styles (Karras et al. 2020, "StyleGAN2", appendix D).

The styles of all layers are optimized by Adam, from their mean on, until what the synthesis makes of them looks like
the picture: by features of EfficientNet-Lite0 at six depths, as perceptual distances have them (Zhang et al. 2018,
equation 1, all weights 1), and by pixels. How far styles are from their mean is a term, too: far from where codes lie,
a synthesis paints what nobody wants.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganzoo.backends.quiet import import_keras
from ganzoo.data.images import read_image
from ganzoo.errors import UsageError
from ganzoo.files.atomic import replacing
from ganzoo.generators import inference, pretrained
from ganzoo.lite import formats
from ganzoo.lite.grid import grid
from ganzoo.lite.network import made
from ganzoo.lite.tiling import resize

if TYPE_CHECKING:
    import keras

    from ganzoo.generators.generator import Generator

STYLES, PICTURE = "styles.npz", "before_and_after.png"
"""The files that are written."""
MEAN_WEIGHT = 0.01
RATE = 0.1
"""Adam's learning rate, in standard deviations of a code; it falls to 0 by a cosine."""
CODES = 1000
"""Codes that the standard deviation is of."""


def project(
    model: "str | Path | keras.Model | Generator",
    picture: str | Path,
    out: str | Path,
    *,
    steps: int = 500,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, float]:
    """Finds styles of which a model paints what looks like a picture. The command `ganzoo project` is this.

    Args:
        model: a generator with styles: a pretrained name, a run directory, a `.keras` file or a Keras model.
        picture: a file; its middle square is taken, at the model's size.
        out: a folder, made where it is missing, for `styles.npz`, which `ganzoo generate --latents` takes, and
            `before_and_after.png`, the picture beside what the model paints.
        steps: of the optimization.
        say: is told what was written, a line at a time.

    Returns:
        What the optimization makes small: `distance`, and `distance_of_mean`, that of the mean style.

    Raises:
        UsageError: for a model without styles, or where the weights of EfficientNet-Lite0 are not installed.
        RunError: when the picture can't be read, or something can't be written.
    """
    generator = pretrained.find(model)
    generator.check_keras()
    import_keras()
    opened = generator.network
    if not opened.parts:
        raise UsageError(f"{opened.name} {opened.described}, and has no styles: give a StyleGAN2")
    synthesis = opened.parts[1]
    taken = synthesis.interface.input.name
    target = _square(read_image(picture, synthesis.interface.output.shape[-1]), synthesis.interface.output.shape[1])
    styles, distances = _optimized(generator.model.get_layer("synthesis"), target, _deviation(opened), steps)
    (after,) = np.concatenate(list(made(synthesis, {taken: styles})))
    out = Path(out).expanduser()
    out.mkdir(parents=True, exist_ok=True)
    with replacing(out / STYLES) as beside:
        np.savez(beside, styles=styles)
    with replacing(out / PICTURE) as beside:
        formats.save(grid(np.stack([target, after]), columns=2), beside)
    say(f"{out / PICTURE}: distance {distances['distance']:.3f}, from {distances['distance_of_mean']:.3f} of the mean")
    say(str(out / STYLES))
    return distances


def _square(pixels: np.ndarray, size: int) -> np.ndarray:
    """Returns the middle square of a picture at a size, uint8 (size, size, C)."""
    side = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    return resize(pixels[top : top + side, left : left + side], size, size)


def _deviation(opened) -> float:
    """Returns the standard deviation of codes about their mean, which is 0."""
    return float(np.std(inference.codes_of(opened, inference.drawn(opened, 0, CODES))))


def _optimized(
    synthesis: "keras.Model", target: np.ndarray, deviation: float, steps: int
) -> tuple[np.ndarray, dict[str, float]]:
    """Returns styles, float32 (1, layers, length), and the distances before and after."""
    import keras
    from keras import ops

    class Styles(keras.layers.Layer):
        """Gives its weights, in standard deviations, whatever it is called with."""

        def build(self, input_shape):
            self.styles = self.add_weight(synthesis.input_shape[1:], "zeros", name="styles")

        def call(self, inputs):
            self.add_loss(MEAN_WEIGHT * ops.mean(ops.square(self.styles)))
            return ops.convert_to_tensor(self.styles)[None] * deviation

    # It is the caller's, and as it was in the end.
    was_trainable, synthesis.trainable = synthesis.trainable, False
    styles, nothing = Styles(), keras.Input((1,))
    model = keras.Model(nothing, synthesis(styles(nothing)))
    rate = keras.optimizers.schedules.CosineDecay(RATE, steps)
    model.compile(keras.optimizers.Adam(rate), _distance())
    batch = np.zeros((1, 1), "float32"), target[None].astype("float32") / 127.5 - 1.0
    before = model.evaluate(*batch, verbose=0)
    for _ in range(steps):
        model.train_on_batch(*batch)
    found = {"distance": model.evaluate(*batch, verbose=0), "distance_of_mean": before}
    synthesis.trainable = was_trainable
    return np.asarray(ops.convert_to_tensor(styles.styles))[None] * deviation, found


def _distance() -> Callable:
    """Returns a loss of two batches of pictures, (B, S, S, C) in [-1, 1]."""
    from keras import ops

    from ganzoo.metrics import efficientnet_distance

    apart = efficientnet_distance.distance()
    return lambda wanted, painted: ops.mean(apart(wanted, painted)) + ops.mean(ops.square(wanted - painted))
