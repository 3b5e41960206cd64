"""Islands of float32 where the rest computes in lower precision."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def full_precision(x: Tensor) -> AbstractContextManager[object]:
    """A context without autocast on the device of `x`, for what half precision would spoil.

    Nothing at all where autocast is off: traces and exported graphs stay free of it.
    """
    kind = x.device.type
    return torch.autocast(kind, enabled=False) if torch.is_autocast_enabled(kind) else nullcontext()
