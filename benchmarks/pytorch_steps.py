"""Training steps in plain PyTorch: what ganzoo's are compared with.

The same networks, losses, hyperparameters and order of updates as `ganzoo/architectures/`, written as their reference
code writes them: channels first, run as it stands, `torch.optim.Adam`, discriminators frozen while they only judge.
The networks are in `pytorch_networks.py` and `pytorch_stylegan2.py`. `load` copies Keras weights in, by which
`train_step.py` checks that both compute the same.
"""

import contextlib
import itertools
import math
import random

import torch
from pytorch_networks import (
    BigGANDiscriminator,
    BigGANGenerator,
    ImprovedGANClassifier,
    Spectral,
    SRResNet,
    UNet,
    cyclegan_generator,
    dcgan_discriminator,
    dcgan_generator,
    improved_gan_generator,
    patch_gan,
    srgan_discriminator,
)
from pytorch_stylegan2 import StyleGAN2Discriminator, StyleGAN2Generator
from torch import nn
from torch.nn import functional as F


def networks_of(name: str, config) -> dict[str, nn.Module]:
    """New networks by the names of `GAN.networks()`.

    Args:
        name: of the architecture.
        config: the one of the architecture, as `ganzoo.recipes.registry.config_class(name)`.
    """
    return STEPS[name].build(config)


def step_of(name: str, config, networks: dict[str, nn.Module], *, precision="float32", **adam):
    """A function that takes one training step: batch, a dict of tensors -> the terms of the losses.

    Args:
        precision: one of `engines.PRECISIONS`.
        **adam: options of `torch.optim.Adam` that the config does not have.
    """
    return STEPS[name](config, networks, precision, adam)


class Step:
    """One training step of an architecture; subclasses say of which networks and how."""

    def __init__(self, config, networks, precision, adam):
        self.config, self.networks, self.precision = config, networks, precision
        other = config.discriminator_learning_rate or config.learning_rate
        self.optimizers = {
            name: torch.optim.Adam(
                itertools.chain.from_iterable(networks[one].parameters() for one in names),
                lr=config.learning_rate if name.startswith("generator") else other,
                betas=(config.beta_1, config.beta_2),
                eps=config.epsilon,
                **adam,
            )
            for name, names in self.updates.items()
        }

    def arithmetic(self):
        """The context of all forward work."""
        if self.precision == "float32":
            return contextlib.nullcontext()
        device = next(next(iter(self.networks.values())).parameters()).device.type
        return torch.autocast(device, dtype=torch.bfloat16)

    def latents(self, batch: dict, draw=torch.randn):
        """Those of the batch, if it has some, or new ones: (B, latent_dim)."""
        some = next(iter(batch.values()))
        found = batch.get("latents")
        return draw(len(some), self.config.latent_dim, device=some.device) if found is None else found

    def update(self, name: str, terms: dict) -> dict:
        self.optimizers[name].zero_grad()
        sum(terms.values()).backward()
        self.optimizers[name].step()
        return {term: value.detach() for term, value in terms.items()}

    @contextlib.contextmanager
    def frozen(self, *names):
        """Within it these networks pass gradients through, and get none."""
        for name in names:
            self.networks[name].requires_grad_(False)
        yield
        for name in names:
            self.networks[name].requires_grad_(True)


def says_real(logits):
    return F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))


def says_fake(logits):
    return F.binary_cross_entropy_with_logits(logits, torch.zeros_like(logits))


class DCGAN(Step):
    updates = {"discriminator": ("discriminator",), "generator": ("generator",)}

    @staticmethod
    def build(config):
        return {"generator": dcgan_generator(config), "discriminator": dcgan_discriminator(config)}

    def __call__(self, batch):
        discriminator, image = self.networks["discriminator"], batch["image"]
        with self.arithmetic():
            fake = self.networks["generator"](self.latents(batch)[..., None, None])
            terms = {
                "discriminator_real": says_real(discriminator(image)),
                "discriminator_fake": says_fake(discriminator(fake.detach())),
            }
        losses = self.update("discriminator", terms)
        with self.frozen("discriminator"):
            with self.arithmetic():
                terms = {"generator_adversarial": says_real(discriminator(fake))}
            return losses | self.update("generator", terms)


class Pix2Pix(Step):
    updates = {"discriminator": ("discriminator",), "generator": ("generator",)}

    @staticmethod
    def build(config):
        filters = config.discriminator_filters or config.base_filters
        return {"generator": UNet(config), "discriminator": patch_gan(2 * config.channels, filters)}

    def __call__(self, batch):
        config, discriminator = self.config, self.networks["discriminator"]
        image, target = batch["input"], batch["target"]
        with self.arithmetic():
            fake = self.networks["generator"](image)
            pair = torch.cat([image, fake], 1)
            weight = config.discriminator_weight
            terms = {
                "discriminator_real": weight * says_real(discriminator(torch.cat([image, target], 1))),
                "discriminator_fake": weight * says_fake(discriminator(pair.detach())),
            }
        losses = self.update("discriminator", terms)
        with self.frozen("discriminator"):
            with self.arithmetic():
                terms = {
                    "generator_l1": config.l1_weight * F.l1_loss(fake, target),
                    "generator_adversarial": config.adversarial_weight * says_real(discriminator(pair)),
                }
            return losses | self.update("generator", terms)


class ImagePool:
    """The reference's: past fakes, of which each new one replaces a random one with probability 1/2."""

    def __init__(self, size):
        self.size, self.images = size, []

    def exchange(self, images):
        shown = []
        for image in images.detach():
            if len(self.images) < self.size:
                self.images.append(image.clone())
                shown.append(image)
            elif random.random() < 0.5:
                place = random.randrange(self.size)
                shown.append(self.images[place])
                self.images[place] = image.clone()
            else:
                shown.append(image)
        return torch.stack(shown)


class CycleGAN(Step):
    updates = {
        "generators": ("generator_ab", "generator_ba"),
        "discriminators": ("discriminator_a", "discriminator_b"),
    }

    @staticmethod
    def build(config):
        generators = {name: cyclegan_generator(config) for name in CycleGAN.updates["generators"]}
        names = CycleGAN.updates["discriminators"]
        return generators | {name: patch_gan(config.channels, config.base_filters) for name in names}

    def __init__(self, *args):
        super().__init__(*args)
        self.pools = {domain: ImagePool(self.config.pool_size) for domain in ("a", "b")}

    def __call__(self, batch):
        config, networks, a, b = self.config, self.networks, batch["a"], batch["b"]
        a_to_b, b_to_a = networks["generator_ab"], networks["generator_ba"]
        with self.frozen("discriminator_a", "discriminator_b"):
            with self.arithmetic():
                fake_b, fake_a = a_to_b(a), b_to_a(b)
                judged_b, judged_a = networks["discriminator_b"](fake_b), networks["discriminator_a"](fake_a)
                terms = {
                    "generator_ab_adversarial": F.mse_loss(judged_b, torch.ones_like(judged_b)),
                    "generator_ba_adversarial": F.mse_loss(judged_a, torch.ones_like(judged_a)),
                    "cycle_a": config.cycle_weight * F.l1_loss(b_to_a(fake_b), a),
                    "cycle_b": config.cycle_weight * F.l1_loss(a_to_b(fake_a), b),
                    "identity_a": config.identity_weight * F.l1_loss(b_to_a(a), a),
                    "identity_b": config.identity_weight * F.l1_loss(a_to_b(b), b),
                }
            losses = self.update("generators", terms)
        terms = {}
        with self.arithmetic():
            for domain, real, fake in (("a", a, fake_a), ("b", b, fake_b)):
                name = f"discriminator_{domain}"
                on_real, on_fake = networks[name](real), networks[name](self.pools[domain].exchange(fake))
                terms[f"{name}_real"] = config.discriminator_weight * F.mse_loss(on_real, torch.ones_like(on_real))
                terms[f"{name}_fake"] = config.discriminator_weight * F.mse_loss(on_fake, torch.zeros_like(on_fake))
        return losses | self.update("discriminators", terms)


class SRGAN(Step):
    updates = {"discriminator": ("discriminator",), "generator": ("generator",)}

    @staticmethod
    def build(config):
        return {"generator": SRResNet(config), "discriminator": srgan_discriminator(config)}

    def __call__(self, batch):
        discriminator, high = self.networks["discriminator"], batch["high"]
        with self.arithmetic():
            fake = self.networks["generator"](batch["low"])
            terms = {
                "discriminator_real": says_real(discriminator(high)),
                "discriminator_fake": says_fake(discriminator(fake.detach())),
            }
        losses = self.update("discriminator", terms)
        with self.frozen("discriminator"):
            with self.arithmetic():
                terms = {
                    "generator_content": F.mse_loss(fake, high),
                    "generator_adversarial": self.config.adversarial_weight * says_real(discriminator(fake)),
                }
            return losses | self.update("generator", terms)


def off_diagonal(weight):
    """The sum of squares of the products of different units."""
    matrix = weight.flatten(1)
    products = matrix @ matrix.t()
    return (products * (1 - torch.eye(len(products), device=products.device))).square().sum()


class BigGAN(Step):
    updates = {"discriminator": ("discriminator",), "generator": ("generator",)}

    @staticmethod
    def build(config):
        return {"generator": BigGANGenerator(config), "discriminator": BigGANDiscriminator(config)}

    def __call__(self, batch):
        generator, discriminator, label = *self.networks.values(), batch["label"]
        with self.arithmetic():
            fake = generator(self.latents(batch), label)
            terms = {
                "discriminator_real": F.relu(1 - discriminator(batch["image"], label)).mean(),
                "discriminator_fake": F.relu(1 + discriminator(fake.detach(), label)).mean(),
            }
        losses = self.update("discriminator", terms)
        with self.frozen("discriminator"):
            with self.arithmetic():
                terms = {"generator_adversarial": -discriminator(fake, label).mean()}
            penalty = sum(off_diagonal(layer.weight) for layer in generator.modules() if isinstance(layer, Spectral))
            terms["generator_orthogonal_penalty"] = self.config.orthogonal_weight * penalty
            return losses | self.update("generator", terms)


class ImprovedGAN(Step):
    updates = {"classifier": ("classifier",), "generator": ("generator",)}

    @staticmethod
    def build(config):
        return {"classifier": ImprovedGANClassifier(config), "generator": improved_gan_generator(config)}

    def __call__(self, batch):
        classifier, weight = self.networks["classifier"], self.config.discriminator_weight
        with self.arithmetic():
            fake = self.networks["generator"](self.latents(batch, torch.rand))
            # As if the class "made" had the logit 0.
            real_logits, fake_logits = (classifier(images).logsumexp(1) for images in (batch["image"], fake.detach()))
            terms = {
                "classifier_labelled": F.cross_entropy(classifier(batch["labelled"]), batch["label"]),
                "classifier_real": weight * says_real(real_logits),
                "classifier_fake": weight * says_fake(fake_logits),
            }
        losses = self.update("classifier", terms)
        with self.frozen("classifier"):
            with self.arithmetic():
                real, made = (classifier.features(images).mean(0) for images in (batch["image"], fake))
                terms = {"generator_features_adversarial": F.mse_loss(made, real)}
            return losses | self.update("generator", terms)


class StyleGAN2(Step):
    updates = {"discriminator": ("discriminator",), "generator": ("generator",)}

    @staticmethod
    def build(config):
        return {"generator": StyleGAN2Generator(config), "discriminator": StyleGAN2Discriminator(config)}

    def __init__(self, *args):
        super().__init__(*args)
        self.number, self.path_mean = 0, 0.0
        for name, every in (("discriminator", self.config.r1_every), ("generator", self.config.path_every)):
            part = every / (every + 1)
            for group in self.optimizers[name].param_groups:
                group["lr"] *= part
                group["betas"] = tuple(beta**part for beta in group["betas"])

    def __call__(self, batch):
        generator, discriminator = self.networks.values()
        image, latents = batch["image"], self.latents(batch)
        generator.synthesis.given(batch)
        with self.arithmetic():
            fake = generator.synthesis(self.styles(latents))
            terms = {
                "discriminator_real": says_real(discriminator(image)),
                "discriminator_fake": says_fake(discriminator(fake.detach())),
            }
        losses = self.update("discriminator", terms)
        if self.number % self.config.r1_every == 0:
            losses |= self.update("discriminator", self.r1(image))
        with self.frozen("discriminator"):
            with self.arithmetic():
                terms = {"generator_adversarial": says_real(discriminator(fake))}
            losses |= self.update("generator", terms)
        if self.number % self.config.path_every == 0:
            losses |= self.update("generator", self.path(batch, latents))
        self.number += 1
        return losses

    def styles(self, latents):
        """A w for each layer, of two that are mixed: (B, layers, latent_dim)."""
        last, count, device = self.config.style_layers, len(latents), latents.device
        both = self.networks["generator"].mapping(torch.cat([latents, torch.randn_like(latents)]))
        one, other = both[:, None].chunk(2)
        mixed = torch.rand(count, device=device) < self.config.style_mixing
        places = torch.where(mixed, torch.randint(1, last, (count,), device=device), last)
        return torch.where(torch.arange(last, device=device)[:, None] < places[:, None, None], one, other)

    def r1(self, image):
        # No leaf: PyTorch's counter of operations can't see gradients by one that a module takes.
        image = image.detach().requires_grad_().clone()
        with self.arithmetic():
            logits = self.networks["discriminator"](image)
        (gradients,) = torch.autograd.grad(logits.sum(), image, create_graph=True)
        weight = self.config.r1_weight * self.config.r1_every
        return {"discriminator_r1_penalty": weight * 0.5 * gradients.square().sum((1, 2, 3)).mean()}

    def path(self, batch, latents):
        """Of half a batch, by new pictures of it."""
        with self.arithmetic():
            styles = self.styles(latents[: (len(latents) + 1) // 2])
            image = self.networks["generator"].synthesis(styles)
        noise = batch.get("path_noise")
        noise = (torch.randn_like(image) if noise is None else noise) / self.config.image_size
        (gradients,) = torch.autograd.grad((image * noise).sum(), styles, create_graph=True)
        lengths = gradients.square().sum(2).mean(1).sqrt()
        mean = lengths.mean()
        mean = mean + self.config.path_decay * (self.path_mean - mean)
        self.path_mean = mean.detach()
        weight = self.config.path_weight * self.config.path_every
        return {"generator_path_penalty": weight * (lengths - mean).square().mean()}


STEPS = {
    "dcgan": DCGAN,
    "pix2pix": Pix2Pix,
    "cyclegan": CycleGAN,
    "srgan": SRGAN,
    "biggan": BigGAN,
    "improved_gan": ImprovedGAN,
    "stylegan2": StyleGAN2,
}


# Weights of Keras.


def load(network: nn.Module, weights, vectors=(), layers=()) -> None:
    """Copies a Keras network's weights into the same network of PyTorch.

    Args:
        weights: the trainable ones, in their order.
        vectors: those that spectral norms iterate on, in the order of their layers.
        layers: the name of the layer that each weight is of: a network that is `named_as_in_keras` goes by these.

    Raises:
        ValueError: when one does not fit, or their numbers differ.
    """
    if getattr(network, "named_as_in_keras", False):
        weights = _in_order(network, weights, layers)
    weights, vectors = iter(weights), iter(vectors)
    leaves = [module for module in network.modules() if not list(module.children())]
    channels = 1
    with torch.no_grad():
        for before, module in itertools.pairwise([None, *leaves]):
            flattened = channels if isinstance(before, nn.Flatten) else 1
            for parameter in module.parameters():
                parameter.copy_(_as_torch(module, torch.as_tensor(next(weights)), flattened))
            if isinstance(module, Spectral):
                module.u.copy_(torch.as_tensor(next(vectors)).flatten())
            channels = getattr(module, "out_channels", channels)
        if next(weights, None) is not None or next(vectors, None) is not None:
            raise ValueError("Keras's network has more weights")
        for module, after in itertools.pairwise(leaves):
            places = _places(after)
            for tensor in (*module.parameters(), *module.buffers()) if places else ():
                # Keras has the places of a square outside the channels, PyTorch inside.
                tensor.copy_(tensor.unflatten(0, (places, -1)).transpose(0, 1).flatten(0, 1).clone())


def _in_order(network, weights, layers) -> list:
    """The weights in the order of the modules that have the names of their layers, which Keras sorts by depth."""
    found = {}
    for layer, weight in zip(layers, weights, strict=True):
        found.setdefault(layer, []).append(weight)
    ordered = [weight for name, _ in network.named_modules() for weight in found.get(name.rpartition(".")[2], ())]
    if len(ordered) < len(weights):
        raise ValueError("Keras's network has layers of other names")
    return ordered


def _as_torch(module, weight, channels):
    if isinstance(module, nn.PReLU):
        return weight.flatten()
    if weight.ndim < 2 or isinstance(module, nn.Embedding):
        return weight
    if weight.ndim == 2:
        # What was flattened has the channels last.
        return weight.unflatten(0, (-1, channels)).permute(2, 1, 0).flatten(1)
    return weight.permute(3, 2, 0, 1)


def _places(module) -> int | None:
    """How many places a module makes of channels; None: it does no such thing."""
    if isinstance(module, nn.PixelShuffle):
        return module.upscale_factor**2
    return math.prod(module.unflattened_size[1:]) if isinstance(module, nn.Unflatten) else None
