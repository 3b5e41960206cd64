"""A learned distance between images, such as LPIPS (Zhang et al. 2018), from a file of the user's."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from distill.errors import RecipeError
from search_spaces import file_digest, full_precision

PROBE = 64  # px, of the images that a file is tried on: networks of the LPIPS kind shrink them 16 to 32 times


class ScriptedDistance:
    """A frozen TorchScript module `f(x, y) -> (N,)` on RGB images in [-1, 1].

    Raises:
        RecipeError: the file is no such module.
    """

    def __init__(self, path: Path, device: str = "cpu") -> None:
        fix = "give a TorchScript module f(x, y) -> (N,), made by torch.jit.trace and saved by .save"
        if not path.is_file():
            raise RecipeError(f"--perceptual {path} is not a file: {fix}")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # TorchScript is old, and just right for this
                self._module: nn.Module = torch.jit.load(str(path), map_location=device)  # type: ignore[no-untyped-call]  # torch has none
        except (RuntimeError, ValueError) as error:
            raise RecipeError(f"--perceptual {path} is not a TorchScript module: {fix}") from error
        self._module.eval()
        for parameter in self._module.parameters():
            parameter.requires_grad_(False)
        self.name, self.digest = str(path), file_digest(path)[:16]
        self._probe(path, device, fix)

    def __call__(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Mean distance of images (N, 1 or 3, H, W) in [-1, 1], in float32."""
        with full_precision(student):
            distances: Tensor = self._module(_rgb(student.float()), _rgb(teacher.float()))
        return distances.mean()

    def _probe(self, path: Path, device: str, fix: str) -> None:
        generator = torch.Generator().manual_seed(0)
        x, y = (torch.rand(2, 3, PROBE, PROBE, generator=generator).to(device) * 2 - 1 for _ in range(2))
        try:
            with torch.no_grad():
                answer = self._module(x, y)
        except Exception as error:  # whatever somebody's module raises on two batches of images
            raise RecipeError(
                f"--perceptual {path} does not take two batches of RGB images: {fix}"
            ) from error
        shape = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        if not isinstance(answer, Tensor) or answer.numel() != 2 or not answer.isfinite().all():
            raise RecipeError(f"--perceptual {path} answers two pairs of images with {shape}: {fix}")


def _rgb(images: Tensor) -> Tensor:
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
