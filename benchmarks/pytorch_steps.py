"""The four architectures in plain PyTorch: what ganzoo's steps are compared with.

The same networks, losses, hyperparameters and order of updates as `ganzoo/architectures/`, written as their reference
code writes them: channels first, run as it stands, `torch.optim.Adam`, discriminators frozen while they only judge.
`load` copies Keras weights in, by which `train_step.py` checks that both compute the same.
"""

import contextlib
import itertools
import math
import random

import torch
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
    """A function that takes one training step: batch, a dict of (B, C, H, W) tensors -> the terms of the losses.

    Args:
        precision: one of `engines.PRECISIONS`.
        **adam: options of `torch.optim.Adam` that the config does not have.
    """
    return STEPS[name](config, networks, precision, adam)


# The networks.


class UNet(nn.Module):
    """(B, C, S, S) -> (B, C, S, S) in [-1, 1], with as many levels as make the bottleneck 1x1."""

    def __init__(self, config):
        super().__init__()
        levels = int(math.log2(config.image_size))
        filters = [config.base_filters * min(2**level, 8) for level in range(levels)]
        inputs = [config.channels, *filters]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for level in range(levels):
            normed = 0 < level < levels - 1
            norm = [nn.InstanceNorm2d(filters[level])] if normed else []
            self.down.append(
                nn.Sequential(nn.Conv2d(inputs[level], filters[level], 4, 2, 1), *norm, nn.LeakyReLU(0.2, inplace=True))
            )
        for level in reversed(range(1, levels)):
            skipped = filters[level] if level < levels - 1 else 0
            block = [
                # Not in place at the bottleneck, whose leaky ReLU is.
                nn.ReLU(inplace=level < levels - 1),
                nn.ConvTranspose2d(filters[level] + skipped, filters[level - 1], 4, 2, 1),
                nn.InstanceNorm2d(filters[level - 1]),
            ]
            self.up.append(nn.Sequential(*block, *([nn.Dropout(config.dropout)] if level >= levels - 3 else [])))
        up = nn.ConvTranspose2d(2 * filters[0], config.channels, 4, 2, 1)
        self.last = nn.Sequential(nn.ReLU(inplace=True), up, nn.Tanh())

    def forward(self, x):
        skips = []
        for block in self.down:
            x = block(x)
            skips.append(x)
        skips.pop()
        for block in self.up:
            x = torch.cat([block(x), skips.pop()], 1)
        return self.last(x)


def patch_gan(channels: int, filters: int) -> nn.Module:
    """The 70x70 PatchGAN: (B, channels, S, S) -> logits (B, 1, S/8 - 2, S/8 - 2)."""
    layers, before = [], channels
    for multiple, stride in ((1, 2), (2, 2), (4, 2), (8, 1)):
        layers.append(nn.Conv2d(before, filters * multiple, 4, stride, 1))
        if multiple > 1:
            layers.append(nn.InstanceNorm2d(filters * multiple))
        layers.append(nn.LeakyReLU(0.2, inplace=True))
        before = filters * multiple
    return nn.Sequential(*layers, nn.Conv2d(before, 1, 4, 1, 1))


def dcgan_generator(config) -> nn.Module:
    """(B, latent_dim, 1, 1) -> (B, C, S, S) in [-1, 1]."""
    levels = int(math.log2(config.image_size)) - 2
    filters = [config.base_filters * 2**level for level in reversed(range(levels))]
    layers = [nn.ConvTranspose2d(config.latent_dim, filters[0], 4, 1, 0, bias=False)]
    for before, after in itertools.pairwise(filters):
        layers += [nn.BatchNorm2d(before), nn.ReLU(inplace=True)]
        layers.append(nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False))
    layers += [nn.BatchNorm2d(filters[-1]), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.ConvTranspose2d(filters[-1], config.channels, 4, 2, 1, bias=False), nn.Tanh())


def dcgan_discriminator(config) -> nn.Module:
    """(B, C, S, S) -> logits (B, 1)."""
    levels = int(math.log2(config.image_size)) - 2
    layers, before = [], config.channels
    for level in range(levels):
        filters = config.base_filters * 2**level
        layers.append(nn.Conv2d(before, filters, 4, 2, 1, bias=False))
        layers += [nn.BatchNorm2d(filters)] if level else []
        layers.append(nn.LeakyReLU(0.2, inplace=True))
        before = filters
    return nn.Sequential(*layers, nn.Conv2d(before, 1, 4, bias=False), nn.Flatten())


class CycleGANBlock(nn.Module):
    def __init__(self, filters):
        super().__init__()
        self.block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(filters, filters, 3),
            nn.InstanceNorm2d(filters),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(filters, filters, 3),
            nn.InstanceNorm2d(filters),
        )

    def forward(self, x):
        return x + self.block(x)


def cyclegan_generator(config) -> nn.Module:
    """The ResNet: (B, C, S, S) -> (B, C, S, S), both in [-1, 1]."""
    filters = config.base_filters
    blocks = config.residual_blocks or (9 if config.image_size >= 256 else 6)

    def normed(conv):
        return [conv, nn.InstanceNorm2d(conv.out_channels), nn.ReLU(inplace=True)]

    layers = [nn.ReflectionPad2d(3), *normed(nn.Conv2d(config.channels, filters, 7))]
    for level in (1, 2):
        layers += normed(nn.Conv2d(filters * 2 ** (level - 1), filters * 2**level, 3, 2, 1))
    layers += [CycleGANBlock(4 * filters) for _ in range(blocks)]
    for level in (1, 0):
        layers += normed(nn.ConvTranspose2d(filters * 2 ** (level + 1), filters * 2**level, 3, 2, 1, output_padding=1))
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(filters, config.channels, 7), nn.Tanh())


class SRGANBlock(nn.Module):
    def __init__(self, filters):
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(filters, filters, 3, 1, 1),
            nn.BatchNorm2d(filters),
            nn.PReLU(filters),
            nn.Conv2d(filters, filters, 3, 1, 1),
            nn.BatchNorm2d(filters),
        )

    def forward(self, x):
        return x + self.block(x)


class SRResNet(nn.Module):
    """(B, C, h, w) in [0, 1] -> (B, C, scale h, scale w)."""

    def __init__(self, config):
        super().__init__()
        filters = config.base_filters
        self.first = nn.Sequential(nn.Conv2d(config.channels, filters, 9, 1, 4), nn.PReLU(filters))
        blocks = [SRGANBlock(filters) for _ in range(config.residual_blocks)]
        self.blocks = nn.Sequential(*blocks, nn.Conv2d(filters, filters, 3, 1, 1), nn.BatchNorm2d(filters))
        up = []
        for _ in range(config.scale // 2):
            up += [nn.Conv2d(filters, 4 * filters, 3, 1, 1), nn.PixelShuffle(2), nn.PReLU(filters)]
        self.up = nn.Sequential(*up, nn.Conv2d(filters, config.channels, 9, 1, 4))

    def forward(self, x):
        x = self.first(x)
        return self.up(x + self.blocks(x))


def srgan_discriminator(config) -> nn.Module:
    """Eight convolutions and two dense layers: (B, C, S, S) -> logits (B, 1)."""
    layers, before = [], config.channels
    for block in range(8):
        filters = config.discriminator_filters * 2 ** (block // 2)
        layers.append(nn.Conv2d(before, filters, 3, 1 + block % 2, 1, bias=block == 0))
        layers += [nn.BatchNorm2d(filters)] if block else []
        layers.append(nn.LeakyReLU(0.2, inplace=True))
        before = filters
    units = 16 * config.discriminator_filters
    layers += [nn.Flatten(), nn.Linear(before * (config.image_size // 16) ** 2, units), nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*layers, nn.Linear(units, 1))


# The steps.


class Step:
    """One training step of an architecture; subclasses say of which networks and how."""

    def __init__(self, config, networks, precision, adam):
        self.config, self.networks, self.precision = config, networks, precision
        self.optimizers = {
            name: torch.optim.Adam(
                itertools.chain.from_iterable(networks[one].parameters() for one in names),
                lr=config.learning_rate,
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
            latents = batch.get("latents")
            if latents is None:
                latents = torch.randn(len(image), self.config.latent_dim, 1, 1, device=image.device)
            fake = self.networks["generator"](latents)
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


STEPS = {"dcgan": DCGAN, "pix2pix": Pix2Pix, "cyclegan": CycleGAN, "srgan": SRGAN}


# Weights of Keras.


def load(network: nn.Module, weights) -> None:
    """Copies a Keras network's trainable weights, in their order, into the same network of PyTorch.

    Raises:
        ValueError: when one does not fit, or their numbers differ.
    """
    weights = iter(weights)
    leaves = [module for module in network.modules() if not list(module.children())]
    features = None
    with torch.no_grad():
        for module in leaves:
            for parameter in module.parameters():
                parameter.copy_(_as_torch(module, torch.as_tensor(next(weights)), features))
            features = getattr(module, "out_channels", None) or getattr(module, "out_features", None) or features
        if next(weights, None) is not None:
            raise ValueError("Keras's network has more weights")
        for conv, after in itertools.pairwise(leaves):
            if isinstance(after, nn.PixelShuffle):
                # Keras has the four places of a square outside the channels, PyTorch inside.
                for parameter in conv.parameters():
                    parameter.copy_(parameter.unflatten(0, (4, -1)).transpose(0, 1).flatten(0, 1).clone())


def _as_torch(module, weight, features):
    if isinstance(module, nn.PReLU):
        return weight.flatten()
    if weight.ndim < 2:
        return weight
    if isinstance(module, nn.Linear):
        # What comes in was flattened with the channels last.
        side = math.isqrt(module.in_features // features)
        return weight.reshape(side, side, features, -1).permute(3, 2, 0, 1).flatten(1)
    return weight.permute(3, 2, 0, 1)
