"""What images say of themselves."""

from __future__ import annotations

import torch

from distill.data import ImageSet


def test_images_tell_their_size_and_whether_their_colours_are_made_of_grey() -> None:
    torch.manual_seed(0)
    grey = torch.randint(0, 256, (70, 1, 8, 8), dtype=torch.uint8)
    tinted = grey.repeat(1, 3, 1, 1)
    tinted[3, 2, 0, 0] ^= 1
    said = [ImageSet("x", images, "").format for images in (grey, grey.expand(-1, 3, -1, -1), tinted)]
    assert said == ["8 px, grey", "8 px, RGB made of grey", "8 px, RGB"]
