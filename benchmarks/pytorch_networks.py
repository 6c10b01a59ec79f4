"""The networks of `ganzoo/architectures/` in plain PyTorch, channels first, as their reference code writes them.

Modules with weights are registered in the order in which Keras has them, by which `pytorch_steps.load` goes.
"""

import itertools
import math

import torch
from torch import nn
from torch.nn import functional as F


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


class Spectral:
    """Of a layer: divides its weight by the largest singular value, as the reference does: a power iteration a use.

    `torch.nn.utils.parametrizations` begins with the other vector, and so is half an iteration further.
    """

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.register_buffer("u", torch.randn(len(self.matrix())))

    def matrix(self):
        """The weight as (units, inputs of a unit)."""
        return self.weight.flatten(1)

    def normalized(self):
        matrix = self.matrix()
        with torch.no_grad():
            v = F.normalize(self.u @ matrix, dim=0)
            # Not in place: what a use before this one computed still needs its own.
            self.u = F.normalize(matrix @ v, dim=0)
        return self.weight / torch.dot(self.u, matrix @ v)


class SpectralConv(Spectral, nn.Conv2d):
    def forward(self, x):
        return self._conv_forward(x, self.normalized(), self.bias)


class SpectralLinear(Spectral, nn.Linear):
    def forward(self, x):
        return F.linear(x, self.normalized(), self.bias)


class SpectralEmbedding(Spectral, nn.Embedding):
    def matrix(self):
        return self.weight.t()

    def forward(self, label):
        return F.embedding(label, self.normalized())


# By the size of images, over `base_filters`: of the generator from its beginning at 4x4, each further one at twice the
# size; of the discriminator from the first block, and whether the block halves the size.
BIGGAN_GENERATOR = {32: (4, 4, 4, 4), 64: (16, 16, 8, 4, 2), 128: (16, 16, 8, 4, 2, 1)}
BIGGAN_DISCRIMINATOR = {
    32: ((4, True), (4, True), (4, False), (4, False)),
    64: ((1, True), (2, True), (4, True), (8, True), (16, False)),
    128: ((1, True), (2, True), (4, True), (8, True), (16, True), (16, False)),
}


class BigGANGeneratorBlock(nn.Module):
    """(B, before, S, S) and what it is told, (B, told) -> (B, filters, 2 S, 2 S)."""

    def __init__(self, told, before, filters):
        super().__init__()
        self.gain1 = SpectralLinear(told, before, bias=False)
        self.offset1 = SpectralLinear(told, before, bias=False)
        self.gain2 = SpectralLinear(told, filters, bias=False)
        self.conv1 = SpectralConv(before, filters, 3, 1, 1)
        self.offset2 = SpectralLinear(told, filters, bias=False)
        self.shortcut = SpectralConv(before, filters, 1)
        self.conv2 = SpectralConv(filters, filters, 3, 1, 1)
        self.norm1, self.norm2 = (nn.BatchNorm2d(channels, affine=False) for channels in (before, filters))

    def forward(self, x, told):
        y = F.relu(self.norm1(x) * (1 + self.gain1(told)[..., None, None]) + self.offset1(told)[..., None, None])
        y = self.conv1(F.interpolate(y, scale_factor=2))
        y = F.relu(self.norm2(y) * (1 + self.gain2(told)[..., None, None]) + self.offset2(told)[..., None, None])
        return self.conv2(y) + F.interpolate(self.shortcut(x), scale_factor=2)


class BigGANGenerator(nn.Module):
    """(B, latent_dim) and labels (B,) -> (B, C, S, S) in [-1, 1]."""

    def __init__(self, config):
        super().__init__()
        filters = [width * config.base_filters for width in BIGGAN_GENERATOR[config.image_size]]
        self.block_latents = config.block_latents
        self.classes = nn.Embedding(config.classes, config.class_features)
        self.begin = nn.Sequential(
            SpectralLinear(config.block_latents, 16 * filters[0]), nn.Unflatten(1, (filters[0], 4, 4))
        )
        told = config.class_features + config.block_latents
        blocks = [BigGANGeneratorBlock(told, before, after) for before, after in itertools.pairwise(filters)]
        self.blocks = nn.ModuleList(blocks)
        self.end = nn.Sequential(
            nn.BatchNorm2d(filters[-1]),
            nn.ReLU(inplace=True),
            SpectralConv(filters[-1], config.channels, 3, 1, 1),
            nn.Tanh(),
        )

    def forward(self, latents, label):
        begin, *parts = latents.split(self.block_latents, 1)
        wanted, x = self.classes(label), self.begin(begin)
        for block, part in zip(self.blocks, parts, strict=True):
            x = block(x, torch.cat([wanted, part], 1))
        return self.end(x)


class BigGANDiscriminatorBlock(nn.Module):
    def __init__(self, before, filters, halves, first):
        super().__init__()
        self.halves, self.first = halves, first
        self.conv1 = SpectralConv(before, filters, 3, 1, 1)
        self.conv2 = SpectralConv(filters, filters, 3, 1, 1)
        self.shortcut = SpectralConv(before, filters, 1) if halves or before != filters else nn.Identity()

    def forward(self, x):
        y = self.conv2(F.relu(self.conv1(x if self.first else F.relu(x))))
        if self.halves:
            x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
        return self.shortcut(x) + y


class BigGANDiscriminator(nn.Module):
    """(B, C, S, S) and labels (B,) -> logits (B, 1)."""

    def __init__(self, config):
        super().__init__()
        blocks, before = [], config.channels
        for width, halves in BIGGAN_DISCRIMINATOR[config.image_size]:
            blocks.append(BigGANDiscriminatorBlock(before, width * config.base_filters, halves, first=not blocks))
            before = width * config.base_filters
        self.blocks = nn.Sequential(*blocks, nn.ReLU(inplace=True))
        self.classes = SpectralEmbedding(config.classes, before)
        self.dense = SpectralLinear(before, 1)

    def forward(self, image, label):
        seen = self.blocks(image).sum((2, 3))
        return self.dense(seen) + (self.classes(label) * seen).sum(1, keepdim=True)


class WeightNormLinear(nn.Module):
    """A dense layer of weight norm: the weights of a unit have the length `gain`, which is 1 where it isn't trained."""

    def __init__(self, inputs, units, trains_gain=False):
        super().__init__()
        self.weight = nn.Parameter(0.1 * torch.randn(units, inputs))
        if trains_gain:
            self.gain = nn.Parameter(torch.ones(units))
        else:
            self.register_buffer("gain", torch.ones(units))
        self.bias = nn.Parameter(torch.zeros(units))

    def forward(self, x):
        return F.linear(x, self.weight) * (self.gain / self.weight.norm(dim=1)) + self.bias


class GaussianNoise(nn.Module):
    def __init__(self, deviation):
        super().__init__()
        self.deviation = deviation

    def forward(self, x):
        return x + self.deviation * torch.randn_like(x)


def improved_gan_generator(config) -> nn.Module:
    """(B, latent_dim) in [0, 1] -> (B, C, S, S) in [0, 1]."""
    layers, before, units = [], config.latent_dim, config.units // 2
    for _ in range(2):
        norm = nn.BatchNorm1d(units, eps=1e-6)
        # An offset alone.
        norm.weight = None
        layers += [nn.Linear(before, units, bias=False), norm, nn.Softplus()]
        before = units
    shape = (config.channels, config.image_size, config.image_size)
    last = WeightNormLinear(units, math.prod(shape), trains_gain=True)
    return nn.Sequential(*layers, last, nn.Unflatten(1, shape), nn.Sigmoid())


class ImprovedGANClassifier(nn.Module):
    """(B, C, S, S) in [0, 1] -> logits (B, classes)."""

    def __init__(self, config):
        super().__init__()
        layers, before = [nn.Flatten()], config.channels * config.image_size**2
        for number, share in enumerate((1, 2, 4, 4, 4)):
            units = config.units // share
            layers.append(GaussianNoise(config.hidden_noise if number else config.input_noise))
            layers += [WeightNormLinear(before, units), nn.ReLU(inplace=True)]
            before = units
        self.features = nn.Sequential(*layers)
        self.last = nn.Sequential(
            GaussianNoise(config.hidden_noise), WeightNormLinear(before, config.classes, trains_gain=True)
        )

    def forward(self, image):
        return self.last(self.features(image))
