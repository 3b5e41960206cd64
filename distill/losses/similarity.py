"""How far a student's images are from its teacher's images for the same inputs. Computed in float32."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor


def pixel_l1(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean absolute difference of images (N, C, H, W) in [-1, 1]."""
    return F.l1_loss(student.float(), teacher.float())


def squared_norm(student: Tensor, teacher: Tensor) -> Tensor:
    """`‖student - teacher‖²` of images (N, C, H, W) in [-1, 1]: summed over an image, a mean over images.

    It is C·H·W times the mean squared difference.
    """
    return (student.float() - teacher.float()).square().sum(dim=(1, 2, 3)).mean()


def feature_l1(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
    """Mean absolute difference of feature maps, each in units of the teacher's mean magnitude at that layer.

    The units make layers and teachers comparable (ours: raw discriminator features differ in scale by 10×).
    """
    pairs = ((s.float(), t.float()) for s, t in zip(student, teacher, strict=True))
    distances = [F.l1_loss(s, t) / t.abs().mean().clamp_min(1e-6) for s, t in pairs]
    return sum(distances[1:], start=distances[0]) / len(distances)
