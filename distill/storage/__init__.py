"""Large arrays on disk: memory-mapped tensors and scratch folders."""

from distill.storage.mapping import mapped_tensor
from distill.storage.scratch import sweep

__all__ = ["mapped_tensor", "sweep"]
