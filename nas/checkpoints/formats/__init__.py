"""The formats that a checkpoint is written in. No package of a search is needed for them."""

from nas.checkpoints.formats.hub import SAMPLES
from nas.checkpoints.formats.registry import FORMATS, Export, write_checkpoint
from nas.checkpoints.formats.settings import DEFAULTS, Settings, Written

__all__ = ["DEFAULTS", "FORMATS", "SAMPLES", "Export", "Settings", "Written", "write_checkpoint"]
