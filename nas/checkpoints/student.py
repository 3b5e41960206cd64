"""Load an exported student."""

from __future__ import annotations

from pathlib import Path

from search_spaces import Generator, load_checkpoint


def load_student(path: str | Path) -> Generator:
    """The generator in a file of `nas-export`, in evaluation mode on the CPU.

    Its images for the same inputs and noise equal those of the trial to the bit:

        student = nas.load_student("student.safetensors")
        inputs = student.example_inputs(16)
        images = student(*inputs)  # (16, C, H, W), float32 in about [-1, 1]

    Raises:
        CheckpointError: the file is no readable student.
    """
    return load_checkpoint(Path(path)).generator
