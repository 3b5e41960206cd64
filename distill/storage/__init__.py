"""Files and folders: memory-mapped tensors, scratch folders, and the lease of a folder."""

from distill.storage.lease import LeaseHeldError, folder_lease
from distill.storage.mapping import mapped_tensor
from distill.storage.scratch import owned, scratch_folder, sweep

__all__ = ["LeaseHeldError", "folder_lease", "mapped_tensor", "owned", "scratch_folder", "sweep"]
