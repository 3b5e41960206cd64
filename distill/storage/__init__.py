"""Files and folders: memory-mapped tensors, scratch folders, and the lease of a folder."""

from distill.storage.lease import LeaseHeldError, folder_lease
from distill.storage.mapping import mapped_tensor
from distill.storage.scratch import sweep

__all__ = ["LeaseHeldError", "folder_lease", "mapped_tensor", "sweep"]
