"""Tells what classes a generator paints: a classifier learns them from real images, and sorts what it is given.

    python scripts/class_shares.py dcgan/fashion_mnist --data data/fashion_mnist

Prints JSON: `accuracy` of the classifier on real test images, `samples`, and `shares`, the part of the samples that it
takes for each class. A generator that has lost a class, or paints little else than one, shows here. Takes two minutes.
"""

import json
from pathlib import Path

import click
import numpy as np
from PIL import Image

from ganzoo.lite.formats import open_image

SIDE = 28
AT_ONCE = 1_000


@click.command(help=__doc__.split("\n")[0])
@click.argument("model")
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="A folder of train/CLASS and test/CLASS, as scripts/build_fashion_mnist.py writes it.",
)
@click.option("--count", type=click.IntRange(min=1), default=10_000, show_default=True, help="Samples to sort.")
@click.option("--epochs", type=click.IntRange(min=1), default=4, show_default=True)
def main(model: str, data: Path, count: int, epochs: int):
    from ganzoo.backends.quiet import import_keras
    from ganzoo.generators import inference

    import_keras()
    import keras

    keras.utils.set_random_seed(0)
    classes = sorted(folder.name for folder in (data / "train").iterdir())
    classifier = trained(*labelled(data / "train", classes), len(classes), epochs)
    images, labels = labelled(data / "test", classes)
    samples = small(inference.sample(model, count))
    shares = np.bincount(sorted_by(classifier, samples), minlength=len(classes)) / count
    found = {
        "accuracy": round(float(np.mean(sorted_by(classifier, images) == labels)), 4),
        "samples": count,
        "shares": {name: round(float(share), 4) for name, share in zip(classes, shares, strict=True)},
    }
    click.echo(json.dumps(found, indent=2))


def labelled(folder: Path, classes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (N, 28, 28, 1), and the number of each one's class."""
    files = [(file, label) for label, name in enumerate(classes) for file in sorted((folder / name).iterdir())]
    images = [np.asarray(open_image(file).convert("L").resize((SIDE, SIDE))) for file, _ in files]
    return np.stack(images)[..., None], np.array([label for _, label in files])


def small(images: np.ndarray) -> np.ndarray:
    """Samples in grey at the size of the classifier: uint8 (N, H, W, C) to (N, 28, 28, 1)."""
    grey = [Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).convert("L") for image in images]
    resized = [np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for image in grey]
    return np.stack(resized)[..., None]


def trained(images: np.ndarray, labels: np.ndarray, classes: int, epochs: int):
    """A classifier of about the size of LeNet (LeCun et al. 1998)."""
    import keras
    from keras import layers

    classifier = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(24, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(48, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.25),
            layers.Dense(128, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ]
    )
    classifier.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    order = np.random.default_rng(0).permutation(len(images))
    classifier.fit(images[order], labels[order], batch_size=128, epochs=epochs, verbose=0)
    return classifier


def sorted_by(classifier, images: np.ndarray) -> np.ndarray:
    """The class of each image."""
    return classifier.predict(images, batch_size=AT_ONCE, verbose=0).argmax(axis=-1)


if __name__ == "__main__":
    main()
