"""A program that uses ganzoo as people do: mypy must find it right, and wrong where a line says so. Nothing runs it."""

from pathlib import Path

import keras
import numpy as np

import ganzoo
from ganzoo.data.fields import Image, Label, Latents, Signature, Stream
from ganzoo.gan.gan import GAN, Phase
from ganzoo.generators.generator import Generator


def train_in_python(images: np.ndarray) -> dict[str, float]:
    gan: GAN = ganzoo.create("dcgan", image_size=32, latent_dim=16)
    gan.compile(optimizer=keras.optimizers.Adam(2e-4), accumulate=2)
    gan.compile(optimizer={"generator": "adam", "discriminator": keras.optimizers.SGD(0.1)})
    gan.fit(images, batch_size=16, epochs=2, validation_data=images)
    painted: np.ndarray = gan.predict(np.zeros((4, 16)), batch_size=2, network="generator")
    networks: dict[str, keras.Model] = {**gan.networks(), **gan.deployed(), **gan.released()}
    print(painted.shape, sorted(networks), gan.steps_done + 1, gan.rollback_count + 1)
    gan.save("gan.keras")
    clone = type(gan).from_config(gan.get_config())
    print([phase.learning_rate * 2 for phase in clone.phases()])
    return gan.health()


def use_the_zoo(folder: Path) -> None:
    for name in [*ganzoo.list_architectures(), *ganzoo.list_recipes(), *ganzoo.list_pretrained()]:
        print(name.upper())
    gan = ganzoo.train("pix2pix", folder, steps=10, overrides=["training.batch_size=2"])
    print(gan.batch_names[0].upper(), gan.config)
    generator = ganzoo.load(folder, network="generator")
    ganzoo.generate(generator, "in.png", "out.png")
    for answer in ganzoo.generate("dcgan/emoji", out=folder / "grid.png", count=4, classes="cat", say=print):
        print(answer["input"])
    ganzoo.generate(folder, out="table.png", table="all", texts=["big"])
    print(ganzoo.evaluate(folder, count=8)["metrics"])
    print(ganzoo.export(folder, folder / "exported", formats=["tflite"], quantize=["int8"]).folder)


def look_at_a_generator(found: Generator) -> tuple[str, str | None]:
    return found.gives, found.works_on


batch = (Stream(image=Image(), label=Label("classes")),)
deployed = Signature(takes={"latents": Latents()}, gives={"image": Image()})
phase = Phase("generator", ("generator",), lambda batch, outputs: {"loss": 0.0}, learning_rate=1e-4, every=2)
runs: bool = phase.runs_at(3)


def what_must_not_pass(gan: GAN, folder: Path) -> None:
    ganzoo.create(32)  # type: ignore[arg-type]
    ganzoo.load(folder, netwrok="generator")  # type: ignore[call-arg]
    ganzoo.generate("dcgan/emoji", out=7)  # type: ignore[arg-type]
    ganzoo.train("dcgan", steps="10")  # type: ignore[arg-type]
    ganzoo.list_recipes().keys()  # type: ignore[attr-defined]
    print(ganzoo.lode)  # type: ignore[attr-defined]
    gan.compile(loss="mse")  # type: ignore[arg-type]
    gan.compile(optimiser="adam")  # type: ignore[call-arg]
    gan.predict(np.zeros((4, 16)), network=1)  # type: ignore[arg-type]
    gan.steps_done.upper()  # type: ignore[attr-defined]
    Phase("generator", "generator", lambda batch, outputs: {}, "1e-4")  # type: ignore[arg-type]
    Signature(takes=[Latents()], gives={"image": Image()})  # type: ignore[arg-type]
