"""DINOv2's class token, a feature space learnt without labels (FD-DINOv2, Stein et al. 2023).

torch-fidelity names these networks, but takes no weights file for them and leaves both weights and network to
torch.hub. Here the weights are a file like any other's. The network's code still is what torch.hub fetches
from the authors' repository, once, and runs.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import nn

from distill._torch_fidelity import FeatureExtractorBase, FeatureExtractorDinoV2
from distill.errors import FidelityError
from distill.evaluation.extractors.network import Network
from distill.evaluation.extractors.weights import read_tensors, unreachable

REPOSITORY = "facebookresearch/dinov2"
CODE = "https://github.com/facebookresearch/dinov2"
FOLDER = "facebookresearch_dinov2_main"  # in torch.hub's own
NETWORKS = {384: "dinov2_vits14", 768: "dinov2_vitb14", 1024: "dinov2_vitl14", 1536: "dinov2_vitg14"}
"""By the width of their tokens."""
DEFAULT = "dinov2_vitl14"  # the one that FD-DINOv2 is published with


class DinoFeatures(FeatureExtractorDinoV2):  # type: ignore[misc]  # torch-fidelity has no types
    """torch-fidelity's extractor around a network that is given."""

    def __init__(self, network: nn.Module) -> None:
        FeatureExtractorBase.__init__(self, "dinov2", ["dinov2"])  # the parent's would download
        self.feature_extractor_internal_dtype = torch.float32
        self.model = network


def build(weights: Path) -> Network:
    """As many features as a token is wide; the size of the network is read from the weights.

    Raises:
        FidelityError: the weights are of no such network, or its code can't be had.
    """
    state = read_tensors(weights, f"{DEFAULT}_pretrain.pth")
    token = state.get("cls_token") if isinstance(state, dict) else None
    if not isinstance(token, torch.Tensor) or token.shape[-1] not in NETWORKS:
        raise FidelityError(
            f"{weights} does not hold the weights of dinov2: "
            f"give {DEFAULT}_pretrain.pth by --extractor-weights"
        )
    network = _network(NETWORKS[token.shape[-1]])
    if missing := network.load_state_dict(state, strict=False).missing_keys:
        raise RuntimeError(f"weights without {missing}")
    return Network(DinoFeatures(network).requires_grad_(False).eval())


def _network(name: str) -> nn.Module:
    folder = Path(torch.hub.get_dir(), FOLDER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about attention kernels that are not installed
        if folder.is_dir():
            return torch.hub.load(str(folder), name, source="local", pretrained=False)  # type: ignore[no-any-return,no-untyped-call]  # torch has no types here
        failure = unreachable(CODE)
        if failure is None:
            return torch.hub.load(REPOSITORY, name, pretrained=False, verbose=False)  # type: ignore[no-any-return,no-untyped-call]  # torch has no types here
    raise FidelityError(
        f"the code of dinov2 can't be downloaded from {CODE} ({failure}): put a checkout of it at {folder}"
    )
