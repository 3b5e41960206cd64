"""Generators as public repositories write them, and layouts that nobody has published."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

T, BN, Leaky = nn.ConvTranspose2d, nn.BatchNorm2d, nn.LeakyReLU


def named(**modules: nn.Module) -> nn.Module:
    return nn.Sequential(OrderedDict(modules))


def reshaped(*shape: int) -> nn.Module:
    return nn.Unflatten(1, shape)


def up(before: int, after: int, kernel: int = 4, **options: Any) -> nn.Module:
    return T(before, after, kernel, 2, 1, bias=False, **options)


def faces() -> nn.Module:
    """Of efleurine/faces-dcgan."""
    return named(
        fc=nn.Linear(10, 128),
        shape=reshaped(8, 4, 4),
        batch_norm_fc=BN(8),
        relu0=nn.ReLU(),
        t_conv1=nn.Sequential(up(8, 6), BN(6)),
        relu1=nn.ReLU(),
        t_conv2=nn.Sequential(up(6, 5), BN(5)),
        relu2=nn.ReLU(),
        t_conv3=nn.Sequential(up(5, 3)),
        tanh=nn.Tanh(),
    )


def faces_of_mixed_convolutions() -> nn.Module:
    """Of fletchersarip93/face-generator."""
    return named(
        shape=reshaped(10, 1, 1),
        generator_deconv=nn.Sequential(
            nn.Sequential(T(10, 8, 4, 1, 0, bias=False), BN(8)),
            nn.Sequential(nn.Conv2d(8, 7, 3, 1, 1, bias=False), BN(7), Leaky(0.2)),
            nn.Sequential(up(7, 6), BN(6), Leaky(0.2)),
            nn.Sequential(up(6, 5), BN(5), Leaky(0.2)),
            nn.Sequential(T(5, 3, 4, 2, 1), nn.Tanh()),
        ),
    )


def digits_by_way_of_7_px() -> nn.Module:
    """Of dennisjooo/DCGAN-on-MNIST."""
    start = (reshaped(10, 1, 1), T(10, 8, 4, 1, 0, bias=False), BN(8), Leaky(0.2))
    middle = (up(8, 6, 3), BN(6), Leaky(0.2), up(6, 5), BN(5), Leaky(0.2))
    return named(layer_stack=nn.Sequential(*start, *middle, up(5, 1), nn.Tanh()))


def up_sampled(side: int = 7) -> nn.Module:
    """Of eriklindernoren/PyTorch-GAN, dcgan.py."""
    first = (BN(8), nn.Upsample(scale_factor=2), nn.Conv2d(8, 8, 3, 1, 1), BN(8, 0.8), Leaky(0.2))
    second = (nn.Upsample(scale_factor=2), nn.Conv2d(8, 6, 3, 1, 1), BN(6, 0.8), Leaky(0.2))
    return named(
        l1=nn.Sequential(nn.Linear(10, 8 * side**2)),
        shape=reshaped(8, side, side),
        conv_blocks=nn.Sequential(*first, *second, nn.Conv2d(6, 1, 3, 1, 1), nn.Tanh()),
    )


def course() -> nn.Module:
    """Of the DeepLearning.AI course."""
    blocks = [
        nn.Sequential(T(10, 8, 3, 2), BN(8), nn.ReLU()),
        nn.Sequential(T(8, 7, 4, 1), BN(7), nn.ReLU()),
        nn.Sequential(T(7, 6, 3, 2), BN(6), nn.ReLU()),
        nn.Sequential(T(6, 1, 4, 2), nn.Tanh()),
    ]
    return named(shape=reshaped(10, 1, 1), gen=nn.Sequential(*blocks))


def fashion() -> nn.Module:
    """Of syoopie/fashion-DCGAN."""
    return named(
        layer1=nn.Sequential(nn.Linear(10, 8 * 49), nn.ReLU()),
        shape=reshaped(8, 7, 7),
        layer2=nn.Sequential(T(8, 6, 5, 2, 2, 1), BN(6), nn.ReLU()),
        layer3=nn.Sequential(T(6, 1, 5, 2, 2, 1), nn.Tanh()),
    )


def matrices() -> nn.Module:
    """Of csinva/gan-vae-pretrained-pytorch."""
    hidden = (nn.Linear(10, 12), nn.ReLU(), nn.Linear(12, 14), nn.ReLU())
    return nn.Sequential(*hidden, nn.Linear(14, 784), nn.Tanh(), reshaped(1, 28, 28))


def unknown() -> nn.Module:
    """DCGAN as torch's tutorial has it; its names are anybody's."""
    layers: list[nn.Module] = [reshaped(10, 1, 1), T(10, 8, 4, 1, 0, bias=False), BN(8), nn.ReLU()]
    for before, after in ((8, 7), (7, 6), (6, 5)):
        layers += [up(before, after), BN(after), nn.ReLU()]
    return nn.Sequential(*layers, up(5, 3), nn.Tanh())


def unknown_with_two_matrices() -> nn.Module:
    """As InfoGAN has them, every one of their outputs normalised by itself."""
    first = (nn.Linear(10, 12), nn.BatchNorm1d(12), nn.ReLU())
    second = (nn.Linear(12, 8 * 49, bias=False), nn.BatchNorm1d(8 * 49), nn.ReLU(), reshaped(8, 7, 7))
    return nn.Sequential(*first, *second, up(8, 6), BN(6), nn.ReLU(), T(6, 1, 4, 2, 1), nn.Tanh())


KNOWN = [faces, faces_of_mixed_convolutions, digits_by_way_of_7_px, up_sampled, course, fashion, matrices]

UNKNOWN = [unknown, unknown_with_two_matrices]


@torch.no_grad()
def trained(make: Callable[[], nn.Module]) -> nn.Module:
    """A network whose running statistics, scales and shifts are not those that it starts with."""
    torch.manual_seed(0)
    network = make().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | BN):
            for name in ("weight", "bias", "running_mean", "running_var"):
                getattr(module, name).uniform_(0.5, 1.5)
    return network


def norm(width: int) -> nn.Module:
    return nn.InstanceNorm2d(width, affine=True, track_running_stats=True)
