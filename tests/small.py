"""The smallest config and a batch of every architecture: what the tests build. A new one needs no entry."""

import itertools
import re

import keras
import numpy as np
import pytest
from pydantic import TypeAdapter

import ganzoo
from ganzoo.data.fields import Label, keys_of
from ganzoo.recipes import registry

CONFIGS = {
    "cyclegan": {"image_size": 64, "base_filters": 4, "residual_blocks": 1, "pool_size": 3},
    "dcgan": {"image_size": 32, "base_filters": 4, "latent_dim": 8},
    "pix2pix": {"image_size": 64, "base_filters": 4},
    "srgan": {"image_size": 32, "base_filters": 4, "residual_blocks": 1, "discriminator_filters": 2},
}

COMBINATIONS = {
    "cyclegan": {"adversarial_loss": "non_saturating", "penalty": "r1", "augmentation": ("color",)},
    "dcgan": {
        "adversarial_loss": "wasserstein",
        "penalty": "gradient",
        "discriminator_norm": "instance",
        "augmentation": ("color", "translation", "cutout"),
    },
    "pix2pix": {
        "adversarial_loss": "hinge",
        "spectral_norm": True,
        "discriminator_norm": "none",
        "augmentation": ("translation",),
    },
    "srgan": {
        "adversarial_loss": "lsgan",
        "penalty": "gradient",
        "discriminator_norm": "none",
        "spectral_norm": True,
        "augmentation": ("cutout",),
    },
    "stylegan2": {
        "adversarial_loss": "wasserstein",
        "penalty": "gradient",
        "discriminator_norm": "none",
        "classes": 3,
    },
}
"""For each architecture one combination of loss, penalty, norm and augmentation; together they hold each."""


def each(names, slow=("cyclegan",)) -> list:
    """Parameters of a test by name, some of them slow: CycleGAN, which has the most networks to trace, or others."""
    return [pytest.param(name, marks=[pytest.mark.slow] * (name in slow)) for name in names]


MOBILE = [name for name in registry.names() if "generator" in registry.config_class(name).__annotations__]
"""The architectures that have a small generator as well: `create(name, generator="mobile")`."""


def config(name: str) -> dict:
    """Keywords for `ganzoo.create`: small networks with every part of the large ones."""
    return dict(CONFIGS[name]) if name in CONFIGS else _smallest(registry.config_class(name))


def combination(name: str) -> dict:
    """Keywords that turn on whatever is off by default, on top of `config`."""
    default = {"adversarial_loss": "wasserstein", "penalty": "gradient", "discriminator_norm": "none"}
    return {"n_critic": 2, "ema_decay": 0.9, **COMBINATIONS.get(name, default)}


def data(name: str) -> tuple[dict, dict]:
    """Returns settings of data that an architecture can be trained on and is there at once, and those of its model."""
    if any(keys_of(registry.config_class(name), Label)):
        return {"source": "embedded:avatars", "label": "skin"}, {**config(name), "classes": 5}
    return {"source": "embedded:emoji"}, config(name)


def create(name: str, **changes):
    """A small, compiled GAN."""
    return ganzoo.create(name, **{**config(name), **changes})


def styled(**changes):
    """A StyleGAN2 that was trained for a step, so that the mean of w is not 0."""
    found = create("stylegan2", latent_dim=6, learning_rate=0.1, **changes)
    found.train_step(batch(found, count=4))
    return found


def batch(gan, count: int = 2, seed: int = 0) -> dict:
    """A batch of noise in the ranges of its fields."""
    random = np.random.default_rng(seed)
    return {
        key: keras.ops.convert_to_tensor(noise(field, gan.config, count, random)) for key, field in gan.fields.items()
    }


def noise(field, config, count: int, random: np.random.Generator) -> np.ndarray:
    """Values that a field may have."""
    shape = (count, *field.shape(config))
    if field.kind in ("latents", "code"):
        return random.standard_normal(shape, dtype="float32")
    if field.kind in ("image", "clip"):
        values, (low, high) = random.uniform(-1, 1, shape).astype("float32"), field.range
        return values if (low, high) == (-1.0, 1.0) else (values + 1) / 2 * (high - low) + low
    end = getattr(config, field.classes if field.kind == "label" else field.words)
    return random.integers(0, end, shape).astype(field.dtype)


def inputs(network, low: float = 0.0, dtype: str = "float32"):
    """Two examples for any network, in the structure that it takes: noise from `low` to 1, of whole numbers 0 and 1."""
    random = np.random.default_rng(0)

    def values(tensor) -> np.ndarray:
        shape = (2, *(side or 8 for side in tensor.shape[1:]))
        kind = keras.backend.standardize_dtype(tensor.dtype)
        return (
            random.integers(0, 2, shape).astype(kind) if "int" in kind else random.uniform(low, 1, shape).astype(dtype)
        )

    return keras.tree.map_structure(values, network.input)


def repeated(batch):
    """A batch over and over, as `fit` takes it: a data set, or under JAX arrays of NumPy, which need no TensorFlow."""
    if keras.config.backend() == "jax":
        values = tuple(batch.values()) if isinstance(batch, dict) else (batch,)
        return (tuple(map(np.asarray, values)) for _ in itertools.count())
    import tensorflow as tf

    return tf.data.Dataset.from_tensors(batch).repeat()


def gradient(function, inputs) -> np.ndarray:
    """The gradient of a scalar, a function of a tensor."""
    if keras.config.backend() == "jax":
        import jax

        return np.asarray(jax.grad(function)(inputs))
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(inputs)
        scalar = function(inputs)
    return tape.gradient(scalar, inputs).numpy()


def terms(logs) -> dict:
    """The terms of the losses among what a step logs, as numbers."""
    return {name: float(value) for name, value in logs.items() if not name.startswith("health/")}


def arrays(gan) -> dict:
    """Copies of all that training changes, by name."""
    return {name: np.copy(variable.numpy()) for name, variable in gan.state().items()}


def restore(gan, values: dict) -> None:
    for name, variable in gan.state().items():
        variable.assign(values[name])


def weights(gan) -> dict:
    """Copies of the trainable weights, by network: {network: {weight: array}}."""
    return {
        name: {f"{i} {v.path}": np.copy(v.numpy()) for i, v in enumerate(network.trainable_variables)}
        for name, network in gan.networks().items()
    }


def of_any_writer(path) -> str:
    """A path without the mark of who writes it: `.a.part.png` of `.a.part-0f….png`."""
    return re.sub(r"\.part-[0-9a-f]{32}", ".part", str(path))


def equal(first: dict, second: dict) -> list[str]:
    """The names under which two dicts of arrays hold different bits."""
    alone = sorted(first.keys() ^ second.keys())
    assert not alone, f"a GAN and its like have other weights, e.g. {alone[0]}: give every layer a name of its own"
    return [name for name in first if first[name].tobytes() != second[name].tobytes()]


def _smallest(config_class) -> dict:
    """Whole numbers of the architecture's own config at their smallest, but not below 4, nor images below 16."""
    schema = TypeAdapter(config_class).json_schema()["properties"]
    return {
        name: _least(schema[name], 16 if name == "image_size" else 4)
        for name in {"image_size", *config_class.__annotations__} & schema.keys()
        if schema[name].get("type") == "integer" and schema[name].get("default", 1) > 1
    }


def _least(schema: dict, floor: int) -> int:
    if "enum" in schema:
        return min(schema["enum"])
    step = schema.get("multipleOf", 1)
    least = max(schema.get("minimum", floor), floor)
    return min(schema.get("default", least), -(-least // step) * step)


def probe(network, *places: str):
    """A function of the network's input that gives inner values: `conv1` what a layer gives, `<conv1` what it gets."""
    tensors = [
        network.get_layer(place[1:]).input if place[0] == "<" else network.get_layer(place).output for place in places
    ]
    model = keras.Model(network.input, tensors)
    return lambda x: [np.asarray(value) for value in keras.tree.flatten(model(x, training=False))]


def parameters(network) -> int:
    """The number of trainable parameters."""
    return sum(variable.numpy().size for variable in network.trainable_variables)


def check_kernels_are_normal(network, count: int) -> None:
    """All `count` kernels have deviation 0.02 and mean 0, within five standard errors; biases are 0."""
    kernels = [v.numpy() for v in network.trainable_variables if v.path.endswith("kernel")]
    assert len(kernels) == count
    for kernel in kernels:
        assert abs(kernel.mean()) < 5 * 0.02 / kernel.size**0.5
        assert abs(kernel.std() / 0.02 - 1) < 5 / (2 * kernel.size) ** 0.5
    for variable in network.trainable_variables:
        assert not variable.path.endswith("bias") or np.all(variable.numpy() == 0)


def check_extras_are_off(model, adversarial_loss: str) -> None:
    """That a config adds to its paper nothing which this project offers besides."""
    assert model.adversarial_loss == adversarial_loss
    extras = (model.penalty, model.spectral_norm, model.augmentation, model.n_critic, model.ema_decay)
    assert extras == ("none", False, (), 1, 0)
    assert model.discriminator_learning_rate in (None, model.learning_rate)


def receptive_field(network, channels: int) -> tuple[int, int]:
    """Height and width of what the middle logit of a patch discriminator sees of a 256 pixel image."""
    import tensorflow as tf

    image = tf.Variable(np.random.default_rng(0).normal(size=(1, 256, 256, channels)).astype("float32"))
    with tf.GradientTape() as tape:
        logits = network(image)
        middle = logits[0, logits.shape[1] // 2, logits.shape[2] // 2, 0]
    seen = np.abs(tape.gradient(middle, image)[0].numpy()).max(-1) > 0
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    assert seen[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    return len(rows), len(columns)
