"""The layers of DCGANs."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_spaces.batch_statistics import BatchNorm
from search_spaces.dcgan.architecture import Activation, Layer

SLOPE = 0.2  # of leaky ReLU for negative values


def leaky_relu(x: Tensor) -> Tensor:
    """Leaky ReLU of slope 0.2."""
    return F.leaky_relu(x, SLOPE)


def tanh(x: Tensor) -> Tensor:
    """Tanh in float32 also under autocast: images in half precision would show banding."""
    return torch.tanh(x.float())


def _same(x: Tensor) -> Tensor:
    return x


ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "leaky": leaky_relu,
    "tanh": tanh,
    "none": _same,
}


class GeneratorLayer(nn.Module):
    """(N, in_channels, H, W) ─► (N, layer.channels, H', W')."""

    def __init__(self, in_channels: int, layer: Layer) -> None:
        super().__init__()
        self.layer = layer
        self.map: nn.Linear | nn.Conv2d | nn.ConvTranspose2d = _linear_map(in_channels, layer)
        self.norm = BatchNorm(layer.channels, layer.epsilon) if layer.norm else None
        self.activation = ACTIVATIONS[layer.activation]
        taps = layer.kernel**2
        seen = {"dense": 1, "transposed": max(1, taps // layer.stride**2)}.get(layer.kind, taps)
        initialise(self.map, in_channels * seen)

    def forward(self, x: Tensor) -> Tensor:
        if self.layer.kind == "dense":
            side = self.layer.kernel
            x = self.map(x.flatten(1)).reshape(-1, self.layer.channels, side, side)
        else:
            if self.layer.kind == "upsampled":
                x = F.interpolate(x, scale_factor=float(self.layer.stride), mode="nearest")
            x = self.map(x)
        return self.activation(x if self.norm is None else self.norm(x))


def _linear_map(in_channels: int, layer: Layer) -> nn.Linear | nn.Conv2d | nn.ConvTranspose2d:
    if layer.kind == "dense":
        return nn.Linear(in_channels, layer.channels * layer.kernel**2, bias=layer.bias)
    if layer.kind == "transposed":
        return nn.ConvTranspose2d(
            in_channels,
            layer.channels,
            layer.kernel,
            layer.stride,
            layer.padding,
            layer.output_padding,
            bias=layer.bias,
        )
    stride = layer.stride if layer.kind == "conv" else 1
    return nn.Conv2d(in_channels, layer.channels, layer.kernel, stride, layer.padding, bias=layer.bias)


def initialise(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d, fan_in: int) -> None:
    """Normal weights that keep the variance behind a rectifier (He et al., arXiv 1502.01852); biases 0.

    DCGAN's own standard deviation, 0.02 everywhere, makes narrow networks without normalisation die out.

    Args:
        layer: the layer to initialise.
        fan_in: number of inputs per output.
    """
    nn.init.normal_(layer.weight, std=(2 / fan_in) ** 0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
