"""Files mapped into memory, as tensors.

They are mapped read-only: the kernel counts private pages that may be written against the memory that it can
promise, and so refuses to map a file larger than that copy on write.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


class _Unguarded:
    """An array's memory without its note that it may not be written."""

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self.array = array  # keeps the mapping open
        self.__array_interface__ = array.__array_interface__ | {"data": (array.ctypes.data, False)}


def mapped_tensor(array: npt.NDArray[Any]) -> Tensor:
    """The tensor over a read-only `array`: no copy, and none of Torch's warnings that it is not writable.

    Only read from it: writing in place ends the process.
    """
    return torch.from_numpy(np.asarray(_Unguarded(array)))
