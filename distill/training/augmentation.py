"""Augmentation of a discriminator's images, for small data sets (Karras et al., arXiv 2006.06676).

The paper's pixel blitting, geometric and colour transformations (appendix B), which do not leak into the
generator's images as long as each one is left out often enough. Ours: all geometry is one bilinear lookup
with reflected borders, without the paper's low-pass filters, and R1 is taken at the augmented images.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TARGET = 0.6  # of r_t, the mean sign of D at real images (section 3): above it D overfits
ADJUST_EVERY = 4  # steps
RAMP = 500_000  # images in which p goes from 0 to 1 at the fastest

SHIFT = 0.125  # of the image's side: bound of whole-pixel shifts, deviation of sub-pixel ones
SCALE = 0.2  # deviation of log2 of the isotropic and of the anisotropic scale
BRIGHTNESS = 0.2  # deviation, in units of the half range of [-1, 1]
CONTRAST = 0.5  # deviation of log2
SATURATION = 1.0  # deviation of log2


class Augment(nn.Module):
    """Transforms each image with probability `p` by each of the transformations, drawn for itself.

    Random numbers come from torch's global generator of the images' device. With a `target`, `p` follows the
    discriminator's overfitting: `observe` its logits of real images, then `adjust`. `state_dict` holds the
    progress of that. Nothing here waits for an accelerator.
    """

    p: Tensor
    signs: Tensor
    seen: Tensor

    def __init__(self, p: float = 0.0, target: float | None = None) -> None:
        super().__init__()
        self.target = target
        self.register_buffer("p", torch.tensor(p))
        self.register_buffer("signs", torch.tensor(0.0))  # sum since the last adjustment
        self.register_buffer("seen", torch.tensor(0.0))  # images since the last adjustment

    @classmethod
    def adaptive(cls) -> Augment:
        """Adaptive discriminator augmentation as in the paper: from p = 0 towards r_t = 0.6."""
        return cls(0.0, TARGET)

    def forward(self, images: Tensor) -> Tensor:
        """Square images (N, 1 or 3, R, R) around [-1, 1] ⇒ the same shape; at `p` 0 nothing changes."""
        return recolour(warp(images, self.p), self.p)

    @torch.no_grad()
    def observe(self, real_logits: Tensor) -> None:
        """Add the discriminator's logits (N,) of real images to the estimate of r_t."""
        self.signs += real_logits.float().sign().sum()
        self.seen += real_logits.numel()

    @torch.no_grad()
    def adjust(self) -> None:
        """Move `p` towards the target, by the logits since the last call; without a target it stays."""
        if self.target is not None:
            overfits = torch.sign(self.signs / self.seen.clamp_min(1) - self.target)
            self.p.add_(overfits * self.seen / RAMP).clamp_(0, 1)
        self.signs.zero_()
        self.seen.zero_()


def warp(images: Tensor, p: Tensor | float) -> Tensor:
    """Flips, turns, shifts and scales, each with probability `p`."""
    lookup, moved = _lookup(images, torch.as_tensor(p, device=images.device))
    grid = F.affine_grid(lookup[:, :2], list(images.shape), align_corners=False)
    warped = F.grid_sample(images, grid.to(images.dtype), "bilinear", "reflection", align_corners=False)
    return torch.where(moved[:, None, None, None], warped, images)  # what is not moved stays to the bit


def recolour(images: Tensor, p: Tensor | float) -> Tensor:
    """Brightness, contrast, luma flip, hue and saturation, each with probability `p`; grey has three."""
    matrix, changed = _colours(images, torch.as_tensor(p, device=images.device))
    mix, offset = matrix[:, :3, :3], matrix[:, :3, 3:]
    if images.shape[1] == 1:  # grey is RGB with three equal channels, and stays it but for rounding
        mix, offset = mix.sum(dim=(1, 2), keepdim=True) / 3, offset.mean(dim=1, keepdim=True)
    mixed = (mix @ images.flatten(2) + offset).reshape(images.shape)
    return torch.where(changed[:, None, None, None], mixed, images)


class _Chain:
    """A product of random matrices (N, D, D), each being the identity where it was not drawn."""

    def __init__(self, images: Tensor, size: int) -> None:
        self.n, self.device = len(images), images.device
        self.identity = torch.eye(size, device=self.device).expand(self.n, -1, -1)
        self.product = self.identity
        self.used = torch.zeros(self.n, dtype=torch.bool, device=self.device)

    def uniform(self, low: float, high: float) -> Tensor:
        return torch.rand(self.n, device=self.device) * (high - low) + low

    def normal(self, deviation: float) -> Tensor:
        return torch.randn(self.n, device=self.device) * deviation

    def whole(self, below: int) -> Tensor:
        return torch.randint(below, (self.n,), device=self.device).float()

    def drawn(self, matrices: Tensor, p: Tensor) -> Tensor:
        """`matrices` for a random fraction `p` of the samples, the identity for the others."""
        chosen = torch.rand(self.n, device=self.device) < p
        self.used = self.used | chosen
        return torch.where(chosen[:, None, None], matrices, self.identity)


def _lookup(images: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
    """Where each output pixel comes from, (N, 3, 3) in coordinates from -1 to 1, and which images move, (N,).

    Inverse transformations in the order of the paper: what is applied last is looked up first, so each
    inverse is multiplied from the right.
    """
    chain, side = _Chain(images, 3), images.shape[-1]
    zero, one = torch.zeros(chain.n, device=chain.device), torch.ones(chain.n, device=chain.device)
    pre_or_post = 1 - (1 - p).sqrt()  # either of the two rotations happens with probability p

    def then(inverse: Tensor, p: Tensor) -> None:
        chain.product = chain.product @ chain.drawn(inverse, p)

    def scale(x: Tensor, y: Tensor) -> Tensor:
        return _matrix([[x, zero, zero], [zero, y, zero], [zero, zero, one]])

    def turn(angle: Tensor) -> Tensor:
        cos, sin = angle.cos(), angle.sin()
        return _matrix([[cos, -sin, zero], [sin, cos, zero], [zero, zero, one]])

    def shift(x: Tensor, y: Tensor) -> Tensor:
        return _matrix([[one, zero, x], [zero, one, y], [zero, zero, one]])

    def pixels(fraction: Tensor) -> Tensor:
        return (fraction * side).round() * (2 / side)

    then(scale(1 - 2 * chain.whole(2), one), p)
    then(turn(chain.whole(4) * (math.pi / 2)), p)
    then(shift(pixels(chain.uniform(-SHIFT, SHIFT)), pixels(chain.uniform(-SHIFT, SHIFT))), p)
    factor = chain.normal(SCALE).exp2()
    then(scale(factor, factor), p)
    then(turn(chain.uniform(-math.pi, math.pi)), pre_or_post)
    factor = chain.normal(SCALE).exp2()
    then(scale(factor, 1 / factor), p)
    then(turn(chain.uniform(-math.pi, math.pi)), pre_or_post)
    then(shift(chain.normal(2 * SHIFT), chain.normal(2 * SHIFT)), p)
    return chain.product, chain.used


def _colours(images: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
    """Colour transformations (N, 4, 4) of homogeneous RGB, and which images change, (N,)."""
    chain = _Chain(images, 4)
    grey = torch.tensor([1.0, 1.0, 1.0, 0.0], device=chain.device) / math.sqrt(3)  # the axis of luminance
    luma = torch.outer(grey, grey)
    last = torch.diag(torch.tensor([0.0, 0.0, 0.0, 1.0], device=chain.device))
    chroma = torch.eye(4, device=chain.device) - last - luma

    def then(matrices: Tensor) -> None:
        chain.product = chain.drawn(matrices, p) @ chain.product

    def column(x: Tensor) -> Tensor:
        return x[:, None, None]

    brightness = chain.identity.clone()
    brightness[:, :3, 3] = chain.normal(BRIGHTNESS)[:, None]
    then(brightness)
    then(column(chain.normal(CONTRAST).exp2()) * (luma + chroma) + last)
    then(chain.identity - 2 * luma * column(chain.whole(2)))
    if images.shape[1] > 1:
        then(_around(grey[:3], chain.uniform(-math.pi, math.pi)))
        then(luma + last + column(chain.normal(SATURATION).exp2()) * chroma)
    return chain.product, chain.used


def _around(axis: Tensor, angle: Tensor) -> Tensor:
    """Rotations (N, 4, 4) of three dimensions by `angle` (N,) around a unit `axis` (3,) (Rodrigues)."""
    x, y, z = axis
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3)
    sin, cos = angle.sin()[:, None, None], angle.cos()[:, None, None]
    turned = torch.eye(3, device=axis.device) + sin * cross + (1 - cos) * (cross @ cross)
    return F.pad(turned, (0, 1, 0, 1)) + torch.diag(torch.tensor([0.0, 0, 0, 1], device=axis.device))


def _matrix(rows: list[list[Tensor]]) -> Tensor:
    """Entries (N,) ⇒ matrices (N, D, D)."""
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)
