"""What `auto` stands for in a recipe: what was fastest where it was measured; numbers are in docs/performance.md."""

import dataclasses

from ganzoo.backends import backend
from ganzoo.config.parsing import without_auto


@dataclasses.dataclass(frozen=True)
class Choice:
    """The settings that decide on speed alone, or on little besides."""

    precision: str = "float32"
    jit_compile: bool = False
    steps_per_execution: int = 1


MEASURED = {
    # XLA was slower. bfloat16 was faster, where the processor has it, but is less exact: it is not chosen unasked.
    ("tensorflow", "CPU"): Choice(),
    # JAX compiles by XLA in any case.
    ("jax", "CPU"): Choice(),
}
"""By backend and kind of device."""
UNMEASURED = Choice()
"""Of devices that nothing was measured on: what every device can do, and what changes no number."""


def choice() -> Choice:
    """The settings for the devices of this machine."""
    return MEASURED.get((backend.name(), backend.devices.device_kind()), UNMEASURED)


def settle(config):
    """A config of a model or of a training, with what is chosen here wherever it says `auto`."""
    return without_auto(config, dataclasses.asdict(choice()))
