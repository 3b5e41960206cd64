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
    """Sides, in px, that an image of `side` px is shown at: its own, and halves of it down to a window."""
    found = []
    while side > WINDOW:
        found.append(side)
        side = -(-side // 2)
    return [*found, WINDOW]


@dataclass(frozen=True)
class Window:
    """A square of `WINDOW` px of an image that is shown at `scale` px and has a reflected margin.

    Without the margin, windows would hardly ever show the corners.
    """

    scale: int
    top: int
    left: int

    @classmethod
    def draw(cls, side: int) -> Self:
        """A random window of images of `side` px, from torch's global random numbers."""
        choices = scales(side)
        scale = choices[int(torch.randint(len(choices), ()))]
        places = scale + 2 * _margin(scale) - WINDOW + 1
        top, left = (int(x) for x in torch.randint(places, (2,)))
        return cls(scale, top, left)

    def of(self, images: Tensor) -> Tensor:
        """The window of images (N, 1 or 3, side, side) ─► (N, 3, WINDOW, WINDOW)."""
        if images.shape[-1] != self.scale:
            images = F.interpolate(images, (self.scale, self.scale), mode="bilinear", antialias=True)
        shown = F.pad(images, (_margin(self.scale),) * 4, mode="reflect")
        shown = shown[..., self.top : self.top + WINDOW, self.left : self.left + WINDOW]
        return shown.expand(-1, 3, -1, -1)


def _margin(scale: int) -> int:
    return min(scale, 2 * WINDOW) // 4


def _unit_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean over positions of the squared distance of unit channels, each (N, C, H, W)."""
    student, teacher = F.normalize(student, dim=1), F.normalize(teacher, dim=1)
    return (student - teacher).square().sum(dim=1).mean()
