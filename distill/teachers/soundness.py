"""Whether a teacher's images can be learned from: they are finite, and not all the same."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from distill.data import to_uint8
from distill.errors import TeacherError
from distill.noise import seeded_noise
from distill.tasks import TeacherInputs
from search_spaces import Generator

LOOKED_AT = 16  # images
PIXELS = 2**18  # of one channel, in all: fewer images of a large teacher, but at least 2
FIX = "give another checkpoint by --teacher"


@torch.no_grad()
def look_at(teacher: Generator, inputs: Callable[[int], TeacherInputs]) -> Tensor:
    """A few of the teacher's images, (N, C, H, W), uint8, made on the CPU in seconds; writes nothing.

    Args:
        teacher: its parameters are moved to the CPU.
        inputs: makes so many inputs.

    Raises:
        TeacherError: the images are not finite, or all the same.
    """
    _, height, width = teacher.image_shape
    chosen = inputs(max(2, min(LOOKED_AT, PIXELS // (height * width))))
    batch = chosen.batch(tuple(torch.from_numpy(array) for array in chosen.arrays()))
    with seeded_noise(chosen.seed):
        made = teacher.cpu().eval()(*batch.inputs)
    check_finite(made, 0)
    images = to_uint8(made)
    if torch.equal(images, images[:1].expand_as(images)):
        low, high = int(images.min()), int(images.max())
        values = f"every pixel is {low}" if low == high else f"one image with pixels from {low} to {high}"
        raise TeacherError(
            f"{len(images)} samples of the teacher are all the same, {values} of 255: there is nothing to "
            f"learn, {FIX}"
        )
    return images


def check_finite(images: Tensor, first: int) -> None:
    """Refuse images of a teacher, (N, C, H, W), that are not finite; `first` is the number of the first.

    Raises:
        TeacherError: one of them holds NaN or infinity.
    """
    finite = torch.isfinite(images)
    if not finite.all():
        at = int((~finite).flatten(1).any(dim=1).nonzero()[0])
        value = images[at][~finite[at]][0].item()
        raise TeacherError(f"sample {first + at} of the teacher holds the value {value}: {FIX}")
