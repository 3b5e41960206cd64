"""The larger networks that torch-fidelity names, with tiny weights in their layouts."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch_fidelity.feature_extractor_clip import VisionTransformer

from distill.data import load_images
from distill.errors import FidelityError
from distill.evaluation.extractors import dinov2, load_extractor

IMAGES = load_images("digits", 16, 3).images[:3]

HUBCONF = """
import torch

class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.cls_token = torch.nn.Parameter(torch.zeros(1, 1, 384))
        self.scale = torch.nn.Parameter(torch.zeros(3, 384))

    def forward(self, x):
        assert x.shape[1:] == (3, 224, 224)
        return self.cls_token[0] + x.mean(dim=(2, 3)) @ self.scale

def dinov2_vits14(pretrained):
    assert not pretrained
    return Tiny()
"""


class TinyClip(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.visual = VisionTransformer(
            input_resolution=32, patch_size=16, width=64, layers=1, heads=1, output_dim=24
        )
        self.text_projection = nn.Parameter(torch.zeros(8, 24))

    def forward(self, images: Tensor) -> Tensor:
        return self.visual(images)


def test_clip_reads_its_size_from_the_weights(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(TinyClip().eval(), torch.zeros(1, 3, 32, 32))
        torch.jit.save(traced, str(tmp_path / "clip.pt"))
    network = load_extractor("clip", tmp_path / "clip.pt")
    assert network.features(IMAGES).shape == (3, 24)
    assert torch.isfinite(network.features(IMAGES)).all()
    assert not network.has_logits


@pytest.fixture
def code(hub: Path) -> None:
    """The authors' code, as torch.hub keeps it."""
    (hub / dinov2.FOLDER).mkdir(parents=True)
    (hub / dinov2.FOLDER / "hubconf.py").write_text(HUBCONF)


def weights(path: Path, **tensors: Tensor) -> Path:
    torch.save(tensors, path)
    return path


@pytest.mark.usefixtures("code")
def test_dinov2_takes_weights_from_a_file_and_tells_the_network_by_them(tmp_path: Path) -> None:
    path = weights(tmp_path / "vits14.pth", cls_token=torch.ones(1, 1, 384), scale=torch.ones(3, 384))
    network = load_extractor("dinov2", path)
    features = network.features(IMAGES)
    assert features.shape == (3, 384)
    assert len(features.unique()) == 3
    assert not network.has_logits


@pytest.mark.usefixtures("code")
def test_dinov2_weights_that_leave_something_random_are_an_error(tmp_path: Path) -> None:
    for tensors in ({"cls_token": torch.ones(1, 1, 384)}, {"cls_token": torch.ones(1, 1, 5)}, {}):
        with pytest.raises(FidelityError, match=r"some\.pth does not hold the weights of dinov2"):
            load_extractor("dinov2", weights(tmp_path / "some.pth", **tensors))


def test_offline_without_the_code_of_dinov2_the_error_says_where_to_put_it(tmp_path: Path, hub: Path) -> None:
    path = weights(tmp_path / "vits14.pth", cls_token=torch.ones(1, 1, 384))
    with pytest.raises(FidelityError, match=f"put a checkout of it at {hub / dinov2.FOLDER}"):
        load_extractor("dinov2", path)
