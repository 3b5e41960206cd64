"""How a student is exported, and what was written."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nas.errors import ExportError


@dataclass(frozen=True)
class Settings:
    """What formats of other runtimes need to know."""

    start: str = ""  # of the graph, one of `Generator.graph_starts`; by default the first
    batch: int | None = None  # images at a time; None: any number

    def __post_init__(self) -> None:
        if self.batch is not None and self.batch < 1:
            raise ExportError(f"--batch {self.batch}: give a number of at least 1")


DEFAULTS = Settings()


@dataclass(frozen=True)
class Written:
    """A file, or a folder, that was written."""

    format: str
    path: Path
    bytes: int
    difference: float | None = None  # largest of a pixel to PyTorch's, in [-1, 1]; None: not another runtime
    runtime: str = ""  # that made the images which were compared

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"path": str(self.path)}
