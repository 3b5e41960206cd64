"""Files and folders: memory-mapped tensors, scratch folders, and the lease of a folder."""

from distill.storage.lease import LOCK, LeaseHeldError, folder_lease
from distill.storage.mapping import mapped_tensor
from distill.storage.scratch import OWNER, SCRATCH, is_abandoned, owned, scratch_folder, sweep

__all__ = [
    "LOCK",
    "OWNER",
    "SCRATCH",
    "LeaseHeldError",
    "folder_lease",
    "is_abandoned",
    "mapped_tensor",
    "owned",
    "scratch_folder",
    "sweep",
]
