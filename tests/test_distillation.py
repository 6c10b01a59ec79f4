"""A generator that learns from a trained one: what is added to its loss, and what it needs for that."""

import keras
import numpy as np
import pytest
import small
import tensorflow as tf

import ganzoo
from ganzoo.errors import UsageError
from ganzoo.training import teachers


@pytest.fixture
def saved(tmp_path):
    """Writes the generators of a new GAN as a run directory has them; gives the folder."""

    def write(name, **changes):
        gan = small.create(name, seed=7, **changes)
        for label, network in gan.deployed().items():
            network.save(tmp_path / f"{label}.keras")
        return str(tmp_path)

    return write


def taught(name, teacher, **changes):
    """A small mobile GAN with its teacher loaded."""
    gan = small.create(name, teacher=teacher, generator="mobile", **changes)
    teachers.teach(gan)
    return gan


def distance(images, others) -> float:
    return float(np.abs(np.asarray(images, "float64") - np.asarray(others, "float64")).mean())


def test_the_term_is_the_weighted_difference_to_what_the_teacher_paints_of_the_same_input(saved):
    teacher = saved("pix2pix")
    gan = taught("pix2pix", teacher, distillation_weight=3.0)
    batch = small.batch(gan)
    # The noise of its activations is that of the step to come.
    gan.begin_round(0)
    output = gan.forward(batch)["output"]
    example = ganzoo.load(teacher)(batch["input"], training=False)
    logged = float(gan.train_step(batch)["generator_distillation"])
    assert logged == pytest.approx(3 * distance(output, example), rel=1e-5)
    assert logged > 0.1


def test_a_dcgan_and_its_teacher_are_given_the_same_latents(saved):
    teacher = saved("dcgan")
    gan = taught("dcgan", teacher)
    outputs = gan.forward(small.batch(gan))
    # In inference mode: the teacher's batch norm must not depend on the batch.
    example = ganzoo.load(teacher)(outputs["latents"], training=False)
    expected = 10 * distance(outputs["image"], example)
    assert float(gan.train_step(small.batch(gan))["generator_distillation"]) == pytest.approx(expected, rel=1e-5)


def test_each_direction_of_a_cyclegan_has_its_own_teacher(saved):
    teacher = saved("cyclegan")
    gan = taught("cyclegan", teacher)
    batch = small.batch(gan)
    outputs = gan.forward(batch)
    expected = {
        f"generator_{direction}_distillation": 10
        * distance(outputs[made], ganzoo.load(teacher, direction=direction)(batch[taken]))
        for direction, taken, made in (("ab", "a", "fake_b"), ("ba", "b", "fake_a"))
    }
    logs = small.terms(gan.train_step(batch))
    assert {name: logs[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    with pytest.raises(UsageError, match=r"generator_ab.keras: holds one network; .* generator_ab and generator_ba"):
        taught("cyclegan", f"{teacher}/generator_ab.keras")


def test_an_srgan_learns_from_its_teacher_before_it_is_adversarial_and_after(saved):
    gan = taught("srgan", saved("srgan"), pretrain_steps=1)
    terms = [set(small.terms(gan.train_step(small.batch(gan)))) for _ in range(2)]
    assert terms[0] == {"generator_mse", "generator_distillation"}
    assert terms[1] > {"generator_content", "generator_adversarial", "generator_distillation"}


def test_the_teacher_stays_as_it_is_and_out_of_the_state(saved):
    teacher = saved("dcgan")
    gan = taught("dcgan", teacher)
    latents = np.random.default_rng(0).normal(size=(3, gan.config.latent_dim)).astype("float32")
    before = ganzoo.load(teacher)(latents, training=False)
    gan.train_step(small.batch(gan))
    assert distance(gan._teachers["generator"](latents, training=False), before) == 0
    untaught = small.create("dcgan", generator="mobile")
    assert gan.state().keys() == untaught.state().keys()
    assert len(gan.variables) == len(untaught.variables)


def test_a_step_in_a_new_process_is_the_same_step(saved):
    teacher = saved("pix2pix")
    first, second = taught("pix2pix", teacher), taught("pix2pix", teacher)
    first.train_step(small.batch(first))
    small.restore(second, small.arrays(first))
    for gan in (first, second):
        gan.train_step(small.batch(gan, seed=1))
    assert small.equal(small.arrays(first), small.arrays(second)) == []


def test_a_student_comes_nearer_to_its_teacher(saved):
    teacher = saved("dcgan", output_bias=True)
    network = ganzoo.load(teacher)
    network.get_layer("conv32x32").bias.assign([1.0, -1.0, 0.5])
    network.save(f"{teacher}/generator.keras")
    # So much of it that the adversary, at this rate, does not lead astray.
    gan = taught("dcgan", teacher, learning_rate=5e-3, distillation_weight=100.0)
    latents = np.random.default_rng(0).normal(size=(8, gan.config.latent_dim)).astype("float32")
    example = network(latents, training=False)
    before = distance(gan.generator(latents, training=False), example)
    gan.fit(tf.data.Dataset.from_tensors(small.batch(gan, count=8)).repeat(), steps_per_epoch=100, verbose=0)
    assert distance(gan.generator(latents, training=False), example) < before / 2


def test_a_teacher_in_full_precision_teaches_a_student_in_half(saved):
    teacher = saved("pix2pix")
    gan = taught("pix2pix", teacher, precision="mixed_bfloat16")
    batch = small.batch(gan)
    gan.begin_round(0)
    expected = 100 * distance(gan.forward(batch)["output"], ganzoo.load(teacher)(batch["input"], training=False))
    assert float(gan.train_step(batch)["generator_distillation"]) == pytest.approx(expected, rel=1e-3)
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("pix2pix", {"image_size": 128}, "takes 128 x 128 x 3, and pix2pix_mobile_generator 64 x 64 x 3"),
        ("pix2pix", {"channels": 1}, "takes 64 x 64 x 1, and"),
        ("dcgan", {"latent_dim": 9}, "takes 9, and dcgan_mobile_generator 8"),
        ("dcgan", {"image_size": 64}, "makes 64 x 64 x 3, and dcgan_mobile_generator 32 x 32 x 3"),
        ("srgan", {"scale": 2}, "makes 128 x 128 x 3, and srgan_mobile_generator 256 x 256 x 3"),
    ],
)
def test_a_teacher_of_other_shapes_is_refused(saved, name, changes, said):
    teacher = saved(name, **changes)
    with pytest.raises(UsageError, match="model.teacher: .*; give one trained with the same model settings") as error:
        taught(name, teacher)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_teacher_that_is_not_there_is_named():
    with pytest.raises(UsageError, match=r"model\.teacher: no model 'runs/nobody'"):
        taught("dcgan", "runs/nobody")


def test_a_teacher_without_weight_is_not_loaded():
    gan = taught("dcgan", "runs/nobody", distillation_weight=0.0)
    assert "generator_distillation" not in gan.train_step(small.batch(gan))


def test_training_without_the_teacher_that_was_asked_for_is_refused():
    gan = small.create("dcgan", teacher="runs/nobody")
    with pytest.raises(
        UsageError, match=r"its teacher is not there; hand it in before fit\(\), by gan\.teach\(networks\)"
    ):
        gan.train_step(small.batch(gan))
