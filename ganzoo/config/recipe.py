"""Typed recipes: YAML in, frozen dataclasses out, with errors that name the key and what is allowed there.

Nothing here imports Keras, so that a wrong key is answered at once.
"""

import dataclasses
import functools
from collections.abc import Mapping
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
"""Decorator of every config: a frozen dataclass whose fields are validated and which takes no unknown key."""

Positive = Annotated[int, Field(ge=1, le=1_000_000_000_000)]
Size = Annotated[int, Field(ge=1, le=65_536)]
"""Of images, layers and batches: what is larger is a slip, and would be found when memory ends."""
NonNegative = Annotated[int, Field(ge=0, le=1_000_000_000_000_000_000)]
Count = Annotated[int, Field(ge=0, le=65_536)]
Weight = Annotated[float, Field(ge=0)]
Rate = Annotated[float, Field(gt=0, le=1)]
Momentum = Annotated[float, Field(ge=0, lt=1)]


@frozen_config
class Schedule:
    """How the learning rate changes over the steps of a run. Steps count the run's own steps, from 0."""

    kind: Literal["constant", "linear", "steps"] = "constant"
    """`linear`: down to 0 from one step to another. `steps`: less at some steps."""
    start: NonNegative = 0
    """linear: the rate is constant up to this step."""
    end: NonNegative = 0
    """linear: the rate reaches 0 at this step."""
    boundaries: tuple[Positive, ...] = ()
    """steps: at each of these steps the rate is multiplied by `factor`."""
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """steps: what the rate is multiplied by."""

    def __post_init__(self):
        if self.kind == "linear" and self.end <= self.start:
            raise ValueError(f"a linear schedule needs end > start, found start={self.start}, end={self.end}")
        if self.kind == "steps" and not self.boundaries:
            raise ValueError("a schedule of steps needs boundaries, found none")
        if self.kind != "linear" and (self.start or self.end):
            raise ValueError(f"start and end are of a linear schedule, found kind={self.kind}; set kind=linear")
        if self.kind != "steps" and self.boundaries:
            raise ValueError(f"boundaries are of a schedule of steps, found kind={self.kind}; set kind=steps")


@frozen_config
class GANConfig:
    """The hyperparameters that every architecture has. Architectures set their paper's values as defaults."""

    default_recipe: ClassVar[str | None] = None
    """The recipe that the architecture's name alone stands for."""

    batch: ClassVar[tuple] = ()
    """What a batch holds: streams of fields, `ganzoo.data.fields.Stream`."""
    deployed: ClassVar[Mapping] = {}
    """The networks that are sampled, saved and exported, by name: what each takes and gives,
    `ganzoo.data.fields.Signature`."""

    seed: NonNegative = 0
    """Seed of the initial weights, latents, dropout and augmentations. A recipe gives `training.seed` instead."""

    precision: Literal["float32", "mixed_float16", "mixed_bfloat16", "float64"] = "float32"
    """What the networks compute in. What the others gain is in `docs/performance.md`."""

    adversarial_loss: Literal["non_saturating", "lsgan", "hinge", "wasserstein"] = "non_saturating"
    """What generator and discriminator play for; `wasserstein` needs a gradient penalty or spectral norm."""
    discriminator_weight: Weight = 1.0
    """Weight of the discriminator's two adversarial terms."""
    penalty: Literal["none", "gradient", "r1"] = "none"
    """Of the discriminator's gradients: `gradient` between real and fake (Gulrajani et al. 2017), `r1` on real images
    (Mescheder et al. 2018)."""
    penalty_weight: Weight = 10.0
    """Weight of the penalty's term."""
    discriminator_norm: Literal["batch", "instance", "none"] = "none"
    """The norm after the discriminator's convolutions."""
    spectral_norm: bool = False
    """Spectral normalisation of the discriminator's convolutions (Miyato et al. 2018)."""
    augmentation: tuple[Literal["color", "translation", "cutout"], ...] = ()
    """Differentiable augmentation of what the discriminator sees (Zhao et al. 2020)."""
    n_critic: Size = 1
    """Discriminator updates per generator update."""
    ema_decay: Momentum = 0.0
    """Decay per step of the generator's moving average, which is then what is sampled and deployed. 0 is off."""
    teacher: str | None = None
    """A trained generator that this one learns to imitate besides: a pretrained name, a run directory, or, where there
    is one generator, a `.keras` file."""
    distillation_weight: Weight = 10.0
    """Weight of the mean absolute difference between what generator and teacher make of the same input. 0: no teacher
    is loaded."""

    learning_rate: Rate = 2e-4
    """Adam's, of the generator, and of the discriminator where that has none of its own."""
    discriminator_learning_rate: Rate | None = None
    """None: the same as `learning_rate`."""
    beta_1: Momentum = 0.5
    """Adam's decay of the average of gradients."""
    beta_2: Momentum = 0.999
    """Adam's decay of the average of their squares."""
    epsilon: Annotated[float, Field(gt=0, le=1)] = 1e-8
    """Adam's, added to the root of the second moment once that is corrected for its start, as in PyTorch."""
    schedule: Schedule = Schedule()
    """How the learning rates change."""

    def __post_init__(self):
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
        """Where what an export must reach differs from `ganzoo.exporting.proof.FLOORS`: dB by precision."""
        return {}


@frozen_config
class ImageGANConfig(GANConfig):
    """The hyperparameters of what is trained on images."""

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
    """Which image sets of a source that has several, in the order of a batch (input, target; a, b); for `tfds:`
    the features of an example. Empty: the source's only one, or its usual ones."""
    label: str | None = None
    """Which label an example's class is, where there are several: a column of `labels.csv`, which for a folder lies in
    it, a `ClassLabel` of `tfds:`. None: the only one, the column `label`, or the folder that a file lies in."""
    input_side: Literal["left", "right"] = "left"
    """For side-by-side pairs: the half that is the input."""
    resize: Literal["crop", "squash"] = "crop"
    """How images of another shape become squares. `crop`: the shorter side to the size, and of that the middle or, with
    jitter, a random part. `squash`: both sides to the size, which changes proportions and loses nothing; so does
    pytorch-CycleGAN-and-pix2pix."""
    load_size: Size | None = None
    """Images are resized to this before a random crop to the training size ("jitter"). None: no jitter."""
    flip: bool = False
    """Mirror at random, left to right; the same for both images of a pair."""
    cache_gib: Weight = 4.0
    """Decoded images are kept in memory up to this many GiB."""
    hints: Count = 0
    """Up to so many dabs of the target's own color are laid under the lines of the input, a drawing: none in a fifth of
    the visits. What is not trained on, as samples and test images, has 3 at most."""
    recolor: bool = False
    """The hues of the target are turned, all by one angle at random, in half of the visits that have hints: so a
    generator learns to go by the dabs, also where they say what is unusual."""
    redraw: bool = False
    """The input is a drawing on white: input and target are made smaller and put elsewhere, and the lines get thicker
    or thinner, at random, as people draw."""


def place_of(source: str) -> str:
    """A source of images, its folders, if it is of such, as the system knows them: the same for the same images."""
    scheme, _, rest = source.partition(":")
    return f"folder:{','.join(map(resolved, rest.split(',')))}" if scheme == "folder" else source


def resolved(path: str) -> str:
    """A path as the system knows it, without links and from the root."""
    return str(Path(path.strip()).expanduser().resolve())


@frozen_config
class TrainingConfig:
    """The run: how long, how large a batch, and how often what is written."""

    steps: Positive
    """The step at which the run ends, which `--steps` changes for once."""
    batch_size: Size
    """The global batch: examples per generator update, over all replicas."""
    seed: NonNegative = 0
    """Seed of everything random: initial weights, order of the images, latents, dropout and augmentations."""
    jit_compile: bool = False
    """Whether TensorFlow compiles steps by XLA. JAX always does."""
    steps_per_execution: Positive = 1
    """Steps run in one go, at most: the largest divisor of this, of where the run begins and ends, and of all steps at
    which it writes something. It changes no number."""
    accumulate: Size = 1
    """Parts that a batch is trained in, one after the other, where it does not fit as a whole; an update goes by the
    mean of their gradients. Batch norms take the statistics of a part."""
    rematerialise: bool = False
    """Whether the networks' activations are computed anew for gradients, not kept: slower, in less memory."""
    sample_count: Size = 16
    """Rows of a sample grid, or images where there is one image a row."""
    sample_every: Positive = 500
    """Steps from one sample grid to the next."""
    log_every: Positive = 50
    """Steps from one line of `metrics.jsonl` to the next."""
    checkpoint_every: Positive = 1000
    """Steps from one checkpoint to the next."""
    checkpoint_minutes: Weight = 15.0
    """One more is written where the last is older than this. 0: by steps alone."""
    keep_checkpoints: Positive = 3
    """The newest of those by steps that are kept."""
    best_metric: str | None = None
    """A value of `metrics.jsonl`, as `generator_l1`, or one of `evaluation.metrics`: the checkpoint with the best
    value, or mean of values since the one before, is kept as well, and its networks in `checkpoints/best/`."""
    best_is: Literal["lowest", "highest"] = "lowest"
    """Which value of `best_metric` is the best."""
    rollback: NonNegative = 2
    """How often the run goes back to a healthy checkpoint when it diverges, before it stops. 0: never, and only a
    state that is not finite stops it."""
    rollback_learning_rate: Rate = 1.0
    """Going back multiplies the learning rates by this."""

    def __post_init__(self):
        if self.batch_size % self.accumulate:
            raise ValueError(
                f"accumulate={self.accumulate} parts can't be made of batch_size={self.batch_size}: give accumulate a "
                "divisor of it"
            )


@frozen_config
class EvaluationConfig:
    """How good the generators are, and by what that is found out. It changes nothing of what is learnt."""

    network: str = "efficientnet-lite0"
    """The feature network of the distribution metrics: `efficientnet-lite0`, `inception` or a `.keras` file."""
    samples: Annotated[int, Field(ge=2, le=10_000_000)] = 10_000
    """protocols samples and clips: how many are drawn."""
    aligned: bool = False
    """protocol translation: image n of one domain shows what image n of the other shows, so that they can be compared.
    Embedded data sets say so themselves."""
    every: NonNegative = 0
    """During training: after so many steps, a multiple of `training.log_every`. 0: not at all."""
    images: Annotated[int, Field(ge=2, le=10_000_000)] = 64
    """During training: how many test images, or samples, at most."""
    metrics: tuple[str, ...] = ()
    """During training: which of the generators' own, by their keys in what `ganzoo evaluate --json` prints. Any of them
    can be `training.best_metric`."""

    def __post_init__(self):
        if bool(self.every) != bool(self.metrics):
            raise ValueError("every and metrics go together: say how often, and which, as every=500 metrics=[psnr]")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """All that defines a run, and how it is judged."""

    architecture: str
    model: Any
    """The architecture's own config."""
    data: DataConfig
    training: TrainingConfig
    evaluation: EvaluationConfig = EvaluationConfig()


SECTIONS = tuple(field.name for field in dataclasses.fields(Recipe))
