"""What the tests of extractors share: no network, no weights at hand, and files that carry code."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch

from distill.evaluation.extractors import WEIGHTS_VARIABLE, clip, dinov2, inception

INCEPTION_FILE = "weights-inception-2015-12-05-6726825d.pth"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Neither the environment nor torch's own folder offers weights, and nothing is ever downloaded."""
    monkeypatch.delenv(WEIGHTS_VARIABLE, raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(inception, "URL_INCEPTION_V3", f"{NOWHERE}/{INCEPTION_FILE}")
    monkeypatch.setitem(clip.CLIP_URLS, clip.NAME, f"{NOWHERE}/{'0' * 64}/ViT-B-32.pt")
    monkeypatch.setattr(dinov2, "BASE_URL", NOWHERE)
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
