"""An extractor for any images in a TorchScript file."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn


class Means(nn.Module):
    """The mean of each channel."""

    def forward(self, images: Tensor) -> Tensor:
        return images.float().mean(dim=[2, 3])


def means_extractor(path: Path) -> str:
    """Write the extractor to `path`, *.pt."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(Means()), str(path))
    return str(path)
