"""Whether samples help a classifier whose classes are unequal, beside what is done without a GAN.

    python scripts/build_fashion_mnist.py fashion_mnist
    python benchmarks/scarce_classes.py --data fashion_mnist --work build/scarce

Of three classes of Fashion-MNIST all but one picture in a hundred are taken away. A BigGAN is trained on what is left
(it goes on where it was stopped), and `ganzoo augment` fills up the three. Then a small convolutional network is
trained on the same number of pictures drawn in five ways, with as many seeds, and tested on all real test pictures:

    as it is        every picture is as likely as any other
    oversampled     every class is as likely as any other
    moved           the same, each picture shifted by up to 2 pixels and, at random, mirrored
    samples         every class is as likely as any other, among real pictures and samples
    both            the same, shifted and mirrored

The rare classes' mean recall is what counts. Seeds are of the classifier and of what it is shown; there is one BigGAN,
which sees no test picture.
"""

import shutil
from pathlib import Path

import click
import numpy as np
from PIL import Image

import ganzoo
from ganzoo.lite.formats import open_image

RARE = ("coat", "shirt", "sneaker")
SHARE = 100
"""Of so many pictures of a rare class one is kept."""
WAYS = {
    "as it is": (False, False, False),
    "oversampled": (True, False, False),
    "moved": (True, True, False),
    "samples": (True, False, True),
    "both": (True, True, True),
}
"""Whether classes are drawn evenly, pictures are moved, and samples are among them."""
BATCH, STEPS, SHIFT = 128, 3000, 2


@click.command(help=__doc__.split("\n")[0])
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True, help="With train/ and test/.")
@click.option("--work", type=click.Path(path_type=Path), default="build/scarce", show_default=True)
@click.option("--recipe", default="biggan_fashion_mnist", show_default=True)
@click.option("--seeds", default=5, show_default=True)
@click.option("--steps", default=STEPS, show_default=True, help="Of the classifier.")
@click.option("--set", "overrides", multiple=True, help="Settings of the BigGAN.")
def main(data: Path, work: Path, recipe: str, seeds: int, steps: int, overrides):
    scarce, filled = work / "scarce", work / "filled"
    if not scarce.exists():
        cut(data, scarce)
    ganzoo.train(recipe, work / "run", data=f"folder:{scarce}", overrides=overrides)
    if not filled.exists():
        ganzoo.augment(work / "run", f"folder:{scarce}", filled, say=click.echo)
    classes = sorted(path.name for path in (scarce / "train").iterdir())
    test = read(scarce / "test", classes)
    real, more = read(scarce / "train", classes), read(filled / "train", classes)
    click.echo("| way | recall of the rare, % | each seed | of all, % |\n|---|---|---|---|")
    for way, (evenly, moves, with_samples) in WAYS.items():
        found = [recalls(more if with_samples else real, test, evenly, moves, seed, steps) for seed in range(seeds)]
        rare = [100 * np.mean([one[classes.index(name)] for name in RARE]) for one in found]
        deviation = np.std(rare, ddof=1) if seeds > 1 else 0.0
        each = ", ".join(f"{value:.1f}" for value in rare)
        click.echo(f"| {way} | {np.mean(rare):.1f} ± {deviation:.1f} | {each} | {100 * np.mean(found):.1f} |")


def cut(data: Path, out: Path) -> None:
    """Copies the data set, without most pictures of the rare classes for training."""

    def left_out(folder: str, names: list[str]) -> list[str]:
        place = Path(folder)
        if place.parent.name != "train" or place.name not in RARE:
            return []
        return [name for number, name in enumerate(sorted(names)) if number % SHARE]

    shutil.copytree(data, out, ignore=left_out)


def read(folder: Path, classes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Returns pictures, float32 (N, 28, 28, 1) in [-1, 1], and the numbers of their classes."""
    files = [(path, number) for number, name in enumerate(classes) for path in sorted((folder / name).iterdir())]
    pictures = [
        np.asarray(open_image(path).convert("L").resize((28, 28), Image.Resampling.LANCZOS)) for path, _ in files
    ]
    return np.stack(pictures)[..., None].astype("float32") / 127.5 - 1, np.array([number for _, number in files])


def recalls(train, test, evenly: bool, moves: bool, seed: int, steps: int) -> np.ndarray:
    """Trains a classifier, and returns for each class the share of its test pictures that it recognizes."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    pictures, labels = train
    count = labels.max() + 1
    model = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(count),
        ]
    )
    model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    random = np.random.default_rng(seed)
    places = [np.flatnonzero(labels == number) for number in range(count)]

    def batches():
        while True:
            if evenly:
                chosen = np.array([random.choice(places[number]) for number in random.integers(0, count, BATCH)])
            else:
                chosen = random.integers(0, len(labels), BATCH)
            shown = pictures[chosen]
            yield (moved(shown, random) if moves else shown), labels[chosen]

    model.fit(batches(), steps_per_epoch=steps, epochs=1, verbose=0)
    right = model.predict(test[0], batch_size=500, verbose=0).argmax(1) == test[1]
    return np.array([right[test[1] == number].mean() for number in range(count)])


def moved(pictures: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Shifts each picture, on black, and mirrors half of them."""
    padded = np.pad(pictures, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), constant_values=-1.0)
    height, width = pictures.shape[1:3]
    offsets = random.integers(0, 2 * SHIFT + 1, (len(pictures), 2))
    cuts = [one[top : top + height, left : left + width] for one, (top, left) in zip(padded, offsets, strict=True)]
    return np.stack(
        [cut[:, ::-1] if mirror else cut for cut, mirror in zip(cuts, random.random(len(cuts)) < 0.5, strict=True)]
    )


if __name__ == "__main__":
    main()
