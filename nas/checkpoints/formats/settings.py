"""How a student is exported, and what was written."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from nas.errors import ExportError

PRECISIONS = ("fp32", "fp16", "int8")


@dataclass(frozen=True)
class Settings:
    """What formats of other runtimes need to know."""

    start: str = ""  # of the graph, one of `Generator.graph_starts`; by default the first
    batch: int | None = None  # images at a time; None: any number, or 1 where that can't be
    precision: str = PRECISIONS[0]
    fid_samples: int | None = None  # that the distance at a lower precision is taken over; 0: it is not taken

    def __post_init__(self) -> None:
        if self.batch is not None and self.batch < 1:
            raise ExportError(f"--batch {self.batch}: give a number of at least 1")
        if self.precision not in PRECISIONS:
            raise ExportError(f"--precision {self.precision} is unknown: give {', '.join(PRECISIONS)}")
        if self.fid_samples is not None and self.precision == PRECISIONS[0]:
            raise ExportError(f"--fid-samples {self.fid_samples} goes with --precision fp16 or int8")

    def changed(self) -> list[str]:
        """The names of those that are not as by default."""
        return [each.name for each in fields(self) if getattr(self, each.name) != each.default]


DEFAULTS = Settings()

FLAGS = {"start": "--input", "batch": "--batch", "precision": "--precision", "fid_samples": "--fid-samples"}


@dataclass(frozen=True)
class Distances:
    """Distances of the images of a network, and of the network in a file, from the same inputs."""

    name: str  # "FID", or of which features
    before: float
    after: float
    samples: int  # generated images of each
    compared_with: str


@dataclass(frozen=True)
class Written:
    """A file, or a folder, that was written."""

    format: str
    path: Path
    bytes: int
    difference: float | None = None  # largest of a pixel to PyTorch's, in [-1, 1]; None: not compared
    runtime: str = ""  # that made the images which were compared
    mean_difference: float | None = None  # over the same pixels
    distances: Distances | None = None  # at a lower precision
    note: str = ""  # what to know of it

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"path": str(self.path)}
