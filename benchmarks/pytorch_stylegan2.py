"""The networks of `ganzoo/architectures/stylegan2.py` in plain PyTorch, channels first.

Modulated convolutions are those of rosinality's stylegan2-pytorch, of PyTorch's own operations alone.
"""

import itertools
import math

import torch
from torch import nn
from torch.nn import functional as F


class EqualizedLinear(nn.Module):
    """A dense layer whose weights begin as N(0, 1) over its rate, and are scaled where they are used."""

    def __init__(self, inputs, units, gain=1.0, rate=1.0, bias=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(units, inputs) / rate)
        self.bias = nn.Parameter(torch.full((units,), bias / rate))
        self.scale, self.rate = gain * rate / math.sqrt(inputs), gain * rate

    def forward(self, x):
        return F.linear(x, self.weight * self.scale, self.bias * self.rate)


class EqualizedConv(nn.Module):
    """A convolution of the same kind; with strides without zeros around."""

    def __init__(self, inputs, units, size, stride=1, gain=1.0, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(units, inputs, size, size))
        self.bias = nn.Parameter(torch.zeros(units)) if bias else None
        self.out_channels, self.stride, self.gain = units, stride, gain
        self.scale = gain / math.sqrt(inputs * size**2)

    def forward(self, x):
        bias = None if self.bias is None else self.bias * self.gain
        padding = self.weight.shape[-1] // 2 if self.stride == 1 else 0
        return F.conv2d(x, self.weight * self.scale, bias, self.stride, padding)


class ModulatedConv(nn.Module):
    """A convolution with a kernel of its own for each example, which a style scales: a group of channels each.

    With `doubles` the size is twice as much and one more, to be blurred.
    """

    grouped = True
    """False: inputs and outputs are scaled in place of kernels, as NVIDIA's code does in training."""

    def __init__(self, inputs, units, size, doubles=False, demodulates=True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(units, inputs, size, size))
        self.bias = None if demodulates else nn.Parameter(torch.zeros(units))
        self.doubles, self.demodulates, self.padding = doubles, demodulates, size // 2
        self.scale = 1 / math.sqrt(inputs * size**2)

    def forward(self, x, style):
        weight = self.weight * self.scale
        x = self.in_groups(x, style, weight) if self.grouped else self.scaled(x, style, weight)
        # There are three zeros for each value, among which a blur spreads it.
        x = 4 * x if self.doubles else x
        return x if self.bias is None else x + self.bias[:, None, None]

    def in_groups(self, x, style, weight):
        count, (units, inputs, *size) = len(x), weight.shape
        weight = weight * style[:, None, :, None, None]
        if self.demodulates:
            weight = weight * (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
        x = x.reshape(1, -1, *x.shape[2:])
        if self.doubles:
            x = F.conv_transpose2d(x, weight.transpose(1, 2).reshape(-1, units, *size), stride=2, groups=count)
        else:
            x = F.conv2d(x, weight.reshape(-1, inputs, *size), padding=self.padding, groups=count)
        return x.reshape(count, units, *x.shape[2:])

    def scaled(self, x, style, weight):
        x = x * style[..., None, None]
        x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2) if self.doubles else self.plain(x, weight)
        if not self.demodulates:
            return x
        return x * (style.square() @ weight.square().sum((2, 3)).t() + 1e-8).rsqrt()[..., None, None]

    def plain(self, x, weight):
        return F.conv2d(x, weight, padding=self.padding)


class NoiseAndBias(nn.Module):
    """Noise that is the same in all channels, a bias, and a leaky ReLU that keeps the size of values."""

    def __init__(self, channels):
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.given = []

    def forward(self, x):
        noise = self.given.pop(0) if self.given else torch.randn_like(x[:, :1])
        return leaky(x + noise * self.strength + self.bias[:, None, None], math.sqrt(2))


def leaky(x, gain=1.0):
    return F.leaky_relu(x * gain, 0.2)


class Blur(nn.Module):
    """The filter [1, 3, 3, 1] / 8 both ways, over zeros around."""

    def __init__(self, pad=1, stride=1):
        super().__init__()
        row = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer("kernel", (row[:, None] * row)[None, None], persistent=False)
        self.pad, self.stride = pad, stride

    def forward(self, x):
        seen = F.conv2d(x.reshape(-1, 1, *x.shape[2:]), self.kernel.to(x.dtype), None, self.stride, self.pad)
        return seen.reshape(*x.shape[:2], *seen.shape[2:])


class StyleGAN2Mapping(nn.Module):
    """Latents (B, latent_dim) -> w (B, latent_dim); knows the mean of w."""

    def __init__(self, config):
        super().__init__()
        length, options = config.latent_dim, {"gain": math.sqrt(2), "rate": config.mapping_rate}
        self.dense = nn.ModuleDict(
            {
                f"dense{number + 1}": EqualizedLinear(length, length, **options)
                for number in range(config.mapping_layers)
            }
        )
        self.register_buffer("mean", torch.zeros(length))
        self.decay = config.w_decay

    def forward(self, latents):
        x = latents * (latents.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for dense in self.dense.values():
            x = leaky(dense(x))
        with torch.no_grad():
            self.mean.lerp_(x.float().mean(0), 1 - self.decay)
        return x


class Constant(nn.Embedding):
    """What a synthesis begins with: (B, channels, 4, 4)."""

    def __init__(self, channels):
        super().__init__(1, 16 * channels)

    def forward(self, count):
        return self.weight.reshape(1, 4, 4, -1).permute(0, 3, 1, 2).contiguous().expand(count, -1, -1, -1)


class StyleGAN2Synthesis(nn.Module):
    """A w for each layer (B, layers, latent_dim) -> (B, C, S, S)."""

    def __init__(self, config):
        super().__init__()
        self.sizes, self.blur = config.sizes, Blur()
        self.parts = nn.ModuleDict({"constant": Constant(config.filters(4))})
        before = config.filters(4)
        for size in config.sizes:
            filters, name = config.filters(size), f"{size}x{size}"
            if size > 4:
                self.add(f"up{name}", config.latent_dim, ModulatedConv(before, filters, 3, doubles=True), filters)
            self.add(f"conv{name}", config.latent_dim, ModulatedConv(filters, filters, 3), filters)
            self.add(f"rgb{name}", config.latent_dim, ModulatedConv(filters, config.channels, 1, demodulates=False))
            before = filters

    def add(self, name, length, conv, noisy=None):
        self.parts[f"{name}_style"] = EqualizedLinear(length, conv.weight.shape[1], bias=1.0)
        self.parts[name] = conv
        if noisy:
            self.parts[f"{name}_noise"] = NoiseAndBias(noisy)

    def given(self, batch):
        """Takes noise, if there is some in a batch, for as many uses: `conv4x4_noise 0`, `conv4x4_noise 1`."""
        for key, noise in batch.items():
            name, _, number = key.partition(" ")
            if number:
                self.parts[name].given.append(noise)

    def layer(self, x, name, w):
        x = self.parts[name](x, self.parts[f"{name}_style"](w))
        x = self.blur(x) if name.startswith("up") else x
        return self.parts[f"{name}_noise"](x) if f"{name}_noise" in self.parts else x

    def forward(self, styles):
        x, place, image = self.parts["constant"](len(styles)), 0, 0
        for size in self.sizes:
            name = f"{size}x{size}"
            if size > 4:
                x = self.layer(x, f"up{name}", styles[:, place])
                image = F.interpolate(image, scale_factor=2, mode="bilinear")
                place += 1
            x = self.layer(x, f"conv{name}", styles[:, place])
            place += 1
            # The picture shares its w with the next convolution.
            image = image + self.layer(x, f"rgb{name}", styles[:, place])
        return image


class StyleGAN2Generator(nn.Module):
    """In two parts, whose modules have the names of Keras's layers."""

    named_as_in_keras = True

    def __init__(self, config):
        super().__init__()
        self.mapping, self.synthesis = StyleGAN2Mapping(config), StyleGAN2Synthesis(config)


class StyleGAN2Block(nn.Module):
    """(B, before, S, S) -> (B, units, S/2, S/2); each way has half of the energy."""

    def __init__(self, before, units):
        super().__init__()
        self.conv = EqualizedConv(before, before, 3, gain=math.sqrt(2))
        self.down = EqualizedConv(before, units, 3, stride=2)
        self.skip = EqualizedConv(before, units, 1, gain=math.sqrt(0.5), bias=False)
        self.blur, self.halves = Blur(pad=2), Blur(stride=2)

    def forward(self, x):
        y = leaky(self.conv(x))
        return leaky(self.down(self.blur(y))) + self.skip(self.halves(x))


class WithDeviation(nn.Module):
    """Appends a map of how much each example and the three that follow differ."""

    def forward(self, x):
        group = torch.stack([x.roll(-place, 0) for place in range(4)]).float()
        found = ((group - group.mean(0)).square().mean(0) + 1e-8).sqrt().mean((1, 2, 3), keepdim=True)
        return torch.cat([x, found.to(x.dtype).expand(-1, 1, *x.shape[2:])], 1)


class StyleGAN2Discriminator(nn.Module):
    """(B, C, S, S) -> logits (B, 1)."""

    def __init__(self, config):
        super().__init__()
        gain, filters = math.sqrt(2), [config.filters(size) for size in reversed(config.sizes)]
        self.rgb = EqualizedConv(config.channels, filters[0], 1, gain=gain)
        blocks = [StyleGAN2Block(before, after) for before, after in itertools.pairwise(filters)]
        self.blocks = nn.Sequential(*blocks, WithDeviation())
        units = filters[-1]
        self.last_conv = EqualizedConv(units + 1, units, 3, gain=gain)
        self.flat = nn.Flatten()
        self.dense = EqualizedLinear(16 * units, units, gain=gain)
        self.last = EqualizedLinear(units, 1)

    def forward(self, image):
        x = leaky(self.last_conv(self.blocks(leaky(self.rgb(image)))))
        return self.last(leaky(self.dense(self.flat(x))))
