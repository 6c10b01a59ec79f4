"""The terms of losses in which a discriminator has a say, and penalties of its gradients."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from ganzoo.core import losses
from ganzoo.core.augmentation import augment
from ganzoo.errors import UsageError


class AdversarialTerms:
    """The part of `ganzoo.gan.gan.GAN` that asks discriminators.

    A discriminator is shown images that are concatenated along channels, as (image,) or (input, target); or, where it
    has named inputs, each by its name, as {"image": image, "label": label}. Of these pictures, (B, H, W, C), are
    augmented, all by the same draw, and the penalty goes by all that are no whole numbers.
    """

    def discriminator_terms(
        self, name: str, real: tuple | Mapping, fake: tuple | Mapping, judge: Callable | None = None
    ) -> dict:
        """Returns the weighted terms of a discriminator's loss: real, fake and the penalty, if any.

        Args:
            name: of the discriminator; the terms are called after it.
            real: what it is shown of the batch.
            fake: the same with what a generator made.
            judge: what gives logits, where it isn't the network itself that does, and generators learn by something
                else: how sure it is then means no harm, and the doctor is not told.
        """
        weight, teaches = self.config.discriminator_weight, judge is None
        judge = judge or functools.partial(self._networks[name], training=True)
        family = losses.ADVERSARIAL_LOSSES[self.config.adversarial_loss]
        real = self._shown(name, real, f"{name} real")
        fake = self._shown(name, fake, f"{name} fake")
        real_logits, fake_logits = judge(real), judge(fake)
        self._observe_logits(name, real_logits, fake_logits, family.boundary if teaches else None)
        if name in self.strengths:
            self.strengths[name].look(real_logits, family.boundary, self.replica_count())
            self.observe(f"{name}_augmentation", ops.convert_to_tensor(self.strengths[name].value))
        return {
            f"{name}_real": weight * family.real(real_logits),
            f"{name}_fake": weight * family.fake(fake_logits),
            **self._penalty_terms(name, judge, real, fake),
        }

    def adversarial_loss(self, name: str, fake: tuple | Mapping) -> Any:
        """Returns the generator's loss on what the discriminator `name` says of `fake`, unweighted."""
        logits = self.judged(name, fake, "fooled")
        self.observe(f"{name}_fooled_logit", ops.mean(logits))
        return losses.ADVERSARIAL_LOSSES[self.config.adversarial_loss].generator(logits)

    def judged(self, name: str, given: tuple | Mapping, purpose: str) -> Any:
        """Returns the logits of the discriminator `name` on what it is given, augmented by a draw of its own."""
        return self._networks[name](self._shown(name, given, f"{name} {purpose}"), training=True)

    def _shown(self, name: str, given: tuple | Mapping, purpose: str):
        """Returns what a discriminator is called with: a tensor, or tensors by name, the pictures augmented.

        Raises a UsageError where the config wants pictures augmented, and there are none.
        """
        named = isinstance(given, Mapping)
        values = dict(given) if named else dict(enumerate(given))
        pictures = [key for key, value in values.items() if len(value.shape) == 4]
        if self.config.augmentation and not pictures:
            raise UsageError(
                f"model.augmentation: found {', '.join(self.config.augmentation)}, which change pictures, and "
                f"{self.name}'s {name} is shown none; set it to []"
            )
        strength = self.strengths[name].value if name in self.strengths else None
        augmented = augment(
            tuple(values[key] for key in pictures), self.config.augmentation, self.random(purpose), strength
        )
        values |= zip(pictures, augmented, strict=True)
        if named:
            return values
        return values[0] if len(values) == 1 else ops.concatenate(list(values.values()), axis=-1)

    def _observe_logits(self, name, real, fake, boundary):
        self.observe(f"{name}_real_logit", ops.mean(real))
        self.observe(f"{name}_fake_logit", ops.mean(fake))
        if boundary is not None:
            self.observe(f"{name}_real_accuracy", ops.mean(ops.cast(real > boundary, "float32")))
            self.observe(f"{name}_fake_accuracy", ops.mean(ops.cast(fake < boundary, "float32")))

    def _penalty_terms(self, name, judge, real, fake) -> dict:
        if self.config.penalty == "none":
            return {}
        named = isinstance(real, Mapping)
        whole = dict(real) if named else {0: real}
        keys = [key for key, value in whole.items() if "float" in keras.backend.standardize_dtype(value.dtype)]

        def logits_of(values: list):
            given = whole | dict(zip(keys, values, strict=True))
            return judge(given if named else given[0])

        points = [whole[key] for key in keys]
        if self.config.penalty == "r1":
            penalty = losses.r1_penalty(*self.input_gradients(logits_of, points))
        else:
            share = keras.random.uniform((ops.shape(points[0])[0], 1, 1, 1), seed=self.random(f"{name} penalty"))
            others = [fake[key] for key in keys] if named else [fake]
            between = [_between(share, one, other) for one, other in zip(points, others, strict=True)]
            penalty = losses.gradient_penalty(*self.input_gradients(logits_of, between))
        return {f"{name}_penalty": self.config.penalty_weight * penalty}


def _between(share, one, other):
    """Returns what is `share` of the one and else of the other, example by example."""
    share = ops.cast(ops.reshape(share, (-1, *[1] * (len(one.shape) - 1))), one.dtype)
    return share * one + (1 - share) * other
