"""A perceptual distance in the features of an ImageNet classifier, through random windows.

As LPIPS (Zhang et al. 2018, equation 1) without its learned weights: channels normalised to unit length at
every position, squared difference, mean over positions. A fixed view leaves the strides of the network in the
student's images as a grid, so windows are drawn at random places and at random scales of the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from distill.imagenet import EfficientNetLite, find_weights
from search_spaces import file_digest, full_precision

WINDOW = 32  # px; the feature maps that are compared have 16, 8 and 4
ROOM = 8  # px that a window can be shifted at the coarsest scale
STAGES = 3


class ImagenetDistance:
    """A distance in the first resolutions of `variant`, one of `distill.imagenet.VARIANTS`.

    Windows come from torch's global random numbers.

    Raises:
        MissingPackageError: the packages of `variant` are not installed.
    """

    def __init__(self, variant: str, device: str = "cpu") -> None:
        self.name, self.digest = variant, file_digest(find_weights(variant))[:16]
        self._network = EfficientNetLite(variant).to(device)

    def __call__(self, student: Tensor, teacher: Tensor) -> Tensor:
        with full_precision(student):
            window = Window.draw(student.shape[-1])
            with torch.no_grad():
                wanted = self._network.stages(window.of(teacher.float()), STAGES)
            made = self._network.stages(window.of(student.float()), STAGES)
            return torch.stack([_unit_distance(s, t) for s, t in zip(made, wanted, strict=True)]).sum()


def scales(side: int) -> list[int]:
    """Sides, in px, that an image of `side` px is shown at: its own, and halves down to a window with room.

    An image smaller than that is shown at its own size with a reflected margin, or enlarged.
    """
    least = WINDOW + ROOM
    found = [side] if side > least else []
    while side / 2 > least:
        side = -(-side // 2)
        found.append(side)
    return [*found, least]


@dataclass(frozen=True)
class Window:
    """A square of `WINDOW` px of an image that is shown at `scale` px."""

    scale: int
    top: int
    left: int

    @classmethod
    def draw(cls, side: int) -> Self:
        """A random window of images of `side` px, from torch's global random numbers."""
        choices = scales(side)
        scale = choices[int(torch.randint(len(choices), ()))]
        top, left = (int(x) for x in torch.randint(scale - WINDOW + 1, (2,)))
        return cls(scale, top, left)

    def of(self, images: Tensor) -> Tensor:
        """The window of images (N, 1 or 3, side, side) ─► (N, 3, WINDOW, WINDOW)."""
        shown = _at_scale(images, self.scale)
        shown = shown[..., self.top : self.top + WINDOW, self.left : self.left + WINDOW]
        return shown.expand(-1, 3, -1, -1)


def _at_scale(images: Tensor, scale: int) -> Tensor:
    side = images.shape[-1]
    if side == scale:
        return images
    margin = scale - side
    if 0 < margin < side:  # native pixels, at every alignment
        before = margin // 2
        return F.pad(images, (before, margin - before) * 2, mode="reflect")
    return F.interpolate(images, (scale, scale), mode="bilinear", antialias=True)


def _unit_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean over positions of the squared distance of unit channels, each (N, C, H, W)."""
    student, teacher = F.normalize(student, dim=1), F.normalize(teacher, dim=1)
    return (student - teacher).square().sum(dim=1).mean()
