"""Images out of a checkpoint, for people and for programs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from distill.pictures import image_grid, save_png
from distill.seeds import derive_seed
from nas.errors import ConfigError
from search_spaces import Generator, load_checkpoint

BATCH = 64


@torch.no_grad()
def draw(
    checkpoint: Path,
    *,
    count: int = 64,
    latents: Path | None = None,
    seed: int = 0,
    **options: Any,
) -> Tensor:
    """Images (N, C, H, W), float32 in about [-1, 1].

    Args:
        checkpoint: of a student or a teacher.
        count: how many, where no `latents` are given.
        latents: .npy of `z`, (N, latent_dim).
        seed: of latents and noise.
        options: passed to the generator: `psi` and `noise` for StyleGAN2.

    Raises:
        CheckpointError, ConfigError: a file can't be read or does not fit.
    """
    generator = load_checkpoint(checkpoint).generator
    rng = torch.Generator().manual_seed(seed)
    inputs = generator.sample_inputs(count, rng) if latents is None else (_read_latents(latents, generator),)
    torch.manual_seed(derive_seed(seed, "noise"))
    batches = zip(*(torch.split(tensor, BATCH) for tensor in inputs), strict=True)
    return torch.cat([generator(*batch, **options) for batch in batches])


def write(images: Tensor, output: Path, columns: int) -> None:
    """Save as a grid (.png) or as raw values (.npy); the file appears only when complete.

    Raises:
        ConfigError: another suffix, or a place that can't be written.
    """
    try:
        if output.suffix == ".png":
            save_png(image_grid(images, columns), output)
        elif output.suffix == ".npy":
            half_done = output.with_name(output.name + ".partial.npy")
            np.save(half_done, images.numpy())
            os.replace(half_done, output)
        else:
            raise ConfigError(f"-o {output}: give a file that ends in .png or .npy")
    except OSError as error:
        raise ConfigError(f"-o {output} can't be written ({error.strerror}): choose another") from error


def _read_latents(path: Path, generator: Generator) -> Tensor:
    try:
        latents = torch.from_numpy(np.load(path, allow_pickle=False)).float()
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise ConfigError(f"--latents {path} is not a .npy of numbers: {error}") from error
    (expected,) = generator.sample_inputs(1, torch.Generator())
    if latents.ndim != 2 or latents.shape[1:] != expected.shape[1:] or len(latents) == 0:
        shape = tuple(latents.shape)
        raise ConfigError(
            f"--latents {path} has shape {shape}: this generator takes (N, {expected.shape[1]})"
        )
    if not bool(latents.isfinite().all()):
        raise ConfigError(f"--latents {path} holds values that are not finite: give ordinary numbers")
    return latents
