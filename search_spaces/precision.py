"""Float32 inside networks that otherwise compute in lower precision."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def full_precision(x: Tensor) -> AbstractContextManager[object]:
    """A context without autocast on the device of `x`, for arithmetic that half precision would spoil.

    Does nothing where autocast is off, so traces and exported graphs contain no trace of it.
    """
    kind = x.device.type
    return torch.autocast(kind, enabled=False) if torch.is_autocast_enabled(kind) else nullcontext()
