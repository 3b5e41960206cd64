"""Load an exported student."""

from __future__ import annotations

from pathlib import Path

from search_spaces import Generator, load_checkpoint


def load_student(path: str | Path) -> Generator:
    """The generator in a file of `nas-export`, in evaluation mode on the CPU.

        student = nas.load_student("student.safetensors")
        images = student.sample(16, seed=0)  # (16, C, H, W), uint8, clamped

    Called with inputs, it gives the raw images that training and distances work with, to the bit those of the
    trial for the same inputs and noise:

        inputs = student.example_inputs(16, seed=0)
        images = student(*inputs)  # (16, C, H, W), float32, mostly in [-1, 1]

    StyleGAN2 draws new noise at every call, from torch's global random numbers: `noise="const"` or
    `noise="none"` keeps images of the same inputs the same.

    Raises:
        CheckpointError: the file is no readable student.
    """
    return load_checkpoint(Path(path).expanduser()).generator
