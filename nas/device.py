"""Where networks run."""

from __future__ import annotations

import torch

from nas.errors import ConfigError


def choose_device(asked: str | None) -> str:
    """ "cpu" or "cuda": as asked for, or with None or "auto" the GPU where there is one.

    Raises:
        ConfigError: "cuda" where there is none.
    """
    available = torch.cuda.is_available()
    if asked == "cuda" and not available:
        raise ConfigError("--device cuda: PyTorch sees no GPU here: leave it out to use the CPU")
    return ("cuda" if available else "cpu") if asked in (None, "auto") else asked
