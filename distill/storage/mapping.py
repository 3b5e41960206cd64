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
    """The memory of an array, without its read-only flag."""

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self.array = array  # keeps the mapping open
        self.__array_interface__ = array.__array_interface__ | {"data": (array.ctypes.data, False)}


def mapped_tensor(array: npt.NDArray[Any]) -> Tensor:
    """A tensor over the memory of a read-only `array`, without torch's warning that it is not writable.

    Read it only: a write in place ends the process.
    """
    return torch.from_numpy(np.asarray(_Unguarded(array)))
