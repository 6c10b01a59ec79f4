"""Typed recipes: frozen dataclasses, with errors that name the key and what is allowed there.

Imports no Keras, so that a wrong key is answered at once.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pydantic
import pydantic.dataclasses
from pydantic import Field

frozen_config = functools.partial(
    pydantic.dataclasses.dataclass,
    frozen=True,
    kw_only=True,
    config=pydantic.ConfigDict(extra="forbid", allow_inf_nan=False),
)
"""Decorates every config: a frozen dataclass that validates its fields and takes no unknown key."""

Positive = Annotated[int, Field(ge=1, le=1_000_000_000_000)]
Size = Annotated[int, Field(ge=1, le=65_536)]
"""The size of an image, a layer or a batch. A larger number is a typing error that would be found when memory ends."""
NonNegative = Annotated[int, Field(ge=0, le=1_000_000_000_000_000_000)]
Count = Annotated[int, Field(ge=0, le=65_536)]
Weight = Annotated[float, Field(ge=0)]
Rate = Annotated[float, Field(gt=0, le=1)]
Momentum = Annotated[float, Field(ge=0, lt=1)]


@frozen_config
class Schedule:
    """How the learning rate changes over the steps of a run, counted from 0."""

    kind: Literal["constant", "linear", "steps"] = "constant"
    """`linear`: falls to 0 from one step to another. `steps`: falls at certain steps."""
    start: NonNegative = 0
    """linear: the rate is constant up to this step."""
    end: NonNegative = 0
    """linear: the rate reaches 0 at this step."""
    boundaries: tuple[Positive, ...] = ()
    """steps: at each of these steps the rate is multiplied by `factor`."""
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """steps: the rate is multiplied by this."""

    def __post_init__(self):
        if self.kind == "linear" and self.end <= self.start:
            raise ValueError(f"a linear schedule needs end > start, found start={self.start}, end={self.end}")
        if self.kind == "steps" and not self.boundaries:
            raise ValueError("a schedule of steps needs boundaries, found none")
        if self.kind != "linear" and (self.start or self.end):
            raise ValueError(f"start and end are of a linear schedule, found kind={self.kind}; set kind=linear")
        if self.kind != "steps" and self.boundaries:
            raise ValueError(f"boundaries are of a schedule of steps, found kind={self.kind}; set kind=steps")


class ByConfig:
    """A declaration of an architecture that goes by the values of its config; of the class itself, by the defaults."""

    def __init__(self, declared: Callable[[Any], Any]):
        self.declared = declared

    def __get__(self, config, config_class):
        return self.declared(config_class if config is None else config)


@frozen_config
class GANConfig:
    """The hyperparameters of every architecture. Architectures set their paper's values as defaults."""

    default_recipe: ClassVar[str | None] = None
    """The recipe that the architecture's name alone stands for."""

    batch: ClassVar[tuple] = ()
    """The streams of fields that a batch holds, `ganzoo.data.fields.Stream`."""
    deployed: ClassVar[Mapping] = {}
    """The networks that are sampled, saved and exported, by name, with what each takes and gives:
    `ganzoo.data.fields.Signature`."""

    seed: NonNegative = 0
    """Seed of the initial weights, latents, dropout and augmentations. A recipe gives `training.seed` instead."""

    precision: Literal["float32", "mixed_float16", "mixed_bfloat16", "float64"] = "float32"
    """The precision of the computation. What the others gain is in `docs/performance.md`."""

    adversarial_loss: Literal["non_saturating", "lsgan", "hinge", "wasserstein"] = "non_saturating"
    """The adversarial loss of both networks. `wasserstein` needs a gradient penalty or spectral norm."""
    discriminator_weight: Weight = 1.0
    """Weight of the discriminator's two adversarial terms."""
    penalty: Literal["none", "gradient", "r1"] = "none"
    """Penalty on the discriminator's gradients: `gradient` between real and fake images (Gulrajani et al. 2017), `r1`
    on real images (Mescheder et al. 2018)."""
    penalty_weight: Weight = 10.0
    """Weight of the penalty's term."""
    discriminator_norm: Literal["batch", "instance", "none"] = "none"
    """The norm after the discriminator's convolutions."""
    spectral_norm: bool = False
    """Spectral normalization of the discriminator's convolutions (Miyato et al. 2018)."""
    augmentation: tuple[Literal["color", "translation", "cutout", "flip", "turn", "geometry"], ...] = ()
    """Differentiable augmentation of what the discriminator sees (Zhao et al. 2020)."""
    augmentation_target: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Where above 0, each augmentation has a probability, which begins at 0 and is steered so that the mean sign of the
    discriminator's logits on real images is this: ADA (Karras et al. 2020, who have 0.6). 0: they are always on."""
    augmentation_images: Positive = 500_000
    """Images in which that probability can move from 0 to 1."""
    n_critic: Size = 1
    """Discriminator updates per generator update."""
    ema_decay: Momentum = 0.0
    """Decay per step of the moving average (EMA) of the generator, which is then sampled and deployed. 0: no EMA."""
    teacher: str | None = None
    """A trained generator for this one to imitate as well: a pretrained name, a run directory, or, if it has only one
    generator, a `.keras` file."""
    distillation_weight: Weight = 10.0
    """Weight of the mean absolute difference between the outputs of generator and teacher for the same input. 0: no
    teacher is loaded."""

    learning_rate: Rate = 2e-4
    """Adam's learning rate for the generator, and for the discriminator if it has none of its own."""
    discriminator_learning_rate: Rate | None = None
    """None: the same as `learning_rate`."""
    beta_1: Momentum = 0.5
    """Adam's decay of the mean of gradients."""
    beta_2: Momentum = 0.999
    """Adam's decay of the mean of squared gradients."""
    epsilon: Annotated[float, Field(gt=0, le=1)] = 1e-8
    """Adam's epsilon, added to the root of the bias-corrected second moment, as in PyTorch."""
    schedule: Schedule = Schedule()
    """How the learning rates change."""

    def __post_init__(self):
        if self.augmentation_target and not self.augmentation:
            raise ValueError(
                f"augmentation_target={self.augmentation_target} has nothing to steer: give augmentation as well, "
                "e.g. [flip, translation, color]"
            )
        if self.augmentation_target and self.adversarial_loss == "wasserstein":
            raise ValueError(
                f"augmentation_target={self.augmentation_target} makes no sense with adversarial_loss=wasserstein (its "
                "scores have no boundary between real and fake): set augmentation_target to 0, or take another loss"
            )
        if self.penalty == "gradient" and self.discriminator_norm == "batch":
            raise ValueError(
                "penalty=gradient makes no sense with discriminator_norm=batch (the penalty is per image, batch norm "
                "mixes images): set discriminator_norm to instance or none"
            )
        if self.spectral_norm and self.discriminator_norm != "none":
            raise ValueError(
                f"spectral_norm=true makes no sense with discriminator_norm={self.discriminator_norm} (a norm after a "
                "convolution undoes the bound on it): set discriminator_norm to none"
            )
        if self.adversarial_loss == "wasserstein" and self.penalty != "gradient" and not self.spectral_norm:
            raise ValueError(
                "adversarial_loss=wasserstein makes no sense without a bound on the discriminator: "
                "set penalty=gradient or spectral_norm=true"
            )

    @property
    def floors(self) -> dict[str, float]:
        """The dB that an export must reach, by precision, where they differ from `ganzoo.exporting.proof.FLOORS`."""
        return {}


@frozen_config
class ImageGANConfig(GANConfig):
    """The hyperparameters of architectures that are trained on images."""

    image_size: Size
    """Height and width of training images, in pixels."""
    channels: Size = 3
    """3 for RGB, 1 for luminance."""


@frozen_config
class DataConfig:
    """Where the images, or clips, come from and how they are prepared."""

    source: str = "embedded:avatars"
    """`embedded:NAME`, `folder:PATH`, `folder:PATH_A,PATH_B`, `tfds:NAME` or `url:ADDRESS#sha256=…`."""
    domains: tuple[str, ...] = ()
    """The image sets to use of a source that has several, in the order of a batch (input, target; a, b); for `tfds:`
    the features of an example. Empty: the only one, or the usual ones."""
    label: str | None = None
    """The label that is an example's class, if there are several: a column of the `labels.csv` in a folder, or a
    `ClassLabel` of `tfds:`. None: the only one, the column `label`, or the folder that a file lies in."""
    input_side: Literal["left", "right"] = "left"
    """For side-by-side pairs: the half that is the input."""
    resize: Literal["crop", "squash"] = "crop"
    """How images of another shape become squares. `crop`: resizes the shorter side, then crops the middle or, with
    jitter, a random part. `squash`: resizes both sides, which changes proportions and loses nothing, as in
    pytorch-CycleGAN-and-pix2pix."""
    load_size: Size | None = None
    """Images are resized to this before a random crop to the training size ("jitter"). None: no jitter."""
    flip: bool = False
    """Mirrors at random, left to right; both images of a pair alike."""
    cache_gib: Weight = 4.0
    """Decoded images are kept in memory up to this many GiB."""
    hints: Count = 0
    """The most dabs of the target's own color under the lines of the input, a drawing. A fifth of the visits have none;
    samples and test images have 3 at most."""
    recolor: bool = False
    """Turns all hues of the target by one random angle, in half of the visits that have hints, so that a generator
    learns to follow hints of unusual colors too."""
    redraw: bool = False
    """Puts input and target at a random size and place on white, and makes the lines of the input, a drawing, thicker
    or thinner at random."""


def place_of(source: str) -> str:
    """Names a source with its folders resolved, so that the same images always have the same name."""
    scheme, _, rest = source.partition(":")
    return f"folder:{','.join(map(resolved, rest.split(',')))}" if scheme == "folder" else source


def resolved(path: str) -> str:
    """Returns a path from the root, without links."""
    return str(Path(path.strip()).expanduser().resolve())


@frozen_config
class TrainingConfig:
    """How long a run is, how large a batch is, and how often things are written."""

    steps: Positive
    """The step at which the run ends. `--steps` overrides it."""
    batch_size: Size
    """The global batch size: examples per generator update, over all replicas."""
    seed: NonNegative = 0
    """Seed of everything random: initial weights, order of the images, latents, dropout and augmentations."""
    jit_compile: bool = False
    """Whether TensorFlow compiles steps with XLA; JAX always does."""
    steps_per_execution: Positive = 1
    """The most steps in one execution. The number taken is the largest divisor of this, of the first and the last step,
    and of all steps at which the run writes something, and at most 32. It changes no results."""
    accumulate: Size = 1
    """The number of parts that a batch is split into, one after the other, if it does not fit into memory at once. An
    update takes the mean of their gradients; batch norms take the statistics of a part."""
    rematerialize: bool = False
    """Recomputes activations for gradients instead of keeping them (gradient checkpointing): slower, in less memory."""
    sample_count: Size = 16
    """Rows of a sample grid, or images if a row has one image."""
    sample_every: Positive = 500
    """Steps from one sample grid to the next."""
    log_every: Positive = 50
    """Steps from one line of `metrics.jsonl` to the next."""
    checkpoint_every: Positive = 1000
    """Steps from one checkpoint to the next."""
    checkpoint_minutes: Weight = 15.0
    """Also writes a checkpoint when the last is older than this. 0: by steps alone."""
    keep_checkpoints: Positive = 3
    """The number of checkpoints by steps that are kept, the newest ones."""
    best_metric: str | None = None
    """A value of `metrics.jsonl`, e.g. `generator_l1`, or one of `evaluation.metrics`. The checkpoint with its best
    value, or best mean since the checkpoint before, is kept as well, with its networks in `checkpoints/best/`."""
    best_is: Literal["lowest", "highest"] = "lowest"
    """Whether the best value of `best_metric` is the lowest or the highest."""
    rollback: NonNegative = 2
    """How often a run that diverges goes back to a healthy checkpoint before it stops. 0: never, and only a state that
    is not finite stops it."""
    rollback_learning_rate: Rate = 1.0
    """The learning rates are multiplied by this at each rollback."""

    def __post_init__(self):
        if self.batch_size % self.accumulate:
            raise ValueError(
                f"accumulate={self.accumulate} parts can't be made of batch_size={self.batch_size}: give accumulate a "
                "divisor of it"
            )


@frozen_config
class EvaluationConfig:
    """How the generators are evaluated. It changes nothing in training."""

    network: str = "efficientnet-lite0"
    """The feature network of the distribution metrics: `efficientnet-lite0`, `inception` or a `.keras` file."""
    samples: Annotated[int, Field(ge=2, le=10_000_000)] = 10_000
    """protocols samples and clips: the number of samples."""
    aligned: bool = False
    """protocol translation: whether image n of one domain shows the same as image n of the other, so that they can be
    compared. Embedded data sets know it themselves."""
    every: NonNegative = 0
    """During training: evaluates after every so many steps, a multiple of `training.log_every`. 0: never."""
    images: Annotated[int, Field(ge=2, le=10_000_000)] = 64
    """During training: the most test images, or samples, to evaluate."""
    metrics: tuple[str, ...] = ()
    """During training: which metrics to compute, by their keys in the output of `ganzoo evaluate --json`. Any of them
    can be `training.best_metric`."""

    def __post_init__(self):
        if bool(self.every) != bool(self.metrics):
            raise ValueError("every and metrics go together: say how often, and which, as every=500 metrics=[psnr]")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything that defines a run and its evaluation."""

    architecture: str
    model: Any
    """The architecture's own config."""
    data: DataConfig
    training: TrainingConfig
    evaluation: EvaluationConfig = EvaluationConfig()


SECTIONS = tuple(field.name for field in dataclasses.fields(Recipe))
