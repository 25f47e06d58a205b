"""The works' networks in PyTorch: those of `ours.py` layer by layer, initialised from the same distributions.

Except for two details that do not change the speed: with spectral norm W6's weights have another scale (see
`jaxgan/models/sngan.py`), and its vectors start after 15 power iterations.
"""

from collections.abc import Callable
from itertools import pairwise
from math import prod, sqrt
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from benchmarks.works import Work


def networks(work: Work) -> tuple[nn.Module, nn.Module]:
    """Returns the generator and the discriminator of a work, for images [B, C, H, W].

    >>> from benchmarks.works import work
    >>> [sum(p.numel() for p in net.parameters()) for net in networks(work("W4"))]
    [17154, 17025]
    """
    shape = (work.shape[-1], *work.shape[:-1])
    match work.name:
        case "W1":
            g = _dense((work.latent, 256, 512, 1024), prod(shape), _leaky)
            d = _dense((prod(shape), 512, 256), 1, _leaky)
            return _lecun(nn.Sequential(g, nn.Tanh(), nn.Unflatten(1, shape))), _lecun(_critic(d))
        case "W2":
            return _lecun(_upsampler(work)), _small(_down(work, batch_norm=True))
        case "W3":
            return _small(_up(work)), _small(_down(work, batch_norm=True))
        case "W4":
            g, d = _dense((2, 128, 128), 2, nn.ReLU), _dense((2, 128, 128), 1, nn.ReLU)
            return _lecun(g), _lecun(_critic(d))
        case "W5":
            return _small(_up(work)), _small(_down(work, batch_norm=False))
        case _:
            return _ResidualUp(work), _ResidualDown(work)


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.2)


def _dense(widths: tuple[int, ...], out: int, activation: Callable[[], nn.Module]) -> nn.Sequential:
    layers = [layer for i, o in pairwise(widths) for layer in (nn.Linear(i, o), activation())]
    return nn.Sequential(*layers, nn.Linear(widths[-1], out))


def _critic(layers: nn.Module) -> nn.Sequential:
    """One logit per example: [B]."""
    return nn.Sequential(nn.Flatten(), layers, nn.Flatten(0))


def _upsampler(work: Work) -> nn.Sequential:
    w = work.width
    layers: list[nn.Module] = [nn.Linear(work.latent, 16 * 4 * w), nn.Unflatten(1, (4 * w, 4, 4))]
    for i, o in ((4 * w, 4 * w), (4 * w, 2 * w), (2 * w, w)):
        layers += [nn.BatchNorm2d(i), nn.ReLU(), nn.Upsample(scale_factor=2), nn.Conv2d(i, o, 3, 1, 1)]
    return nn.Sequential(*layers, nn.BatchNorm2d(w), nn.ReLU(), nn.Conv2d(w, 3, 3, 1, 1), nn.Tanh())


def _up(work: Work) -> nn.Sequential:
    k = work.shape[0].bit_length() - 3
    widths = [work.width << i for i in reversed(range(k))]
    first = nn.Linear(work.latent, 16 * widths[0], bias=False)
    layers: list[nn.Module] = [first, nn.Unflatten(1, (widths[0], 4, 4))]
    for i, o in pairwise(widths):
        layers += [nn.BatchNorm2d(i), nn.ReLU(), nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False)]
    last = nn.ConvTranspose2d(widths[-1], work.shape[-1], 4, 2, 1)
    return nn.Sequential(*layers, nn.BatchNorm2d(widths[-1]), nn.ReLU(), last, nn.Tanh())


def _down(work: Work, batch_norm: bool) -> nn.Sequential:
    k = work.shape[0].bit_length() - 3
    channels, layers = work.shape[-1], list[nn.Module]()
    for i in range(k):
        width, normed = work.width << i, batch_norm and i > 0
        layers += [nn.Conv2d(channels, width, 4, 2, 1, bias=not normed)]
        layers += [nn.BatchNorm2d(width)] if normed else []
        layers += [_leaky()]
        channels = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * channels, 1), nn.Flatten(0))


class _ResidualUp(nn.Module):
    """SNGAN's generator: dense to 4x4, three blocks that double the side, BatchNorm, ReLU, 3x3, tanh."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        w = work.width
        self.first = _xavier(nn.Linear(work.latent, 16 * w))
        self.blocks = nn.Sequential(*(_Up(w) for _ in range(3)))
        self.norm, self.last = nn.BatchNorm2d(w), _xavier(nn.Conv2d(w, work.shape[-1], 3, 1, 1))

    def forward(self, z: Tensor) -> Tensor:
        x = self.blocks(self.first(z).unflatten(1, (-1, 4, 4)))
        return torch.tanh(self.last(F.relu(self.norm(x))))


class _Up(nn.Module):
    """Norm, ReLU, double, 3x3, norm, ReLU, 3x3; beside it 1x1, double: the cheaper order of the two."""

    def __init__(self, w: int) -> None:
        super().__init__()
        self.norm0, self.norm1 = nn.BatchNorm2d(w), nn.BatchNorm2d(w)
        self.conv0, self.conv1 = (_xavier(nn.Conv2d(w, w, 3, 1, 1), sqrt(2)) for _ in range(2))
        self.short = _xavier(nn.Conv2d(w, w, 1))

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv0(F.interpolate(F.relu(self.norm0(x)), scale_factor=2))
        h = self.conv1(F.relu(self.norm1(h)))
        return h + F.interpolate(self.short(x), scale_factor=2)


class _ResidualDown(nn.Module):
    """SNGAN's discriminator: two blocks that halve the side and two that do not, ReLU, sum, logit."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        w, channels = work.width, work.shape[-1]
        down = (_Down(channels, w, True, True), _Down(w, w, True, False))
        self.blocks = nn.Sequential(*down, _Down(w, w, False, False), _Down(w, w, False, False))
        self.logit = spectral_norm(_xavier(nn.Linear(w, 1)))

    def forward(self, x: Tensor) -> Tensor:
        return self.logit(F.relu(self.blocks(x)).sum((2, 3)))[:, 0]


class _Down(nn.Module):
    """ReLU, 3x3, ReLU, 3x3, halve; beside it halve, 1x1. Spectral norm; no ReLU at the very first."""

    def __init__(self, i: int, o: int, halve: bool, first: bool) -> None:
        super().__init__()
        self.halve, self.first = halve, first
        self.conv0 = spectral_norm(_xavier(nn.Conv2d(i, o, 3, 1, 1), sqrt(2)))
        self.conv1 = spectral_norm(_xavier(nn.Conv2d(o, o, 3, 1, 1), sqrt(2)))
        self.short = spectral_norm(_xavier(nn.Conv2d(i, o, 1))) if halve else None

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.relu(self.conv0(x if self.first else F.relu(x))))
        if self.short is None:
            return h + x
        return F.avg_pool2d(h, 2) + self.short(F.avg_pool2d(x, 2))


def _lecun(net: nn.Sequential) -> nn.Sequential:
    """Weights of variance 1 / fan_in from a normal cut at 2 standard deviations, biases 0: Flax's default."""
    for layer in net.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            std = layer.weight[0].numel() ** -0.5 / 0.87962566  # the cut takes this much of it away
            nn.init.trunc_normal_(layer.weight, 0.0, std, -2 * std, 2 * std)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return net


def _small(net: nn.Sequential) -> nn.Sequential:
    """DCGAN's: kernels from N(0, 0.02), scales of BatchNorm from N(1, 0.02), biases 0."""
    for layer in net.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d):
            nn.init.normal_(layer.weight, float(isinstance(layer, nn.BatchNorm2d)), 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return net


def _xavier(layer: Any, gain: float = 1.0) -> Any:  # a linear layer or a convolution
    nn.init.xavier_uniform_(layer.weight, gain)
    nn.init.zeros_(layer.bias)
    return layer
