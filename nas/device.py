"""Where networks run, and on how many cores."""

from __future__ import annotations

import os

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


def use_threads(count: int) -> None:
    """Limit this process to `count` cores, as workers share a machine.

    Torch waits forever for threads beyond OMP_THREAD_LIMIT.
    """
    limit = os.environ.get("OMP_THREAD_LIMIT", "")
    torch.set_num_threads(min(count, int(limit)) if limit.isdecimal() and int(limit) else count)
