"""Small trainings that are healthy, or were made sick on purpose, and what the doctor finds in them.

python tests/training/sick.py --seeds 3         prints the confusion table of docs/doctor.md
"""

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from unittest import mock

import click

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers, ops  # noqa: E402
from PIL import Image  # noqa: E402

import ganzoo  # noqa: E402
from ganzoo.architectures.biggan import BigGAN  # noqa: E402
from ganzoo.architectures.dcgan import DCGAN  # noqa: E402
from ganzoo.config import registration  # noqa: E402
from ganzoo.config.parsing import parse_recipe  # noqa: E402
from ganzoo.config.recipe import Recipe  # noqa: E402
from ganzoo.errors import RunError  # noqa: E402
from ganzoo.generators import pictures  # noqa: E402
from ganzoo.recipes import registry  # noqa: E402
from ganzoo.recipes.recipes import load_recipe  # noqa: E402
from ganzoo.training import metrics_file
from ganzoo.training.callbacks import Metrics  # noqa: E402
from ganzoo.training.doctor import DIVERGING  # noqa: E402
from ganzoo.training.run import open_data  # noqa: E402
from ganzoo.training.run_directory import RunDirectory  # noqa: E402

FINDINGS = (
    "diverging",
    "one image",
    "generator collapsed",
    "class collapsed",
    "label ignored",
    "discriminator too strong",
    "stalled",
    "memorising",
    "checkerboard",
)
HELD_BACK = {"augmentation": ["color", "translation", "cutout"], "ema_decay": 0.98}
"""The default recipe's additions to DCGAN for few images. Without them a discriminator does become too strong."""


class WithoutNoise(DCGAN):
    """A DCGAN whose generator does not look at its latents."""

    def build_networks(self):
        networks = super().build_networks()
        latents = keras.Input((self.config.latent_dim,), name="latents")
        painted = networks["generator"](layers.Rescaling(0.0, name="nothing")(latents))
        return {**networks, "generator": keras.Model(latents, painted, name="generator_without_noise")}


class Swapped(DCGAN):
    """A DCGAN whose discriminator is told that fakes are real, and real images fake."""

    def discriminator_loss(self, batch, outputs):
        return self.discriminator_terms("discriminator", real=(outputs["image"],), fake=(batch["image"],))


class BadlyEnlarged(DCGAN):
    """A DCGAN that paints at half the size, and enlarges by a fixed transposed convolution whose kernels overlap
    unevenly: of four neighbours they give one 1/4, two 1/2 and one all of a value."""

    def build_networks(self):
        networks, channels = super().build_networks(), self.config.channels
        whole = networks["generator"]
        x = whole.get_layer(f"activation{self.config.image_size // 2}x{self.config.image_size // 2}").output
        x = layers.Conv2D(channels, 3, padding="same", activation="tanh", name="half")(x)
        enlarge = layers.Conv2DTranspose(
            channels, 3, strides=2, padding="same", use_bias=False, trainable=False, name="enlarge"
        )
        generator = keras.Model(whole.input, enlarge(x), name="generator_that_enlarges_badly")
        enlarge.set_weights([np.full((3, 3, 1, 1), 0.25, "float32") * np.eye(channels, dtype="float32")])
        return {**networks, "generator": generator}


class Rewired(BigGAN):
    """A BigGAN whose generator gets what `rewire` makes of its latents and labels."""

    def build_networks(self):
        return self.rewired(super().build_networks())

    def build_released(self):
        return self.rewired(super().build_released())

    def rewired(self, networks):
        latents, label = (keras.Input(tensor.shape[1:], dtype=tensor.dtype) for tensor in networks["generator"].inputs)
        painted = networks["generator"](list(self.rewire(latents, label)))
        return {**networks, "generator": keras.Model([latents, label], painted, name="rewired")}

    def release(self, name, trained, stock):
        super().release(name, trained.layers[-1], stock.layers[-1])


class WithoutNoiseInOneClass(Rewired):
    """Its generator does not look at the latents of class 1."""

    def rewire(self, latents, label):
        return latents * ops.cast(ops.expand_dims(label, 1) != 1, latents.dtype), label


class WithoutLabel(Rewired):
    """Its generator does not look at the label."""

    def rewire(self, latents, label):
        return latents, 0 * label


@dataclasses.dataclass(frozen=True)
class Case:
    """A training."""

    architecture: str
    steps: int
    model: Mapping = dataclasses.field(default_factory=dict)
    """The settings that differ from `SMALL`."""
    training: Mapping = dataclasses.field(default_factory=dict)
    variant: type | None = None
    """The class in the architecture's place."""
    recipe: str | None = None
    """One of zoo_configs, which `model` and `training` change; None: `SMALL`."""
    images: int | None = None
    """How many images it trains on; None: all."""
    same: Literal["one", "black"] | None = None
    """The image that all of them are."""
    finding: str | None = None
    """The finding that must be made; None: nothing may be found."""


SMALL = {
    "dcgan": ({"image_size": 32, "base_filters": 16, "latent_dim": 32, **HELD_BACK}, {"batch_size": 16}),
    "pix2pix": ({"image_size": 64, "base_filters": 8}, {"batch_size": 2}),
    "cyclegan": ({"image_size": 64, "base_filters": 8, "residual_blocks": 2}, {"batch_size": 1}),
    "srgan": (
        {
            "image_size": 32,
            "base_filters": 16,
            "residual_blocks": 2,
            "discriminator_filters": 8,
            "pretrain_steps": 100,
        },
        {"batch_size": 4},
    ),
    "biggan": (
        {"image_size": 32, "base_filters": 8, "classes": 5, "ema_decay": 0.98, "learning_rate": 2e-4},
        {"batch_size": 16},
    ),
    "stylegan2": (
        {
            "image_size": 32,
            "latent_dim": 32,
            "mapping_layers": 2,
            "base_filters": 16,
            "max_filters": 32,
            "r1_weight": 0.1,
            "ema_decay": 0.98,
            "augmentation": ["color", "translation", "cutout"],
        },
        {"batch_size": 16},
    ),
    "improved_gan": ({"image_size": 28, "units": 200, "classes": 5}, {"batch_size": 50}),
}
EMOJI = {"source": "embedded:emoji", "flip": True}
FACES = {"source": "embedded:avatars", "label": "skin"}
LABELLED = ("biggan", "improved_gan")
"""Those that train on faces, and learn their skin; the others train on emoji."""

CASES = {
    "healthy DCGAN": Case("dcgan", 400),
    "healthy Pix2Pix": Case("pix2pix", 400),
    "healthy CycleGAN": Case("cyclegan", 200, training={"sample_count": 8}),
    "healthy SRGAN": Case("srgan", 300),
    "healthy BigGAN": Case("biggan", 300),
    "healthy StyleGAN2": Case("stylegan2", 300),
    "healthy Improved GAN": Case("improved_gan", 300),
    "healthy Pix2Pix with a hinge": Case(
        "pix2pix",
        400,
        model={"base_filters": 16, "adversarial_loss": "hinge"},
        training={"batch_size": 4},
    ),
    "discriminator with 50 times the learning rate": Case(
        "dcgan", 100, model={"discriminator_learning_rate": 0.01}, finding="discriminator too strong"
    ),
    "generator without noise": Case("dcgan", 200, variant=WithoutNoise, finding="generator collapsed"),
    "class without noise": Case("biggan", 200, variant=WithoutNoiseInOneClass, finding="class collapsed"),
    "generator without label": Case("biggan", 200, variant=WithoutLabel, finding="label ignored"),
    "labels swapped": Case("dcgan", 400, variant=Swapped, finding="stalled"),
    "learning rate of 1": Case("dcgan", 100, model={"learning_rate": 1.0}, finding="diverging"),
    "transposed convolution with uneven overlap": Case("dcgan", 200, variant=BadlyEnlarged, finding="checkerboard"),
    "64 times one image": Case("dcgan", 120, images=64, same="one", finding="one image"),
    "black images": Case("dcgan", 120, images=64, same="black", finding="one image"),
    "discriminator that stands still": Case(
        "dcgan", 120, model={"discriminator_learning_rate": 1e-9}, finding="stalled"
    ),
    "generator that stands still": Case(
        "dcgan", 120, model={"learning_rate": 1e-9, "discriminator_learning_rate": 2e-4}, finding="stalled"
    ),
    "labels swapped, with a hinge": Case(
        "dcgan", 400, model={"adversarial_loss": "hinge"}, variant=Swapped, finding="stalled"
    ),
    "20 training images": Case(
        "dcgan",
        1500,
        # What lets it learn them by heart in that few steps.
        model={
            "base_filters": 32,
            "latent_dim": 4,
            "learning_rate": 1e-3,
            "augmentation": [],
            "penalty": "r1",
            "penalty_weight": 5.0,
            "discriminator_norm": "none",
        },
        training={"sample_every": 100},
        images=20,
        finding="memorising",
    ),
}


# As they are but for their size, and without their long beginnings, so that the game is what is watched.
CASES |= {
    f"{name} at {size} pixels": Case(
        name,
        steps,
        recipe=f"{name}_avatars",
        model={"image_size": size, **early},
        training={"log_every": 10, "sample_every": 50, "sample_count": 16, "checkpoint_minutes": 0},
    )
    for name, sizes, steps, early in (
        ("dcgan", (32, 64, 128), 300, {}),
        ("pix2pix", (64, 128, 256), 300, {"pretrain_steps": 0}),
        ("cyclegan", (64, 96, 128), 200, {}),
        ("srgan", (32, 64, 96), 300, {"pretrain_steps": 100}),
    )
    for size in sizes
}


def run(case: Case, folder: Path, seed: int, *, to_its_end: bool = True) -> dict[str, int]:
    """Trains, in `folder`, and gives what was found at any line, each with the step of the first line that says so.

    Args:
        to_its_end: go on when what must be found has been.

    Raises:
        RunError: when a run fails that was not made to diverge.
    """
    recipe = recipe_of(case, folder, seed)
    variant = case.variant or registry.get(case.architecture)
    diverges = case.finding == DIVERGING
    # A run that diverges is stopped where its state is lost; no other may be.
    lost = contextlib.suppress(RunError) if diverges else contextlib.nullcontext()
    watched = variant if to_its_end else stopping(variant, case.finding)
    with mock.patch.dict(registration.CLASSES, {case.architecture: watched}), lost:
        ganzoo.train(recipe, folder / "run")
    lines = metrics_file.read(RunDirectory(folder / "run"))
    assert diverges or not to_its_end or lines[-1]["step"] == case.steps
    found = {}
    for line in lines:
        for finding in line["findings"]:
            found.setdefault(finding["name"], line["step"])
    return found


def stopping(variant: type, finding: str) -> type:
    """The class, which stops training after the first line of metrics that holds the finding."""

    class Stopping(variant):
        def fit(self, *args, callbacks, **options):
            metrics = next(callback for callback in callbacks if isinstance(callback, Metrics))

            def stop_if_found(batch, logs):
                self.stop_training |= finding in {found.name for found in metrics.findings}

            watch = keras.callbacks.LambdaCallback(on_train_batch_end=stop_if_found)
            return super().fit(*args, callbacks=[*callbacks, watch], **options)

    return Stopping


def recipe_of(case: Case, folder: Path, seed: int) -> Recipe:
    """The recipe of a case. It never goes back, so that a sickness takes its course."""
    if case.recipe:
        changed = {"model": case.model, "training": {"steps": case.steps, "seed": seed, **case.training}}
        return load_recipe(
            case.recipe, [f"{section}.{key}={value}" for section in changed for key, value in changed[section].items()]
        )
    model, training = SMALL[case.architecture]
    often = {"log_every": 10, "sample_every": 50, "sample_count": 16, "rollback": 0, "checkpoint_minutes": 0}
    document = {
        "architecture": case.architecture,
        "model": {**model, **case.model},
        "data": FACES if case.architecture in LABELLED else EMOJI,
        "training": {"steps": case.steps, "seed": seed, **often, **training, **case.training},
    }
    if case.images:
        data = {"source": f"folder:{write_images(document, case, folder / 'images')}"}
        document = {**document, "data": data}
    return _parse(document)


def write_images(document: Mapping, case: Case, folder: Path) -> Path:
    """Writes as many images of the recipe's data as files, or one of them, or black ones."""
    folder.mkdir()
    images = pictures.to_uint8(open_data(_parse(document), "train").fixed(case.images)["image"])
    if case.same:
        images = np.broadcast_to(images[0] if case.same == "one" else np.zeros_like(images[0]), images.shape)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number}.png")
    return folder


def _parse(document: Mapping) -> Recipe:
    return parse_recipe(document, registry.config_class(document["architecture"]), "recipe")


@click.command()
@click.option("--seeds", default=1, show_default=True, help="How many seeds, from 0 on.")
@click.option("--only", default="", help="Those cases alone whose name holds this.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Keeps the run directories here.")
def main(seeds, only, keep):
    print(f"| run | {' | '.join(FINDINGS)} |\n|---{'|---' * len(FINDINGS)}|")
    with tempfile.TemporaryDirectory() as temporary:
        for name, case in CASES.items():
            if only not in name:
                continue
            found = []
            for seed in range(seeds):
                folder = (keep or Path(temporary)) / f"{name.replace(' ', '_')}_{seed}"
                folder.mkdir(parents=True)
                found.append(run(case, folder, seed))
            print(_row(name, case, found), flush=True)


def _row(name: str, case: Case, found: list[dict]) -> str:
    cells = []
    for finding in FINDINGS:
        steps = ", ".join(str(one.get(finding, "-")) for one in found) if any(finding in one for one in found) else ""
        cells.append(f"**{steps}**" if finding == case.finding else steps)
    return f"| {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
