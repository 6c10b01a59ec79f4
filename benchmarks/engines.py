"""The engines that the benchmarks compare, behind one face: build it, then ask it to take so many steps.

Each is to be used in a process of its own (see `workers.py`): Keras has one backend in a process.
"""

import contextlib
import importlib
import itertools
import math
import os
import resource
import time
from typing import NamedTuple

import ganzoo
from ganzoo.backends import memory
from ganzoo.backends.quiet import import_keras, is_installed
from ganzoo.config.parsing import create_config
from ganzoo.data.fields import fields_of
from ganzoo.recipes import registry

PACKAGES = {"tensorflow": "tensorflow", "jax": "jax", "pytorch": "torch"}
PRECISIONS = ("float32", "mixed_bfloat16")


class Setting(NamedTuple):
    """The training step that is measured."""

    name: str
    """The architecture's name."""
    batch: int
    size: int
    """Of images, in pixels."""
    fields: dict = {}
    """Further fields of the architecture's config."""
    precision: str = "float32"
    jit_compile: bool | None = None
    """None: as `gan.compile()` has it."""
    torch_compile: bool = False
    torch_fused: bool = False
    """Whether PyTorch's Adam is its fused one, which is not its default."""
    channels_last: bool = False
    """PyTorch's memory format."""
    torch_scaled: bool = False
    """Whether PyTorch's modulated convolutions scale inputs and outputs, in place of kernels in groups."""
    cycle: int = 1
    """The steps after which those with lazy phases come again: as many, or a multiple, are timed together."""

    @property
    def model(self) -> dict:
        """All fields of the architecture's config that are not its defaults."""
        return {"image_size": self.size, **self.fields}


DEFAULTS = {
    "pix2pix": Setting("pix2pix", batch=1, size=256),
    "dcgan": Setting("dcgan", batch=64, size=64),
    "cyclegan": Setting("cyclegan", batch=1, size=128),
    "srgan": Setting("srgan", batch=8, size=96),
    "biggan": Setting(
        "biggan",
        batch=64,
        size=32,
        fields={"base_filters": 16, "channels": 1, "classes": 26, "n_critic": 1, "ema_decay": 0.0},
    ),
    "improved_gan": Setting("improved_gan", batch=100, size=28, fields={"ema_decay": 0.0}),
    "stylegan2": Setting(
        "stylegan2",
        batch=16,
        size=64,
        fields={
            "latent_dim": 128,
            "mapping_layers": 4,
            "base_filters": 16,
            "max_filters": 128,
            "r1_weight": 0.1,
            "ema_decay": 0.0,
        },
        cycle=16,
    ),
}
"""The papers' sizes, but for CycleGAN's, which is half, and those of two recipes, `biggan_letters` and
`stylegan2_avatars`.

Moving averages are off, for the steps in PyTorch have none.
"""

QUIET = {
    "pix2pix": {"dropout": 0.0},
    "improved_gan": {"input_noise": 0.0, "hidden_noise": 0.0},
    "stylegan2": {"style_mixing": 0.0},
}
"""Fields that end what networks draw at random, which no two engines do alike: of the step that is compared."""


def drawn_by_stylegan2(gan, made: dict) -> dict:
    """The noise of all layers, of the step's pictures and then of half as many, whose path length penalty has its own.

    The strengths of noise are learned, by noise: a step without any would not be the same step.
    """
    import keras

    from ganzoo.core.equalized import NoiseAndBias
    from ganzoo.core.layers import layers_within

    count = len(made["image"])
    half = (count + 1) // 2
    found = {"path_noise": keras.random.normal(made["image"][:half].shape, seed=gan.random("path lengths"))}
    layers = [layer for _, layer in layers_within(gan.generator) if isinstance(layer, NoiseAndBias)]
    for use, images in enumerate((count, half)):
        gan.begin_round(0)
        for layer in layers:
            shape = (images, *layer.input.shape[1:3], 1)
            found[f"{layer.name} {use}"] = keras.random.normal(shape, seed=layer.seed_generator)
    return found


DRAWN = {"stylegan2": drawn_by_stylegan2}
"""What a step draws at random beside the latents, as functions of a GAN and what its `forward` gave."""


def installed(engine: str) -> bool:
    return is_installed(PACKAGES[engine])


def available_cores() -> list[int]:
    return sorted(os.sched_getaffinity(0))


def open_engine(engine: str, setting: Setting, cores: int | None = None):
    """The engine, built and compiled for the setting, on so many processor cores; None: all."""
    if cores:
        # All three size their pools of threads by this.
        os.sched_setaffinity(0, available_cores()[:cores])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Several processes share an accelerator's memory.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    if engine != "pytorch":
        os.environ["KERAS_BACKEND"] = engine
    return PyTorch(setting) if engine == "pytorch" else Keras(engine, setting)


def config_of(setting: Setting, **fields):
    """The architecture's config. Raises UsageError for what it does not allow."""
    return create_config(registry.config_class(setting.name), **setting.model, **fields)


def batch_of(setting: Setting, seed=0) -> dict:
    """A batch as ganzoo takes it, by its keys: each field uniform in its range."""
    import numpy as np

    random, config = np.random.default_rng(seed), config_of(setting)

    def values(field):
        shape = (setting.batch, *field.shape(config))
        if field.kind == "label":
            return random.integers(getattr(config, field.classes), size=shape, dtype=field.dtype)
        return random.uniform(*field.range, shape).astype(field.dtype)

    return {key: values(field) for key, field in fields_of(config).items()}


class Keras:
    """ganzoo under one backend."""

    def __init__(self, backend: str, setting: Setting):
        # As `ganzoo train` does.
        memory.keep_freed()
        import_keras()
        self.backend, self.setting = backend, setting
        self.at_start = self.peak()
        self.gan = self.new_gan(precision=setting.precision)

    def new_gan(self, **fields):
        gan = ganzoo.create(self.setting.name, **self.setting.model, **fields)
        if self.setting.jit_compile is not None:
            gan.compile(jit_compile=self.setting.jit_compile)
        return gan

    def about(self) -> dict:
        """The versions of what runs, and the accelerator that it runs on, if any."""
        import keras

        module = importlib.import_module(self.backend)
        return {
            "versions": {self.backend: module.__version__, "keras": keras.__version__},
            "device": ACCELERATORS[self.backend](),
        }

    def run(self, steps: int) -> float:
        """Seconds for so many steps through `fit`: from the end of one to the end of the last, all work done."""
        at_once = self.gan.steps_per_execution
        # The first are not timed: `fit` starts up in them.
        clock = self.fit(self.gan, at_once * (1 + math.ceil(steps / at_once)), batch_of(self.setting))
        return (clock.end - clock.begin) / clock.steps * steps

    def product(self) -> float:
        """Floating point operations a second of a large product of matrices."""
        return PRODUCTS[self.backend](self.setting.precision)

    def peak_memory(self) -> int:
        """The most bytes held so far, beyond those of the imported framework: on an accelerator, of its own memory."""
        return self.peak() - self.at_start

    def peak(self) -> int:
        on_accelerator = PEAKS[self.backend]()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 if on_accelerator is None else on_accelerator

    def fit(self, gan, steps: int, batch: dict):
        clock = clock_callback(steps)
        gan.fit(self.repeated(batch), steps_per_epoch=steps, callbacks=[clock], verbose=0, shuffle=False)
        return clock

    def repeated(self, batch: dict):
        """The same batch again and again, from memory."""
        if self.backend == "tensorflow":
            import tensorflow as tf

            return tf.data.Dataset.from_tensors(batch).repeat()
        import keras

        class Repeated(keras.utils.PyDataset):
            def __len__(self):
                return 10**9

            def __getitem__(self, index):
                return batch

        return Repeated()

    def first_step(self) -> dict:
        """Returns what PyTorch is to compute as well: weights, a batch, and the losses of the first step from there.

        In float32, and without noise. The vectors that spectral norms iterate on go with the weights, and the latents
        with the batch, as noise that can't be left out does.
        """
        import keras
        import numpy as np

        gan = self.new_gan(precision="float32", **QUIET.get(self.setting.name, {}))
        random = np.random.default_rng(0)
        for variable in itertools.chain.from_iterable(one.trainable_variables for one in gan.networks().values()):
            # Biases of 0, and orthogonal kernels, whose spectral norm is 1, would hide what is done with them.
            variable.assign(np.array(variable.value) + random.normal(0, 0.02, variable.shape))
        batch = batch_of(self.setting)
        # Before the vectors are read, for it moves them on.
        made = gan.forward(keras.tree.map_structure(keras.ops.convert_to_tensor, batch))
        drawn = {"latents": np.array(made["latents"])} if "latents" in made else {}
        if self.setting.name in DRAWN:
            drawn |= {key: np.array(value) for key, value in DRAWN[self.setting.name](gan, made).items()}

        def read(variables):
            return [np.array(variable.value) for variable in variables]

        networks = gan.networks().items()
        weights = {name: read(network.trainable_variables) for name, network in networks}
        layers = {name: [v.path.split("/")[-2:][0] for v in network.trainable_variables] for name, network in networks}
        vectors = {name: read(v for v in network.variables if v.name == "u") for name, network in networks}
        with EXACTLY[self.backend]():
            losses = self.fit(gan, 1, batch).losses
        return {
            "weights": weights,
            "layers": layers,
            "vectors": vectors,
            "batch": batch | drawn,
            "losses": losses,
        }


def clock_callback(steps: int):
    """A callback that knows when the first step of a `fit` ended, and when the last, with all that they set going.

    Not when `fit` ended: tf.data may take until the next look of a thread that tunes it, at 10 ms x (2^n - 1).
    """
    import keras
    import numpy as np

    class Clock(keras.callbacks.Callback):
        begin = None

        def on_train_batch_end(self, batch, logs=None):
            if self.begin is None:
                self.begin, self.first = self.now(logs), batch
            if batch == steps - 1:
                self.end, self.steps = self.now(logs), batch - self.first

        def now(self, logs):
            # Reading the losses waits for them.
            self.losses = {name: float(np.asarray(value)) for name, value in logs.items()}
            return time.perf_counter()

    return Clock()


def tensorflow_accelerator() -> str | None:
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    return tf.config.experimental.get_device_details(devices[0]).get("device_name", "a GPU") if devices else None


def jax_accelerator() -> str | None:
    import jax

    return None if jax.default_backend() == "cpu" else jax.devices()[0].device_kind


ACCELERATORS = {"tensorflow": tensorflow_accelerator, "jax": jax_accelerator}


def tensorflow_peak() -> int | None:
    import tensorflow as tf

    return tf.config.experimental.get_memory_info("GPU:0")["peak"] if tensorflow_accelerator() else None


def jax_peak() -> int | None:
    import jax

    return jax.local_devices()[0].memory_stats()["peak_bytes_in_use"] if jax_accelerator() else None


PEAKS = {"tensorflow": tensorflow_peak, "jax": jax_peak}
"""The most bytes held on an accelerator so far; None where there is none."""


def pytorch_steps():
    # Imports PyTorch, which other engines' processes have no use for.
    import pytorch_steps

    return pytorch_steps


def modulated_conv():
    from pytorch_stylegan2 import ModulatedConv

    return ModulatedConv


class PyTorch:
    """The same in plain PyTorch."""

    def __init__(self, setting: Setting):
        import torch

        self.setting, self.torch = setting, torch
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.set_num_threads(len(available_cores()))
        torch.backends.cudnn.benchmark = True
        modulated_conv().grouped = not setting.torch_scaled
        self.layout = torch.channels_last if setting.channels_last else torch.contiguous_format
        config, networks = self.new_networks()
        if setting.torch_compile:
            for network in networks.values():
                network.compile()
        adam = {"fused": True} if setting.torch_fused else {}
        self.step = pytorch_steps().step_of(setting.name, config, networks, precision=setting.precision, **adam)
        self.batch = self.tensors(batch_of(setting))

    def new_networks(self, **fields):
        """Networks on the device, and the config that they were made by."""
        config = config_of(self.setting, **fields)
        networks = pytorch_steps().networks_of(self.setting.name, config)
        for network in networks.values():
            network.to(self.device, memory_format=self.layout)
        return config, networks

    def tensors(self, batch: dict) -> dict:
        return {name: self.tensor(value) for name, value in batch.items()}

    def tensor(self, value):
        """As PyTorch has it: channels first, and whole numbers of 64 bits."""
        tensor = self.torch.as_tensor(value)
        tensor = tensor if tensor.is_floating_point() else tensor.long()
        tensor = tensor.permute(0, 3, 1, 2).contiguous() if tensor.ndim == 4 else tensor
        return tensor.pin_memory() if self.device == "cuda" else tensor

    def about(self) -> dict:
        """The versions of what runs, and the accelerator that it runs on, if any."""
        name = self.torch.cuda.get_device_name() if self.device == "cuda" else None
        return {"versions": {"torch": self.torch.__version__}, "device": name}

    def product(self) -> float:
        """Floating point operations a second of a large product of matrices."""
        size = product_size(self.device == "cuda")
        dtype = getattr(self.torch, product_dtype(self.setting.precision))
        matrix = self.torch.randn(size, size, dtype=dtype, device=self.device)
        return product_rate(lambda: matrix @ matrix, lambda result: result[0, 0].item(), size)

    def run(self, steps: int) -> float:
        """Seconds for so many steps: from the end of one to the end of the last, all work done."""
        self._finish(self._step())
        began = time.perf_counter()
        for _ in range(steps):
            losses = self._step()
        self._finish(losses)
        return time.perf_counter() - began

    def _step(self):
        return self.step(self.moved(self.batch))

    def moved(self, batch: dict) -> dict:
        """The batch on the device, as a training loop would bring it there."""
        layouts = {4: self.layout}
        return {
            name: value.to(
                self.device,
                non_blocking=True,
                memory_format=layouts.get(value.ndim, self.torch.preserve_format),
            )
            for name, value in batch.items()
        }

    def _finish(self, losses):
        if self.device == "cuda":
            self.torch.cuda.synchronize()
        return {name: float(value) for name, value in losses.items()}

    def compare(self, other: dict) -> dict:
        """Returns the numbers of parameters, both sides, and the terms of the losses, of `Keras.first_step`."""
        config, networks = self.new_networks(**QUIET.get(self.setting.name, {}))
        for name, network in networks.items():
            pytorch_steps().load(network, *(other[what][name] for what in ("weights", "vectors", "layers")))
        step = pytorch_steps().step_of(self.setting.name, config, networks)
        with pytorch_exactly():
            losses = step(self.moved(self.tensors(other["batch"])))
        return {
            "parameters": {
                name: (sum(w.size for w in other["weights"][name]), sum(p.numel() for p in network.parameters()))
                for name, network in networks.items()
            },
            "losses": {name: (other["losses"][name], float(value)) for name, value in losses.items()},
        }

    def operations(self) -> float:
        """Floating point operations of a step's convolutions and products of matrices, both ways: a cycle's mean."""
        from torch.utils.flop_counter import FlopCounterMode

        step = pytorch_steps().step_of(self.setting.name, *self.new_networks())
        # As many without groups, of which the counter takes each example's kernel for all examples'.
        with self.modulated(grouped=False), FlopCounterMode(display=False) as counter:
            for _ in range(self.setting.cycle):
                step(self.moved(self.batch))
        return counter.get_total_flops() / self.setting.cycle

    @contextlib.contextmanager
    def modulated(self, grouped: bool):
        """Within it, and on exit no more, modulated convolutions are in groups or not."""
        conv = modulated_conv()
        before, conv.grouped = conv.grouped, grouped
        yield
        conv.grouped = before


@contextlib.contextmanager
def pytorch_exactly():
    import torch

    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


@contextlib.contextmanager
def tensorflow_exactly():
    import tensorflow as tf

    tf.config.experimental.enable_tensor_float_32_execution(False)
    yield
    tf.config.experimental.enable_tensor_float_32_execution(True)


def jax_exactly():
    import jax

    return jax.default_matmul_precision("highest")


EXACTLY = {"tensorflow": tensorflow_exactly, "jax": jax_exactly}
"""Within these, convolutions are computed in float32, also on a GPU that would take something shorter."""


def tensorflow_product(precision: str) -> float:
    import tensorflow as tf

    size = product_size(tensorflow_accelerator() is not None)
    matrix = tf.cast(tf.random.normal((size, size)), product_dtype(precision))
    return product_rate(lambda: tf.matmul(matrix, matrix), lambda result: result[0, 0].numpy(), size)


def jax_product(precision: str) -> float:
    import jax

    size = product_size(jax_accelerator() is not None)
    matrix = jax.random.normal(jax.random.key(0), (size, size), product_dtype(precision))
    multiply = jax.jit(lambda matrix: matrix @ matrix)
    return product_rate(lambda: multiply(matrix), lambda result: result.block_until_ready(), size)


PRODUCTS = {"tensorflow": tensorflow_product, "jax": jax_product}


def product_size(accelerator: bool) -> int:
    return 8192 if accelerator else 2048


def product_dtype(precision: str) -> str:
    return "bfloat16" if precision == "mixed_bfloat16" else "float32"


def product_rate(multiply, finish, size: int, times=5) -> float:
    """Floating point operations a second, over several products of two square matrices."""
    finish(multiply())
    began = time.perf_counter()
    for _ in range(times):
        result = multiply()
    finish(result)
    return 2 * size**3 * times / (time.perf_counter() - began)
