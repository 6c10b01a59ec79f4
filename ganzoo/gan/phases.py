"""Phases: the updates that a training step is made of."""

import dataclasses
from collections.abc import Callable, Mapping

from ganzoo.errors import UsageError


@dataclasses.dataclass(frozen=True)
class Phase:
    """One update within a step: which networks it changes, and by which loss."""

    name: str
    networks: tuple[str, ...]
    """Names, as in `GAN.networks()`, of the networks that this phase updates and no other."""
    loss: Callable[[Mapping, Mapping], dict]
    """(batch, outputs of `GAN.forward`) -> weighted terms: they are summed into the loss, and logged by their names."""
    learning_rate: float
    detached: bool = False
    """The loss sees the outputs of `forward` as constants, as a discriminator's does. Those that are not detached train
    the networks that made them: the first by the outputs that all phases of the step share, each further one by
    outputs of its own, which networks that were updated in between made of the same random numbers."""
    repeats: int = 1
    """Updates per step, each with fresh outputs and a part of the batch of its own."""
    start: int = 0
    """The first step in which the phase runs."""
    stop: int | None = None
    """The first step in which it no longer runs; None: it runs to the end."""
    every: int = 1
    """The phase runs once in so many steps, from `start` on: lazy regularization (Karras et al. 2020, appendix B)."""
    optimizer: str | None = None
    """The phase, of the same networks, whose optimizer it shares; None: it has one of its own."""
    decay_power: float = 1.0
    """Adam's decays are raised to this power: a part of 1 where lazy phases, which share the optimizer, add updates."""

    def is_on(self, step: int) -> bool:
        """Returns whether a step lies between `start` and `stop`; a lazy phase is on also in steps that it skips."""
        return self.start <= step and (self.stop is None or step < self.stop)

    def runs_at(self, step: int) -> bool:
        """Returns whether the phase updates its networks in a step."""
        return self.is_on(step) and not (step - self.start) % self.every


def check_phases(name: str, phases: tuple[Phase, ...]) -> None:
    """Raises a UsageError for phases that can't be run as they are declared."""
    names = [phase.name for phase in phases]
    if len(set(names)) < len(names):
        raise UsageError(f"{name}: phases {', '.join(names)}: two have one name; give each its own")
    owners = {phase.name: phase for phase in phases if phase.optimizer is None}
    for phase in phases:
        if phase.every < 1:
            raise UsageError(f"{name}: phase {phase.name}: every is {phase.every}; it is a number of steps, at least 1")
        owner = owners.get(phase.optimizer or phase.name)
        if owner is None or owner.networks != phase.networks:
            found = f"trains {', '.join(owner.networks)}" if owner else "is no phase with an optimizer of its own"
            raise UsageError(
                f"{name}: phase {phase.name}, of {', '.join(phase.networks)}: it shares the optimizer of "
                f"{phase.optimizer}, which {found}; name one of the same networks, or leave optimizer out"
            )
