"""What the tests of extractors share: no network, no weights at hand, and files that carry code."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch

from distill.evaluation.extractors import dinov2
from tests.offline import NOWHERE, go_offline


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Neither the environment nor torch's own folder offers weights, and nothing is ever downloaded."""
    go_offline(monkeypatch, tmp_path / "hub")
    monkeypatch.setattr(dinov2, "CODE", NOWHERE)
    return tmp_path / "hub"


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


@pytest.fixture(params=["torch.save", "pickle"])
def trap(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """A weights file that carries code, and the file that is there once the code has run."""
    path, mark = tmp_path / "trap.pt", tmp_path / "sprung"
    if request.param == "pickle":
        path.write_bytes(pickle.dumps(Trap(mark)))
    else:
        torch.save({"weight": Trap(mark)}, path)
    return path, mark
