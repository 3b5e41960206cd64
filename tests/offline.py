"""A machine without network, and without weights of extractors but the packaged ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from distill.evaluation.extractors import EXTRACTORS, WEIGHTS_VARIABLE
from distill.evaluation.extractors.sources import Downloaded

INCEPTION_FILE = "weights-inception-2015-12-05-6726825d.pth"
NOWHERE = "http://127.0.0.1:9"
ADDRESSES = {
    "clip": f"{NOWHERE}/{'0' * 64}/ViT-B-32.pt",
    "dinov2": f"{NOWHERE}/dinov2_vitl14_pretrain.pth",
    "inception": f"{NOWHERE}/{INCEPTION_FILE}",
}


def go_offline(monkeypatch: pytest.MonkeyPatch, hub: Path) -> None:
    """Let nothing be downloaded; torch.hub's folder is `hub`."""
    monkeypatch.delenv(WEIGHTS_VARIABLE, raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(hub))
    for name, url in ADDRESSES.items():
        move(monkeypatch, name, url)


def move(monkeypatch: pytest.MonkeyPatch, name: str, url: str) -> None:
    """Let the weights of an extractor be downloaded from `url`."""
    monkeypatch.setitem(EXTRACTORS, name, replace(EXTRACTORS[name], source=Downloaded(url)))
