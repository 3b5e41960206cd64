"""Relations between the parts of an image: its rows, its columns, its patches (CRD, arXiv 2212.11091).

Each part is one vector. A student's parts shall have the same distances to each other as its teacher's, in
units of their mean, and the same angles. Both are invariant to isometries and to scale, so half of the
contrast, another brightness or the negative of an image costs nothing: relations need a term beside them that
compares the images themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

ANGLE_WEIGHT = 2.0  # beside distances, as published
PATCHES_A_SIDE = 8  # patches of 32 px in an image of 256 px
MOST_VERTICES = 64  # beyond that many parts, angles are taken at a random sample of them
BLOCK = {"cpu": 2**16, "cuda": 2**25}
"""Angles in memory at a time, by kind of device: what fits a core's cache is twice as fast."""


def rows(images: Tensor) -> Tensor:
    """The rows of pixels of images (N, C, H, W), as parts (N, H, C·W)."""
    return images.transpose(1, 2).flatten(2)


def columns(images: Tensor) -> Tensor:
    """The columns of pixels of images (N, C, H, W), as parts (N, W, C·H)."""
    return images.permute(0, 3, 1, 2).flatten(2)


def patches(images: Tensor) -> Tensor:
    """The patches of images (N, C, H, W), which do not overlap, as parts (N, P, C·H/8·W/8).

    There are 64 where 8 divides both sides; pixels beyond a whole number of patches are left out.
    """
    size = tuple(max(1, side // PATCHES_A_SIDE) for side in images.shape[2:])
    return F.unfold(images, size, stride=size).transpose(1, 2)


PARTS: dict[str, Callable[[Tensor], Tensor]] = {"rows": rows, "columns": columns, "patches": patches}
"""How to take images (N, C, H, W) apart, by name; parts are (N, P, D)."""


def relation_loss(
    student: Tensor, teacher: Tensor, vertices: int = MOST_VERTICES, rng: torch.Generator | None = None
) -> Tensor:
    """`distance_loss` + 2 · `angle_loss` of parts (N, P, D); a scalar, float32.

    The arguments are those of `angle_loss`.
    """
    return distance_loss(student, teacher) + ANGLE_WEIGHT * angle_loss(student, teacher, vertices, rng)


def distance_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Smooth L1 (β 1) of the distances between parts, in units of their mean; a scalar, float32.

    Args:
        student: parts (N, P, D) of N images.
        teacher: those of the teacher's images for the same inputs.

    The mean is over N·P² pairs, those of a part with itself included.
    """
    wanted = _in_units_of_their_mean(_distances(_inner_products(teacher.detach())))
    return F.smooth_l1_loss(_in_units_of_their_mean(_distances(_inner_products(student))), wanted).float()


def angle_loss(
    student: Tensor, teacher: Tensor, vertices: int = MOST_VERTICES, rng: torch.Generator | None = None
) -> Tensor:
    """Smooth L1 (β 1) of the cosines of the angles j-i-k between parts; a scalar, float32.

    The mean is over N·P³ triples; where part j or k equals part i the cosine is 0.

    Args:
        student: parts (N, P, D) of N images.
        teacher: those of the teacher's images for the same inputs.
        vertices: at most so many parts i, drawn anew in each call without replacement, so that the loss and
            its gradient are without bias; exact from P on.
        rng: of the draw, on the CPU; torch's global one unless given.
    """
    parts = student.shape[1]
    chosen = torch.randperm(parts, generator=rng)[:vertices] if vertices < parts else torch.arange(parts)
    products, wanted = _inner_products(student), _inner_products(teacher.detach())
    inverse, wanted_inverse = (_inverse(_distances(x)) for x in (products, wanted))
    loss: Tensor = _AngleLoss.apply(products, inverse, wanted, wanted_inverse, chosen)  # type: ignore[no-untyped-call]  # torch has no types here
    return loss.float()


def _inner_products(parts: Tensor) -> Tensor:
    """Parts (N, P, D) ─► (N, P, P), about their mean.

    In float64, since an angle at parts that are nearly equal is a small difference of large products.
    """
    parts = parts.double()
    centred = parts - parts.mean(dim=1, keepdim=True)
    return centred @ centred.transpose(1, 2)


def _distances(products: Tensor) -> Tensor:
    """Inner products ─► Euclidean distances, (N, P, P); exactly 0, without gradient, between equal parts."""
    sizes = torch.diagonal(products, dim1=1, dim2=2)
    squared = sizes[:, :, None] + sizes[:, None, :] - 2 * products
    rounding = 1e-13 * sizes.amax(dim=1)[:, None, None]
    differ = squared > rounding
    return torch.where(differ, squared, 1.0).sqrt() * differ


def _in_units_of_their_mean(distances: Tensor) -> Tensor:
    """Distances (N, P, P), divided by the mean of the positive ones of their image."""
    mean = distances.sum(dim=(1, 2)) / (distances > 0).sum(dim=(1, 2)).clamp_min(1)
    return distances / torch.where(mean > 0, mean, 1.0)[:, None, None]


def _inverse(distances: Tensor) -> Tensor:
    """1 / distances, and 0 where the distance is 0."""
    differ = distances > 0
    return differ / torch.where(differ, distances, 1.0)


class _AngleLoss(torch.autograd.Function):
    """The loss, and its gradient in the same pass: blocks of vertices are forgotten when they are done."""

    @staticmethod
    def forward(
        ctx: Any, products: Tensor, inverse: Tensor, wanted: Tensor, wanted_inverse: Tensor, vertices: Tensor
    ) -> Tensor:
        n, parts, _ = products.shape
        total = products.new_zeros(())
        by_product, by_inverse = torch.zeros_like(products), torch.zeros_like(products)
        block_size = BLOCK.get(products.device.type, BLOCK["cuda"]) // (n * parts * parts)
        for block in vertices.to(products.device).split(max(1, block_size)):  # type: ignore[no-untyped-call]  # torch has no types here
            scale, wanted_scale = _scale(inverse, block), _scale(wanted_inverse, block)
            cosines = _numerators(products, block).mul_(scale)
            error = cosines - _numerators(wanted, block).mul_(wanted_scale)
            slope = error.clamp(-1, 1)  # of smooth L1, which is slope · (error - slope / 2)
            total += torch.vdot(slope.flatten(), error.sub_(slope, alpha=0.5).flatten())
            _add_gradients(by_product, by_inverse, slope, cosines, scale, inverse[:, block], block)
        count = n * len(vertices) * parts * parts
        ctx.save_for_backward(by_product / count, by_inverse / count)
        return total / count

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        by_product, by_inverse = ctx.saved_tensors
        return gradients[0] * by_product, gradients[0] * by_inverse, None, None, None


def _numerators(products: Tensor, vertices: Tensor) -> Tensor:
    """Inner products of parts j and k seen from V vertices i, (N, V, P, P): `G_jk - G_ij - G_ik + G_ii`."""
    at = products[:, vertices]
    numerators = products[:, None] - at[..., None]
    return numerators.sub_((at - products[:, vertices, vertices, None])[..., None, :])


def _scale(inverse: Tensor, vertices: Tensor) -> Tensor:
    """What makes cosines of the numerators, (N, V, P, P): `1 / (d_ij · d_ik)`."""
    near = inverse[:, vertices]
    return near[..., None] * near[..., None, :]


def _add_gradients(
    by_product: Tensor,
    by_inverse: Tensor,
    slope: Tensor,
    cosines: Tensor,
    scale: Tensor,
    near: Tensor,
    vertices: Tensor,
) -> None:
    """Add the gradients of a block's losses, whose derivative by its cosines is `slope`, (N, V, P, P)."""
    # each 1 / d_ij stands in the cosines of all k, once as j and once as k
    shares = 2 * cosines.mul_(slope).sum(dim=3)
    by_inverse[:, vertices] += torch.where(near > 0, shares / torch.where(near > 0, near, 1.0), 0.0)
    slope = slope.mul_(scale)
    by_product += slope.sum(dim=1)
    sums = slope.sum(dim=3)
    by_product[:, vertices] -= 2 * sums
    by_product[:, vertices, vertices] += sums.sum(dim=2)
