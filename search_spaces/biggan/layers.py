"""Layers of BigGAN's generator and discriminator (Brock et al., arXiv 1809.11096).

Spectral normalisation (Miyato et al., arXiv 1802.05957) has the arithmetic and the buffers of the public
implementation, so that its checkpoints give the same numbers here.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_spaces.biggan.architecture import ATTENTION_DIVISOR
from search_spaces.precision import full_precision

SPECTRAL_EPS = 1e-8  # lower bound of the norm that a singular vector is divided by


class SpectralNorm(nn.Module):
    """A weight divided by its largest singular value, with one power iteration per pass.

    In training mode a pass moves `u0` (1, outputs), the left singular vector, and notes the value in `sv0`.
    In evaluation mode they stay, and the iteration starts from the same `u0` each time.
    """

    u0: Tensor
    sv0: Tensor

    def __init__(self, *shape: int, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(orthogonal(*shape))
        self.bias = nn.Parameter(torch.zeros(shape[0])) if bias else None
        self.register_buffer("u0", torch.randn(1, shape[0]))
        self.register_buffer("sv0", torch.ones(1))

    def normalized_weight(self) -> Tensor:
        """The weight divided by its largest singular value, both with gradients."""
        matrix = self.weight.flatten(1)
        with full_precision(matrix):
            with torch.no_grad():
                v = F.normalize(self.u0 @ matrix, eps=SPECTRAL_EPS)
            image = v @ matrix.T
            u = F.normalize(image.detach(), eps=SPECTRAL_EPS)
            value = (image * u).sum()
            if self.training:
                self.u0.copy_(u)
                self.sv0.copy_(value.detach())
            return self.weight / value


class SpectralConv(SpectralNorm):
    """A convolution that keeps the side."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, bias: bool = True) -> None:
        super().__init__(out_channels, in_channels, kernel, kernel, bias=bias)
        self.padding = kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, in_channels, H, W) ─► (N, out_channels, H, W)."""
        return F.conv2d(x, self.normalized_weight(), self.bias, padding=self.padding)


class SpectralLinear(SpectralNorm):
    """A linear layer."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__(outputs, inputs, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, inputs) ─► (N, outputs)."""
        return F.linear(x, self.normalized_weight(), self.bias)


class SpectralEmbedding(SpectralNorm):
    """A vector for every class."""

    def __init__(self, classes: int, outputs: int) -> None:
        super().__init__(classes, outputs, bias=False)

    def forward(self, labels: Tensor) -> Tensor:
        """One-hot `labels` (N, classes) ─► (N, outputs)."""
        return labels @ self.normalized_weight()


class Embedding(nn.Module):
    """A vector for every class, not normalised."""

    def __init__(self, classes: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(orthogonal(classes, outputs))

    def forward(self, labels: Tensor) -> Tensor:
        """One-hot `labels` (N, classes) ─► (N, outputs)."""
        return labels @ self.weight


class SelfAttention(nn.Module):
    """Self-attention over all positions (Zhang et al., arXiv 1805.08318); keys and values at half the side.

    It starts as the identity: `gamma`, the weight of the attention, is zero.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = channels // ATTENTION_DIVISOR
        self.theta = SpectralConv(channels, narrow, 1, bias=False)  # queries
        self.phi = SpectralConv(channels, narrow, 1, bias=False)  # keys
        self.g = SpectralConv(channels, channels // 2, 1, bias=False)  # values
        self.o = SpectralConv(channels // 2, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) ─► the same shape; H and W are even."""
        queries = self.theta(x).flatten(2)  # N, C/8, HW
        keys = F.max_pool2d(self.phi(x), 2).flatten(2)  # N, C/8, HW/4
        values = F.max_pool2d(self.g(x), 2).flatten(2)  # N, C/2, HW/4
        looks = torch.bmm(queries.transpose(1, 2), keys).softmax(dim=-1)
        seen: Tensor = self.o(torch.bmm(values, looks.transpose(1, 2)).reshape(x.shape[0], -1, *x.shape[2:]))
        return self.gamma * seen + x


def orthogonal(*shape: int) -> Tensor:
    """Initialise with orthonormal rows or columns (Saxe et al. 2014), as BigGANs do."""
    weight = torch.empty(*shape)
    return weight if weight.is_meta else nn.init.orthogonal_(weight)
