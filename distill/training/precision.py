"""Arithmetic of networks in training; weights and optimizers stay float32."""

from __future__ import annotations

from typing import Literal, get_args

import torch

from distill.errors import TrainingError

Precision = Literal["fp32", "bf16", "fp16"]
AUTO = "auto"
PRECISIONS: tuple[str, ...] = get_args(Precision)
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def check_precision(name: str) -> None:
    """Raise TrainingError when `name` is neither a precision nor "auto"."""
    if name not in (AUTO, *PRECISIONS):
        raise TrainingError(f"--precision {name}: choose one of {', '.join((AUTO, *PRECISIONS))}")


def resolve_precision(name: str, device: str) -> Precision:
    """ "auto" ⇒ bf16 on a GPU that has it, otherwise fp32: on a CPU autocast costs more than it saves.

    Raises:
        TrainingError: there is no precision called `name`.
    """
    check_precision(name)
    if name != AUTO:
        return name  # type: ignore[return-value]  # checked above
    return "bf16" if torch.device(device).type == "cuda" and torch.cuda.is_bf16_supported() else "fp32"


def autocast(precision: Precision, device: str) -> torch.autocast:
    """A context with the arithmetic `precision`."""
    return torch.autocast(torch.device(device).type, DTYPES[precision], enabled=precision != "fp32")
